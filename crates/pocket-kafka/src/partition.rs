//! One partition in memory: what admits batches, and what fetches see of it.

mod appender;
mod published;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use kafka_protocol::error::ResponseError;

pub(crate) use self::{
    appender::{Admission, Admitted, Appended, Appender, Remembered},
    published::{Published, View},
};
use crate::batch::Batch;

/// Row ids hold the offset in their low 40 bits.
const OFFSET_BITS: u32 = 40;
/// The first offset that no partition reaches.
pub(crate) const OFFSET_LIMIT: i64 = 1 << OFFSET_BITS;
/// The first partition id that a row id cannot hold.
pub(crate) const PARTITION_LIMIT: i64 = 1 << (63 - OFFSET_BITS);

/// What a durable partition keeps in memory so that consumers at its end never read the disk.
const TAIL_BYTES: usize = 128 << 10;

/// Identifies a partition in storage and in the row ids of its batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct PartitionId(pub(crate) i64);

impl PartitionId {
    /// The row of the batch that begins at `offset`: one B-tree holds all batches in reading order, without a second index.
    pub(crate) fn row(self, offset: i64) -> i64 {
        (self.0 << OFFSET_BITS) + offset
    }

    /// The offset that a row of this partition begins at.
    pub(crate) fn offset(self, row: i64) -> i64 {
        row - self.row(0)
    }
}

/// A batch with its place in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) base_offset: i64,
    pub(crate) count: i32,
    pub(crate) time: i64,
    pub(crate) data: Bytes,
}

impl Stored {
    pub(crate) fn end(&self) -> i64 {
        self.base_offset + i64::from(self.count)
    }
}

/// One partition of a topic.
#[derive(Debug)]
pub(crate) struct Partition {
    pub(crate) id: PartitionId,
    pub(crate) number: i32,
    pub(crate) durable: bool,
    tail_limit: usize,
    appender: Mutex<Appender>,
    published: Mutex<Published>,
}

impl Partition {
    pub(crate) fn durable(
        id: PartitionId,
        number: i32,
        start: i64,
        appender: Appender,
    ) -> Arc<Self> {
        Arc::new(Self::new(id, number, true, TAIL_BYTES, start, appender))
    }

    pub(crate) fn in_memory(id: PartitionId, number: i32, bytes: usize) -> Arc<Self> {
        Arc::new(Self::new(id, number, false, bytes, 0, Appender::default()))
    }

    fn new(
        id: PartitionId,
        number: i32,
        durable: bool,
        tail_limit: usize,
        start: i64,
        appender: Appender,
    ) -> Self {
        let published = Published::new(start, appender.next_offset, appender.last_time);
        Self {
            id,
            number,
            durable,
            tail_limit,
            appender: Mutex::new(appender),
            published: Mutex::new(published),
        }
    }

    /// Only the commit thread (for a memory topic: the request) holds it, for as long as one batch takes.
    pub(crate) fn appender(&self) -> MutexGuard<'_, Appender> {
        self.appender.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn published(&self) -> MutexGuard<'_, Published> {
        self.published
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets consumers see a committed batch.
    pub(crate) fn publish(&self, batch: Stored) {
        let mut published = self.published();
        published.push(batch);
        published.shrink(self.tail_limit, self.durable);
    }

    /// Appends to a memory topic.
    pub(crate) fn append_in_memory(
        &self,
        batch: Batch,
        now: i64,
    ) -> Result<Appended, ResponseError> {
        // Held until the batch is published: two requests must not publish in the other order.
        let mut appender = self.appender();
        match appender.admit(batch, now) {
            Admission::Append(admitted) => {
                let answer = Appended {
                    base_offset: admitted.batch.base_offset,
                    time: admitted.batch.time,
                };
                self.publish(admitted.batch);
                Ok(answer)
            }
            Admission::Repeat(answer) => Ok(answer),
            Admission::Refuse(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::sample;

    fn batch(count: i32) -> Batch {
        Batch::parse(&sample(count, None, 39), 1 << 20, 9).unwrap()
    }

    fn offsets(view: View) -> Vec<i64> {
        let View::Batches(batches) = view else {
            panic!("{view:?}")
        };
        batches.iter().map(|batch| batch.base_offset).collect()
    }

    #[test]
    fn rows_keep_partitions_apart_and_in_order() {
        assert_eq!(PartitionId(3).row(5), (3 << 40) + 5);
        assert_eq!(PartitionId(3).offset(PartitionId(3).row(77)), 77);
        assert!(PartitionId(2).row(OFFSET_LIMIT - 1) < PartitionId(3).row(0));
        assert!(PartitionId(PARTITION_LIMIT - 1).row(OFFSET_LIMIT - 1) > 0);
    }

    #[test]
    fn a_view_respects_sizes_and_the_range() {
        let partition = Partition::in_memory(PartitionId(1), 0, 1000);
        for _ in 0..20 {
            partition.append_in_memory(batch(2), 5).unwrap();
        }
        let published = partition.published();
        // 100 bytes each: ten fit, and the oldest are gone for good.
        assert_eq!((published.start, published.end), (20, 40));
        assert_eq!(published.view(19, 1000, true), View::OutOfRange);
        assert_eq!(published.view(41, 1000, true), View::OutOfRange);
        assert_eq!(offsets(published.view(40, 1000, true)), Vec::<i64>::new());
        assert_eq!(offsets(published.view(23, 250, true)), [22, 24]);
        assert_eq!(offsets(published.view(20, 10, true)), [20]);
        assert_eq!(offsets(published.view(20, 10, false)), Vec::<i64>::new());
        assert_eq!(
            published.first_since(5).map(|batch| batch.base_offset),
            Some(20)
        );
        assert_eq!(published.first_since(6), None);
    }

    #[test]
    fn what_the_tail_no_longer_has_is_cold() {
        let partition = Partition::durable(PartitionId(1), 0, 0, Appender::new(10, 0));
        assert_eq!(partition.published().view(9, 1000, true), View::Cold);
        let Admission::Append(admitted) = partition.appender().admit(batch(1), 0) else {
            panic!()
        };
        partition.publish(admitted.batch);
        assert_eq!(partition.published().view(9, 1000, true), View::Cold);
        assert_eq!(offsets(partition.published().view(10, 1000, true)), [10]);
        assert_eq!(partition.published().start, 0);
    }
}
