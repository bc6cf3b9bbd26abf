//! One partition in memory: what admits batches, and what fetches see of it.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use kafka_protocol::error::ResponseError;

use crate::{
    batch::Batch,
    sequence::{Entry, Sequenced, Verdict, Window, judge, last_sequence},
};

/// Row ids hold the offset in their low 40 bits.
const OFFSET_BITS: u32 = 40;
/// The first offset that no partition reaches.
const OFFSET_LIMIT: i64 = 1 << OFFSET_BITS;
/// The first partition id that a row id cannot hold.
pub(crate) const PARTITION_LIMIT: i64 = 1 << (63 - OFFSET_BITS);

/// How many producers a partition remembers; the one that was quiet for longest is forgotten first. Each start of a client makes new ones.
const PRODUCERS: usize = 256;
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

/// A batch on its way into the log, with what has to be remembered of its producer.
#[derive(Clone, Debug)]
pub(crate) struct Admitted {
    pub(crate) batch: Stored,
    pub(crate) sequence: Option<Remembered>,
    /// A producer that is forgotten to make room for this one.
    pub(crate) forgotten: Option<i64>,
}

/// One slot of one producer's window.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Remembered {
    pub(crate) producer: i64,
    pub(crate) epoch: i16,
    pub(crate) slot: usize,
    pub(crate) entry: Entry,
}

/// What a Produce is answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Appended {
    pub(crate) base_offset: i64,
    pub(crate) time: i64,
}

#[derive(Debug)]
pub(crate) enum Admission {
    Append(Admitted),
    Repeat(Appended),
    Refuse(ResponseError),
}

/// The state that decides about the next batch. Cloned before a group and put back if the group cannot be written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Appender {
    pub(crate) next_offset: i64,
    pub(crate) last_time: i64,
    producers: HashMap<i64, Window>,
}

impl Appender {
    pub(crate) fn new(next_offset: i64, last_time: i64) -> Self {
        Self {
            next_offset,
            last_time,
            producers: HashMap::new(),
        }
    }

    /// Takes back what storage remembered; in the order of the offsets.
    pub(crate) fn restore(&mut self, remembered: Remembered) {
        self.producers
            .entry(remembered.producer)
            .or_default()
            .restore(remembered.epoch, remembered.slot, remembered.entry);
    }

    /// Decides about a batch and, if it is appended, gives it the next offset and the time `now` (Unix milliseconds).
    /// Time never goes back within a partition, so that looking an offset up by time is a bisection.
    pub(crate) fn admit(&mut self, batch: Batch, now: i64) -> Admission {
        let count = batch.count();
        if self.next_offset + i64::from(count) > OFFSET_LIMIT {
            return Admission::Refuse(ResponseError::PolicyViolation);
        }
        let time = now.max(self.last_time);
        let base_offset = self.next_offset;
        let mut sequence = None;
        let mut forgotten = None;
        if let Some(sequenced) = batch.producer() {
            let Sequenced {
                producer,
                epoch,
                first,
            } = sequenced;
            match judge(self.producers.get(&producer), sequenced, count) {
                Verdict::Next => {}
                Verdict::Repeat(Entry {
                    base_offset, time, ..
                }) => return Admission::Repeat(Appended { base_offset, time }),
                Verdict::Refuse(error) => return Admission::Refuse(error),
            }
            forgotten = self.make_room(producer);
            let entry = Entry {
                first,
                last: last_sequence(first, count),
                base_offset,
                time,
            };
            let slot = self
                .producers
                .entry(producer)
                .or_default()
                .push(epoch, entry);
            sequence = Some(Remembered {
                producer,
                epoch,
                slot,
                entry,
            });
        }
        self.next_offset += i64::from(count);
        self.last_time = time;
        let batch = Stored {
            base_offset,
            count,
            time,
            data: batch.stamp(base_offset, time),
        };
        Admission::Append(Admitted {
            batch,
            sequence,
            forgotten,
        })
    }

    /// Makes known a producer whose batch could not be written. What it has sent after that batch is then out of order, which librdkafka takes for
    /// what it is; called unknown on a second attempt, it would give up for ever.
    pub(crate) fn expect(&mut self, producer: i64) {
        if self.producers.len() < PRODUCERS {
            self.producers.entry(producer).or_default();
        }
    }

    fn make_room(&mut self, producer: i64) -> Option<i64> {
        if self.producers.len() < PRODUCERS || self.producers.contains_key(&producer) {
            return None;
        }
        let quietest = self
            .producers
            .iter()
            .min_by_key(|(_, window)| window.newest_offset())
            .map(|(id, _)| *id)?;
        self.producers.remove(&quietest);
        Some(quietest)
    }
}

/// What a fetch at some offset finds in memory.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum View {
    /// Before the first offset, or beyond the end.
    OutOfRange,
    /// Whole batches from that offset on; none at the end of the log.
    Batches(Vec<Stored>),
    /// The batches are in storage only.
    Cold,
}

