//! Columns of the store and the checksum over each row, which SQLite's pages do not have.

use protocol::{Folded, Kind, Message, Position, Sender};
use rusqlite::{Row, types::FromSql};

use super::{HistoryError, RoomId};

/// A crc32c over the columns of a row, each preceded by its kind and length.
#[derive(Clone, Copy, Default)]
pub(super) struct Sum(u32);

impl Sum {
    pub(super) fn integer(self, value: i64) -> Self {
        self.part(b'i', &value.to_le_bytes())
    }

    pub(super) fn optional(self, value: Option<i64>) -> Self {
        value.map_or(self.part(b'n', &[]), |value| self.integer(value))
    }

    pub(super) fn text(self, value: &str) -> Self {
        self.part(b't', value.as_bytes())
    }

    pub(super) fn bytes(self, value: &[u8]) -> Self {
        self.part(b'b', value)
    }

    fn part(self, kind: u8, value: &[u8]) -> Self {
        let hash = crc32c::crc32c_append(self.0, &[kind]);
        let hash = crc32c::crc32c_append(hash, &(value.len() as u64).to_le_bytes());
        Self(crc32c::crc32c_append(hash, value))
    }

    pub(super) fn value(self) -> u32 {
        self.0
    }

    /// Refuses a row whose stored checksum, in the column `sum`, is another one.
    pub(super) fn check(self, row: &Row<'_>, what: &str) -> Result<(), HistoryError> {
        let stored: u32 = column(row, "sum")?;
        if stored == self.0 {
            Ok(())
        } else {
            Err(HistoryError::Damaged(format!(
                "a row of {what} does not fit its checksum"
            )))
        }
    }
}

/// A column by name; a value of another type is damage.
pub(super) fn column<T: FromSql>(row: &Row<'_>, name: &str) -> Result<T, HistoryError> {
    row.get(name)
        .map_err(|error| HistoryError::Damaged(format!("column {name}: {error}")))
}

/// The checksum of a row of `messages`.
pub(super) fn message_sum(room: RoomId, message: &Message, other: Option<&str>) -> Sum {
    let sum = Sum::default()
        .integer(room)
        .integer(message.position.offset)
        .optional(message.prev)
        .integer(message.ts)
        .text(message.kind.as_str())
        .text(&message.id)
        .text(&message.sender.uid)
        .text(&message.sender.name)
        .text(&message.body);
    other.map_or(sum, |other| sum.text(other))
}

/// A row of `messages`, checked. `at` gives epoch and partition, which the row does not repeat.
pub(super) fn message(
    row: &Row<'_>,
    at: impl Fn(i64) -> Position,
) -> Result<Message, HistoryError> {
    let room: RoomId = column(row, "room")?;
    let kind: String = column(row, "kind")?;
    let other: Option<String> = column(row, "other")?;
    let mut message = Message {
        position: at(column(row, "offset")?),
        prev: column(row, "prev")?,
        ts: column(row, "ts")?,
        kind: Kind::from_word(&kind),
        id: column(row, "id")?,
        sender: Sender {
            uid: column(row, "uid")?,
            name: column(row, "name")?,
        },
        reference: None,
        body: column(row, "body")?,
        folded: Folded::default(),
        other: serde_json::Map::new(),
    };
    if message.kind.as_str() != kind {
        return Err(HistoryError::Damaged(format!("there is no kind {kind:?}")));
    }
    message_sum(room, &message, other.as_deref()).check(row, "messages")?;
    if let Some(other) = other {
        message.other = serde_json::from_str(&other)
            .map_err(|error| HistoryError::Damaged(error.to_string()))?;
    }
    Ok(message)
}

/// The checksum of a row of `rooms`.
pub(super) fn room_sum(id: RoomId, name: &str, partition: i32, head: i64, at: i64) -> Sum {
    Sum::default()
        .integer(id)
        .text(name)
        .integer(partition.into())
        .integer(head)
        .integer(at)
}

/// The checksum of a row of `sent`.
pub(super) fn sent_sum(partition: i32, bucket: i64, copy: &[u8], offset: i64, at: i64) -> Sum {
    Sum::default()
        .integer(partition.into())
        .integer(bucket)
        .bytes(copy)
        .integer(offset)
        .integer(at)
}

/// The checksum of a row of `checkpoints`.
pub(super) fn checkpoint_sum(partition: i32, next: i64, hash: u32, clock: i64) -> Sum {
    Sum::default()
        .integer(partition.into())
        .integer(next)
        .integer(hash.into())
        .integer(clock)
}
