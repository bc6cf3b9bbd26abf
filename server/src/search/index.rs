//! The file `search.db`: which terms are in which message, how far each room has been read. It can be deleted at any time.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use protocol::{Epoch, RoomName};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _, Transaction, params};

use super::words;

const FILE: &str = "search.db";
/// `MARS` in ASCII, in SQLite's field for it.
const APPLICATION: i32 = 0x4d41_5253;
/// Version of the tables and of how texts become terms. Another one is made anew.
const FORMAT: i32 = 2;
/// Bits of a document's number that tell messages of the same millisecond apart.
const SAME_TIME: u32 = 21;
/// After so many steps of SQLite's machine a search looks at the clock.
const STEPS: i32 = 1_000;

// A document's number grows with the time of its message, so the newest are found first without sorting. A word of one letter is
// looked for as the beginning of a term, which without an index of its own would read every term that begins so.
const TABLES: &str = "
    CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE rooms(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, head INTEGER NOT NULL);
    CREATE TABLE documents(
        number INTEGER PRIMARY KEY, partition INTEGER NOT NULL, offset INTEGER NOT NULL, room INTEGER NOT NULL,
        UNIQUE(partition, offset));
    CREATE VIRTUAL TABLE terms USING fts5(text, room, content='', contentless_delete=1, tokenize='ascii', prefix='1');";

/// Whether an error says that the file is not what this program made.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::ConstraintViolation
                | ErrorCode::Unknown
        )
    )
}

/// The index, for the one who writes it.
pub(super) struct Index {
    connection: Connection,
}

/// A message as the index is to have it.
pub(super) struct Entry {
    pub(super) offset: i64,
    /// When it was sent, in Unix milliseconds.
    pub(super) ts: i64,
    /// Its text; empty for what is not to be found.
    pub(super) text: String,
}

impl Index {
    /// Opens the index of a life of the log, and tells how far each room had been read. What is damaged or of another form or life
    /// is made anew.
    pub(super) fn open(
        directory: &Path,
        epoch: Epoch,
    ) -> rusqlite::Result<(Self, HashMap<RoomName, i64>)> {
        match Self::try_open(directory, epoch) {
            Ok(Some(opened)) => return Ok(opened),
            Err(error) if !is_damage(&error) => return Err(error),
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "the search index is damaged and is made anew"),
        }
        for suffix in ["-wal", "-shm", ""] {
            // What cannot be removed fails below, with a reason.
            let _ = fs::remove_file(directory.join(format!("{FILE}{suffix}")));
        }
        Self::try_open(directory, epoch)?.ok_or(rusqlite::Error::InvalidQuery)
    }

    fn try_open(
        directory: &Path,
        epoch: Epoch,
    ) -> rusqlite::Result<Option<(Self, HashMap<RoomName, i64>)>> {
        let connection = Connection::open(directory.join(FILE))?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "normal")?;
        connection.pragma_update(None, "journal_size_limit", 16 << 20)?;
        let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
        let is_new = connection.query_row("SELECT count(*) = 0 FROM sqlite_master", [], |row| {
            row.get(0)
        })?;
        if is_new {
            connection.execute_batch(&format!(
                "BEGIN IMMEDIATE; PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {FORMAT}; {TABLES}
                 INSERT INTO meta VALUES ('epoch', '{epoch}'); COMMIT;"
            ))?;
        } else if pragma("application_id")? != APPLICATION || pragma("user_version")? != FORMAT {
            return Ok(None);
        }
        let sql = "SELECT value = ?1 FROM meta WHERE key = 'epoch'";
        let same: Option<bool> = connection
            .query_row(sql, [epoch.to_string()], |row| row.get(0))
            .optional()?;
        if same != Some(true) {
            return Ok(None);
        }
        let mut heads = HashMap::new();
        {
            let mut rooms = connection.prepare("SELECT name, head FROM rooms")?;
            let mut rows = rooms.query([])?;
            while let Some(row) = rows.next()? {
                if let Ok(name) = row.get::<_, String>(0)?.parse() {
                    heads.insert(name, row.get(1)?);
                }
            }
        }
        Ok(Some((Self { connection }, heads)))
    }

    /// Begins a batch; without [`Batch::commit`] nothing of it is kept.
    pub(super) fn begin(&mut self) -> rusqlite::Result<Batch<'_>> {
        Ok(Batch(self.connection.transaction()?))
    }
}

/// Changes that are made together.
pub(super) struct Batch<'a>(Transaction<'a>);

