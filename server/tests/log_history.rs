//! The rooms over a real store, without Kafka: pages from tail and store together, restarts, and what becomes of a store
//! that is damaged or foreign.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a failed step is a failed test"
)]

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use proptest::prelude::*;
use protocol::{Epoch, Message, Position, RoomName, RoomSummary};
use rusqlite::Connection;
use server::fold::{Committer, Follow, Limits, LogRecord, Observer, Outcome, Rooms};
use server::history::{HistoryError, Store};

const EPOCH: Epoch = Epoch(0x5f2c_9a01);

struct Nobody;

impl Observer for Nobody {
    fn visible(&self, _: &RoomName, _: &Arc<Message>) {}
    fn duplicate(&self, _: &RoomName, _: &str, _: &str, _: Position) {}
}

/// The rooms of one run of a server with a single partition.
fn open(directory: &Path, observer: Arc<dyn Observer>) -> (Arc<Rooms>, Store) {
    let mut store = Store::open(directory).unwrap();
    if store.saved.epoch != Some(EPOCH) {
        store.writer.set_epoch(EPOCH).unwrap();
    }
    let rooms = Rooms::new(EPOCH, 1, &store, observer, Limits::default()).unwrap();
    (Arc::new(rooms), store)
}

fn room(number: u8) -> RoomName {
    format!("방-{number}").parse().unwrap()
}

/// Folds message number `index` of a log in which message `index` has the offset `2 * index`.
fn give(rooms: &Rooms, index: usize, number: u8, id: &str) -> Outcome {
    let (room, offset) = (room(number), i64::try_from(index).unwrap() * 2);
    let value = format!(
        r#"{{"v":1,"type":"message","id":"{id}","room":"{room}","sender":{{"uid":"u","name":"지우"}},"body":"말 {index}","mood":{index}}}"#
    );
    let record = LogRecord {
        offset,
        timestamp: Some(1_700_000_000_000 + offset),
        key: Some(room.as_str().as_bytes()),
        value: Some(value.as_bytes()),
    };
    rooms.apply(0, &record).unwrap()
}

/// Folds messages of one room and commits them.
fn fill(directory: &Path, messages: usize) {
    let (rooms, store) = open(directory, Arc::new(Nobody));
    let committer = Committer::spawn(Arc::clone(&rooms), store.writer).unwrap();
    for index in 0..messages {
        give(&rooms, index, 0, &index.to_string());
    }
    committer.finish();
}

fn offsets(messages: &[Message]) -> Vec<i64> {
    messages
        .iter()
        .map(|message| message.position.offset)
        .collect()
}

/// Compares every query with what the list of all messages of a room says.
fn agrees(rooms: &Rooms, expected: &[Vec<Message>], limit: usize) {
    for (number, all) in (0_u8..).zip(expected) {
        let room = room(number);
        let head = all.last().map(|message| message.position);
        assert_eq!(rooms.head(&room), head);
        let page = rooms.last_page(&room, limit).unwrap();
        assert_eq!(page.messages, all[all.len().saturating_sub(limit)..]);
        assert_eq!(page.more, all.len() > limit);
        let cut = head.map_or(-1, |head| head.offset);
        for offset in -1..=cut + 1 {
            let below = all.partition_point(|message| message.position.offset < offset);
            let page = rooms.before(&room, offset, limit).unwrap();
            assert_eq!(
                page.messages,
                all[below.saturating_sub(limit)..below],
                "before {offset}"
            );
            assert_eq!(page.more, below > limit);

            let through = all.partition_point(|message| message.position.offset <= offset);
            let page = rooms.after(&room, offset, limit).unwrap();
            assert_eq!(
                page.messages,
                all[through..all.len().min(through + limit)],
                "after {offset}"
            );
            assert_eq!(page.more, all.len() - through > limit);

            let left = all.len() - through;
            assert_eq!(
                rooms.count_after(&room, offset, cut, usize::MAX).unwrap(),
                left
            );
            assert_eq!(
                rooms.count_after(&room, offset, cut, 2).unwrap(),
                left.min(2)
            );
            assert_eq!(rooms.count_after(&room, offset, offset, 9).unwrap(), 0);
            assert_eq!(
                followed(rooms, &room, offset, limit),
                offsets(&all[through..]),
                "followed from {offset}"
            );
        }
        for message in all {
            assert_eq!(
                rooms.first_position(&room, "u", &message.id).unwrap(),
                Some(message.position)
            );
        }
        assert_eq!(rooms.first_position(&room, "u", "never").unwrap(), None);
    }
    let latest = expected.iter().filter_map(|all| all.last());
    let mut latest: Vec<_> = latest.map(as_listed).collect();
    latest.sort_unstable_by_key(|message| std::cmp::Reverse(message.position));
    let listed = rooms.list(2).unwrap();
    let listed: Vec<_> = listed.into_iter().map(|summary| summary.last).collect();
    assert_eq!(listed, latest[..latest.len().min(2)]);
}

