//! The topics beside the messages: what is said in passing (`maru.ephemeral`), and how far people have read (`maru.markers`).

use std::collections::HashSet;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use protocol::RoomName;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::producer::{BaseRecord, Producer as _, ThreadedProducer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tokio::sync::oneshot;

use super::consumer::{CLOSING, close};
use super::link::{Link, Quiet};
use super::trouble::setting;
use super::{LogSettings, StartError, Stop, Stopped};

/// How many partitions `maru.ephemeral` has.
pub(super) const EPHEMERAL_PARTITIONS: i32 = 8;
/// How many partitions `maru.markers` has.
pub(super) const MARKERS_PARTITIONS: i32 = 16;
/// How long one poll waits for a record.
const POLL: Duration = Duration::from_millis(100);
/// How long a stopping server waits for the log to take its last words.
const FLUSH: Duration = Duration::from_secs(3);

/// Learns what the topics beside the messages say. Called by their threads, one record at a time.
pub trait SideReader: Send + Sync {
    /// Something was said in passing, after this server started.
    fn passing(&self, value: &[u8]);

    /// Somebody has read a room further; `at` is when the log took the marker, in Unix milliseconds.
    fn marker(&self, value: &[u8], at: i64);
}

/// The topics beside the messages. Dropping it ends the reading.
pub struct Side {
    passing: Lane,
    markers: Lane,
    stop: Stop,
    threads: [JoinHandle<()>; 2],
}

/// A topic and the producer for it.
#[derive(Clone)]
struct Lane {
    topic: String,
    producer: Arc<ThreadedProducer<Quiet>>,
}

/// The way into the topics beside the messages.
#[derive(Clone)]
pub struct SideProducer {
    passing: Lane,
    markers: Lane,
}

impl Side {
    pub(super) async fn start(
        settings: &LogSettings,
        link: &Arc<Link>,
        reader: Arc<dyn SideReader>,
    ) -> Result<Self, StartError> {
        let context = Quiet(Arc::clone(link));
        let passing = Lane::new(
            settings.ephemeral_topic(),
            &settings.ephemeral_producer(),
            &context,
        )?;
        let markers = Lane::new(
            settings.markers_topic(),
            &settings.markers_producer(),
            &context,
        )?;
        let stop = Stop::new();
        let follow = |topic: &Lane, partitions, from, tell| {
            let follower = Follower {
                topic: topic.topic.clone(),
                partitions,
                from,
                settings: settings.clone(),
                context: context.clone(),
                stopped: stop.signal(),
            };
            let name = format!("{topic}-reader", topic = from.word());
            thread::Builder::new().name(name).spawn({
                let reader = Arc::clone(&reader);
                move || follower.run(tell, &*reader)
            })
        };
        let ((tell_passing, passing_read), (tell_markers, markers_read)) =
            (oneshot::channel(), oneshot::channel());
        let threads = [
            follow(&passing, EPHEMERAL_PARTITIONS, From::Now, tell_passing)?,
            follow(&markers, MARKERS_PARTITIONS, From::Beginning, tell_markers)?,
        ];
        for read in [passing_read, markers_read] {
            read.await.map_err(|_| StartError::GivenUp)??;
        }
        Ok(Self {
            passing,
            markers,
            stop,
            threads,
        })
    }

    /// The way into these topics.
    pub fn producer(&self) -> SideProducer {
        SideProducer {
            passing: self.passing.clone(),
            markers: self.markers.clone(),
        }
    }

    /// Waits a few seconds for the log to take what was said, and stops reading.
    pub async fn shutdown(self) {
        let ended = tokio::task::spawn_blocking(move || {
            for lane in [&self.passing, &self.markers] {
                if lane.producer.flush(FLUSH).is_err() {
                    tracing::warn!(
                        topic = lane.topic,
                        "the log did not take everything before the server stopped"
                    );
                }
            }
            drop(self.stop);
            for thread in self.threads {
                if thread.join().is_err() {
                    tracing::error!("a thread of the log has panicked");
                }
            }
        });
        if ended.await.is_err() {
            tracing::error!("stopping the log has panicked");
        }
    }
}

impl SideProducer {
    /// Says something in passing that concerns a room, or every server. What the log does not take in three seconds is gone.
    pub fn pass(&self, room: Option<&RoomName>, value: &[u8]) {
        self.passing.send(room.map_or("", RoomName::as_str), value);
    }

    /// Keeps how far a person has read a room.
    pub fn mark(&self, room: &RoomName, uid: &str, value: &[u8]) {
        self.markers.send(&format!("{room}:{uid}"), value);
    }
}

impl Lane {
    fn new(topic: String, config: &ClientConfig, context: &Quiet) -> Result<Self, StartError> {
        let producer = ThreadedProducer::from_config_and_context(config, context.clone());
        Ok(Self {
            topic,
            producer: Arc::new(producer.map_err(setting)?),
        })
    }

    fn send(&self, key: &str, value: &[u8]) {
        let record = BaseRecord::to(&self.topic).key(key).payload(value);
        if let Err((error, _)) = self.producer.send(record) {
            tracing::debug!(topic = self.topic, %error, "something was not said");
        }
    }
}

/// Where reading begins, and begins again when the log no longer has what comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    Beginning,
    Now,
}

