//! Reading batches back: every row is checked, and rows must follow one another without a gap.

use std::{
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use kafka_protocol::error::ResponseError;
use rusqlite::{CachedStatement, Connection, ErrorCode, OpenFlags, OptionalExtension as _, Row};

use super::batch_checksum;
use crate::partition::{PartitionId, Stored};

/// How many cold reads run at the same time.
pub(crate) const READERS: usize = 4;

/// Why stored batches cannot be served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// Bytes were changed, or rows lost, since they were written.
    #[error("{0}")]
    Damaged(String),
    /// It may be readable later.
    #[error("SQLite: {0}")]
    Storage(rusqlite::Error),
    /// The log is being shut down.
    #[error("reading was stopped")]
    Stopped,
}

impl ReadError {
    /// What a client is told. librdkafka shows the first to its application and silently retries after the second.
    pub(crate) fn code(&self) -> ResponseError {
        match self {
            Self::Damaged(_) => ResponseError::CorruptMessage,
            Self::Storage(_) | Self::Stopped => ResponseError::KafkaStorageError,
        }
    }
}

impl From<rusqlite::Error> for ReadError {
    fn from(error: rusqlite::Error) -> Self {
        match (&error, error.sqlite_error_code()) {
            // A row whose columns do not even have their types is as damaged as one with a wrong checksum.
            (
                rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::IntegralValueOutOfRange(..),
                _,
            )
            | (_, Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)) => {
                Self::Damaged(error.to_string())
            }
            _ => Self::Storage(error),
        }
    }
}

/// Which batches are wanted: those of a partition from the one that holds `offset` up to `end`, at most `limit` bytes but at least one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) partition: PartitionId,
    pub(crate) offset: i64,
    pub(crate) end: i64,
    pub(crate) limit: usize,
}

/// Connections for reading, opened when they are needed and kept.
pub(crate) struct Readers {
    file: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(super) fn new(file: PathBuf) -> Self {
        Self {
            file,
            idle: Mutex::default(),
        }
    }

    /// Lends a connection to `work`. Blocks the thread.
    pub(crate) fn with<T>(
        &self,
        work: impl FnOnce(&Reader<'_>) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = idle().pop();
        let connection = match connection {
            Some(connection) => connection,
            None => Connection::open_with_flags(
                &self.file,
                OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
            )
            .and_then(|connection| {
                connection
                    .pragma_update(None, "query_only", true)
                    .map(|()| connection)
            })?,
        };
        let result = work(&Reader(&connection));
        let mut idle = idle();
        if idle.len() < READERS {
            idle.push(connection);
        }
        result
    }
}

pub(crate) struct Reader<'a>(&'a Connection);

impl Reader<'_> {
    /// The batches of a span. What lies before a damaged row is served; a span that begins with one is an error.
    pub(crate) fn read(&self, span: Span) -> Result<Vec<Stored>, ReadError> {
        let mut expected = span.offset;
        let Some(first) = self.batch_holding(span.partition, span.offset)? else {
            return Err(missing(span.offset));
        };
        let mut statement =
            self.prepare("SELECT id, count, time, checksum, data FROM batches WHERE id >= ?1 AND id < ?2 ORDER BY id")?;
        let mut rows = statement.query((
            span.partition.row(first.base_offset),
            span.partition.row(span.end),
        ))?;
        let mut batches = Vec::<Stored>::new();
        let mut bytes = 0;
        loop {
            let batch = match rows
                .next()
                .map_err(ReadError::from)
                .and_then(|row| row.map(|row| checked(row, span.partition)).transpose())
            {
                Ok(Some(batch)) => batch,
                Ok(None) => break,
                Err(_) if !batches.is_empty() => break,
                Err(error) => return Err(error),
            };
            let continues = if batches.is_empty() {
                batch.end() > expected
            } else {
                batch.base_offset == expected
            };
            if !continues {
                break;
            }
            bytes += batch.data.len();
            if bytes > span.limit && !batches.is_empty() {
                break;
            }
            expected = batch.end();
            batches.push(batch);
        }
        if batches.is_empty() {
            Err(missing(span.offset))
        } else {
            Ok(batches)
        }
    }

    /// The first batch between two offsets that is not older than `time`. Times never go back, so it is a bisection.
    pub(crate) fn first_since(
        &self,
        partition: PartitionId,
        start: i64,
        end: i64,
        time: i64,
    ) -> Result<Option<Stored>, ReadError> {
        let (mut low, mut high) = (start, end);
        while low < high {
            let middle = low + (high - low) / 2;
            let batch = self
                .batch_holding(partition, middle)?
                .ok_or_else(|| missing(middle))?;
            if batch.time >= time {
                high = batch.base_offset;
            } else {
                low = batch.end;
            }
        }
        if low >= end {
            return Ok(None);
        }
        let found = self.read(Span {
            partition,
            offset: low,
            end,
            limit: 0,
        })?;
        Ok(found.into_iter().next())
    }

    /// Where the batch that holds an offset lies, if there is one. Its checksum is not looked at.
    fn batch_holding(
        &self,
        partition: PartitionId,
        offset: i64,
    ) -> Result<Option<Place>, ReadError> {
        let place = self
            .prepare("SELECT id, count, time FROM batches WHERE id BETWEEN ?1 AND ?2 ORDER BY id DESC LIMIT 1")?
            .query_row((partition.row(0), partition.row(offset)), |row| {
                let base_offset = partition.offset(row.get(0)?);
                Ok(Place { base_offset, end: base_offset + i64::from(row.get::<_, i32>(1)?), time: row.get(2)? })
            })
            .optional()?;
        Ok(place.filter(|place| place.end > offset))
    }

    fn prepare(&self, sql: &str) -> rusqlite::Result<CachedStatement<'_>> {
        self.0.prepare_cached(sql)
    }
}

/// Visits the rows of a partition's batches from one row up to another. A row that does not fit its checksum comes with its id; what SQLite
/// itself cannot read ends the visit.
pub(super) fn each_batch<E>(
    connection: &Connection,
    partition: PartitionId,
    from: i64,
    to: i64,
    mut visit: impl FnMut(Result<Stored, (i64, ReadError)>) -> Result<(), E>,
) -> Result<(), E>
where
    E: From<rusqlite::Error>,
{
    let mut statement = connection.prepare_cached(
        "SELECT id, count, time, checksum, data FROM batches WHERE id BETWEEN ?1 AND ?2 ORDER BY id",
    )?;
    let mut rows = statement.query([from, to])?;
    while let Some(row) = rows.next()? {
        let id = row.get(0)?;
        visit(checked(row, partition).map_err(|error| (id, error)))?;
    }
    Ok(())
}

struct Place {
    base_offset: i64,
    end: i64,
    time: i64,
}

fn checked(row: &Row<'_>, partition: PartitionId) -> Result<Stored, ReadError> {
    let id: i64 = row.get(0)?;
    let (count, time): (i32, i64) = (row.get(1)?, row.get(2)?);
    let data = row
        .get_ref(4)?
        .as_blob()
        .map_err(|error| ReadError::Damaged(error.to_string()))?;
    if row.get::<_, u32>(3)? != batch_checksum(id, count, time, data) {
        return Err(ReadError::Damaged(format!(
            "the checksum of the batch at offset {} does not fit",
            partition.offset(id)
        )));
    }
    Ok(Stored {
        base_offset: partition.offset(id),
        count,
        time,
        data: Bytes::copy_from_slice(data),
    })
}

fn missing(offset: i64) -> ReadError {
    ReadError::Damaged(format!("no stored batch holds offset {offset}"))
}