/// A message as the list of rooms has it.
fn as_listed(message: &Message) -> Message {
    let mut listed = message.clone();
    listed.other.clear();
    listed
}

fn followed(rooms: &Rooms, room: &RoomName, mut after: i64, limit: usize) -> Vec<i64> {
    let mut all = Vec::new();
    loop {
        let (page, caught) = match rooms.follow(room, after, limit, <[_]>::to_vec).unwrap() {
            Follow::Behind(page) => (page, false),
            Follow::Caught(page) => (page, true),
        };
        assert!(page.len() <= limit);
        all.extend(page.iter().map(|message| message.position.offset));
        if caught {
            return all;
        }
        after = *all
            .last()
            .expect("behind means that something was returned");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Each run of the server commits some of what it folds and is then killed with the rest in its tail; the next run is
    /// given the log from its checkpoint on. Pages are the same as if everything had always been in memory.
    #[test]
    fn pages_do_not_depend_on_commits_and_restarts(
        runs in prop::collection::vec((0..8_usize, 0..8_usize), 1..4),
        choices in prop::collection::vec((0..3_u8, 0..6_u8), 64),
        limit in 1..6_usize,
    ) {
        let directory = tempfile::tempdir().unwrap();
        let mut expected: Vec<Vec<Message>> = vec![Vec::new(); 3];
        // How much of the log the model has seen: a run that starts from its checkpoint sees some of it again.
        let mut known = 0;
        for (committed, uncommitted) in runs {
            let (rooms, store) = open(directory.path(), Arc::new(Nobody));
            let begin = usize::try_from((rooms.next(0) + 1) / 2).unwrap();
            let committer = Committer::spawn(Arc::clone(&rooms), store.writer).unwrap();
            let mut take = |index: usize| {
                let (number, id) = choices[index];
                let outcome = give(&rooms, index, number, &id.to_string());
                if index < known {
                    return;
                }
                known = index + 1;
                let before = expected[usize::from(number)].iter().find(|message| message.id == id.to_string()).cloned();
                match outcome {
                    Outcome::Visible { message, room: found, .. } => {
                        assert_eq!((before, found), (None, room(number)));
                        expected[usize::from(number)].push(Message::clone(&message));
                    }
                    Outcome::Duplicate { first, .. } => assert_eq!(before.map(|message| message.position), Some(first)),
                    other => panic!("{other:?}"),
                }
            };
            (begin..begin + committed).for_each(&mut take);
            committer.finish();
            (begin + committed..begin + committed + uncommitted).for_each(&mut take);
            // Records that this run has not reached yet were seen by an earlier one.
            if begin + committed + uncommitted >= known {
                agrees(&rooms, &expected, limit);
            }
        }
    }
}

/// Hands what becomes visible to the subscriptions that are attached, as the hub does.
#[derive(Default)]
struct Listeners(Mutex<Vec<Arc<Mutex<Vec<i64>>>>>);

impl Observer for Listeners {
    fn visible(&self, _: &RoomName, message: &Arc<Message>) {
        for listener in &*self.0.lock().unwrap() {
            listener.lock().unwrap().push(message.position.offset);
        }
    }

    fn duplicate(&self, _: &RoomName, _: &str, _: &str, _: Position) {}
}

#[test]
fn a_subscription_that_catches_up_while_messages_come_misses_and_repeats_nothing() {
    const MESSAGES: usize = 3_000;
    let directory = tempfile::tempdir().unwrap();
    let listeners = Arc::new(Listeners::default());
    let (rooms, store) = open(
        directory.path(),
        Arc::clone(&listeners) as Arc<dyn Observer>,
    );
    let committer = Committer::spawn(Arc::clone(&rooms), store.writer).unwrap();
    let everything: Vec<i64> = (0..MESSAGES)
        .map(|index| i64::try_from(index).unwrap() * 2)
        .collect();
    let subscribe = |limit: usize| {
        let live = Arc::new(Mutex::new(Vec::new()));
        let mut got: Vec<i64> = Vec::new();
        loop {
            let attach = |rest: &[_]| {
                listeners.0.lock().unwrap().push(Arc::clone(&live));
                rest.to_vec()
            };
            let after = got.last().copied().unwrap_or(-1);
            let (page, caught) = match rooms.follow(&room(0), after, limit, attach).unwrap() {
                Follow::Behind(page) => (page, false),
                Follow::Caught(page) => (page, true),
            };
            got.extend(page.iter().map(|message| message.position.offset));
            if caught {
                return (got, live);
            }
        }
    };
    let subscriptions: Vec<_> = thread::scope(|scope| {
        let subscribers: Vec<_> = (0..12)
            .map(|number| scope.spawn(move || subscribe(1 + number * 9)))
            .collect();
        scope.spawn(|| {
            (0..MESSAGES).for_each(|index| drop(give(&rooms, index, 0, &index.to_string())));
        });
        subscribers
            .into_iter()
            .map(|subscriber| subscriber.join().unwrap())
            .collect()
    });
    committer.finish();
    for (mut got, live) in subscriptions {
        got.extend(live.lock().unwrap().iter());
        assert_eq!(got, everything);
    }
}

/// A message may move from the tail into the store while a page is being put together.
#[test]
fn pages_are_whole_while_messages_come_and_are_committed() {
    const MESSAGES: usize = 4_000;
    let directory = tempfile::tempdir().unwrap();
    let mut store = Store::open(directory.path()).unwrap();
    store.writer.set_epoch(EPOCH).unwrap();
    // Commits as often as possible.
    let limits = Limits {
        gather: Duration::ZERO,
        enough: 1,
        ..Limits::default()
    };
    let rooms = Arc::new(Rooms::new(EPOCH, 1, &store, Arc::new(Nobody), limits).unwrap());
    let committer = Committer::spawn(Arc::clone(&rooms), store.writer).unwrap();
    let whole = |page: &[Message], head: i64| {
        let chained = page
            .windows(2)
            .all(|pair| pair[1].prev == Some(pair[0].position.offset));
        assert!(
            chained && page.last().map_or(-1, |last| last.position.offset) >= head,
            "{:?} {head}",
            offsets(page)
        );
    };
    let read = || {
        let mut pages = 0;
        while rooms.counts().visible < MESSAGES as u64 {
            let head = rooms.head(&room(0)).map_or(-1, |head| head.offset);
            whole(&rooms.last_page(&room(0), 20).unwrap().messages, head);
            whole(
                &rooms.after(&room(0), head - 20, 1_000).unwrap().messages,
                head,
            );
            assert!(rooms.count_after(&room(0), head - 20, head, 99).unwrap() <= 10);
            assert_eq!(rooms.list(1).unwrap().len(), usize::from(head >= 0));
            pages += 1;
        }
        assert!(pages > 0);
    };
    give(&rooms, 0, 0, "0");
    thread::scope(|scope| {
        (0..2).for_each(|_| drop(scope.spawn(read)));
        (1..MESSAGES).for_each(|index| drop(give(&rooms, index, 0, &index.to_string())));
    });
    committer.finish();
}

/// The names of stores that were set aside.
fn aside(directory: &Path) -> Vec<String> {
    let names = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names
        .filter(|name| name.contains("-1") && !name.ends_with("-wal") && !name.ends_with("-shm"))
        .collect();
    names.sort();
    names
}

fn is_damaged<T: std::fmt::Debug>(result: Result<T, HistoryError>) -> bool {
    matches!(result, Err(HistoryError::Damaged(_)))
}

#[test]
fn a_changed_row_is_never_served_and_the_store_is_rebuilt_at_the_next_start() {
    for change in [
        "UPDATE messages SET body = 'another text' WHERE offset = 4",
        "UPDATE messages SET prev = NULL WHERE offset = 4",
        "UPDATE messages SET offset = 5 WHERE offset = 4",
        "UPDATE messages SET other = NULL WHERE offset = 4",
        "UPDATE messages SET ts = 'yesterday' WHERE offset = 4",
        "DELETE FROM messages WHERE offset = 4",
    ] {
        let directory = tempfile::tempdir().unwrap();
        fill(directory.path(), 6);
        Connection::open(directory.path().join("history.db"))
            .unwrap()
            .execute(change, [])
            .unwrap();
        let (rooms, store) = open(directory.path(), Arc::new(Nobody));
        assert_eq!(
            offsets(&rooms.last_page(&room(0), 2).unwrap().messages),
            [8, 10],
            "{change}: what is whole is served"
        );
        assert!(is_damaged(rooms.last_page(&room(0), 5)), "{change}");
        assert!(is_damaged(rooms.after(&room(0), 2, 5)), "{change}");
        drop((rooms, store));

        let (rooms, store) = open(directory.path(), Arc::new(Nobody));
        assert_eq!(aside(directory.path()), ["history.db.damaged-1"]);
        assert_eq!(
            (rooms.next(0), rooms.head(&room(0))),
            (0, None),
            "it begins anew"
        );
        drop((rooms, store));
        open(directory.path(), Arc::new(Nobody));
        assert_eq!(aside(directory.path()).len(), 1, "once is enough");
    }
}

#[test]
fn a_changed_head_checkpoint_or_epoch_is_found_at_the_start() {
    for change in [
        "UPDATE rooms SET head = 2",
        "UPDATE rooms SET name = 'elsewhere'",
        "UPDATE checkpoints SET next = next - 1",
        "UPDATE meta SET value = '00000000'",
        "DROP TABLE checkpoints",
        "PRAGMA user_version = 99",
        "PRAGMA application_id = 1",
    ] {
        let directory = tempfile::tempdir().unwrap();
        fill(directory.path(), 3);
        Connection::open(directory.path().join("history.db"))
            .unwrap()
            .execute_batch(change)
            .unwrap();
        let (rooms, _store) = open(directory.path(), Arc::new(Nobody));
        assert_eq!(
            aside(directory.path()),
            ["history.db.damaged-1"],
            "{change}"
        );
        assert_eq!(rooms.next(0), 0, "{change}");
    }
}

#[test]
fn a_file_that_is_no_store_is_set_aside() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(
        directory.path().join("history.db"),
        "Dear diary, ".repeat(1_000),
    )
    .unwrap();
    let (rooms, store) = open(directory.path(), Arc::new(Nobody));
    assert_eq!(aside(directory.path()), ["history.db.damaged-1"]);
    let committer = Committer::spawn(Arc::clone(&rooms), store.writer).unwrap();
    give(&rooms, 0, 0, "a");
    committer.finish();
    let (rooms, _store) = open(directory.path(), Arc::new(Nobody));
    assert_eq!(rooms.next(0), 1);
}