impl From {
    fn word(self) -> &'static str {
        match self {
            Self::Beginning => "marker",
            Self::Now => "passing",
        }
    }

    fn offset(self) -> Offset {
        match self {
            Self::Beginning => Offset::Beginning,
            Self::Now => Offset::End,
        }
    }

    fn reset(self) -> &'static str {
        match self {
            Self::Beginning => "earliest",
            Self::Now => "latest",
        }
    }
}

/// Reads one topic; owned by its thread.
struct Follower {
    topic: String,
    partitions: i32,
    from: From,
    settings: LogSettings,
    context: Quiet,
    stopped: Stopped,
}

impl Follower {
    /// Reads until the server stops; tells when the end of every partition has been reached once.
    fn run(self, tell: oneshot::Sender<Result<(), StartError>>, reader: &dyn SideReader) {
        let mut consumer = match self.consumer() {
            Ok(consumer) => consumer,
            Err(error) => return drop(tell.send(Err(setting(error)))),
        };
        let mut tell = Some(tell);
        let mut unfinished: HashSet<i32> = (0..self.partitions).collect();
        while !self.stopped.is_set() {
            match consumer.poll(POLL) {
                None => {}
                Some(Ok(message)) => {
                    let value = message.payload().unwrap_or_default();
                    match self.from {
                        From::Now => reader.passing(value),
                        From::Beginning => {
                            let at = message.timestamp().to_millis();
                            reader.marker(value, at.unwrap_or_default());
                        }
                    }
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    unfinished.remove(&partition);
                    if unfinished.is_empty()
                        && let Some(tell) = tell.take()
                    {
                        drop(tell.send(Ok(())));
                    }
                }
                Some(Err(error)) => {
                    tracing::debug!(topic = self.topic, %error, "the consumer reports");
                    if is_fatal(&error)
                        && let Ok(another) = self.consumer()
                    {
                        // What comes next must not wait for it.
                        close(std::mem::replace(&mut consumer, another), Duration::ZERO);
                    }
                }
            }
        }
        close(consumer, CLOSING);
    }

    fn consumer(&self) -> Result<BaseConsumer<Quiet>, KafkaError> {
        let config = self.settings.consumer_from(self.from.reset());
        let consumer = BaseConsumer::from_config_and_context(&config, self.context.clone())?;
        let mut list = TopicPartitionList::new();
        for partition in 0..self.partitions {
            list.add_partition_offset(&self.topic, partition, self.from.offset())?;
        }
        consumer.assign(&list)?;
        Ok(consumer)
    }
}

/// Whether this consumer will read nothing any more.
fn is_fatal(error: &KafkaError) -> bool {
    matches!(error, KafkaError::MessageConsumptionFatal(_))
        || error.rdkafka_error_code() == Some(RDKafkaErrorCode::Fatal)
}
