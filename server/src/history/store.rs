//! The file `history.db`: opened, made, or set aside when it cannot be trusted.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use protocol::message::RECORD_VERSION;
use protocol::{Epoch, Kind, RoomName};
use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig};

use super::rows::{self, Sum, column};
use super::{Checkpoint, HistoryError, Reader, RoomId, Writer};

pub(super) const FILE: &str = "history.db";
/// Its presence says that the store is to be set aside at the next start; its text says why.
const MARKER: &str = "history.db.rebuild";
/// `MARU` in ASCII, in SQLite's field for it: tells our file from another program's.
const APPLICATION: i32 = 0x4d41_5255;
/// Version of the tables below. Another one is rebuilt from the log, not migrated.
const FORMAT: i32 = 1;

const TABLES: &str = "
    CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL, sum INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE rooms(
        id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, partition INTEGER NOT NULL,
        head INTEGER NOT NULL, at INTEGER NOT NULL, sum INTEGER NOT NULL);
    CREATE INDEX rooms_by_latest ON rooms(at);
    CREATE TABLE messages(
        room INTEGER NOT NULL, offset INTEGER NOT NULL, prev INTEGER, ts INTEGER NOT NULL, kind TEXT NOT NULL,
        id TEXT NOT NULL, uid TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL, other TEXT, sum INTEGER NOT NULL,
        PRIMARY KEY(room, offset)) WITHOUT ROWID;
    CREATE TABLE sent(
        partition INTEGER NOT NULL, bucket INTEGER NOT NULL, copy BLOB NOT NULL, offset INTEGER NOT NULL,
        at INTEGER NOT NULL, sum INTEGER NOT NULL, PRIMARY KEY(partition, bucket, copy)) WITHOUT ROWID;
    CREATE TABLE checkpoints(
        partition INTEGER PRIMARY KEY, next INTEGER NOT NULL, hash INTEGER NOT NULL, clock INTEGER NOT NULL,
        sum INTEGER NOT NULL);";

/// A room that the store has messages of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedRoom {
    /// The store's number for it.
    pub id: RoomId,
    /// Its name.
    pub name: RoomName,
    /// The partition that its messages came from.
    pub partition: i32,
    /// The offset of its latest message.
    pub head: i64,
}

/// What an opened store holds, apart from messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    /// The life of the log that everything in the store belongs to; absent in a new store.
    pub epoch: Option<Epoch>,
    /// How far each partition had come.
    pub checkpoints: Vec<Checkpoint>,
    /// Every room.
    pub rooms: Vec<SavedRoom>,
}

/// The opened store.
pub struct Store {
    /// The one connection that writes.
    pub writer: Writer,
    /// What was in it when it was opened.
    pub saved: Saved,
    directory: PathBuf,
    damage: Arc<Damage>,
}

impl Store {
    /// Opens the store in a directory, makes both when they are absent, and sets a file aside that is damaged, of another
    /// form, or marked for it.
    pub fn open(directory: &Path) -> Result<Self, HistoryError> {
        fs::create_dir_all(directory).map_err(|error| unavailable(directory, &error))?;
        let reason = match fs::read_to_string(directory.join(MARKER)) {
            Ok(reason) => reason,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                match Self::try_open(directory) {
                    Err(HistoryError::Damaged(reason)) => reason,
                    opened => return opened,
                }
            }
            Err(error) => return Err(unavailable(directory, &error)),
        };
        let aside = set_aside(directory, "damaged")?;
        tracing::warn!(
            reason,
            kept = %aside.display(),
            "the history store could not be used: it was moved aside and is rebuilt from the log"
        );
        Self::try_open(directory)
    }

    fn try_open(directory: &Path) -> Result<Self, HistoryError> {
        let damage = Arc::new(Damage::new(directory));
        let connection = open_for_writing(&directory.join(FILE)).map_err(from_sqlite)?;
        prepare(&connection)?;
        understand(&connection)?;
        let saved = load(&connection)?;
        Ok(Self {
            writer: Writer::new(connection, Arc::clone(&damage)),
            saved,
            directory: directory.to_owned(),
            damage,
        })
    }

    /// Moves the file aside because it belongs to another life of the log, and begins a new one.
    pub fn start_over(self, reason: &str) -> Result<Self, HistoryError> {
        let Self {
            writer, directory, ..
        } = self;
        drop(writer);
        let aside = set_aside(&directory, "superseded")?;
        tracing::warn!(
            reason,
            kept = %aside.display(),
            "the history store does not belong to this log: it was moved aside and is rebuilt from the log"
        );
        Self::try_open(&directory)
    }

    /// Connections for reading, at most `connections` at a time.
    pub fn reader(&self, connections: usize) -> Result<Reader, HistoryError> {
        Reader::open(
            &self.directory.join(FILE),
            connections,
            Arc::clone(&self.damage),
        )
    }
}