/// An upgrade: the store was written by a version that understood other records.
#[test]
fn messages_that_were_not_understood_are_read_again_by_a_version_that_may() {
    let upgrade = |directory: &Path| {
        let connection = Connection::open(directory.join("history.db")).unwrap();
        let sql = "DELETE FROM meta WHERE key = 'understood'";
        assert_eq!(connection.execute(sql, []).unwrap(), 1);
    };
    let directory = tempfile::tempdir().unwrap();
    fill(directory.path(), 6);
    upgrade(directory.path());
    drop(open(directory.path(), Arc::new(Nobody)));
    assert!(aside(directory.path()).is_empty(), "all was understood");

    let (rooms, store) = open(directory.path(), Arc::new(Nobody));
    let committer = Committer::spawn(Arc::clone(&rooms), store.writer).unwrap();
    let value = r#"{"v":1,"type":"poll","id":"p","room":"방-0","sender":{"uid":"u","name":"n"}}"#;
    let record = LogRecord {
        offset: 100,
        timestamp: Some(1_700_000_000_100),
        key: Some("방-0".as_bytes()),
        value: Some(value.as_bytes()),
    };
    let outcome = rooms.apply(0, &record).unwrap();
    assert!(matches!(outcome, Outcome::Visible { .. }), "{outcome:?}");
    committer.finish();
    drop(rooms);
    // The same version again has nothing to gain from the log.
    drop(open(directory.path(), Arc::new(Nobody)));
    assert!(aside(directory.path()).is_empty());
    upgrade(directory.path());
    let (rooms, _store) = open(directory.path(), Arc::new(Nobody));
    assert_eq!(aside(directory.path()), ["history.db.damaged-1"]);
    assert_eq!(rooms.next(0), 0, "the log is read from its beginning");
}

