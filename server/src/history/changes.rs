//! What later records make of a row: kept with the row, in the transaction that takes these records.

use std::collections::BTreeMap;

use protocol::{Folded, Message, folding};
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use super::rows::{self, COLUMNS, Stored, Texts};
use super::store::from_sqlite;
use super::view::read;
use super::{HistoryError, Place, RoomId, Row};

/// The column `folded` of a row that has been changed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Changed {
    /// The text after the last edit; absent while it is the record's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    #[serde(flatten)]
    folded: Folded,
}

impl Changed {
    /// What has become of a row.
    fn of(row: &Message) -> Self {
        let Folded {
            edited,
            deleted,
            reactions,
            above: _,
            quote: _,
        } = row.folded.clone();
        Self {
            body: edited.filter(|_| !deleted).map(|_| row.body.clone()),
            folded: Folded {
                edited,
                deleted,
                reactions,
                ..Folded::default()
            },
        }
    }

    /// Makes a row out of the record as it came.
    pub(super) fn apply(self, record: &mut Message) {
        if self.folded.deleted {
            record.body.clear();
            record.other.clear();
        }
        if let Some(body) = self.body {
            record.body = body;
        }
        record.folded.edited = self.folded.edited;
        record.folded.deleted = self.folded.deleted;
        record.folded.reactions = self.folded.reactions;
    }
}

/// Folds the records of a batch that change earlier rows. The batch is in the order of rooms and offsets, and its records are in
/// the store.
pub(super) fn fold(connection: &Connection, batch: &[Row]) -> Result<(), HistoryError> {
    let mut targets: BTreeMap<(RoomId, i64), Option<Target>> = BTreeMap::new();
    for row in batch.iter().filter(|row| row.above.is_none()) {
        let Some(reference) = row.message.reference else {
            continue;
        };
        let place = Place {
            id: row.id,
            epoch: reference.epoch,
            partition: reference.partition,
        };
        let key = (row.id, reference.offset);
        let target = match targets.get_mut(&key) {
            Some(target) => target,
            None => {
                targets
                    .entry(key)
                    .or_insert(Target::find(connection, place, reference.offset)?)
            }
        };
        if let Some(target) = target {
            target.changed |= folding::fold(&mut target.row, &row.message);
        }
    }
    for ((room, _), target) in targets {
        if let Some(target) = target.filter(|target| target.changed) {
            target.write(connection, room).map_err(from_sqlite)?;
        }
    }
    Ok(())
}

/// A row that is being changed.
struct Target {
    /// The row's columns as they came.
    record: Message,
    above: Option<i64>,
    /// The row as it is now.
    row: Message,
    changed: bool,
}

impl Target {
    fn find(
        connection: &Connection,
        place: Place,
        offset: i64,
    ) -> Result<Option<Self>, HistoryError> {
        let sql = format!("SELECT {COLUMNS} FROM messages WHERE room = ?1 AND offset = ?2");
        let stored = read(connection, &sql, params![place.id, offset], |row| {
            rows::stored(row, place)
        })?;
        Ok(stored.into_iter().next().map(|stored| Self {
            record: stored.record.clone(),
            above: stored.above,
            row: Stored::now(stored),
            changed: false,
        }))
    }

    fn write(&self, connection: &Connection, room: RoomId) -> rusqlite::Result<()> {
        let mut texts = Texts::of(&self.record);
        texts.folded = serde_json::to_string(&Changed::of(&self.row)).ok();
        let sum = rows::message_sum(room, &self.record, self.above, &texts);
        connection
            .prepare_cached(
                "UPDATE messages SET folded = ?3, sum = ?4 WHERE room = ?1 AND offset = ?2",
            )?
            .execute(params![
                room,
                self.record.position.offset,
                texts.folded,
                sum.value()
            ])
            .map(drop)
    }
}
