//! Opening the database: its settings, its tables, and what they remember from the last run.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rusqlite::{Connection, ErrorCode, OptionalExtension as _, Row};

use super::{Readers, Writer, checksum, wal};
use crate::{
    directory::Directory,
    error::StartError,
    partition::{Appender, Partition, PartitionId, Remembered},
    sequence::Entry,
    settings::{Durability, Settings},
    topic::{Log, Topic},
};

/// Tells SQLite's tools, and us, whose file this is.
const APPLICATION_ID: i64 = 0x506f_634b;
const FORMAT: i64 = 1;
/// How long a commit waits for another process that holds the database.
const BUSY: Duration = Duration::from_secs(1);

const TABLES: &str = "
    CREATE TABLE counters (
        name TEXT PRIMARY KEY, value INTEGER NOT NULL, checksum INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE partitions (
        id INTEGER PRIMARY KEY, topic TEXT NOT NULL, number INTEGER NOT NULL,
        start_offset INTEGER NOT NULL, next_offset INTEGER NOT NULL, last_time INTEGER NOT NULL,
        checksum INTEGER NOT NULL, UNIQUE (topic, number)
    ) STRICT;
    CREATE TABLE batches (
        id INTEGER PRIMARY KEY, count INTEGER NOT NULL, time INTEGER NOT NULL, checksum INTEGER NOT NULL, data BLOB NOT NULL
    ) STRICT;
    CREATE TABLE sequences (
        partition INTEGER NOT NULL, producer INTEGER NOT NULL, slot INTEGER NOT NULL, epoch INTEGER NOT NULL,
        first INTEGER NOT NULL, last INTEGER NOT NULL, base_offset INTEGER NOT NULL, time INTEGER NOT NULL,
        checksum INTEGER NOT NULL, PRIMARY KEY (partition, producer, slot)
    ) STRICT, WITHOUT ROWID;";

/// What is needed to serve an opened log.
pub(crate) struct Opened {
    pub(crate) writer: Writer,
    pub(crate) readers: Readers,
    pub(crate) log: Log,
    pub(crate) next_partition: i64,
}

/// Why a database cannot be used, before the file's name is known.
pub(super) enum Refusal {
    Sqlite(rusqlite::Error),
    Format(String),
    Damaged(String),
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Damaged(error.to_string())
            }
            _ => Self::Sqlite(error),
        }
    }
}

impl Refusal {
    pub(super) fn of(self, file: PathBuf) -> StartError {
        match self {
            Self::Sqlite(source) => StartError::Open {
                file,
                source: Box::new(source),
            },
            Self::Format(found) => StartError::Format {
                file,
                found,
                expected: FORMAT,
            },
            Self::Damaged(what) => StartError::Damaged { file, what },
        }
    }
}

/// Locks the directory and reads what is needed to go on. Blocks the thread, at worst for as long as the lock is waited for.
pub(crate) fn open(settings: &Settings) -> Result<Opened, StartError> {
    let directory = Directory::open(&settings.directory)?;
    let file = directory.database();
    let (writer, log, next_partition) =
        load(&file, directory, settings).map_err(|refusal| refusal.of(file.clone()))?;
    Ok(Opened {
        writer,
        readers: Readers::new(file),
        log,
        next_partition,
    })
}

/// Refuses a write-ahead log that SQLite would cut short without a word, dropping what was acknowledged.
fn check_wal(file: &Path, settings: &Settings) -> Result<(), Refusal> {
    let unreadable = |error: io::Error| Refusal::Damaged(error.to_string());
    let wal = match fs::read(wal_of(file)) {
        Ok(wal) => wal,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(unreadable(error)),
    };
    let page_size = page_size(file).map_err(unreadable)?;
    match wal::examine(&wal, page_size).damage {
        Some(damage) if settings.durability == Durability::Off => {
            // Nothing was synced in order, so after a power loss this is what may be expected.
            tracing::warn!("{damage}: what was written after that is lost");
            Ok(())
        }
        Some(damage) => Err(Refusal::Damaged(damage)),
        None => Ok(()),
    }
}

/// The write-ahead log beside a database.
pub(super) fn wal_of(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push("-wal");
    path.into()
}