#[test]
fn a_repeat_is_found_again_after_a_restart_until_its_window_is_over() {
    const DAY: i64 = 24 * 60 * 60 * 1000;
    let directory = tempfile::tempdir().unwrap();
    let at = |rooms: &Rooms, offset: i64, timestamp: i64| {
        let value = r#"{"v":1,"type":"message","id":"m","room":"a","sender":{"uid":"u","name":"n"},"body":"b"}"#;
        let record = LogRecord {
            offset,
            timestamp: Some(timestamp),
            key: Some(b"a"),
            value: Some(value.as_bytes()),
        };
        rooms.apply(0, &record).unwrap()
    };
    let mut visible = Vec::new();
    // Days since the first copy; a dropped repeat does not lengthen the window.
    for (offset, day) in (0..).zip([0, 1, 6, 7, 8, 9, 14, 15, 16]) {
        let (rooms, store) = open(directory.path(), Arc::new(Nobody));
        let committer = Committer::spawn(Arc::clone(&rooms), store.writer).unwrap();
        let known = rooms
            .first_position(&"a".parse().unwrap(), "u", "m")
            .unwrap();
        assert_eq!(
            known.is_some(),
            offset > 0,
            "before anything is folded in this run"
        );
        if let Outcome::Visible { .. } = at(&rooms, offset, 1_000_000_000_000 + day * DAY) {
            visible.push(day);
        }
        committer.finish();
    }
    assert_eq!(visible, [0, 8, 16]);
    let kept: i64 = Connection::open(directory.path().join("history.db"))
        .unwrap()
        .query_row("SELECT count(*) FROM sent", [], |row| row.get(0))
        .unwrap();
    assert_eq!(kept, 2, "what has left the window is forgotten");
}

