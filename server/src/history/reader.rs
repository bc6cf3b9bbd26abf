//! Reading from the store: the stream of a room, and the dedupe index.

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use protocol::Message;
use rusqlite::{Connection, params};

use super::rows::{self, COLUMNS, column};
use super::store::{Damage, from_sqlite, open_for_reading};
use super::view::{View, read};
use super::{HistoryError, Place, RoomId, bucket};
use crate::fold::{Fingerprint, Occurrence};

/// A few read-only connections that callers take turns with.
pub struct Reader {
    idle: Mutex<Vec<Connection>>,
    returned: Condvar,
    damage: Arc<Damage>,
}

impl Reader {
    pub(super) fn open(
        path: &Path,
        connections: usize,
        damage: Arc<Damage>,
    ) -> Result<Self, HistoryError> {
        let idle = (0..connections.max(1))
            .map(|_| open_for_reading(path))
            .collect::<rusqlite::Result<Vec<_>>>();
        Ok(Self {
            idle: Mutex::new(idle.map_err(from_sqlite)?),
            returned: Condvar::new(),
            damage,
        })
    }

    /// Reads several things as they were at one moment, whatever is committed meanwhile.
    pub fn view<R>(
        &self,
        read: impl FnOnce(&View<'_>) -> Result<R, HistoryError>,
    ) -> Result<R, HistoryError> {
        self.with(|connection| {
            let moment = connection.unchecked_transaction().map_err(from_sqlite)?;
            read(&View::new(&moment))
        })
    }

    /// The offsets of the last `limit` records of a room below the offset `below`, newest first.
    pub fn offsets_below(
        &self,
        id: RoomId,
        below: i64,
        limit: usize,
    ) -> Result<Vec<i64>, HistoryError> {
        self.with(|connection| {
            let sql = "SELECT offset FROM messages WHERE room = ?1 AND offset < ?2 ORDER BY offset DESC LIMIT ?3";
            let mut statement = connection.prepare_cached(sql).map_err(from_sqlite)?;
            let offsets = statement.query_map(params![id, below, count(limit)], |row| row.get(0));
            offsets
                .and_then(Iterator::collect)
                .map_err(from_sqlite)
        })
    }

    /// The first `limit` records of a room above the offset `above` and up to `through`, oldest first.
    pub fn after(
        &self,
        place: Place,
        above: i64,
        through: i64,
        limit: usize,
    ) -> Result<Vec<Message>, HistoryError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM messages WHERE room = ?1 AND offset > ?2 AND offset <= ?3 ORDER BY offset LIMIT ?4"
        );
        let params = params![place.id, above, through, count(limit)];
        let page: Vec<Message> = self.with(|connection| {
            let stored = read(connection, &sql, params, |row| rows::stored(row, place))?;
            Ok(stored.into_iter().map(|stored| stored.record).collect())
        })?;
        self.damage.note(unbroken(&page))?;
        match page.first() {
            Some(first) if first.prev.is_some_and(|prev| prev > above) => self.damage.note(Err(
                HistoryError::Damaged(format!("a message before {} is missing", first.position)),
            )),
            _ => Ok(page),
        }
    }

    /// How many records a room has above the offset `above` and up to `through`; counting stops at `at_most`.
    pub fn count(
        &self,
        id: RoomId,
        above: i64,
        through: i64,
        at_most: usize,
    ) -> Result<usize, HistoryError> {
        self.with(|connection| {
            let sql = "SELECT count(*) FROM
                (SELECT 1 FROM messages WHERE room = ?1 AND offset > ?2 AND offset <= ?3 LIMIT ?4)";
            let mut statement = connection.prepare_cached(sql).map_err(from_sqlite)?;
            let found: i64 = statement
                .query_row(params![id, above, through, count(at_most)], |row| {
                    row.get(0)
                })
                .map_err(from_sqlite)?;
            Ok(usize::try_from(found).unwrap_or_default())
        })
    }

    /// The copy of a message in the dedupe index that counts when the fold clock of its partition shows `clock`.
    pub fn occurrence(
        &self,
        partition: i32,
        copy: &Fingerprint,
        clock: i64,
    ) -> Result<Option<Occurrence>, HistoryError> {
        self.with(|connection| {
            let sql = "SELECT bucket, offset, at, sum FROM sent
                WHERE partition = ?1 AND bucket IN (?2, ?3) AND copy = ?4";
            let mut statement = connection.prepare_cached(sql).map_err(from_sqlite)?;
            let now = bucket(clock);
            let mut rows = statement
                .query(params![partition, now, now - 1, copy.0])
                .map_err(from_sqlite)?;
            let mut counted = None;
            while let Some(row) = rows.next().map_err(from_sqlite)? {
                let occurrence = Occurrence {
                    offset: column(row, "offset")?,
                    at: column(row, "at")?,
                };
                let bucket = column(row, "bucket")?;
                rows::sent_sum(partition, bucket, &copy.0, occurrence.offset, occurrence.at)
                    .check(row, "sent")?;
                // Two visible copies lie further apart than the window, so at most one of them counts.
                if occurrence.counts_at(clock) {
                    counted = Some(occurrence);
                }
            }
            Ok(counted)
        })
    }

    /// Takes note of damage that a caller has found between rows.
    pub fn damaged(&self, reason: String) -> HistoryError {
        let error = HistoryError::Damaged(reason);
        drop(self.damage.note::<()>(Err(error.clone())));
        error
    }

    /// Lends a connection; waits for one while all are lent.
    fn with<R>(
        &self,
        read: impl FnOnce(&Connection) -> Result<R, HistoryError>,
    ) -> Result<R, HistoryError> {
        let connection = loop {
            let idle = self
                .returned
                .wait_while(self.idle(), |idle| idle.is_empty());
            if let Some(connection) = idle.unwrap_or_else(PoisonError::into_inner).pop() {
                break connection;
            }
        };
        let result = read(&connection);
        self.idle().push(connection);
        self.returned.notify_one();
        self.damage.note(result)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Every record names the one before it, so one that is missing inside a page shows.
fn unbroken(page: &[Message]) -> Result<(), HistoryError> {
    match page
        .windows(2)
        .find(|pair| pair[1].prev != Some(pair[0].position.offset))
    {
        None => Ok(()),
        Some(pair) => Err(HistoryError::Damaged(format!(
            "a message before {} is missing",
            pair[1].position
        ))),
    }
}

/// A limit as SQLite takes it.
pub(super) fn count(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