/// What consumers may see: only what is committed.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) start: i64,
    pub(crate) end: i64,
    tail: VecDeque<Stored>,
    tail_bytes: usize,
}

impl Published {
    /// Up to `limit` bytes of batches; with `oversize` the first is taken whatever its size.
    pub(crate) fn view(&self, offset: i64, limit: usize, oversize: bool) -> View {
        if offset < self.start || offset > self.end {
            return View::OutOfRange;
        }
        let first = self.tail.partition_point(|batch| batch.end() <= offset);
        if offset < self.end
            && self
                .tail
                .get(first)
                .is_none_or(|batch| batch.base_offset > offset)
        {
            return View::Cold;
        }
        let mut taken = Vec::new();
        let mut bytes = 0;
        for batch in self.tail.range(first..) {
            bytes += batch.data.len();
            if bytes > limit && !(oversize && taken.is_empty()) {
                break;
            }
            taken.push(batch.clone());
        }
        View::Batches(taken)
    }

    /// The first batch of the tail whose time is not before `time`; complete only for a memory topic, which has nothing but its tail.
    pub(crate) fn first_since(&self, time: i64) -> Option<&Stored> {
        self.tail
            .get(self.tail.partition_point(|batch| batch.time < time))
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
        let published = Published {
            start,
            end: appender.next_offset,
            tail: VecDeque::new(),
            tail_bytes: 0,
        };
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
        published.end = batch.end();
        published.tail_bytes += batch.data.len();
        published.tail.push_back(batch);
        while published.tail_bytes > self.tail_limit {
            let Some(oldest) = published.tail.pop_front() else {
                break;
            };
            published.tail_bytes -= oldest.data.len();
            if !self.durable {
                published.start = oldest.end();
            }
        }
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

    fn batch(count: i32, producer: Option<(i64, i32)>) -> Batch {
        let producer = producer.map(|(producer, first)| Sequenced {
            producer,
            epoch: 0,
            first,
        });
        Batch::parse(&sample(count, producer, 39), 1 << 20, 9).unwrap()
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
    fn offsets_are_contiguous_and_time_never_goes_back() {
        let mut appender = Appender::default();
        let mut placed = Vec::new();
        for (count, now) in [(2, 100), (3, 90), (1, 120)] {
            let Admission::Append(admitted) = appender.admit(batch(count, None), now) else {
                panic!()
            };
            placed.push((admitted.batch.base_offset, admitted.batch.time));
        }
        assert_eq!(placed, [(0, 100), (2, 100), (5, 120)]);
    }

    #[test]
    fn a_repeat_is_answered_as_the_first_time_and_appends_nothing() {
        let mut appender = Appender::new(50, 0);
        assert!(matches!(
            appender.admit(batch(2, Some((9, 0))), 7),
            Admission::Append(_)
        ));
        let Admission::Repeat(answer) = appender.admit(batch(2, Some((9, 0))), 8) else {
            panic!()
        };
        assert_eq!(
            answer,
            Appended {
                base_offset: 50,
                time: 7
            }
        );
        assert_eq!(appender.next_offset, 52);
        assert!(matches!(
            appender.admit(batch(1, Some((9, 3))), 8),
            Admission::Refuse(ResponseError::OutOfOrderSequenceNumber)
        ));
        assert!(matches!(
            appender.admit(batch(1, Some((8, 3))), 8),
            Admission::Refuse(ResponseError::UnknownProducerId)
        ));
    }

    #[test]
    fn the_producer_that_was_quiet_for_longest_is_forgotten() {
        let mut appender = Appender::default();
        let limit = i64::try_from(PRODUCERS).unwrap();
        for producer in 0..limit {
            appender.admit(batch(1, Some((producer, 0))), 0);
        }
        appender.admit(batch(1, Some((0, 1))), 0);
        let Admission::Append(admitted) = appender.admit(batch(1, Some((limit, 0))), 0) else {
            panic!()
        };
        assert_eq!(admitted.forgotten, Some(1));
        assert!(matches!(
            appender.admit(batch(1, Some((0, 2))), 0),
            Admission::Append(_)
        ));
    }

    #[test]
    fn a_full_partition_refuses() {
        let mut appender = Appender::new(OFFSET_LIMIT - 1, 0);
        assert!(matches!(
            appender.admit(batch(2, None), 0),
            Admission::Refuse(ResponseError::PolicyViolation)
        ));
        assert!(matches!(
            appender.admit(batch(1, None), 0),
            Admission::Append(_)
        ));
    }

    #[test]
    fn a_view_respects_sizes_and_the_range() {
        let partition = Partition::in_memory(PartitionId(1), 0, 1000);
        for _ in 0..20 {
            partition.append_in_memory(batch(2, None), 5).unwrap();
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
        let Admission::Append(admitted) = partition.appender().admit(batch(1, None), 0) else {
            panic!()
        };
        partition.publish(admitted.batch);
        assert_eq!(partition.published().view(9, 1000, true), View::Cold);
        assert_eq!(offsets(partition.published().view(10, 1000, true)), [10]);
        assert_eq!(partition.published().start, 0);
    }
}
