//! The one connection that writes: a batch of rows and the checkpoints they lead to, in one transaction.

use std::collections::HashMap;
use std::sync::Arc;

use protocol::{Epoch, Message};
use rusqlite::{Connection, params};

use super::changes;
use super::rows::{self, Sum, Texts};
use super::store::{Damage, from_sqlite};
use super::view;
use super::{Batch, Checkpoint, HistoryError, Row, bucket};

/// Rows of the dedupe index that one commit at least may take away, once they have left the window.
const PRUNE: usize = 1_000;

/// Writes batches.
pub struct Writer {
    connection: Connection,
    damage: Arc<Damage>,
    /// For each partition, the bucket of the dedupe index below which everything is gone.
    pruned: HashMap<i32, i64>,
}

impl Writer {
    pub(super) fn new(connection: Connection, damage: Arc<Damage>) -> Self {
        Self {
            connection,
            damage,
            pruned: HashMap::new(),
        }
    }

    /// Says which life of the log the store belongs to from now on.
    pub fn set_epoch(&mut self, epoch: Epoch) -> Result<(), HistoryError> {
        let value = epoch.to_string();
        let sum = Sum::default().text("epoch").text(&value).value();
        let sql = "INSERT OR REPLACE INTO meta(key, value, sum) VALUES ('epoch', ?1, ?2)";
        self.damage.note(
            self.connection
                .execute(sql, params![value, sum])
                .map(drop)
                .map_err(from_sqlite),
        )
    }

    /// Commits a batch: after an error nothing of it is in the store.
    pub fn commit(&mut self, batch: &mut Batch) -> Result<(), HistoryError> {
        // In the order of the table's key: a third of the cost of scattered insertion when much is caught up.
        batch
            .rows
            .sort_unstable_by_key(|row| (row.id, row.message.position.offset));
        let result = self.write(batch);
        self.damage.note(result)
    }

    fn write(&mut self, batch: &Batch) -> Result<(), HistoryError> {
        let transaction = self.connection.transaction().map_err(from_sqlite)?;
        write_messages(&transaction, &batch.rows).map_err(from_sqlite)?;
        changes::fold(&transaction, &batch.rows)?;
        write_rooms(&transaction, &batch.rows)?;
        write_checkpoints(&transaction, &batch.checkpoints).map_err(from_sqlite)?;
        let limit = batch.rows.len() + PRUNE;
        let emptied = prune(&transaction, &batch.checkpoints, &self.pruned, limit);
        let emptied = emptied.map_err(from_sqlite)?;
        transaction.commit().map_err(from_sqlite)?;
        self.pruned.extend(emptied);
        Ok(())
    }
}

fn write_messages(connection: &Connection, rows: &[Row]) -> rusqlite::Result<()> {
    let mut messages = connection.prepare_cached(
        "INSERT INTO messages(room, offset, prev, above, ts, kind, id, uid, name, ref, body, other, quote, sum)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    )?;
    let mut sent = connection.prepare_cached(
        "INSERT INTO sent(partition, bucket, copy, offset, at, sum) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for row in rows {
        let message: &Message = &row.message;
        let texts = Texts::of(message);
        messages.execute(params![
            row.id,
            message.position.offset,
            message.prev,
            row.above,
            message.ts,
            message.kind.as_str(),
            message.id,
            message.sender.uid,
            message.sender.name,
            message.reference.map(|reference| reference.offset),
            message.body,
            texts.other,
            texts.quote,
            rows::message_sum(row.id, message, row.above, &texts).value(),
        ])?;
        let (partition, offset) = (message.position.partition, message.position.offset);
        let bucket = bucket(row.at);
        let sum = rows::sent_sum(partition, bucket, &row.copy.0, offset, row.at).value();
        sent.execute(params![partition, bucket, row.copy.0, offset, row.at, sum])?;
    }
    Ok(())
}

/// The batch is in the order of rooms and offsets. A room stands in the list by its latest row, which what changes a row does not
/// move.
fn write_rooms(connection: &Connection, batch: &[Row]) -> Result<(), HistoryError> {
    for room in batch.chunk_by(|one, other| one.id == other.id) {
        let Some(last) = room.last() else { continue };
        let (name, position) = (last.room.as_str(), last.message.position);
        let (row, at) = match room.iter().rev().find(|row| row.above.is_some()) {
            Some(row) => (row.message.position.offset, row.message.ts),
            None => view::room(connection, last.id)?.map_or((-1, 0), |room| (room.row, room.at)),
        };
        let latest = (position.offset, row, at);
        let sum = rows::room_sum(last.id, name, position.partition, latest);
        connection
            .prepare_cached(
                "INSERT INTO rooms(id, name, partition, head, row, at, sum) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                 ON CONFLICT(id) DO UPDATE SET head = excluded.head, row = excluded.row, at = excluded.at, sum = excluded.sum",
            )
            .and_then(|mut rooms| {
                rooms.execute(params![
                    last.id,
                    name,
                    position.partition,
                    position.offset,
                    row,
                    at,
                    sum.value()
                ])
            })
            .map_err(from_sqlite)?;
    }
    Ok(())
}

fn write_checkpoints(connection: &Connection, checkpoints: &[Checkpoint]) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT OR REPLACE INTO checkpoints(partition, next, hash, clock, sum) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for Checkpoint {
        partition,
        next,
        hash,
        clock,
    } in checkpoints
    {
        let sum = rows::checkpoint_sum(*partition, *next, *hash, *clock).value();
        statement.execute(params![partition, next, hash, clock, sum])?;
    }
    Ok(())
}

/// Takes occurrences away that the fold clock has left behind, at most `limit` of each partition, and tells which
/// partitions have none left below which bucket.
fn prune(
    connection: &Connection,
    checkpoints: &[Checkpoint],
    pruned: &HashMap<i32, i64>,
    limit: usize,
) -> rusqlite::Result<Vec<(i32, i64)>> {
    let mut emptied = Vec::new();
    for Checkpoint {
        partition, clock, ..
    } in checkpoints
    {
        let keep = bucket(*clock) - 1;
        if pruned.get(partition).is_some_and(|done| *done >= keep) {
            continue;
        }
        let deleted = connection
            .prepare_cached(
                "DELETE FROM sent WHERE (partition, bucket, copy) IN
                 (SELECT partition, bucket, copy FROM sent WHERE partition = ?1 AND bucket < ?2 LIMIT ?3)",
            )?
            .execute(params![partition, keep, i64::try_from(limit).unwrap_or(i64::MAX)])?;
        if deleted < limit {
            emptied.push((*partition, keep));
        }
    }
    Ok(emptied)
}
