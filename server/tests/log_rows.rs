//! Rows with what later records made of them: however the records are shared out between store and tail, and whenever the
//! server restarts, pages are what a fold of everything from the beginning gives.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failed step is a failed test"
)]

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use proptest::prelude::*;
use protocol::{Epoch, Folded, HistoryPage, Kind, Message, Position, RoomName, folding};
use rusqlite::Connection;
use server::fold::{Committer, Limits, LogRecord, Observer, Outcome, Rooms};
use server::history::{HistoryError, Store};

const EPOCH: Epoch = Epoch(0x5f2c_9a01);
/// When the record at offset 0 was sent; the others follow a second apart.
const START: i64 = 1_700_000_000_000;

struct Nobody;

impl Observer for Nobody {
    fn visible(&self, _: &RoomName, _: &Arc<Message>) {}
    fn duplicate(&self, _: &RoomName, _: &str, _: &str, _: Position) {}
}

fn open(directory: &Path, limits: Limits) -> (Arc<Rooms>, Store) {
    let mut store = Store::open(directory).unwrap();
    if store.saved.epoch != Some(EPOCH) {
        store.writer.set_epoch(EPOCH).unwrap();
    }
    let rooms = Rooms::new(EPOCH, 1, &store, Arc::new(Nobody), limits).unwrap();
    (Arc::new(rooms), store)
}

fn room(number: usize) -> RoomName {
    format!("방-{number}").parse().unwrap()
}

fn at(offset: i64) -> Position {
    format!("{EPOCH}-0-{offset}").parse().unwrap()
}

/// A record as a test makes it up; its offset is its place in the list.
#[derive(Clone, Debug)]
struct Made {
    room: usize,
    kind: Kind,
    uid: u8,
    /// How many records back the one stands that it names; it may be of another room, or not be there.
    back: Option<i64>,
    body: &'static str,
}

fn made() -> impl Strategy<Value = Made> {
    let kind = prop_oneof![
        4 => Just(Kind::Message),
        2 => Just(Kind::Edit),
        1 => Just(Kind::Delete),
        4 => Just(Kind::React),
        2 => Just(Kind::Unreact),
        1 => Just(Kind::System),
    ];
    let body = prop_oneof![Just("👍"), Just("❤️"), Just("하나 둘\n셋"), Just("")];
    let back = prop::option::weighted(0.8, -1..8_i64);
    (0..2_usize, kind, 0..3_u8, back, body).prop_map(|(room, kind, uid, back, body)| Made {
        room,
        kind,
        uid,
        back,
        body,
    })
}

