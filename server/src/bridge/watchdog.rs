//! What librdkafka does not tell: that a lost connection is back, that a partition silently stopped (librdkafka #5280: after
//! a leader has changed, one partition may never be fetched again, without an error), and that the log is another one.
//!
//! On a client of its own: a question to the brokers waits behind the reader's fetches otherwise, and the reader for it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};

use super::identity::Identity;
use super::link::Quiet;
use super::{LogSettings, Orders, Stopped};
use crate::fold::Rooms;
use crate::metrics::log::LogMetrics;

const TICK: Duration = Duration::from_millis(200);
/// How often a suspected outage is tried.
const PROBE: Duration = Duration::from_secs(1);
/// How often the ends of the partitions are compared with what is folded.
const CHECK: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(2);
/// So many questions in a row without an answer are mentioned, though Kafka answers others.
const CERTAIN: u32 = 6;

/// Owned by its thread.
pub(super) struct Watchdog {
    pub(super) consumer: BaseConsumer<Quiet>,
    pub(super) settings: LogSettings,
    pub(super) rooms: Arc<Rooms>,
    pub(super) orders: Arc<Orders>,
    pub(super) stopped: Stopped,
    pub(super) metrics: LogMetrics,
}

impl Watchdog {
    pub(super) fn run(self) {
        let link = &self.consumer.context().0;
        let mut progress = Progress::default();
        let mut unanswered = 0;
        let mut identity = Identity::new(&self.settings, self.rooms.epoch());
        let mut rounds = Rounds::new(Instant::now());
        while !self.stopped.is_set() {
            sleep(TICK);
            // Serves librdkafka's reports, which end in the link.
            while self.consumer.poll(Duration::ZERO).is_some() {}
            link.tick();
            self.metrics.connected.set((!link.is_down()).into());
            if link.is_suspected() && rounds.probe_is_due(Instant::now()) {
                // Any answer will do.
                let topic = self.settings.messages_topic();
                if self.consumer.fetch_metadata(Some(&topic), ANSWER).is_ok() {
                    link.answered();
                }
            }
            if link.is_suspected() || !rounds.check_is_due(Instant::now()) {
                continue;
            }
            // Before the ends are asked for: a record that comes meanwhile is no loss.
            let folded: Vec<_> = (0..self.settings.partitions)
                .map(|partition| self.rooms.next(partition))
                .collect();
            match self.ends() {
                Ok(ends) => {
                    unanswered = 0;
                    self.compare(&mut progress, &folded, &ends);
                }
                Err(error) => {
                    unanswered += 1;
                    if unanswered == CERTAIN {
                        tracing::warn!(%error, "nobody says where the partitions end: whether one has stopped cannot be found out");
                    }
                }
            }
            if let Some(reason) = identity.lost(&self.consumer, &self.stopped) {
                self.orders.lost.get_or_init(|| reason);
            }
        }
    }

    /// The offset after the last record of each partition, as far as somebody says it: asked for all at once, and where the
    /// trouble of one partition (a leader that has just changed) spoils the answer for all, one by one.
    fn ends(&self) -> Result<Vec<(i32, i64)>, KafkaError> {
        self.all_ends().or_else(|error| {
            let ends = self.single_ends();
            if ends.is_empty() {
                Err(error)
            } else {
                Ok(ends)
            }
        })
    }

    fn single_ends(&self) -> Vec<(i32, i64)> {
        let deadline = Instant::now() + ANSWER;
        let topic = self.settings.messages_topic();
        let end = |partition| {
            let rest = deadline.saturating_duration_since(Instant::now());
            let found = (!rest.is_zero())
                .then(|| self.consumer.fetch_watermarks(&topic, partition, rest))?;
            Some((partition, found.ok()?.1))
        };
        (0..self.settings.partitions).filter_map(end).collect()
    }

