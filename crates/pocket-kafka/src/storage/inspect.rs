//! Reading everything of a log that nobody serves: which rows are whole, and what is missing between them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, config::DbConfig};

use super::open::{self, Place};
use super::reader::{self, ReadError};
use super::wal::{self, Examined};
use crate::directory::Directory;
use crate::error::StartError;
use crate::partition::{OFFSET_LIMIT, PARTITION_LIMIT, PartitionId, Stored};

/// What [`crate::inspect`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inspection {
    /// The partitions that are known, in the order of their names.
    pub partitions: Vec<PartitionState>,
    /// Whole batches.
    pub batches: u64,
    /// The bytes of whole batches.
    pub bytes: u64,
    /// What is wrong beside lost offsets: sentences.
    pub damage: Vec<String>,
    /// Offsets that no whole batch holds.
    pub lost: Vec<Lost>,
}

impl Inspection {
    /// Whether everything is as it was written.
    pub fn is_whole(&self) -> bool {
        self.damage.is_empty() && self.lost.is_empty()
    }
}

/// A partition with the offsets that it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionState {
    /// Its topic.
    pub topic: String,
    /// Its number in the topic.
    pub number: i32,
    /// Its first offset.
    pub start: i64,
    /// The offset after its last.
    pub end: i64,
}

/// Offsets of a partition that were acknowledged and cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// Its topic.
    pub topic: String,
    /// Its number in the topic.
    pub partition: i32,
    /// The first lost offset.
    pub first: i64,
    /// The offset after the last lost one.
    pub end: i64,
    /// The times of the batches around them, in Unix milliseconds; none where there is no batch on that side.
    pub between: (Option<i64>, Option<i64>),
}

/// A log as its rows say, read from the database or, if its write-ahead log is damaged, from a copy of both that is made for that.
pub(super) struct Source {
    pub(super) connection: Connection,
    pub(super) damage: Vec<String>,
    copy: Option<PathBuf>,
    _directory: Directory,
}

impl Drop for Source {
    fn drop(&mut self) {
        if let Some(copy) = &self.copy {
            drop(fs::remove_file(copy));
        }
    }
}

impl Source {
    /// Locks the directory and opens its database without changing it.
    pub(super) fn open(path: &Path) -> Result<Self, StartError> {
        let directory = Directory::open(path)?;
        let file = directory.database();
        let unusable = |source| StartError::Directory {
            directory: path.to_owned(),
            source,
        };
        let wal = match fs::read(open::wal_of(&file)) {
            Ok(wal) => wal,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(unusable(error)),
        };
        let page_size = open::page_size(&file).map_err(unusable)?;
        let examined = wal::examine(&wal, page_size);
        let mut damage: Vec<String> = examined.damage.iter().cloned().collect();
        let copy = if damage.is_empty() {
            None
        } else {
            let copy = path.join("log.sqlite.inspected");
            rescue(&file, &wal, &examined, &copy).map_err(unusable)?;
            Some(copy)
        };
        let opened = open_quietly(copy.as_deref().unwrap_or(&file));
        let connection = opened.map_err(|refusal| refusal.of(file.clone()))?;
        damage.extend(structure(&connection));
        Ok(Self {
            connection,
            damage,
            copy,
            _directory: directory,
        })
    }

    /// The partitions whose rows are whole, by id; what is wrong with the others is added to the damage.
    pub(super) fn places(&mut self) -> BTreeMap<i64, Place> {
        let mut places = BTreeMap::new();
        let result = open::each_partition(&self.connection, |id, place| match place {
            Some(place) => drop(places.insert(place.id.0, place)),
            None => self
                .damage
                .push(format!("the row of partition {id} is damaged")),
        });
        if let Err(error) = result {
            self.damage
                .push(format!("the table of partitions: {error}"));
        }
        places
    }

    /// The ids of partitions that have batches, whether their own rows are whole or not.
    pub(super) fn partitions_with_batches(&self) -> Vec<i64> {
        let mut found = Vec::new();
        let mut from = 0;
        while from < PARTITION_LIMIT {
            let Some(row) = self.first_row(PartitionId(from).row(0), i64::MAX) else {
                break;
            };
            let id = row.div_euclid(OFFSET_LIMIT);
            found.push(id);
            from = id + 1;
        }
        found
    }

    /// Visits the whole batches of a partition in order, passing over what cannot be read.
    pub(super) fn batches<E>(
        &self,
        partition: PartitionId,
        mut visit: impl FnMut(Stored) -> Result<(), E>,
    ) -> Result<(), E> {
        let end = partition.row(OFFSET_LIMIT - 1);
        let mut from = partition.row(0);
        while let Some(row) = self.first_row(from, end) {
            let mut next = row;
            let read = reader::each_batch(&self.connection, partition, row, end, |batch| {
                match batch {
                    Ok(batch) => {
                        next = partition.row(batch.end()).max(next + 1);
                        return visit(batch).map_err(Broken::Visitor);
                    }
                    Err((row, ReadError::Damaged(_))) => next = next.max(row + 1),
                    Err(_) => return Err(Broken::Storage),
                }
                Ok(())
            });
            match read {
                Ok(()) => return Ok(()),
                Err(Broken::Visitor(error)) => return Err(error),
                Err(Broken::Storage) => from = next.max(row + 1),
            }
        }
        Ok(())
    }