/// The page size that a database's header names; of a file without one, SQLite's default.
pub(super) fn page_size(database: &Path) -> io::Result<usize> {
    let mut header = [0; 18];
    let read = File::open(database).and_then(|mut file| file.read_exact(&mut header));
    match read {
        Ok(()) => Ok(match u16::from_be_bytes([header[16], header[17]]) {
            1 => 65_536,
            size => usize::from(size),
        }),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof
            ) =>
        {
            Ok(4096)
        }
        Err(error) => Err(error),
    }
}

fn load(
    file: &Path,
    directory: Directory,
    settings: &Settings,
) -> Result<(Writer, Log, i64), Refusal> {
    check_wal(file, settings)?;
    let connection = Connection::open(file)?;
    // Nobody else writes here; whoever holds the lock all the same must not hold up the producers for long.
    connection.busy_timeout(BUSY)?;
    prepare(&connection)?;
    let producer_id = next_producer_id(&connection)?;
    let mut appenders = BTreeMap::new();
    let mut places = BTreeMap::<String, Vec<Place>>::new();
    for place in partitions(&connection)? {
        appenders.insert(place.id, Appender::new(place.next_offset, place.last_time));
        places.entry(place.topic.clone()).or_default().push(place);
    }
    let next_partition = appenders.keys().next_back().map_or(0, |id| id.0 + 1);
    restore_sequences(&connection, &mut appenders)?;
    let log = Log::default();
    for (name, places) in places {
        let in_memory = settings.memory_topics.contains(&name);
        let mut partitions = Vec::new();
        for (expected, place) in (0..).zip(places) {
            if place.number != expected {
                return Err(Refusal::Damaged(format!(
                    "partition {expected} of topic {name} is missing"
                )));
            }
            partitions.push(if in_memory {
                Partition::in_memory(
                    place.id,
                    place.number,
                    settings.limits.memory_partition_bytes,
                )
            } else {
                let appender = appenders.remove(&place.id).unwrap_or_default();
                Partition::durable(place.id, place.number, place.start_offset, appender)
            });
        }
        log.insert(name, Topic { partitions });
    }
    let writer = Writer::new(connection, directory, settings.durability, producer_id)?;
    Ok((writer, log, next_partition))
}

/// Whether the file is new; refuses what another program or version wrote.
pub(super) fn check_format(connection: &Connection) -> Result<bool, Refusal> {
    let application: i64 =
        connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let format: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let is_new = (application, format, tables) == (0, 0, 0);
    if !is_new && application != APPLICATION_ID {
        return Err(Refusal::Format("of another program".to_owned()));
    }
    if !is_new && format != FORMAT {
        return Err(Refusal::Format(format.to_string()));
    }
    Ok(is_new)
}

/// Settings of the database, and the tables of a new one.
pub(super) fn prepare(connection: &Connection) -> Result<(), Refusal> {
    let is_new = check_format(connection)?;
    if is_new {
        // Takes effect only before the first table; without it a deleted batch's space never returns to the disk.
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // macOS answers fsync before the drive has written; these ask for the slower call that waits. Elsewhere they do nothing.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    if is_new {
        // Ids start at the time of birth, so that a producer which outlives its deleted log is unknown to the next one.
        let born = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |age| i64::try_from(age.as_millis()).unwrap_or(0));
        let first_producer = (born << 20) & i64::MAX;
        let transaction = connection.unchecked_transaction()?;
        transaction.execute_batch(TABLES)?;
        transaction.execute(
            "INSERT INTO counters VALUES ('next_producer_id', ?1, ?2)",
            (
                first_producer,
                checksum(&[first_producer], b"next_producer_id"),
            ),
        )?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", FORMAT)?;
        transaction.commit()?;
    }
    Ok(())
}

fn next_producer_id(connection: &Connection) -> Result<i64, Refusal> {
    connection
        .query_row(
            "SELECT value, checksum FROM counters WHERE name = 'next_producer_id'",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?
        .filter(|&(value, sum): &(i64, u32)| sum == checksum(&[value], b"next_producer_id"))
        .map(|(value, _)| value)
        .ok_or_else(|| Refusal::Damaged("the counter of producer ids".to_owned()))
}

/// A row of `partitions`.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) id: PartitionId,
    pub(super) topic: String,
    pub(super) number: i32,
    pub(super) start_offset: i64,
    pub(super) next_offset: i64,
    pub(super) last_time: i64,
}