    fn all_ends(&self) -> Result<Vec<(i32, i64)>, KafkaError> {
        let mut list = TopicPartitionList::new();
        let topic = self.settings.messages_topic();
        for partition in 0..self.settings.partitions {
            // In place of a time, the symbol for the end: that is how the protocol asks for it.
            list.add_partition_offset(&topic, partition, Offset::End)?;
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

    fn compare(&self, progress: &mut Progress, folded: &[i64], ends: &[(i32, i64)]) {
        let next = |partition| {
            let index = usize::try_from(partition).ok()?;
            folded.get(index).copied()
        };
        let ends = ends
            .iter()
            .filter_map(|(partition, end)| Some((*partition, next(*partition)?, *end)));
        self.metrics
            .lag
            .set(ends.clone().map(|(_, next, end)| (end - next).max(0)));
        for (partition, next, end) in ends {
            match progress.judge(partition, next, end) {
                Verdict::Fine => {}
                Verdict::StandsStill => {
                    tracing::warn!(
                        partition,
                        next,
                        end,
                        "the partition has stopped; another consumer takes over"
                    );
                    self.orders.renew.store(true, Ordering::Relaxed);
                }
                Verdict::Shorter => {
                    let reason = format!(
                        "partition {partition} of the log ends at {end}, but this server has read it up to {next}: it was \
                         deleted or shortened while the server ran"
                    );
                    self.orders.lost.get_or_init(|| reason);
                }
            }
        }
    }
}

/// When it is time to ask what.
struct Rounds {
    probed: Instant,
    checked: Instant,
}

impl Rounds {
    fn new(now: Instant) -> Self {
        Self {
            probed: now,
            checked: now,
        }
    }

    fn probe_is_due(&mut self, now: Instant) -> bool {
        is_due(&mut self.probed, PROBE, now)
    }

    /// A clock of its own: a client that complains of lost brokers again and again, as one does that has locked itself up, must
    /// not keep the partitions from being looked at.
    fn check_is_due(&mut self, now: Instant) -> bool {
        is_due(&mut self.checked, CHECK, now)
    }
}

fn is_due(last: &mut Instant, every: Duration, now: Instant) -> bool {
    let is_due = now.duration_since(*last) >= every;
    if is_due {
        *last = now;
    }
    is_due
}

/// What is to be thought of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Fine,
    /// It should move and does not.
    StandsStill,
    /// It ends before what was read.
    Shorter,
}

/// How often each partition was found at the same offset, which is not its end.
#[derive(Default)]
struct Progress(HashMap<i32, (i64, u32)>);

impl Progress {
    /// Looks at a partition once more. It stands still when it was found so twice before, and then again from time to time.
    /// (It may stand before the mark of another program's transaction, which is no record: then a new consumer does no harm.)
    /// It is shorter when it was found so once before: a new leader may for a moment not know how far it may count.
    fn judge(&mut self, partition: i32, next: i64, end: i64) -> Verdict {
        if next == end {
            self.0.remove(&partition);
            return Verdict::Fine;
        }
        let (seen, times) = self.0.entry(partition).or_insert((next, 0));
        if *seen != next {
            (*seen, *times) = (next, 0);
        }
        *times += 1;
        if next > end && *times >= 2 {
            Verdict::Shorter
        } else if next < end && (*times == 3 || *times % 64 == 0) {
            Verdict::StandsStill
        } else {
            Verdict::Fine
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stays_behind_at_the_same_offset_stands_still() {
        let mut progress = Progress::default();
        let mut stands_still =
            |partition, next, end| progress.judge(partition, next, end) == Verdict::StandsStill;
        assert!(
            !(0..200).any(|_| stands_still(0, 10, 10)),
            "it is at its end"
        );
        assert!(
            !(0..200).any(|next| stands_still(0, next, 1_000)),
            "it moves"
        );
        let times: Vec<_> = (1..100).filter(|_| stands_still(0, 500, 1_000)).collect();
        assert_eq!(times, [3, 64]);
        assert!(!stands_still(0, 501, 1_000), "it moves again");
        assert!(
            !stands_still(1, 500, 1_000),
            "partitions are looked at one by one"
        );
    }

    #[test]
    fn probes_do_not_put_the_next_check_off() {
        let start = Instant::now();
        let mut rounds = Rounds::new(start);
        let mut checks = 0;
        for tick in 1..=100 {
            let now = start + tick * TICK;
            rounds.probe_is_due(now);
            checks += u32::from(rounds.check_is_due(now));
        }
        assert_eq!(checks, 4, "20 s are 4 times 5 s");
    }

    #[test]
    fn a_partition_is_shorter_when_that_is_found_twice() {
        let mut progress = Progress::default();
        assert_eq!(progress.judge(0, 10, 8), Verdict::Fine);
        assert_eq!(progress.judge(0, 10, 10), Verdict::Fine);
        assert_eq!(progress.judge(0, 10, 8), Verdict::Fine);
        assert_eq!(progress.judge(1, 10, 8), Verdict::Fine);
        assert_eq!(progress.judge(0, 10, 9), Verdict::Shorter);
    }
}
