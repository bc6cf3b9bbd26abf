//! Messages into the log: four idempotent producers, each for every fourth partition.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use protocol::{Record, RoomName};
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::producer::{
    BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer,
};
use rdkafka::{ClientConfig, ClientContext};

use super::link::Link;
use super::settings::LogSettings;
use super::{DeliveryFailure, DeliveryFailures, StartError, partition_of, trouble};
use crate::metrics::log::{DeliveryError, LogMetrics, ProducerFailure};

/// One producer sends one partition per request and few requests at a time; several share a slow disk's commits better.
const PRODUCERS: usize = 4;

/// After so many messages in a row of one partition a producer is suspected of never delivering there again.
const GIVEN_UP: u32 = 3;
/// A producer is not replaced for that before this many times the messages' timeout have passed since it was made: where too
/// few brokers are left, the next one fares no better, and each costs connections and what its predecessor still held.
const TRIAL: u32 = 4;
/// Longest time in which a new producer is left alone.
const LONGEST_TRIAL: Duration = Duration::from_mins(1);
/// How often the operator is told that the log lets nobody write.
const MENTION: Duration = Duration::from_secs(10);

/// Why a message did not enter the producer. It is certainly not in the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProduceError {
    /// Too many messages wait for the log; the same one can be tried again later.
    #[error("too many messages are waiting for the log; try again in a moment")]
    QueueFull,
    /// The log takes no message of this size.
    #[error("the message is too large for the log")]
    TooLarge,
    /// The log lets this server write nothing, whatever the message.
    #[error(
        "the room log takes no messages from this server at the moment, and its operator has been told; try again later"
    )]
    Unavailable,
    /// Something else; the sentence says what.
    #[error("the message could not be handed to the log: {0}")]
    Other(String),
}

/// Where messages enter the log. Clones share the same producers.
#[derive(Clone)]
pub struct Producer {
    shared: Arc<Shared>,
}

struct Shared {
    topic: String,
    partitions: i32,
    config: ClientConfig,
    /// How long a new producer is left alone, even if it gives up every message.
    trial: Duration,
    slots: Vec<RwLock<Arc<ThreadedProducer<Context>>>>,
    link: Arc<Link>,
    failures: Arc<dyn DeliveryFailures>,
    metrics: LogMetrics,
}

/// What a delivery report is about.
pub(super) struct Pending {
    room: RoomName,
    uid: String,
    id: String,
}

/// What librdkafka tells one producer.
struct Context {
    link: Arc<Link>,
    failures: Arc<dyn DeliveryFailures>,
    metrics: LogMetrics,
    given_up: GivenUp,
    made: Instant,
    /// When the operator was last told that the log lets nobody write.
    mentioned: Mutex<Option<Instant>>,
}

/// How many messages in a row of each partition one producer gave up although Kafka answered. By partition: what gets
/// through to one says nothing of another.
#[derive(Default)]
struct GivenUp(Mutex<HashMap<i32, u32>>);

impl GivenUp {
    fn another(&self, partition: i32) {
        *self.counts().entry(partition).or_default() += 1;
    }

    fn delivered(&self, partition: i32) {
        self.counts().remove(&partition);
    }

