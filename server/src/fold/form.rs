//! The documented form of a record: reads it, and says of other records why they are no message.

use protocol::limits::{RECORD_BYTES, RECORD_NAME_BYTES};
use protocol::message::RECORD_VERSION;
use protocol::{Kind, Record, RoomName, Sender};
use serde::Deserialize;
use serde_json::Value;

use crate::names;

use super::partition::partition_of;
use super::rule::LogRecord;

/// Names that [`protocol::Message`] gives to fields of its own: a record's unknown field of that name cannot be kept,
/// because the message's JSON would have the name twice.
const TAKEN: [&str; 8] = [
    "position",
    "prev",
    "ts",
    "above",
    "quote",
    "edited",
    "deleted",
    "reactions",
];

/// Most headers of another program's own that a record may carry; servers write fewer, and every client can read so many.
const HEADERS: usize = 32;

/// Why a record is no message. Such records are counted and skipped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SkipReason {
    /// The value is absent or not the documented JSON.
    #[error("not in the documented form: {0}")]
    Form(String),
    /// It is larger than anything a server writes, and than what every client can read.
    #[error("its {part} has more than {limit} bytes")]
    TooLarge {
        /// Which part of the record.
        part: &'static str,
        /// How long it may be, in bytes.
        limit: usize,
    },
    /// The key is not the room that the value names.
    #[error("the record's key is not the room {0} that its value names")]
    Key(RoomName),
    /// No room is spelled like this.
    #[error("no room is spelled {0}")]
    Room(RoomName),
    /// The room belongs to another partition.
    #[error("the room {room} belongs to partition {belongs}")]
    Partition {
        /// The room that the record names.
        room: RoomName,
        /// Where its records belong.
        belongs: i32,
    },
}

/// What the fold needs of a record that was written by a newer version.
#[derive(Deserialize)]
struct Newer {
    v: u32,
    id: String,
    room: RoomName,
    sender: Sender,
    #[serde(default)]
    body: Value,
}

/// Reads a record that lies in `partition` of `partitions`.
pub(super) fn read(
    record: &LogRecord<'_>,
    partition: i32,
    partitions: i32,
) -> Result<Record, SkipReason> {
    let value = record
        .value
        .ok_or_else(|| SkipReason::Form("no value".to_owned()))?;
    bounded("value", value, RECORD_BYTES)?;
    let form = parse(value)?;
    if record.key != Some(form.room.as_str().as_bytes()) {
        return Err(SkipReason::Key(form.room));
    }
    if !names::is_canonical(&form.room) {
        return Err(SkipReason::Room(form.room));
    }
    let belongs = partition_of(&form.room, partitions);
    if belongs != partition {
        return Err(SkipReason::Partition {
            room: form.room,
            belongs,
        });
    }
    Ok(form)
}

fn parse(value: &[u8]) -> Result<Record, SkipReason> {
    let mut form = match serde_json::from_slice::<Record>(value) {
        Ok(form) => form,
        Err(error) => newer(value).ok_or_else(|| SkipReason::Form(error.to_string()))?,
    };
    if form.v == 0 {
        return Err(SkipReason::Form("v is 0".to_owned()));
    }
    if form.id.is_empty() || form.sender.uid.is_empty() {
        return Err(SkipReason::Form("id or sender.uid is empty".to_owned()));
    }
    for (part, text) in [
        ("id", &form.id),
        ("sender.uid", &form.sender.uid),
        ("sender.name", &form.sender.name),
    ] {
        bounded(part, text.as_bytes(), RECORD_NAME_BYTES)?;
    }
    if let Some(Value::Object(headers)) = form.other.get("headers")
        && headers.len() > HEADERS
    {
        return Err(SkipReason::Form(format!("more than {HEADERS} headers")));
    }
    if form.v > RECORD_VERSION {
        form.kind = Kind::Unsupported;
    }
    for name in TAKEN {
        form.other.remove(name);
    }
    Ok(form)
}

fn bounded(part: &'static str, bytes: &[u8], limit: usize) -> Result<(), SkipReason> {
    if bytes.len() <= limit {
        Ok(())
    } else {
        Err(SkipReason::TooLarge { part, limit })
    }
}

