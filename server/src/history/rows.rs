//! Columns of the store and the checksum over each row, which SQLite's pages do not have.

use protocol::{Folded, Kind, Message, Sender};
use rusqlite::{Row, types::FromSql};
use serde::de::DeserializeOwned;

use super::changes::Changed;

use super::{HistoryError, Place, RoomId, SavedRoom};

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

    pub(super) fn optional_text(self, value: Option<&str>) -> Self {
        value.map_or(self.part(b'n', &[]), |value| self.text(value))
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

/// The columns of `messages` that [`stored`] reads.
pub(super) const COLUMNS: &str =
    "room, offset, prev, above, ts, kind, id, uid, name, ref, body, other, quote, folded, sum";

/// A row of `messages`.
pub(super) struct Stored {
    /// The record as it came, with the quote that it had then.
    pub(super) record: Message,
    /// For a row of the room: offset of the row above it, or -1.
    pub(super) above: Option<i64>,
    /// What later records made of it.
    pub(super) changed: Option<Changed>,
}

impl Stored {
    /// The row as it is now. It has no quote: what it answers may have changed.
    pub(super) fn now(self) -> Message {
        let mut message = self.record;
        message.folded = Folded {
            above: self
                .above
                .filter(|above| *above != message.prev.unwrap_or(-1)),
            ..Folded::default()
        };
        if let Some(changed) = self.changed {
            changed.apply(&mut message);
        }
        message
    }
}

/// The columns of a row of `messages` that are JSON, as they are written.
pub(super) struct Texts {
    pub(super) other: Option<String>,
    pub(super) quote: Option<String>,
    pub(super) folded: Option<String>,
}

impl Texts {
    /// Those of a record that nothing has changed yet.
    pub(super) fn of(record: &Message) -> Self {
        let json = |value: serde_json::Result<String>| value.ok();
        Self {
            other: (!record.other.is_empty())
                .then(|| json(serde_json::to_string(&record.other)))
                .flatten(),
            quote: record
                .folded
                .quote
                .as_ref()
                .and_then(|quote| json(serde_json::to_string(quote))),
            folded: None,
        }
    }
}

/// The checksum of a row of `messages`.
pub(super) fn message_sum(
    room: RoomId,
    message: &Message,
    above: Option<i64>,
    texts: &Texts,
) -> Sum {
    Sum::default()
        .integer(room)
        .integer(message.position.offset)
        .optional(message.prev)
        .optional(above)
        .integer(message.ts)
        .text(message.kind.as_str())
        .text(&message.id)
        .text(&message.sender.uid)
        .text(&message.sender.name)
        .optional(message.reference.map(|reference| reference.offset))
        .text(&message.body)
        .optional_text(texts.other.as_deref())
        .optional_text(texts.quote.as_deref())
        .optional_text(texts.folded.as_deref())
}

/// A row of `messages`, checked. `place` gives epoch and partition, which the row does not repeat.
pub(super) fn stored(row: &Row<'_>, place: Place) -> Result<Stored, HistoryError> {
    let kind: String = column(row, "kind")?;
    let reference: Option<i64> = column(row, "ref")?;
    let above = column(row, "above")?;
    let texts = Texts {
        other: column(row, "other")?,
        quote: column(row, "quote")?,
        folded: column(row, "folded")?,
    };
    let mut record = Message {
        position: place.position(column(row, "offset")?),
        prev: column(row, "prev")?,
        ts: column(row, "ts")?,
        kind: Kind::from_word(&kind),
        id: column(row, "id")?,
        sender: Sender {
            uid: column(row, "uid")?,
            name: column(row, "name")?,
        },
        reference: reference.map(|offset| place.position(offset)),
        body: column(row, "body")?,
        folded: Folded::default(),
        other: serde_json::Map::new(),
    };
    if record.kind.as_str() != kind {
        return Err(HistoryError::Damaged(format!("there is no kind {kind:?}")));
    }
    message_sum(column(row, "room")?, &record, above, &texts).check(row, "messages")?;
    record.other = json(texts.other.as_deref())?.unwrap_or_default();
    record.folded.quote = json(texts.quote.as_deref())?;
    Ok(Stored {
        record,
        above,
        changed: json(texts.folded.as_deref())?,
    })
}

fn json<T: DeserializeOwned>(text: Option<&str>) -> Result<Option<T>, HistoryError> {
    text.map(serde_json::from_str)
        .transpose()
        .map_err(|error| HistoryError::Damaged(error.to_string()))
}

/// The columns of `rooms` that [`room`] reads.
pub(super) const ROOM_COLUMNS: &str = "id, name, partition, head, row, at, sum";

/// The checksum of a row of `rooms`.
pub(super) fn room_sum(
    id: RoomId,
    name: &str,
    partition: i32,
    (head, row, at): (i64, i64, i64),
) -> Sum {
    Sum::default()
        .integer(id)
        .text(name)
        .integer(partition.into())
        .integer(head)
        .integer(row)
        .integer(at)
}

/// A row of `rooms`, checked.
pub(super) fn room(row: &Row<'_>) -> Result<SavedRoom, HistoryError> {
    let name: String = column(row, "name")?;
    let (id, partition) = (column(row, "id")?, column(row, "partition")?);
    let (head, last, at) = (
        column(row, "head")?,
        column(row, "row")?,
        column(row, "at")?,
    );
    room_sum(id, &name, partition, (head, last, at)).check(row, "rooms")?;
    Ok(SavedRoom {
        id,
        name: name
            .parse()
            .map_err(|_| HistoryError::Damaged(format!("{name:?} is no room")))?,
        partition,
        head,
        row: last,
        at,
    })
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
