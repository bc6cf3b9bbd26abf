//! Messages into the log: four idempotent producers, each for every fourth partition.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
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

/// One producer sends one partition per request and few requests at a time; several share a slow disk's commits better.
const PRODUCERS: usize = 4;

/// After so many messages in a row a producer is suspected of never delivering again.
const GIVEN_UP: u32 = 3;

/// Why a message did not enter the producer. It is certainly not in the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProduceError {
    /// Too many messages wait for the log; the same one can be tried again later.
    #[error("too many messages are waiting for the log; try again in a moment")]
    QueueFull,
    /// The log takes no message of this size.
    #[error("the message is too large for the log")]
    TooLarge,
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
    slots: Vec<RwLock<Arc<ThreadedProducer<Context>>>>,
    link: Arc<Link>,
    failures: Arc<dyn DeliveryFailures>,
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
    /// How many messages in a row this producer gave up.
    given_up: AtomicU32,
}

impl Producer {
    /// Makes the producers; they connect by themselves.
    pub(super) fn new(
        settings: &LogSettings,
        link: &Arc<Link>,
        failures: Arc<dyn DeliveryFailures>,
    ) -> Result<Self, StartError> {
        let mut shared = Shared {
            topic: settings.messages_topic(),
            partitions: settings.partitions,
            config: settings.producer(),
            link: Arc::clone(link),
            failures,
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
                    self.shared
                        .replace(slot, producer, &reason.unwrap_or_default());
                    ProduceError::QueueFull
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
            given_up: AtomicU32::new(0),
        };
        ThreadedProducer::from_config_and_context(&self.config, context)
    }

    /// The producer of a slot. One that gives up every message although Kafka answers has lost a partition's leader for
    /// good (librdkafka #5430) or was fenced, and is replaced.
    fn producer(&self, slot: usize) -> Arc<ThreadedProducer<Context>> {
        let current = || {
            Arc::clone(
                &self.slots[slot]
                    .read()
                    .unwrap_or_else(PoisonError::into_inner),
            )
        };
        let producer = current();
        if producer.context().given_up.load(Ordering::Relaxed) < GIVEN_UP
            || self.link.is_suspected()
        {
            return producer;
        }
        self.replace(
            slot,
            producer,
            "it gives up every message although Kafka answers",
        );
        current()
    }

    /// Puts a new producer in the place of one that is of no more use. What that one still held is reported as failed.
    fn replace(&self, slot: usize, failed: Arc<ThreadedProducer<Context>>, reason: &str) {
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
                self.given_up.store(0, Ordering::Relaxed);
                tracing::debug!(%room, id, partition = message.partition(), offset = message.offset(), "acknowledged");
            }
            Err((error, _)) => {
                let failure = failure(error);
                if failure == DeliveryFailure::Unknown {
                    self.given_up.fetch_add(1, Ordering::Relaxed);
                }
                tracing::warn!(%room, id, %error, ?failure, "a message was not acknowledged");
                self.failures.failed(&room, &uid, &id, failure);
            }
        }
    }
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
            | RDKafkaErrorCode::ClusterAuthorizationFailed,
        ) => refused("this server is not allowed to write to the log"),
        Some(
            RDKafkaErrorCode::UnknownTopicOrPartition
            | RDKafkaErrorCode::UnknownTopic
            | RDKafkaErrorCode::UnknownPartition,
        ) => refused("the log's topic does not exist"),
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
            RDKafkaErrorCode::TopicAuthorizationFailed,
        ] {
            assert!(matches!(of(code), DeliveryFailure::Refused(_)), "{code}");
        }
    }
}