/// A record of a higher version, of which only id, room and sender must be as they are today (decision 3).
fn newer(value: &[u8]) -> Option<Record> {
    let newer = serde_json::from_slice::<Newer>(value)
        .ok()
        .filter(|newer| newer.v > RECORD_VERSION)?;
    let Newer {
        v,
        id,
        room,
        sender,
        body,
    } = newer;
    let body = body.as_str().unwrap_or_default().to_owned();
    Some(Record {
        v,
        kind: Kind::Unsupported,
        id,
        room,
        sender,
        reference: None,
        body,
        other: serde_json::Map::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_one(key: &str, value: &str, partition: i32) -> Result<Record, SkipReason> {
        let record = LogRecord {
            offset: 0,
            timestamp: Some(1),
            key: Some(key.as_bytes()),
            value: Some(value.as_bytes()),
        };
        read(&record, partition, 64)
    }

    fn home(room: &str) -> i32 {
        partition_of(&room.parse().unwrap(), 64)
    }

    #[test]
    fn the_documented_form_is_read() {
        let text = r#"{"v":1,"type":"message","id":"m","room":"a","sender":{"uid":"u","name":"n"},"body":"b","mood":"good","prev":9}"#;
        let record = read_one("a", text, home("a")).unwrap();
        assert_eq!((record.kind, record.body.as_str()), (Kind::Message, "b"));
        assert_eq!(record.other["mood"], "good");
        assert!(
            !record.other.contains_key("prev"),
            "the message has a field of that name"
        );
    }

    #[test]
    fn newer_versions_are_kept_as_unsupported() {
        for text in [
            r#"{"v":2,"type":"message","id":"m","room":"a","sender":{"uid":"u","name":"n"},"body":"b"}"#,
            r#"{"v":2,"id":"m","room":"a","sender":{"uid":"u","name":"n"},"body":{"rich":"text"}}"#,
        ] {
            assert_eq!(
                read_one("a", text, home("a")).unwrap().kind,
                Kind::Unsupported,
                "{text}"
            );
        }
    }

    #[test]
    fn everything_else_is_skipped_with_its_reason() {
        let good =
            r#"{"v":1,"type":"message","id":"m","room":"a","sender":{"uid":"u","name":"n"}}"#;
        assert_eq!(
            read_one("b", good, home("a")),
            Err(SkipReason::Key("a".parse().unwrap()))
        );
        let elsewhere = (home("a") + 1) % 64;
        assert_eq!(
            read_one("a", good, elsewhere),
            Err(SkipReason::Partition {
                room: "a".parse().unwrap(),
                belongs: home("a")
            })
        );
        for text in [
            "",
            "null",
            "\u{0}\u{1}",
            "[1]",
            r#"{"v":1}"#,
            r#"{"v":0,"type":"message","id":"m","room":"a","sender":{"uid":"u","name":"n"}}"#,
            r#"{"v":1,"type":"message","id":"","room":"a","sender":{"uid":"u","name":"n"}}"#,
            r#"{"v":1,"type":"message","id":"m","room":"a b","sender":{"uid":"u","name":"n"}}"#,
            r#"{"v":2,"id":"m","room":"a"}"#,
        ] {
            assert!(
                matches!(read_one("a", text, home("a")), Err(SkipReason::Form(_))),
                "{text}"
            );
        }
        for (part, id, body) in [("id", RECORD_NAME_BYTES + 1, 0), ("value", 1, RECORD_BYTES)] {
            let (id, body) = ("i".repeat(id), "b".repeat(body));
            let text = format!(
                r#"{{"v":1,"type":"message","id":"{id}","room":"a","sender":{{"uid":"u","name":"n"}},"body":"{body}"}}"#
            );
            assert!(
                matches!(read_one("a", &text, home("a")), Err(SkipReason::TooLarge { part: found, .. }) if found == part)
            );
        }
        let tombstone = LogRecord {
            offset: 0,
            timestamp: None,
            key: Some(b"a"),
            value: None,
        };
        assert!(matches!(
            read(&tombstone, home("a"), 64),
            Err(SkipReason::Form(_))
        ));
    }
}
