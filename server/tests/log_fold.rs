//! Properties of the fold's rule: what is visible, what is a repeat and which message comes before which depend on the
//! records alone, however they are cut into batches and whenever the server restarts.

use std::collections::HashMap;
use std::convert::Infallible;

use proptest::prelude::*;
use protocol::{Epoch, Message, Quote, RoomName, folding};
use server::fold::{Fingerprint, LogRecord, Lookup, Occurrence, Outcome, PartitionFold, WINDOW};

/// Everything visible so far, in memory.
#[derive(Clone, Default)]
struct Memory {
    heads: HashMap<RoomName, i64>,
    sent: HashMap<Fingerprint, Occurrence>,
    rows: HashMap<(RoomName, i64), Message>,
}

impl Lookup for Memory {
    type Error = Infallible;

    fn head(&self, room: &RoomName) -> Option<i64> {
        self.heads.get(room).copied()
    }

    fn quote(&self, room: &RoomName, offset: i64) -> Result<Option<Quote>, Infallible> {
        Ok(self.rows.get(&(room.clone(), offset)).map(folding::quote))
    }

    fn occurrence(
        &self,
        copy: &Fingerprint,
        _clock: i64,
    ) -> Result<Option<Occurrence>, Infallible> {
        Ok(self.sent.get(copy).copied())
    }
}

/// A record as a test makes it up.
#[derive(Clone, Debug)]
struct Made {
    room: u8,
    uid: u8,
    id: u8,
    /// Offsets may have gaps.
    skip: i64,
    /// Time since the record before; may be negative, as with timestamps that a producer sets.
    elapsed: i64,
    good: bool,
}

fn made() -> impl Strategy<Value = Made> {
    let elapsed = prop_oneof![
        Just(0),
        1..1_000_i64,
        Just(WINDOW / 2),
        Just(WINDOW),
        Just(WINDOW + 1),
        Just(-1_000_i64)
    ];
    (
        0..3_u8,
        0..2_u8,
        0..3_u8,
        0..3_i64,
        elapsed,
        prop::bool::weighted(0.9),
    )
        .prop_map(|(room, uid, id, skip, elapsed, good)| Made {
            room,
            uid,
            id,
            skip,
            elapsed,
            good,
        })
}

/// A record with the bytes that a [`LogRecord`] borrows.
struct Bytes {
    offset: i64,
    timestamp: i64,
    key: String,
    value: String,
}

impl Bytes {
    fn record(&self) -> LogRecord<'_> {
        LogRecord {
            offset: self.offset,
            timestamp: Some(self.timestamp),
            key: Some(self.key.as_bytes()),
            value: Some(self.value.as_bytes()),
        }
    }
}

fn log_of(made: &[Made]) -> Vec<Bytes> {
    let (mut offset, mut timestamp) = (-1, 1_000_000_000_000);
    made.iter()
        .map(|record| {
            offset += 1 + record.skip;
            timestamp += record.elapsed;
            let key = format!("room-{}", record.room);
            let value = if record.good {
                let (uid, id) = (record.uid, record.id);
                format!(r#"{{"v":1,"type":"message","id":"{id}","room":"{key}","sender":{{"uid":"{uid}","name":"n"}},"body":""}}"#)
            } else {
                "not a message".to_owned()
            };
            Bytes { offset, timestamp, key, value }
        })
        .collect()
}

fn begin() -> PartitionFold {
    PartitionFold::new(Epoch(7), 0, 1)
}

fn fold(fold: &mut PartitionFold, memory: &mut Memory, records: &[Bytes]) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for record in records {
        let Ok(outcome) = fold.apply(&record.record(), memory);
        if let Outcome::Visible {
            message,
            room,
            copy,
        } = &outcome
        {
            let offset = message.position.offset;
            memory.heads.insert(room.clone(), offset);
            memory
                .rows
                .insert((room.clone(), offset), Message::clone(message));
            memory.sent.insert(
                *copy,
                Occurrence {
                    offset,
                    at: fold.clock,
                },
            );
        }
        outcomes.push(outcome);
    }
    outcomes
}