/// splitmix64.
fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Everything that can be asked of a store has to be as it was written, or an error.
fn read_all_of(directory: &Path, written: &[Message]) -> Result<(), HistoryError> {
    let mut store = Store::open(directory)?;
    if store.saved.epoch != Some(EPOCH) {
        // Set aside and begun anew: the log has everything.
        store.writer.set_epoch(EPOCH)?;
        return Err(HistoryError::Damaged("rebuilt".to_owned()));
    }
    let rooms = Rooms::new(EPOCH, 1, &store, Arc::new(Nobody), Limits::default())?;
    let room = room(0);
    let known = |message: &Message| {
        assert!(
            written.contains(message),
            "{message:?} was never written so"
        );
    };
    let mut complete = true;
    for offset in (-1..=i64::try_from(written.len()).unwrap() * 2).step_by(7) {
        for page in [
            rooms.before(&room, offset, 10),
            rooms.after(&room, offset, 10),
        ] {
            match page {
                Ok(page) => page.messages.iter().for_each(known),
                Err(_) => complete = false,
            }
        }
    }
    for message in written {
        match rooms.first_position(&room, "u", &message.id) {
            Ok(Some(position)) => assert_eq!(position, message.position),
            Ok(None) | Err(_) => complete = false,
        }
    }
    match rooms.list(5) {
        Ok(list) => {
            for RoomSummary { last, .. } in list {
                let known = written.iter().any(|message| as_listed(message) == last);
                assert!(known, "{last:?} was never written so");
            }
        }
        Err(_) => complete = false,
    }
    if complete {
        Ok(())
    } else {
        Err(HistoryError::Damaged("noticed".to_owned()))
    }
}

#[test]
fn a_flipped_bit_in_the_store_is_never_served() {
    const WORKERS: u64 = 8;
    let number = |variable: &str, default: u64| {
        std::env::var(variable).map_or(default, |text| text.parse().unwrap())
    };
    let (count, seed) = (number("MARU_TEST_FLIPS", 300), number("MARU_TEST_SEED", 1));
    let original = tempfile::tempdir().unwrap();
    fill(original.path(), 200);
    let written = {
        let (rooms, _store) = open(original.path(), Arc::new(Nobody));
        rooms.last_page(&room(0), 200).unwrap().messages
    };
    assert_eq!(written.len(), 200);
    let file = original.path().join("history.db");
    // Readers that close last leave everything in the write-ahead log.
    Connection::open(&file)
        .unwrap()
        .pragma_update(None, "wal_checkpoint", "TRUNCATE")
        .unwrap();
    let bytes = fs::read(&file).unwrap();
    let memory = Path::new("/dev/shm");
    let place = || {
        if memory.is_dir() {
            tempfile::tempdir_in(memory)
        } else {
            tempfile::tempdir()
        }
        .unwrap()
    };
    let harmless: u64 = thread::scope(|scope| {
        let (bytes, written) = (&bytes, &written);
        let work = |first: u64| {
            move || {
                let rounds = (first..count).step_by(usize::try_from(WORKERS).unwrap());
                let tried = rounds.map(|round| {
                    let mut state = seed.wrapping_mul(1_000_003) + round;
                    let mut damaged = bytes.clone();
                    let at = usize::try_from(next_random(&mut state)).unwrap() % damaged.len();
                    damaged[at] ^= 1 << (next_random(&mut state) % 8);
                    let copy = place();
                    fs::write(copy.path().join("history.db"), &damaged).unwrap();
                    u64::from(read_all_of(copy.path(), written).is_ok())
                });
                tried.sum::<u64>()
            }
        };
        let workers: Vec<_> = (0..WORKERS).map(|first| scope.spawn(work(first))).collect();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap())
            .sum()
    });
    println!("{count} copies of the history: {harmless} harmless, the others noticed");
    assert!(harmless > 0 && harmless < count);
}
