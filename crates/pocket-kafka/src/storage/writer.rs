//! The one writing connection: a group of changes is one transaction, on the disk as the durability setting says.

use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior, ffi};

use super::{batch_checksum, checksum};
use crate::{
    directory::Directory,
    partition::{Admitted, PartitionId},
    settings::Durability,
};

/// The batches of one partition in a group, in order, and where the partition stands after them.
#[derive(Debug)]
pub(crate) struct Changes<'a> {
    pub(crate) partition: PartitionId,
    pub(crate) topic: &'a str,
    pub(crate) number: i32,
    pub(crate) start_offset: i64,
    pub(crate) next_offset: i64,
    pub(crate) last_time: i64,
    pub(crate) admitted: &'a [Admitted],
}

pub(crate) struct Writer {
    connection: Connection,
    directory: Directory,
    durability: Durability,
    /// Committed, not yet synced.
    unsynced: bool,
    /// A sync of what was acknowledged before has failed. The system takes those pages for clean now, so another sync would succeed without
    /// having written them: nothing more is promised until the log is opened again.
    lost_sync: bool,
    next_producer_id: i64,
}

impl Writer {
    pub(super) fn new(
        connection: Connection,
        directory: Directory,
        durability: Durability,
        next_producer_id: i64,
    ) -> rusqlite::Result<Self> {
        connection.set_prepared_statement_cache_capacity(16);
        let writer = Self {
            connection,
            directory,
            durability,
            unsynced: false,
            lost_sync: false,
            next_producer_id,
        };
        writer.set_synchronous(match durability {
            Durability::Always => "FULL",
            Durability::Interval(_) => "NORMAL",
            Durability::Off => "OFF",
        })?;
        Ok(writer)
    }

    pub(crate) fn free_bytes(&self) -> Option<u64> {
        self.directory.free_bytes()
    }

    /// Writes a group of batches: all of them or none.
    pub(crate) fn append(&mut self, group: &[Changes<'_>]) -> rusqlite::Result<()> {
        self.transaction(|transaction| {
            for changes in group {
                for admitted in changes.admitted {
                    insert_batch(transaction, changes.partition, admitted)?;
                }
                update_partition(transaction, changes)?;
            }
            Ok(())
        })
    }

    /// Writes a new topic: its partitions get the ids from `first` on.
    pub(crate) fn create_topic(
        &mut self,
        name: &str,
        first: i64,
        partitions: i32,
    ) -> rusqlite::Result<()> {
        self.transaction(|transaction| {
            for number in 0..partitions {
                let id = first + i64::from(number);
                transaction
                    .prepare_cached("INSERT INTO partitions VALUES (?1, ?2, ?3, 0, 0, 0, ?4)")?
                    .execute((
                        id,
                        name,
                        number,
                        checksum(&[id, i64::from(number), 0, 0, 0], name.as_bytes()),
                    ))?;
            }
            Ok(())
        })
    }

    /// An id that no producer of this log ever had.
    pub(crate) fn new_producer_id(&mut self) -> rusqlite::Result<i64> {
        let id = self.next_producer_id;
        let next = id + 1;
        self.transaction(|transaction| {
            transaction
                .prepare_cached(
                    "UPDATE counters SET value = ?1, checksum = ?2 WHERE name = 'next_producer_id'",
                )?
                .execute((next, checksum(&[next], b"next_producer_id")))?;
            Ok(())
        })?;
        self.next_producer_id = next;
        Ok(id)
    }

    /// Syncs what [`Durability::Interval`] has left unsynced: a commit with `synchronous=FULL` syncs all that lies before it in the WAL.
    pub(crate) fn sync(&mut self) -> rusqlite::Result<()> {
        if !self.unsynced {
            return Ok(());
        }
        self.set_synchronous("FULL")?;
        let id = self.next_producer_id;
        let result = self.transaction(|transaction| {
            transaction
                .execute(
                    "UPDATE counters SET value = ?1 WHERE name = 'next_producer_id'",
                    [id],
                )
                .map(|_| ())
        });
        self.set_synchronous("NORMAL")?;
        self.unsynced = result.is_err();
        // With Durability::Always a failed commit is refused and written anew, so only here something acknowledged is at stake.
        self.lost_sync |= result
            .as_ref()
            .is_err_and(|error| error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure));
        result
    }

    fn transaction<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        if self.lost_sync {
            let sentence = "a sync has failed, so what was acknowledged since the one before may be lost at a power loss: restart the server";
            let error = ffi::Error::new(ffi::SQLITE_IOERR_FSYNC);
            return Err(rusqlite::Error::SqliteFailure(
                error,
                Some(sentence.to_owned()),
            ));
        }
        // Rolls back when dropped without, or by a failed, commit.
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let result = work(&transaction)?;
        transaction.commit()?;
        self.unsynced = matches!(self.durability, Durability::Interval(_));
        Ok(result)
    }

    fn set_synchronous(&self, level: &str) -> rusqlite::Result<()> {
        self.connection.pragma_update(None, "synchronous", level)
    }
}

fn insert_batch(
    transaction: &Transaction<'_>,
    partition: PartitionId,
    admitted: &Admitted,
) -> rusqlite::Result<()> {
    let batch = &admitted.batch;
    let row = partition.row(batch.base_offset);
    transaction
        .prepare_cached("INSERT INTO batches VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute((
            row,
            batch.count,
            batch.time,
            batch_checksum(row, batch.count, batch.time, &batch.data),
            &batch.data[..],
        ))?;
    if let Some(producer) = admitted.forgotten {
        transaction
            .prepare_cached("DELETE FROM sequences WHERE partition = ?1 AND producer = ?2")?
            .execute((partition.0, producer))?;
    }
    if let Some(remembered) = admitted.sequence {
        let entry = remembered.entry;
        transaction
            .prepare_cached(
                "INSERT OR REPLACE INTO sequences VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute((
                partition.0,
                remembered.producer,
                i64::try_from(remembered.slot).unwrap_or(i64::MAX),
                remembered.epoch,
                entry.first,
                entry.last,
                entry.base_offset,
                entry.time,
                remembered.checksum(partition),
            ))?;
    }
    Ok(())
}

fn update_partition(transaction: &Transaction<'_>, changes: &Changes<'_>) -> rusqlite::Result<()> {
    let Changes {
        partition,
        topic,
        number,
        start_offset,
        next_offset,
        last_time,
        ..
    } = *changes;
    transaction
        .prepare_cached(
            "UPDATE partitions SET next_offset = ?2, last_time = ?3, checksum = ?4 WHERE id = ?1",
        )?
        .execute((
            partition.0,
            next_offset,
            last_time,
            checksum(
                &[
                    partition.0,
                    i64::from(number),
                    start_offset,
                    next_offset,
                    last_time,
                ],
                topic.as_bytes(),
            ),
        ))
        .map(|_| ())
}