    /// The first row from `from` to `to` that can be found. Where a page is damaged it is looked for behind that, in growing steps.
    fn first_row(&self, from: i64, to: i64) -> Option<i64> {
        let find = |from: i64| {
            self.connection
                .prepare_cached("SELECT id, length(data) FROM batches WHERE id BETWEEN ?1 AND ?2 ORDER BY id LIMIT 1")
                .and_then(|mut statement| {
                    let mut rows = statement.query([from, to])?;
                    let found = rows.next()?.map(|row| row.get::<_, i64>(0)).transpose()?;
                    // In a damaged tree a search may end anywhere, also before where it was to begin.
                    match found {
                        Some(row) if !(from..=to).contains(&row) => Err(rusqlite::Error::QueryReturnedNoRows),
                        found => Ok(found),
                    }
                })
        };
        if let Ok(found) = find(from) {
            return found;
        }
        let (mut bad, mut step) = (from, 1);
        let mut good = loop {
            let at = bad.checked_add(step).filter(|at| *at <= to)?;
            if find(at).is_ok() {
                break at;
            }
            (bad, step) = (at, step * 2);
        };
        while good - bad > 1 {
            let middle = bad + (good - bad) / 2;
            if find(middle).is_ok() {
                good = middle;
            } else {
                bad = middle;
            }
        }
        find(good).ok().flatten()
    }
}

/// Why going through rows was ended.
pub(super) enum Broken<E> {
    /// The visitor has enough.
    Visitor(E),
    /// SQLite cannot go on from here.
    Storage,
}

impl<E> From<rusqlite::Error> for Broken<E> {
    fn from(_: rusqlite::Error) -> Self {
        Self::Storage
    }
}

/// Reads everything; see [`crate::inspect`].
pub(crate) fn inspect(path: &Path) -> Result<Inspection, StartError> {
    let mut source = Source::open(path)?;
    let places = source.places();
    let mut disagreeing = Vec::new();
    let mut inspection = Inspection::default();
    for place in places.values() {
        let mut gaps = Gaps::new(&place.topic, place.number);
        let read: Result<(), std::convert::Infallible> = source.batches(place.id, |batch| {
            inspection.batches += 1;
            inspection.bytes += batch.data.len() as u64;
            inspection.lost.extend(gaps.next(&batch));
            Ok(())
        });
        let Ok(()) = read;
        inspection.lost.extend(gaps.end(place.next_offset));
        if gaps.next > place.next_offset {
            let sentence = format!(
                "partition {} of {} has batches up to {} and a row that says {}",
                place.number, place.topic, gaps.next, place.next_offset
            );
            disagreeing.push(sentence);
        }
        inspection.partitions.push(PartitionState {
            topic: place.topic.clone(),
            number: place.number,
            start: place.start_offset,
            end: place.next_offset,
        });
    }
    source.damage.append(&mut disagreeing);
    for id in source.partitions_with_batches() {
        if !places.contains_key(&id) {
            source.damage.push(format!(
                "partition {id} has batches and no whole row that names its topic"
            ));
        }
    }
    if let Err(error) = open::check_rest(&source.connection) {
        source.damage.push(error);
    }
    inspection
        .partitions
        .sort_unstable_by(|one, other| (&one.topic, one.number).cmp(&(&other.topic, other.number)));
    inspection.damage.append(&mut source.damage);
    Ok(inspection)
}

/// Finds the offsets that are missing between the batches of one partition.
pub(super) struct Gaps<'a> {
    topic: &'a str,
    partition: i32,
    pub(super) next: i64,
    pub(super) time: Option<i64>,
}

impl<'a> Gaps<'a> {
    pub(super) fn new(topic: &'a str, partition: i32) -> Self {
        Self {
            topic,
            partition,
            next: 0,
            time: None,
        }
    }

    /// What is missing before a batch.
    pub(super) fn next(&mut self, batch: &Stored) -> Option<Lost> {
        let lost = self.until(batch.base_offset, Some(batch.time));
        self.next = self.next.max(batch.end());
        self.time = Some(batch.time);
        lost
    }

    /// What is missing at the end.
    pub(super) fn end(&self, end: i64) -> Option<Lost> {
        self.until(end, None)
    }

    fn until(&self, end: i64, after: Option<i64>) -> Option<Lost> {
        (self.next < end).then(|| Lost {
            topic: self.topic.to_owned(),
            partition: self.partition,
            first: self.next,
            end,
            between: (self.time, after),
        })
    }
}

/// What SQLite's own check says of the file's structure.
fn structure(connection: &Connection) -> Vec<String> {
    let check = || {
        let mut statement = connection.prepare("PRAGMA integrity_check(20)")?;
        let lines = statement.query_map([], |row| row.get::<_, String>(0))?;
        lines.collect::<rusqlite::Result<Vec<_>>>()
    };
    match check() {
        Ok(lines) => lines
            .into_iter()
            .filter(|line| line != "ok")
            .map(|line| format!("SQLite: {line}"))
            .collect(),
        Err(error) => vec![format!("SQLite: {error}")],
    }
}

/// For reading only; what a crash left in the write-ahead log stays there.
fn open_quietly(file: &Path) -> Result<Connection, open::Refusal> {
    let connection = Connection::open_with_flags(
        file,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "query_only", true)?;
    open::check_format(&connection)?;
    Ok(connection)
}

/// Makes a database of what the database and its damaged write-ahead log have: all frames that are whole, also those that SQLite would drop.
fn rescue(database: &Path, wal: &[u8], examined: &Examined, copy: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::FileExt as _;
    fs::copy(database, copy)?;
    let file = fs::File::options().write(true).open(copy)?;
    let page_size = examined.page_size as u64;
    for frame in &examined.frames {
        if (1..=examined.pages).contains(&frame.page) {
            file.write_all_at(
                &wal[frame.bytes.clone()],
                u64::from(frame.page - 1) * page_size,
            )?;
        }
    }
    if examined.pages > 0 {
        file.set_len(u64::from(examined.pages) * page_size)?;
    }
    // Without a write-ahead log beside it, a database that says it has one is opened all the same.
    Ok(())
}
