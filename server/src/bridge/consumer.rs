//! The thread that reads every partition of the messages and folds what it reads.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use tokio::sync::watch;

use super::link::Quiet;
use super::scan::{offsets, record};
use super::{LogSettings, Orders, Stage, Stopped};
use crate::fold::{LogRecord, Outcome, Rooms};
use crate::history::HistoryError;
use crate::metrics::log::{ConsumerFailure, LogMetrics};

/// How long one poll waits for a record.
const POLL: Duration = Duration::from_millis(100);
/// How often progress is told.
const TELL: Duration = Duration::from_millis(200);
/// How long the end of reading waits for its consumer, which takes milliseconds.
pub(super) const CLOSING: Duration = Duration::from_secs(5);
/// How often skipped records are mentioned at most.
const MENTION: Duration = Duration::from_secs(10);

/// Reads and folds; owned by the thread.
pub(super) struct Reader {
    pub(super) settings: LogSettings,
    pub(super) context: Quiet,
    pub(super) rooms: Arc<Rooms>,
    pub(super) orders: Arc<Orders>,
    pub(super) metrics: LogMetrics,
    pub(super) stopped: Stopped,
    pub(super) consumer: BaseConsumer<Quiet>,
    /// The first offset of each partition and the one after its last, at the start.
    pub(super) watermarks: Vec<(i64, i64)>,
}

/// Why reading ends: a sentence that says what to do.
type Sentence = String;

/// What came of one poll.
enum Polled {
    Nothing,
    /// A partition moved, or its end was reached.
    Moved(i32),
    Ended(i32),
}

impl Reader {
    /// Folds what was in the log at the start.
    pub(super) fn catch_up(&mut self, stage: &watch::Sender<Stage>) -> Result<(), Sentence> {
        let mut position: Vec<i64> = Vec::new();
        let mut missing: HashMap<i32, i64> = HashMap::new();
        for ((_, high), partition) in self.watermarks.iter().zip(0..) {
            let next = self.next(partition);
            position.push(next);
            if next < *high {
                missing.insert(partition, high - next);
            }
        }
        let left = |missing: &HashMap<i32, i64>| missing.values().sum::<i64>().unsigned_abs();
        let total = left(&missing);
        self.assign().map_err(|error| lost(&error))?;
        stage.send_replace(Stage::CatchingUp { done: 0, total });
        let mut skips = Skips::default();
        let started = Instant::now();
        let mut told = started;
        while !missing.is_empty() {
            match self.poll(true, &mut skips)? {
                Polled::Nothing => {}
                Polled::Ended(partition) => drop(missing.remove(&partition)),
                Polled::Moved(partition) => {
                    let high = usize::try_from(partition)
                        .ok()
                        .and_then(|index| self.watermarks.get(index));
                    let rest = high.map_or(0, |(_, high)| high - self.rooms.next(partition));
                    if rest <= 0 {
                        missing.remove(&partition);
                    } else {
                        missing.insert(partition, rest);
                    }
                }
            }
            if self.stopped.is_set() {
                return Err("the server is stopping".to_owned());
            }
            if told.elapsed() > TELL {
                stage.send_replace(Stage::CatchingUp {
                    done: total - left(&missing).min(total),
                    total,
                });
                told = Instant::now();
            }
        }
        let metrics = &self.metrics;
        metrics
            .catch_up_seconds
            .set(started.elapsed().as_secs_f64());
        metrics.catch_up_records.set(total.cast_signed());
        tracing::info!(records = total, "caught up with the log");
        Ok(())
    }

    /// Folds what comes, until the server stops.
    pub(super) fn follow(&mut self) -> Result<(), Sentence> {
        let mut skips = Skips::default();
        while !self.stopped.is_set() {
            self.poll(false, &mut skips)?;
            if self.orders.renew.swap(false, Ordering::Relaxed) {
                self.take_over(ConsumerFailure::StoodStill)?;
            }
            if let Some(reason) = self.orders.lost.get() {
                return Err(reason.clone());
            }
        }
        Ok(())
    }

    /// Reads on with another consumer.
    fn take_over(&mut self, reason: ConsumerFailure) -> Result<(), Sentence> {
        self.metrics.consumers_renewed.add(reason);
        let another =
            BaseConsumer::from_config_and_context(&self.settings.consumer(), self.context.clone());
        let failed = std::mem::replace(&mut self.consumer, another.map_err(|error| lost(&error))?);
        self.assign().map_err(|error| lost(&error))?;
        // The rooms must not wait for it.
        close(failed, Duration::ZERO);
        Ok(())
    }

    /// Ends reading.
    pub(super) fn close(self) {
        close(self.consumer, CLOSING);
    }

