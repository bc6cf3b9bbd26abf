//! What decides about a partition's next batch: whether it is taken, and which offset and time it gets.

use std::collections::HashMap;

use kafka_protocol::error::ResponseError;

use super::{OFFSET_LIMIT, Stored};
use crate::{
    batch::Batch,
    sequence::{Entry, Sequenced, Verdict, Window, judge, last_sequence},
};

/// How many producers a partition remembers; the one that was quiet for longest is forgotten first. Each start of a client makes new ones.
const PRODUCERS: usize = 256;

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
}