    /// Whether the producer is of no more use.
    fn is_hopeless(&self) -> bool {
        self.counts().values().any(|times| *times >= GIVEN_UP)
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<i32, u32>> {
        // Every change is one insert, addition or remove.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Producer {
    /// Makes the producers; they connect by themselves.
    pub(super) fn new(
        settings: &LogSettings,
        link: &Arc<Link>,
        failures: Arc<dyn DeliveryFailures>,
        metrics: &LogMetrics,
    ) -> Result<Self, StartError> {
        let config = settings.producer();
        let mut shared = Shared {
            topic: settings.messages_topic(),
            partitions: settings.partitions,
            trial: trial(&config, settings.message_timeout),
            config,
            link: Arc::clone(link),
            failures,
            metrics: metrics.clone(),
            slots: Vec::with_capacity(PRODUCERS),
        };
        for _ in 0..PRODUCERS {
            let producer = shared.make().map_err(trouble::setting)?;
            shared.slots.push(RwLock::new(Arc::new(producer)));
        }
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Hands a record to the log. Never blocks; what becomes of the record is told by the fold, or by
    /// [`DeliveryFailures`].
    pub fn produce(&self, record: &Record) -> Result<(), ProduceError> {
        let Shared {
            topic,
            partitions,
            slots,
            ..
        } = &*self.shared;
        let partition = partition_of(&record.room, *partitions);
        let payload =
            serde_json::to_vec(record).map_err(|error| ProduceError::Other(error.to_string()))?;
        let pending = Pending {
            room: record.room.clone(),
            uid: record.sender.uid.clone(),
            id: record.id.clone(),
        };
        let slot = usize::try_from(partition).unwrap_or_default() % slots.len();
        let producer = self.shared.producer(slot);
        let message = BaseRecord::with_opaque_to(topic, Box::new(pending))
            .partition(partition)
            .key(record.room.as_str())
            .payload(payload.as_slice());
        match producer.send(message) {
            Ok(()) => {
                tracing::debug!(room = %record.room, id = record.id, partition, "produced");
                Ok(())
            }
            Err((error, _)) => Err(match error.rdkafka_error_code() {
                Some(RDKafkaErrorCode::QueueFull) => ProduceError::QueueFull,
                Some(RDKafkaErrorCode::MessageSizeTooLarge) => ProduceError::TooLarge,
                Some(RDKafkaErrorCode::Fatal) => {
                    let reason = producer.client().fatal_error().map(|(_, reason)| reason);
                    let reason = reason.unwrap_or_default();
                    self.shared
                        .replace(slot, producer, ProducerFailure::Fatal, &reason);
                    ProduceError::Other("the connection to the log is being renewed".to_owned())
                }
                // librdkafka remembers what the broker said last.
                _ if failure(&error) == DeliveryFailure::Unavailable => {
                    producer.context().mention(&error);
                    ProduceError::Unavailable
                }
                _ => ProduceError::Other(error.to_string()),
            }),
        }
    }

    /// Lets every producer find the brokers and the topic's leaders before the first message.
    pub(super) fn warm(&self, timeout: Duration) -> Result<(), KafkaError> {
        for slot in 0..PRODUCERS {
            self.shared
                .producer(slot)
                .client()
                .fetch_metadata(Some(&self.shared.topic), timeout)?;
        }
        Ok(())
    }

    /// Waits at most `timeout` for the log to take what was produced.
    pub(super) fn flush(&self, timeout: Duration) {
        let deadline = Instant::now() + timeout;
        for slot in 0..PRODUCERS {
            let producer = self.shared.producer(slot);
            if producer
                .flush(deadline.saturating_duration_since(Instant::now()))
                .is_err()
            {
                let left = producer.in_flight_count();
                tracing::warn!(
                    left,
                    "the log did not take every message before the server stopped"
                );
            }
        }
    }
}

impl Shared {
    fn make(&self) -> Result<ThreadedProducer<Context>, KafkaError> {
        let context = Context {
            link: Arc::clone(&self.link),
            failures: Arc::clone(&self.failures),
            metrics: self.metrics.clone(),
            given_up: GivenUp::default(),
            made: Instant::now(),
            mentioned: Mutex::default(),
        };
        ThreadedProducer::from_config_and_context(&self.config, context)
    }

    /// The producer of a slot. One that gives up every message of a partition although Kafka answers has lost the
    /// partition's leader for good (librdkafka #5430) or was fenced, and is replaced.
    fn producer(&self, slot: usize) -> Arc<ThreadedProducer<Context>> {
        let current = || {
            Arc::clone(
                &self.slots[slot]
                    .read()
                    .unwrap_or_else(PoisonError::into_inner),
            )
        };
        let producer = current();
        let context = producer.context();
        let is_on_trial = context.made.elapsed() < self.trial;
        if !context.given_up.is_hopeless() || is_on_trial || self.link.is_suspected() {
            return producer;
        }
        self.replace(
            slot,
            producer,
            ProducerFailure::GaveUp,
            "it gives up every message of a partition although Kafka answers",
        );
        current()
    }

    /// Puts a new producer in the place of one that is of no more use. What that one still held is reported as failed.
    fn replace(
        &self,
        slot: usize,
        failed: Arc<ThreadedProducer<Context>>,
        failure: ProducerFailure,
        reason: &str,
    ) {
        let mut current = self.slots[slot]
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&current, &failed) {
            return;
        }
        tracing::error!(
            reason,
            slot,
            "a producer has failed; another one takes its place"
        );
        match self.make() {
            Ok(producer) => {
                self.metrics.producers_renewed.add(failure);
                let both = (std::mem::replace(&mut *current, Arc::new(producer)), failed);
                // Dropping waits for the last delivery reports, which the caller of `produce` must not.
                let thread = thread::Builder::new()
                    .name("failed-producer".to_owned())
                    .spawn(move || drop(both));
                drop(thread);
            }
            Err(error) => tracing::error!(%error, "another producer could not be made"),
        }
    }
}

impl Context {
    /// Tells the operator what only an operator can change.
    fn mention(&self, error: &KafkaError) {
        let mut mentioned = self
            .mentioned
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if mentioned.is_none_or(|mentioned| mentioned.elapsed() > MENTION) {
            tracing::error!(
                %error,
                "Kafka lets this server write no messages: give its user the rights Write and Describe on the messages topic, \
                 and IdempotentWrite on the cluster where that is asked for; or make the topic again if it was deleted"
            );
            *mentioned = Some(Instant::now());
        }
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        self.link.log(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.link.event(&error, reason);
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = Box<Pending>;

    fn delivery(&self, result: &DeliveryResult<'_>, pending: Box<Pending>) {
        let Pending { room, uid, id } = *pending;
        match result {
            Ok(message) => {
                self.link.answered();
                self.given_up.delivered(message.partition());
                tracing::debug!(%room, id, partition = message.partition(), offset = message.offset(), "acknowledged");
            }
            Err((error, message)) => {
                let failure = failure(error);
                self.metrics.delivery_errors.add(match failure {
                    DeliveryFailure::Unknown => DeliveryError::Unconfirmed,
                    DeliveryFailure::Refused(_) => DeliveryError::Refused,
                    DeliveryFailure::Unavailable => DeliveryError::Unavailable,
                });
                match failure {
                    // In an outage it is nobody's fault.
                    DeliveryFailure::Unknown if !self.link.is_suspected() => {
                        self.given_up.another(message.partition());
                    }
                    DeliveryFailure::Unavailable => self.mention(error),
                    DeliveryFailure::Unknown | DeliveryFailure::Refused(_) => {}
                }
                tracing::warn!(%room, id, %error, ?failure, "a message was not acknowledged");
                self.failures.failed(&room, &uid, &id, failure);
            }
        }
    }
}

/// How long a new producer is left alone: by the timeout that holds, which the operator may have set.
fn trial(config: &ClientConfig, message_timeout: Duration) -> Duration {
    let set = config.get("message.timeout.ms");
    let timeout = set
        .and_then(|millis| millis.parse().ok())
        .map_or(message_timeout, Duration::from_millis);
    timeout.saturating_mul(TRIAL).min(LONGEST_TRIAL)
}

/// Sorts a failed delivery: only what the log has certainly not taken is a refusal.
fn failure(error: &KafkaError) -> DeliveryFailure {
    let refused = |reason: &str| DeliveryFailure::Refused(reason.to_owned());
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::InvalidMessageSize) => {
            refused("the message is too large for the log")
        }
        Some(
            RDKafkaErrorCode::InvalidMessage
            | RDKafkaErrorCode::InvalidRecord
            | RDKafkaErrorCode::PolicyViolation,
        ) => refused("the log does not accept this message"),
        Some(
            RDKafkaErrorCode::TopicAuthorizationFailed
            | RDKafkaErrorCode::ClusterAuthorizationFailed
            | RDKafkaErrorCode::UnknownTopicOrPartition
            | RDKafkaErrorCode::UnknownTopic
            | RDKafkaErrorCode::UnknownPartition,
        ) => DeliveryFailure::Unavailable,
        _ => DeliveryFailure::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_certain_absence_is_a_refusal() {
        let of = |code| failure(&KafkaError::MessageProduction(code));
        for code in [
            RDKafkaErrorCode::MessageTimedOut,
            RDKafkaErrorCode::PurgeQueue,
            RDKafkaErrorCode::PurgeInflight,
            RDKafkaErrorCode::Fatal,
            RDKafkaErrorCode::NotEnoughReplicasAfterAppend,
            RDKafkaErrorCode::KafkaStorageError,
        ] {
            assert_eq!(of(code), DeliveryFailure::Unknown, "{code}");
        }
        for code in [
            RDKafkaErrorCode::MessageSizeTooLarge,
            RDKafkaErrorCode::InvalidRecord,
        ] {
            assert!(matches!(of(code), DeliveryFailure::Refused(_)), "{code}");
        }
        // The next message fares no better, so the sender is not to blame this one.
        for code in [
            RDKafkaErrorCode::TopicAuthorizationFailed,
            RDKafkaErrorCode::UnknownTopicOrPartition,
        ] {
            assert_eq!(of(code), DeliveryFailure::Unavailable, "{code}");
        }
    }

    #[test]
    fn a_new_producer_is_left_alone_for_a_few_timeouts_but_no_longer_than_a_minute() {
        let of = |millis: &str| {
            let mut config = ClientConfig::new();
            config.set("message.timeout.ms", millis);
            trial(&config, Duration::from_secs(2))
        };
        assert_eq!(of("4000"), Duration::from_secs(16));
        assert_eq!(of("60000"), LONGEST_TRIAL);
        assert_eq!(of("soon"), Duration::from_secs(8));
    }

    #[test]
    fn what_one_partition_takes_does_not_excuse_another() {
        let given_up = GivenUp::default();
        for _ in 0..2 {
            given_up.another(1);
            given_up.delivered(5);
        }
        assert!(!given_up.is_hopeless());
        given_up.delivered(1);
        for _ in 0..2 {
            given_up.another(1);
            given_up.another(5);
        }
        assert!(!given_up.is_hopeless());
        given_up.another(1);
        assert!(given_up.is_hopeless());
    }
}