/// Remembers that the store is damaged, so that the next start rebuilds it.
pub(super) struct Damage {
    marker: PathBuf,
    known: AtomicBool,
}

impl Damage {
    fn new(directory: &Path) -> Self {
        Self {
            marker: directory.join(MARKER),
            known: AtomicBool::new(false),
        }
    }

    /// Passes a result on, and takes note if it is about damage.
    pub(super) fn note<T>(&self, result: Result<T, HistoryError>) -> Result<T, HistoryError> {
        if let Err(HistoryError::Damaged(reason)) = &result
            && !self.known.swap(true, Ordering::Relaxed)
        {
            tracing::error!(
                reason,
                "the history store is damaged: restart the server to have it rebuilt from the log"
            );
            if let Err(error) = fs::write(&self.marker, reason) {
                tracing::error!(%error, marker = %self.marker.display(), "the damage could not be noted for the next start");
            }
        }
        result
    }
}

/// SQLite's errors by what the caller can do.
pub(super) fn from_sqlite(error: rusqlite::Error) -> HistoryError {
    match error.sqlite_error_code() {
        // Unknown is "no such table" and the like: the file is not what this program made.
        Some(
            ErrorCode::DatabaseCorrupt
            | ErrorCode::NotADatabase
            | ErrorCode::ConstraintViolation
            | ErrorCode::Unknown,
        ) => HistoryError::Damaged(error.to_string()),
        _ => HistoryError::Unavailable(error.to_string()),
    }
}

fn unavailable(path: &Path, error: &io::Error) -> HistoryError {
    HistoryError::Unavailable(format!("{}: {error}", path.display()))
}

fn open_for_writing(path: &Path) -> rusqlite::Result<Connection> {
    make_private(path);
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    // After a crash rows and checkpoint fall back together and are read from the log again.
    connection.pragma_update(None, "synchronous", "normal")?;
    connection.pragma_update(None, "cache_size", -65_536)?;
    connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    Ok(connection)
}

pub(super) fn open_for_reading(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "cache_size", -16_384)?;
    Ok(connection)
}

/// Makes the file readable by its owner only; SQLite gives its side files the same rights. If that fails, opening it tells why.
fn make_private(path: &Path) {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
        options.mode(0o600);
        if let Ok(file) = options.open(path) {
            drop(file.set_permissions(fs::Permissions::from_mode(0o600)));
        }
    }
}

/// For whoever checks the store: what a crash left in the write-ahead log stays there, and nothing is written.
pub(super) fn open_for_audit(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// Whether the file is ours and of the form that this version writes, and what it holds.
pub(super) fn check(connection: &Connection) -> Result<Saved, HistoryError> {
    check_form(connection)?;
    load(connection)
}

/// Makes the tables of a new file, or checks that the file is ours.
fn prepare(connection: &Connection) -> Result<(), HistoryError> {
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))
        .map_err(from_sqlite)?;
    if tables == 0 {
        let script = format!(
            "BEGIN IMMEDIATE; PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {FORMAT}; {TABLES} COMMIT;"
        );
        return connection.execute_batch(&script).map_err(from_sqlite);
    }
    check_form(connection)
}

fn check_form(connection: &Connection) -> Result<(), HistoryError> {
    let pragma = |name| {
        connection
            .pragma_query_value(None, name, |row| row.get::<_, i32>(0))
            .map_err(from_sqlite)
    };
    if pragma("application_id")? != APPLICATION {
        return Err(HistoryError::Damaged(
            "it is another program's file".to_owned(),
        ));
    }
    match pragma("user_version")? {
        FORMAT => Ok(()),
        other => Err(HistoryError::Damaged(format!(
            "it has form {other}, this server writes form {FORMAT}"
        ))),
    }
}