    /// The offset to read a partition from.
    fn next(&self, partition: i32) -> i64 {
        let low = usize::try_from(partition)
            .ok()
            .and_then(|index| self.watermarks.get(index))
            .map_or(0, |(low, _)| *low);
        self.rooms.next(partition).max(low)
    }

    fn assign(&self) -> Result<(), KafkaError> {
        let from = (0..self.settings.partitions).map(|partition| (partition, self.next(partition)));
        self.consumer
            .assign(&offsets(&self.settings.messages_topic(), from)?)
    }

    fn poll(&mut self, catching_up: bool, skips: &mut Skips) -> Result<Polled, Sentence> {
        // The store is behind: what librdkafka holds ready meanwhile is bounded too.
        while !self.rooms.space(catching_up, POLL) {
            if self.stopped.is_set() {
                return Ok(Polled::Nothing);
            }
        }
        match self.consumer.poll(POLL) {
            None => Ok(Polled::Nothing),
            Some(Ok(message)) => {
                let partition = message.partition();
                self.fold(partition, &record(&message), skips)?;
                Ok(Polled::Moved(partition))
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => Ok(Polled::Ended(partition)),
            Some(Err(error)) => {
                self.sort(&error)?;
                Ok(Polled::Nothing)
            }
        }
    }

    fn fold(
        &self,
        partition: i32,
        record: &LogRecord<'_>,
        skips: &mut Skips,
    ) -> Result<(), Sentence> {
        let offset = record.offset;
        tracing::debug!(partition, offset, "consumed");
        let mut complained = false;
        let outcome = loop {
            match self.rooms.apply(partition, record) {
                Ok(outcome) => break outcome,
                Err(error @ HistoryError::Damaged(_)) => return Err(error.to_string()),
                Err(error) => {
                    if !std::mem::replace(&mut complained, true) {
                        tracing::error!(%error, "the log waits for the history store");
                    }
                    if self.stopped.is_set() {
                        return Ok(());
                    }
                    thread::sleep(POLL);
                }
            }
        };
        match outcome {
            Outcome::Visible { message, room, .. } => {
                tracing::debug!(%room, position = %message.position, id = message.id, "folded");
            }
            Outcome::Duplicate {
                room, id, first, ..
            } => {
                tracing::debug!(%room, partition, offset, id, %first, "folded: a repeat of an earlier message is dropped");
            }
            Outcome::Skipped(reason) => skips.mention(partition, offset, &reason.to_string()),
            Outcome::Passed => {}
        }
        Ok(())
    }

    /// Sorts what the consumer reports. Most of it librdkafka gets over by itself.
    fn sort(&mut self, error: &KafkaError) -> Result<(), Sentence> {
        match (error, error.rdkafka_error_code()) {
            (_, Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange)) => Err(
                "the log no longer has the records that come next: it was deleted or shortened while the server ran"
                    .to_owned(),
            ),
            (KafkaError::MessageConsumptionFatal(_), _) | (_, Some(RDKafkaErrorCode::Fatal)) => {
                tracing::error!(%error, "the consumer failed for good; another one takes its place");
                self.take_over(ConsumerFailure::Fatal)
            }
            _ => {
                tracing::debug!(%error, "the consumer reports");
                Ok(())
            }
        }
    }
}

/// Closes a consumer, but does not wait for it longer than this. librdkafka (2.12.1) can lock itself up for good: one thread
/// that handles the answer about a leader's epoch holds a partition and wants the client, another one whose broker has failed
/// holds the client and wants the partition. Then the watchdog finds that the partitions stand still, or the server ends.
pub(super) fn close(consumer: BaseConsumer<Quiet>, patience: Duration) {
    let (closed, wait) = mpsc::channel();
    let closing = thread::Builder::new()
        .name("closing-consumer".to_owned())
        .spawn(move || {
            drop(consumer);
            // Nobody may be waiting any more.
            let _ = closed.send(());
        });
    if closing.is_ok() && !patience.is_zero() && wait.recv_timeout(patience).is_err() {
        tracing::warn!("a consumer does not close and is left behind");
    }
}

fn lost(error: &KafkaError) -> Sentence {
    format!("the log cannot be read: {error}")
}

/// Mentions skipped records without letting them fill the log.
#[derive(Default)]
struct Skips {
    mentioned: Option<Instant>,
    since: u64,
}

impl Skips {
    fn mention(&mut self, partition: i32, offset: i64, reason: &str) {
        self.since += 1;
        if self
            .mentioned
            .is_none_or(|mentioned| mentioned.elapsed() > MENTION)
        {
            let skipped = std::mem::take(&mut self.since);
            tracing::warn!(
                skipped,
                partition,
                offset,
                reason,
                "a record that is no message was skipped"
            );
            self.mentioned = Some(Instant::now());
        }
    }
}
