//! Reading all of the store for whoever checks it; nothing is changed or set aside.

use std::path::{Path, PathBuf};

use protocol::{Epoch, Message, Position};
use rusqlite::{Connection, OptionalExtension as _};

use super::rows::{self, column};
use super::store::{self, FILE, Saved, from_sqlite};
use super::{HistoryError, RoomId};

/// An opened store that is checked.
pub struct Audit {
    connection: Connection,
    /// What it says of itself.
    pub saved: Saved,
}

impl Audit {
    /// Opens the store of a directory; none if there is none.
    pub fn open(directory: &Path) -> Result<Option<Self>, HistoryError> {
        let path = directory.join(FILE);
        if !path.exists() {
            return Ok(None);
        }
        let connection = store::open_for_audit(&path).map_err(from_sqlite)?;
        let saved = store::check(&connection)?;
        Ok(Some(Self { connection, saved }))
    }

    /// What SQLite's own check says of the structure, if something is wrong.
    pub fn structure(&self) -> Result<Vec<String>, HistoryError> {
        let check = || {
            let mut statement = self.connection.prepare("PRAGMA integrity_check(20)")?;
            let lines = statement.query_map([], |row| row.get::<_, String>(0))?;
            lines.collect::<rusqlite::Result<Vec<_>>>()
        };
        let lines = check().map_err(from_sqlite)?;
        Ok(lines.into_iter().filter(|line| line != "ok").collect())
    }

    /// How many messages there are, and how many rows of the dedupe index; every one is held against its checksum.
    pub fn count(&self) -> Result<(u64, u64), HistoryError> {
        let (mut messages, mut sent) = (0, 0);
        store::each(&self.connection, "SELECT * FROM messages", |row| {
            messages += 1;
            rows::message(row, nowhere).map(drop)
        })?;
        store::each(&self.connection, "SELECT * FROM sent", |row| {
            sent += 1;
            let copy: Vec<u8> = column(row, "copy")?;
            let (partition, bucket) = (column(row, "partition")?, column(row, "bucket")?);
            let (offset, at) = (column(row, "offset")?, column(row, "at")?);
            rows::sent_sum(partition, bucket, &copy, offset, at).check(row, "sent")
        })?;
        Ok((messages, sent))
    }

    /// A room's message at an offset.
    pub fn message(
        &self,
        room: RoomId,
        position: Position,
    ) -> Result<Option<Message>, HistoryError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT * FROM messages WHERE room = ?1 AND offset = ?2")
            .map_err(from_sqlite)?;
        let read = |row: &rusqlite::Row<'_>| Ok(rows::message(row, |_| position));
        let found = statement.query_row((room, position.offset), read);
        found.optional().map_err(from_sqlite)?.transpose()
    }

    /// How many messages of a room lie in a range of offsets, the end excluded.
    pub fn between(&self, room: RoomId, first: i64, end: i64) -> Result<u64, HistoryError> {
        let count = self.connection.query_row(
            "SELECT count(*) FROM messages WHERE room = ?1 AND offset >= ?2 AND offset < ?3",
            (room, first, end),
            |row| row.get::<_, i64>(0),
        );
        count.map(i64::unsigned_abs).map_err(from_sqlite)
    }
}

/// Moves the store of a directory aside, so that the next one is built from the log; says where it is now.
pub fn set_aside(directory: &Path) -> Result<PathBuf, HistoryError> {
    store::set_aside(directory, "repaired")
}

/// Where a row lies does not matter to its checksum.
fn nowhere(offset: i64) -> Position {
    Position {
        epoch: Epoch(0),
        partition: 0,
        offset,
    }
}
