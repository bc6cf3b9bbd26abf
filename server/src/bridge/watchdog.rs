//! Two things librdkafka does not tell: that a lost connection is back, and that a partition silently stopped
//! (librdkafka #5280: after a leader has changed, one partition may never be fetched again, without an error).
//!
//! On a client of its own: a question to the brokers waits behind the reader's fetches otherwise, and the reader for it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};

use super::Stopped;
use super::link::Quiet;
use crate::fold::Rooms;

const TICK: Duration = Duration::from_millis(200);
/// How often a suspected outage is tried.
const PROBE: Duration = Duration::from_secs(1);
/// How often the ends of the partitions are compared with what is folded.
const CHECK: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(2);

/// Owned by its thread.
pub(super) struct Watchdog {
    pub(super) consumer: BaseConsumer<Quiet>,
    pub(super) topic: String,
    pub(super) partitions: i32,
    pub(super) rooms: Arc<Rooms>,
    /// Tells the reader that it needs another consumer.
    pub(super) renew: Arc<AtomicBool>,
    pub(super) stopped: Stopped,
}

impl Watchdog {
    pub(super) fn run(self) {
        let link = &self.consumer.context().0;
        let mut progress = Progress::default();
        let mut asked = Instant::now();
        while !self.stopped.is_set() {
            sleep(TICK);
            // Serves librdkafka's reports, which end in the link.
            while self.consumer.poll(Duration::ZERO).is_some() {}
            link.tick();
            let suspected = link.is_suspected();
            if asked.elapsed() < if suspected { PROBE } else { CHECK } {
                continue;
            }
            asked = Instant::now();
            match self.ends() {
                // What an outage has held up moves again by itself; it is looked at the next time.
                Ok(_) if suspected => link.answered(),
                Ok(ends) => self.compare(&mut progress, &ends),
                Err(error) => {
                    tracing::debug!(%error, "the ends of the partitions cannot be asked for");
                }
            }
        }
    }

    /// The offset after the last record of each partition, asked for all at once.
    fn ends(&self) -> Result<Vec<(i32, i64)>, KafkaError> {
        let mut list = TopicPartitionList::new();
        for partition in 0..self.partitions {
            // In place of a time, the symbol for the end: that is how the protocol asks for it.
            list.add_partition_offset(&self.topic, partition, Offset::End)?;
        }
        let found = self.consumer.offsets_for_times(list, ANSWER)?;
        let end = |offset| {
            if let Offset::Offset(end) = offset {
                Some(end)
            } else {
                None
            }
        };
        Ok(found
            .elements()
            .iter()
            .filter_map(|found| Some((found.partition(), end(found.offset())?)))
            .collect())
    }

    fn compare(&self, progress: &mut Progress, ends: &[(i32, i64)]) {
        for (partition, end) in ends {
            let next = self.rooms.next(*partition);
            if progress.stands_still(*partition, next, *end) {
                tracing::warn!(
                    partition,
                    next,
                    end,
                    "the partition has stopped; another consumer takes over"
                );
                self.renew.store(true, Ordering::Relaxed);
            }
        }
    }
}

/// How often each partition was found behind its end at the same offset.
#[derive(Default)]
struct Progress(HashMap<i32, (i64, u32)>);

impl Progress {
    /// Whether a partition should move and does not: found so twice, and then again from time to time. (It may stand
    /// before the mark of another program's transaction, which is no record: then a new consumer does no harm.)
    fn stands_still(&mut self, partition: i32, next: i64, end: i64) -> bool {
        if next >= end {
            self.0.remove(&partition);
            return false;
        }
        let (seen, times) = self.0.entry(partition).or_insert((next, 0));
        if *seen != next {
            (*seen, *times) = (next, 0);
        }
        *times += 1;
        *times == 3 || *times % 64 == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stays_behind_at_the_same_offset_stands_still() {
        let mut progress = Progress::default();
        assert!(
            !(0..200).any(|_| progress.stands_still(0, 10, 10)),
            "it is at its end"
        );
        assert!(
            !(0..200).any(|next| progress.stands_still(0, next, 1_000)),
            "it moves"
        );
        let times: Vec<_> = (1..100)
            .filter(|_| progress.stands_still(0, 500, 1_000))
            .collect();
        assert_eq!(times, [3, 64]);
        assert!(!progress.stands_still(0, 501, 1_000), "it moves again");
        assert!(
            !progress.stands_still(1, 500, 1_000),
            "partitions are looked at one by one"
        );
    }
}