proptest! {
    /// Against the rule said in another way: look back over every visible copy there was.
    #[test]
    fn a_repeat_within_the_window_is_dropped_and_nothing_else(made in prop::collection::vec(made(), 0..60)) {
        let records = log_of(&made);
        let outcomes = fold(&mut begin(), &mut Memory::default(), &records);
        let mut visible: Vec<(usize, i64)> = Vec::new();
        let mut clock = 0;
        for (index, (outcome, record)) in outcomes.iter().zip(&records).enumerate() {
            clock = clock.max(record.timestamp);
            let same = |other: &usize| {
                let (one, other) = (&made[index], &made[*other]);
                (one.room, one.uid, one.id) == (other.room, other.uid, other.id)
            };
            let first = visible.iter().find(|(other, at)| same(other) && clock - at <= WINDOW);
            match outcome {
                Outcome::Skipped(_) => prop_assert!(!made[index].good),
                Outcome::Duplicate { first: position, .. } => {
                    prop_assert_eq!(Some(position.offset), first.map(|(other, _)| records[*other].offset));
                }
                Outcome::Visible { message, .. } => {
                    prop_assert!(made[index].good && first.is_none());
                    prop_assert_eq!(message.position.offset, record.offset);
                    visible.push((index, clock));
                }
                Outcome::Passed => prop_assert!(false, "nothing is given twice here"),
            }
        }
    }

    #[test]
    fn every_message_names_the_one_before_it_in_its_room(made in prop::collection::vec(made(), 0..60)) {
        let mut last: HashMap<RoomName, i64> = HashMap::new();
        for outcome in fold(&mut begin(), &mut Memory::default(), &log_of(&made)) {
            if let Outcome::Visible { message, room, .. } = outcome {
                prop_assert_eq!(message.prev, last.insert(room, message.position.offset));
            }
        }
    }

    /// A restart goes on from a checkpoint, and the log may repeat records from before it.
    #[test]
    fn a_restart_changes_nothing(made in prop::collection::vec(made(), 1..60), cut: prop::sample::Index, back in 0..5_usize) {
        let records = log_of(&made);
        let whole = fold(&mut begin(), &mut Memory::default(), &records);

        let cut = cut.index(records.len());
        let (mut state, mut memory) = (begin(), Memory::default());
        fold(&mut state, &mut memory, &records[..cut]);
        let mut resumed = PartitionFold { next: state.next, clock: state.clock, ..begin() };
        let from = cut.saturating_sub(back);
        let outcomes = fold(&mut resumed, &mut memory, &records[from..]);
        prop_assert!(outcomes[..cut - from].iter().all(|outcome| *outcome == Outcome::Passed));
        prop_assert_eq!(&outcomes[cut - from..], &whole[cut..]);
    }
}

#[test]
fn a_failed_lookup_changes_nothing() {
    struct Broken;
    impl Lookup for Broken {
        type Error = &'static str;

        fn head(&self, _: &RoomName) -> Option<i64> {
            None
        }

        fn quote(&self, _: &RoomName, _: i64) -> Result<Option<Quote>, &'static str> {
            Err("broken")
        }

        fn occurrence(&self, _: &Fingerprint, _: i64) -> Result<Option<Occurrence>, &'static str> {
            Err("broken")
        }
    }
    let records = log_of(&[Made {
        room: 0,
        uid: 0,
        id: 0,
        skip: 0,
        elapsed: 0,
        good: true,
    }]);
    let mut state = begin();
    assert_eq!(state.apply(&records[0].record(), &Broken), Err("broken"));
    assert_eq!(state, begin());
}

#[test]
fn the_hash_tells_records_apart() {
    let record = LogRecord {
        offset: 5,
        timestamp: Some(9),
        key: Some(b"ab"),
        value: Some(b"c"),
    };
    let others = [
        LogRecord {
            offset: 6,
            ..record
        },
        LogRecord {
            timestamp: Some(10),
            ..record
        },
        LogRecord {
            key: Some(b"a"),
            value: Some(b"bc"),
            ..record
        },
        LogRecord {
            value: None,
            ..record
        },
        LogRecord {
            value: Some(b""),
            ..record
        },
    ];
    assert!(others.iter().all(|other| other.hash() != record.hash()));
    assert_ne!(others[3].hash(), others[4].hash());
}

#[test]
fn what_a_record_names_is_named_by_its_present_position_and_quoted() {
    let (mut state, mut memory) = (begin(), Memory::default());
    let mut give = |offset: i64, key: &str, named: &str| {
        let value = format!(
            r#"{{"v":1,"type":"message","id":"{offset}","room":"{key}","sender":{{"uid":"u","name":"n"}},"ref":"{named}","body":"말 {offset}"}}"#
        );
        let key = key.to_owned();
        let record = Bytes {
            offset,
            timestamp: 1,
            key,
            value,
        };
        let outcomes = fold(&mut state, &mut memory, &[record]);
        match &outcomes[..] {
            [Outcome::Visible { message, .. }] => {
                let quote = message
                    .folded
                    .quote
                    .as_ref()
                    .map(|quote| quote.text.clone());
                (message.reference.map(|named| named.to_string()), quote)
            }
            other => panic!("{other:?}"),
        }
    };
    let named = |position: &str, quote: Option<&str>| {
        (Some(position.to_owned()), quote.map(ToOwned::to_owned))
    };
    assert_eq!(
        give(0, "a", "00000007-0-0"),
        (None, None),
        "itself is not earlier"
    );
    assert_eq!(
        give(1, "a", "00000007-0-0"),
        named("00000007-0-0", Some("말 0"))
    );
    // Written in an earlier life of the log, which the record has outlived.
    assert_eq!(
        give(2, "a", "00000001-0-1"),
        named("00000007-0-1", Some("말 1"))
    );
    assert_eq!(
        give(3, "a", "00000007-1-0"),
        (None, None),
        "another partition"
    );
    assert_eq!(give(4, "a", "00000007-0-9"), (None, None), "not there yet");
    assert_eq!(
        give(5, "b", "00000007-0-0"),
        named("00000007-0-0", None),
        "another room"
    );
}