/// Takes note of which records this version understands. A store in which another version has left messages that it did not understand, or
/// that this one does not, is to be rebuilt: only the log has them whole.
fn understand(connection: &Connection) -> Result<(), HistoryError> {
    let kinds = Kind::KNOWN.map(Kind::as_str);
    let understood = format!("v{RECORD_VERSION} {}", kinds.join(" "));
    let mut noted = None;
    each(
        connection,
        "SELECT value, sum FROM meta WHERE key = 'understood'",
        |row| {
            let value: String = column(row, "value")?;
            understood_sum(&value).check(row, "meta")?;
            noted = Some(value);
            Ok(())
        },
    )?;
    if noted.as_ref() == Some(&understood) {
        return Ok(());
    }
    let is_strange = |kind: &String| !kinds.contains(&kind.as_str());
    let mut statement = connection
        .prepare("SELECT DISTINCT kind FROM messages")
        .map_err(from_sqlite)?;
    let mut found = statement
        .query_map([], |row| row.get(0))
        .map_err(from_sqlite)?;
    if found.any(|kind| kind.as_ref().is_ok_and(is_strange)) {
        return Err(HistoryError::Damaged(
            "it has messages of kinds that the version which wrote it did not understand, or this one does not".to_owned(),
        ));
    }
    connection
        .execute(
            "INSERT OR REPLACE INTO meta(key, value, sum) VALUES ('understood', ?1, ?2)",
            (&understood, understood_sum(&understood).value()),
        )
        .map(drop)
        .map_err(from_sqlite)
}

fn understood_sum(value: &str) -> Sum {
    Sum::default().text("understood").text(value)
}

fn load(connection: &Connection) -> Result<Saved, HistoryError> {
    let mut saved = Saved::default();
    each(
        connection,
        "SELECT key, value, sum FROM meta WHERE key = 'epoch'",
        |row| {
            let value: String = column(row, "value")?;
            Sum::default()
                .text("epoch")
                .text(&value)
                .check(row, "meta")?;
            saved.epoch = Some(
                value
                    .parse()
                    .map_err(|_| HistoryError::Damaged(format!("{value:?} is no epoch")))?,
            );
            Ok(())
        },
    )?;
    each(
        connection,
        "SELECT partition, next, hash, clock, sum FROM checkpoints",
        |row| {
            let checkpoint = Checkpoint {
                partition: column(row, "partition")?,
                next: column(row, "next")?,
                hash: column(row, "hash")?,
                clock: column(row, "clock")?,
            };
            let Checkpoint {
                partition,
                next,
                hash,
                clock,
            } = checkpoint;
            rows::checkpoint_sum(partition, next, hash, clock).check(row, "checkpoints")?;
            saved.checkpoints.push(checkpoint);
            Ok(())
        },
    )?;
    each(
        connection,
        "SELECT id, name, partition, head, at, sum FROM rooms",
        |row| {
            let name: String = column(row, "name")?;
            let (id, partition, head) = (
                column(row, "id")?,
                column(row, "partition")?,
                column(row, "head")?,
            );
            rows::room_sum(id, &name, partition, head, column(row, "at")?).check(row, "rooms")?;
            let name = name
                .parse()
                .map_err(|_| HistoryError::Damaged(format!("{name:?} is no room")))?;
            saved.rooms.push(SavedRoom {
                id,
                name,
                partition,
                head,
            });
            Ok(())
        },
    )?;
    Ok(saved)
}

pub(super) fn each(
    connection: &Connection,
    sql: &str,
    mut visit: impl FnMut(&rusqlite::Row<'_>) -> Result<(), HistoryError>,
) -> Result<(), HistoryError> {
    let mut statement = connection.prepare(sql).map_err(from_sqlite)?;
    let mut rows = statement.query([]).map_err(from_sqlite)?;
    while let Some(row) = rows.next().map_err(from_sqlite)? {
        visit(row)?;
    }
    Ok(())
}

/// Renames the store's files to the first free `history.db.{why}-N`, and takes the marker away.
pub(super) fn set_aside(directory: &Path, why: &str) -> Result<PathBuf, HistoryError> {
    let target = (1..10_000)
        .map(|number| directory.join(format!("{FILE}.{why}-{number}")))
        .find(|path| !path.exists())
        .unwrap_or_else(|| directory.join(format!("{FILE}.{why}")));
    // The side files first: a crash in between leaves the main file, which is then still found damaged.
    for suffix in ["-wal", "-shm", ""] {
        let mut to = target.clone().into_os_string();
        to.push(suffix);
        match fs::rename(directory.join(format!("{FILE}{suffix}")), &to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(unavailable(directory, &error));
            }
            _ => {}
        }
    }
    match fs::remove_file(directory.join(MARKER)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(unavailable(directory, &error))
        }
        _ => Ok(target),
    }
}