fn give(rooms: &Rooms, offset: i64, made: &Made) -> Outcome {
    let room = room(made.room);
    let named = made.back.map_or_else(String::new, |back| {
        format!(r#""ref":"{}","#, at((offset - back).max(0)))
    });
    let value = format!(
        r#"{{"v":1,"type":"{}","id":"{offset}","room":"{room}","sender":{{"uid":"u{}","name":"지우"}},{named}"body":{},"headers":{{"mood":"{offset}"}}}}"#,
        made.kind.as_str(),
        made.uid,
        serde_json::to_string(made.body).unwrap(),
    );
    let record = LogRecord {
        offset,
        timestamp: Some(START + offset * 1_000),
        key: Some(room.as_str().as_bytes()),
        value: Some(value.as_bytes()),
    };
    rooms.apply(0, &record).unwrap()
}

/// The fold of a whole room, said in the plainest way.
#[derive(Clone, Default)]
struct Naive {
    rows: Vec<Message>,
    head: i64,
}

impl Naive {
    fn row(&self, offset: i64) -> Option<&Message> {
        self.rows.iter().find(|row| row.position.offset == offset)
    }

    fn quoted(&self, row: &Message) -> Message {
        let mut row = row.clone();
        let answered = row.reference.filter(|_| row.kind == Kind::Message);
        let answered = answered.and_then(|answered| self.row(answered.offset));
        row.folded.quote = answered.map(folding::quote).map(Box::new);
        row
    }

    fn take(&mut self, message: &Message) {
        self.head = message.position.offset;
        if message.kind.is_row() {
            assert_eq!(self.quoted(message), *message, "the quote of that moment");
            let above = self.rows.last().map(|row| row.position.offset);
            let mut row = message.clone();
            row.folded.above = (above != row.prev).then(|| above.unwrap_or(-1));
            self.rows.push(row);
        } else {
            assert_eq!(message.folded, Folded::default());
            for row in &mut self.rows {
                folding::fold(row, message);
            }
        }
    }

    /// The page of the rows between two places in the list.
    fn page(&self, from: usize, to: usize, more: bool, newer: bool) -> HistoryPage {
        let rows = self.rows[from..to].iter();
        HistoryPage {
            messages: rows.map(|row| self.quoted(row)).collect(),
            more,
            newer,
            head: self.head,
        }
    }

    fn before(&self, offset: i64, limit: usize) -> HistoryPage {
        let to = self
            .rows
            .partition_point(|row| row.position.offset < offset);
        let from = to.saturating_sub(limit);
        self.page(from, to, from > 0, false)
    }

    fn newer(&self, offset: i64, limit: usize) -> HistoryPage {
        let from = self
            .rows
            .partition_point(|row| row.position.offset <= offset);
        let to = self.rows.len().min(from + limit);
        self.page(from, to, to < self.rows.len(), false)
    }

    fn around(&self, offset: i64, limit: usize) -> HistoryPage {
        let middle = self
            .rows
            .partition_point(|row| row.position.offset <= offset);
        let from = middle.saturating_sub(limit.div_ceil(2));
        let to = self.rows.len().min(middle + limit / 2);
        self.page(from, to, from > 0, to < self.rows.len())
    }

    fn agrees(&self, rooms: &Rooms, room: &RoomName, limit: usize) {
        assert_eq!(
            rooms.last_page(room, limit).unwrap(),
            self.before(i64::MAX, limit)
        );
        for offset in -1..=self.head + 1 {
            let page = rooms.before(room, offset, limit).unwrap();
            assert_eq!(page, self.before(offset, limit), "before {offset}");
            let page = rooms.newer(room, offset, limit).unwrap();
            assert_eq!(page, self.newer(offset, limit), "newer {offset}");
            let page = rooms.around(room, offset, limit).unwrap();
            assert_eq!(page, self.around(offset, limit), "around {offset}");

            let since = START + offset * 1_000 - 1;
            let first = self.rows.iter().find(|row| row.ts >= since);
            let first = first.map(|row| row.position.offset);
            let expected = first.map_or_else(
                || self.before(i64::MAX, limit),
                |first| self.around(first, limit),
            );
            let page = rooms.since(room, since, limit).unwrap();
            assert_eq!(page, (expected, first), "since {since}");

            let unquoted = self.row(offset).cloned().map(|mut row| {
                row.folded.quote = None;
                row
            });
            assert_eq!(rooms.row(room, offset).unwrap(), unquoted, "row {offset}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn pages_are_the_fold_of_everything(
        runs in prop::collection::vec((0..12_usize, 0..12_usize), 1..4),
        records in prop::collection::vec(made(), 96),
        limit in 1..7_usize,
    ) {
        let directory = tempfile::tempdir().unwrap();
        let mut naive: Vec<Naive> = vec![Naive { rows: Vec::new(), head: -1 }; 2];
        // How much of the log the model has seen: a run that starts from its checkpoint sees some of it again.
        let mut known = 0;
        for (committed, uncommitted) in runs {
            let (rooms, store) = open(directory.path(), Limits::default());
            let begin = usize::try_from(rooms.next(0)).unwrap();
            let committer = Committer::spawn(Arc::clone(&rooms), store.writer).unwrap();
            let mut take = |index: usize| {
                let outcome = give(&rooms, i64::try_from(index).unwrap(), &records[index]);
                let Outcome::Visible { message, .. } = outcome else { panic!("{outcome:?}") };
                if index >= known {
                    known = index + 1;
                    naive[records[index].room].take(&message);
                }
            };
            (begin..begin + committed).for_each(&mut take);
            committer.finish();
            (begin + committed..begin + committed + uncommitted).for_each(&mut take);
            // Records that this run has not reached yet were seen by an earlier one.
            if begin + committed + uncommitted < known {
                continue;
            }
            for (number, naive) in naive.iter().enumerate() {
                naive.agrees(&rooms, &room(number), limit);
            }
            let mut last: Vec<_> = naive.iter().filter_map(|naive| naive.rows.last().cloned()).collect();
            last.sort_unstable_by_key(|row| std::cmp::Reverse(row.position));
            let listed = rooms.list(9).unwrap();
            prop_assert_eq!(listed.len(), last.len());
            for (summary, row) in listed.iter().zip(&last) {
                prop_assert_eq!(&summary.last.position, &row.position);
                prop_assert_eq!((&summary.last.body, summary.last.folded.deleted), (&row.body, row.folded.deleted));
            }
        }
    }
}

/// Message, edit of the first message, reaction to the message before, and again.
fn pattern(offset: i64) -> Made {
    let (kind, back) = match offset % 3 {
        0 => (Kind::Message, None),
        1 => (Kind::Edit, Some(offset)),
        _ => (Kind::React, Some(2)),
    };
    Made {
        room: 0,
        kind,
        uid: 0,
        back,
        body: "👍",
    }
}

/// Holds a page of the pattern against what its head says.
fn is_of_one_moment(page: &HistoryPage, from: i64) {
    let expected: Vec<i64> = (from..=page.head)
        .filter(|offset| offset % 3 == 0)
        .collect();
    let found: Vec<i64> = page
        .messages
        .iter()
        .map(|row| row.position.offset)
        .collect();
    assert_eq!(found, expected[..found.len()], "up to {}", page.head);
    assert!(found.len() == expected.len() || page.more || page.newer);
    for row in &page.messages {
        let offset = row.position.offset;
        let reacted = !row.folded.reactions.is_empty();
        assert_eq!(
            reacted,
            offset + 2 <= page.head,
            "{offset} at {}",
            page.head
        );
        // The latest edit up to the head.
        let edit = (page.head - 1).div_euclid(3) * 3 + 1;
        let edited = (offset == 0 && edit >= 1).then_some(START + edit * 1_000);
        assert_eq!(row.folded.edited, edited, "{offset} at {}", page.head);
    }
}

#[test]
fn every_page_is_of_one_moment_while_records_come_and_are_committed() {
    const RECORDS: i64 = 6_000;
    let directory = tempfile::tempdir().unwrap();
    // Commits as often as possible.
    let limits = Limits {
        gather: Duration::ZERO,
        enough: 1,
        ..Limits::default()
    };
    let (rooms, store) = open(directory.path(), limits);
    let committer = Committer::spawn(Arc::clone(&rooms), store.writer).unwrap();
    let read = || {
        let mut pages = 0;
        while rooms.counts().visible < RECORDS as u64 {
            is_of_one_moment(&rooms.newer(&room(0), -1, 10).unwrap(), 0);
            let page = rooms.last_page(&room(0), 7).unwrap();
            let first = page.messages.first().map_or(0, |row| row.position.offset);
            is_of_one_moment(&page, first);
            let last = page.messages.last().map_or(-1, |row| row.position.offset);
            assert_eq!(
                last,
                page.head.div_euclid(3) * 3,
                "nothing is missing at the end"
            );
            pages += 1;
        }
        assert!(pages > 0);
    };
    give(&rooms, 0, &pattern(0));
    thread::scope(|scope| {
        (0..2).for_each(|_| drop(scope.spawn(read)));
        (1..RECORDS).for_each(|offset| drop(give(&rooms, offset, &pattern(offset))));
    });
    committer.finish();
}

#[test]
fn a_changed_state_is_never_served() {
    for change in [
        "UPDATE messages SET folded = NULL WHERE offset = 0",
        "UPDATE messages SET folded = replace(folded, '👍', '👎') WHERE offset = 0",
        "UPDATE messages SET above = 0 WHERE offset = 6",
        "UPDATE messages SET above = NULL WHERE offset = 3",
        "UPDATE messages SET ref = 3 WHERE offset = 9",
        "UPDATE messages SET quote = NULL WHERE offset = 9",
        "DELETE FROM messages WHERE offset = 9",
        "UPDATE rooms SET row = 6",
    ] {
        let directory = tempfile::tempdir().unwrap();
        let (rooms, store) = open(directory.path(), Limits::default());
        let committer = Committer::spawn(Arc::clone(&rooms), store.writer).unwrap();
        let answer = Made {
            back: Some(3),
            ..pattern(9)
        };
        (0..9).for_each(|offset| drop(give(&rooms, offset, &pattern(offset))));
        give(&rooms, 9, &answer);
        committer.finish();
        let page = rooms.last_page(&room(0), 9).unwrap();
        assert_eq!(page.messages[3].folded.quote.as_ref().unwrap().text, "👍");
        Connection::open(directory.path().join("history.db"))
            .unwrap()
            .execute(change, [])
            .unwrap();
        let found = rooms.last_page(&room(0), 9);
        assert!(
            matches!(found, Err(HistoryError::Damaged(_))),
            "{change}: {found:?}"
        );
        drop(rooms);
        let (rooms, _store) = open(directory.path(), Limits::default());
        assert_eq!(
            rooms.next(0),
            0,
            "{change}: the log is read from its beginning"
        );
    }
}