fn partitions(connection: &Connection) -> Result<Vec<Place>, Refusal> {
    let mut places = Vec::new();
    let mut is_damaged = false;
    each_partition(connection, |_, place| match place {
        Some(place) => places.push(place),
        None => is_damaged = true,
    })?;
    if is_damaged {
        return Err(Refusal::Damaged(
            "a row that describes a partition".to_owned(),
        ));
    }
    places
        .sort_unstable_by(|one, other| (&one.topic, one.number).cmp(&(&other.topic, other.number)));
    Ok(places)
}

/// Visits the rows of `partitions` by id; a row whose checksum does not fit has no place. Goes through the table itself, never an index that
/// may say something else.
pub(super) fn each_partition(
    connection: &Connection,
    mut visit: impl FnMut(i64, Option<Place>),
) -> rusqlite::Result<()> {
    let mut statement =
        connection.prepare("SELECT id, topic, number, start_offset, next_offset, last_time, checksum FROM partitions NOT INDEXED ORDER BY id")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        visit(id, place(row).unwrap_or(None));
    }
    Ok(())
}

/// Whether the counter and the producers' rows are whole; says what is not.
pub(super) fn check_rest(connection: &Connection) -> Result<(), String> {
    let sentence = |refusal| match refusal {
        Refusal::Damaged(what) | Refusal::Format(what) => what,
        Refusal::Sqlite(error) => error.to_string(),
    };
    next_producer_id(connection).map_err(sentence)?;
    each_sequence(connection, |_, _| {}).map_err(sentence)
}

fn place(row: &Row<'_>) -> rusqlite::Result<Option<Place>> {
    let place = Place {
        id: PartitionId(row.get(0)?),
        topic: row.get(1)?,
        number: row.get(2)?,
        start_offset: row.get(3)?,
        next_offset: row.get(4)?,
        last_time: row.get(5)?,
    };
    let expected = checksum(
        &[
            place.id.0,
            i64::from(place.number),
            place.start_offset,
            place.next_offset,
            place.last_time,
        ],
        place.topic.as_bytes(),
    );
    Ok((row.get::<_, u32>(6)? == expected).then_some(place))
}

fn restore_sequences(
    connection: &Connection,
    appenders: &mut BTreeMap<PartitionId, Appender>,
) -> Result<(), Refusal> {
    let mut is_orphan = false;
    each_sequence(connection, |partition, remembered| {
        match appenders.get_mut(&partition) {
            Some(appender) => appender.restore(remembered),
            None => is_orphan = true,
        }
    })?;
    if is_orphan {
        return Err(damaged_producer());
    }
    Ok(())
}

fn damaged_producer() -> Refusal {
    Refusal::Damaged("a row that describes a producer".to_owned())
}

fn each_sequence(
    connection: &Connection,
    mut visit: impl FnMut(PartitionId, Remembered),
) -> Result<(), Refusal> {
    // Within a partition the order of the offsets is the order in which the windows were filled.
    let mut statement = connection.prepare(
        "SELECT partition, producer, slot, epoch, first, last, base_offset, time, checksum FROM sequences
         ORDER BY partition, base_offset",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let partition = PartitionId(row.get(0)?);
        let slot: i64 = row.get(2)?;
        let entry = Entry {
            first: row.get(4)?,
            last: row.get(5)?,
            base_offset: row.get(6)?,
            time: row.get(7)?,
        };
        let remembered = Remembered {
            producer: row.get(1)?,
            epoch: row.get(3)?,
            slot: usize::try_from(slot).unwrap_or(usize::MAX),
            entry,
        };
        if row.get::<_, u32>(8)? != remembered.checksum(partition) {
            return Err(damaged_producer());
        }
        visit(partition, remembered);
    }
    Ok(())
}

impl Remembered {
    /// The checksum of its row in `sequences`.
    pub(super) fn checksum(&self, partition: PartitionId) -> u32 {
        let Entry {
            first,
            last,
            base_offset,
            time,
        } = self.entry;
        let slot = i64::try_from(self.slot).unwrap_or(i64::MAX);
        let (epoch, first, last) = (i64::from(self.epoch), i64::from(first), i64::from(last));
        checksum(
            &[
                partition.0,
                self.producer,
                slot,
                epoch,
                first,
                last,
                base_offset,
                time,
            ],
            &[],
        )
    }
}