impl Batch<'_> {
    /// Takes what became of messages of a room, which has been read up to the offset `head`.
    pub(super) fn take(
        &self,
        room: &RoomName,
        partition: i32,
        head: i64,
        entries: &[Entry],
    ) -> rusqlite::Result<()> {
        let sql = "INSERT INTO rooms(name, head) VALUES (?1, ?2)
             ON CONFLICT(name) DO UPDATE SET head = excluded.head RETURNING id";
        let room: i64 = self
            .0
            .prepare_cached(sql)?
            .query_row(params![room.as_str(), head], |row| row.get(0))?;
        for entry in entries {
            let known: Option<i64> = self
                .0
                .prepare_cached(
                    "SELECT number FROM documents WHERE partition = ?1 AND offset = ?2",
                )?
                .query_row(params![partition, entry.offset], |row| row.get(0))
                .optional()?;
            if let Some(number) = known {
                self.0
                    .prepare_cached("DELETE FROM terms WHERE rowid = ?1")?
                    .execute([number])?;
            }
            let terms = words::terms(&entry.text);
            if terms.is_empty() && known.is_none() {
                continue;
            }
            let number = match known {
                Some(number) => number,
                None => self.document(room, partition, entry)?,
            };
            self.0
                .prepare_cached("INSERT INTO terms(rowid, text, room) VALUES (?1, ?2, ?3)")?
                .execute(params![number, terms, format!("r{room}")])?;
        }
        Ok(())
    }

    fn document(&self, room: i64, partition: i32, entry: &Entry) -> rusqlite::Result<i64> {
        let first = entry.ts.clamp(0, i64::MAX >> (SAME_TIME + 1)) << SAME_TIME;
        let sql = "SELECT coalesce(max(number) + 1, ?1) FROM documents WHERE number >= ?1 AND number < ?2";
        let number = self
            .0
            .prepare_cached(sql)?
            .query_row(params![first, first + (1 << SAME_TIME)], |row| row.get(0))?;
        self.0
            .prepare_cached("INSERT INTO documents VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![number, partition, entry.offset, room])?;
        Ok(number)
    }

    pub(super) fn commit(self) -> rusqlite::Result<()> {
        self.0.commit()
    }
}

/// A message that the index names.
pub(super) struct Named {
    pub(super) number: i64,
    pub(super) room: String,
    pub(super) offset: i64,
}

/// The index, for those who search.
pub(super) struct Finder(Connection);

impl Finder {
    /// Opens the index for one search, which is interrupted when the deadline has passed.
    pub(super) fn open(directory: &Path, deadline: Instant) -> rusqlite::Result<Self> {
        let path: PathBuf = directory.join(FILE);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.progress_handler(STEPS, Some(move || Instant::now() >= deadline))?;
        Ok(Self(connection))
    }

    /// The number of the message at a place.
    pub(super) fn number(&self, partition: i32, offset: i64) -> rusqlite::Result<Option<i64>> {
        let sql = "SELECT number FROM documents WHERE partition = ?1 AND offset = ?2";
        self.0
            .query_row(sql, params![partition, offset], |row| row.get(0))
            .optional()
    }

    /// The newest `limit` messages below a number that an expression finds, of one room or of all.
    pub(super) fn find(
        &self,
        expression: &str,
        room: Option<&RoomName>,
        below: i64,
        limit: usize,
    ) -> rusqlite::Result<Vec<Named>> {
        let mut expression = expression.to_owned();
        if let Some(room) = room {
            let id: Option<i64> = self
                .0
                .query_row(
                    "SELECT id FROM rooms WHERE name = ?1",
                    [room.as_str()],
                    |row| row.get(0),
                )
                .optional()?;
            let Some(id) = id else {
                return Ok(Vec::new());
            };
            expression = format!("{expression} AND room : r{id}");
        }
        let sql = "SELECT terms.rowid, rooms.name, documents.offset FROM terms
             JOIN documents ON documents.number = terms.rowid JOIN rooms ON rooms.id = documents.room
             WHERE terms MATCH ?1 AND terms.rowid < ?2 ORDER BY terms.rowid DESC LIMIT ?3";
        let mut statement = self.0.prepare_cached(sql)?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let found = statement.query_map(params![expression, below, limit], |row| {
            Ok(Named {
                number: row.get(0)?,
                room: row.get(1)?,
                offset: row.get(2)?,
            })
        })?;
        found.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_ends_at_its_deadline() {
        let directory = tempfile::tempdir().unwrap();
        let epoch = Epoch(7);
        let (mut index, _) = Index::open(directory.path(), epoch).unwrap();
        let entry = |offset| Entry {
            offset,
            ts: offset,
            text: format!("e{offset}"),
        };
        let entries: Vec<_> = (0..2_000).map(entry).collect();
        let room = "a".parse().unwrap();
        let batch = index.begin().unwrap();
        batch.take(&room, 0, 1_999, &entries).unwrap();
        batch.commit().unwrap();
        let find = |deadline| {
            let finder = Finder::open(directory.path(), deadline).unwrap();
            let expression = words::Query::of("e").unwrap().expression();
            finder.find(&expression, None, i64::MAX, 2_000)
        };
        let now = Instant::now();
        let found = find(now + Duration::from_secs(60)).unwrap();
        assert_eq!(found.len(), 2_000);
        let error = find(now).map(|_| ()).unwrap_err();
        let code = error.sqlite_error_code();
        assert_eq!(code, Some(ErrorCode::OperationInterrupted));
        assert!(!is_damage(&error));
    }
}
