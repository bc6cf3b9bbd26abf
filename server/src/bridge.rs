//! rdkafka: the only bridge between this server and the log, in every mode.
//!
//! # Layout
//!
//! - `audit`: reading the whole log once, to check the history
//! - `settings`: librdkafka's properties, ours and the operator's
//! - `link`: whether Kafka answers, told once per outage; librdkafka's own log lines
//! - `producer`: records into the log
//! - `topics`: the topics, made and checked at start
//! - `epoch`: which life of the log this is
//! - `checkpoint`: whether the store belongs to it
//! - `scan`: reading a stretch of a topic once
//! - `start`: the steps from nothing to a caught-up fold
//! - `trouble`: what goes wrong on the way there, for now or for good
//! - `side`: the topics beside the messages: what is said in passing, and read markers
//! - `consumer`: the thread that reads every partition and folds it
//! - `watchdog`: finds out what librdkafka does not tell
//! - `identity`: whether the log is still the one that was begun to be followed
//! - `watermarks`: where each partition begins and ends

mod audit;
mod checkpoint;
mod consumer;
mod epoch;
mod identity;
mod link;
mod producer;
mod scan;
mod settings;
mod side;
mod start;
mod topics;
mod trouble;
mod watchdog;
mod watermarks;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use protocol::RoomName;

use crate::fold::{Committer, Rooms};
use crate::history::HistoryError;
use link::Link;

pub use crate::fold::partition_of;
pub use audit::Audit;
pub use producer::{ProduceError, Producer};
pub use settings::{LogSettings, ephemeral_topic};
pub use side::{Side, SideProducer, SideReader};
pub use start::start;

/// How long a stopping server waits for the log to take what was produced.
const FLUSH: Duration = Duration::from_secs(10);

/// The version of librdkafka that is built in.
pub fn librdkafka_version() -> String {
    rdkafka::util::get_rdkafka_version().1
}

/// How the log failed a message after the producer had taken it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeliveryFailure {
    /// Time ran out: the message may or may not be in the log.
    Unknown,
    /// The log does not accept the message; the reason is a sentence.
    Refused(String),
    /// The log lets this server write nothing, whatever the message: it is not there, and an operator has to act.
    Unavailable,
}

/// Learns of messages that the producer took and the log did not.
pub trait DeliveryFailures: Send + Sync {
    /// The message with this sender and id failed.
    fn failed(&self, room: &RoomName, uid: &str, id: &str, failure: DeliveryFailure);
}

/// How far the server has come with the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Kafka does not answer yet.
    Connecting,
    /// Records that were written before this server started are being folded.
    CatchingUp {
        /// How many are folded.
        done: u64,
        /// How many there were at the start.
        total: u64,
    },
    /// Everything that was in the log at the start is folded; new records follow as they come.
    Ready,
    /// The log can no longer be followed; the sentence says what to do.
    Failed(String),
}

/// Why the log could not be started. Each is a sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// librdkafka does not accept a property.
    #[error("the Kafka setting {key} is not accepted: {reason}")]
    Setting {
        /// The property.
        key: String,
        /// Why, without its value.
        reason: String,
    },
    /// librdkafka does not accept the properties together.
    #[error("the Kafka settings are not accepted: {0}")]
    Settings(String),
    /// The brokers do not let this server in.
    #[error(
        "Kafka at {brokers} refuses this server's credentials: {reason}; check the sasl.* settings"
    )]
    Authentication {
        /// The addresses that were asked.
        brokers: String,
        /// What the broker said.
        reason: String,
    },
    /// No connection by TLS comes about, mostly because a broker's certificate is not trusted.
    #[error(
        "no trusted connection to Kafka at {brokers} comes about: {reason}; a broker's certificate must be signed by an \
         authority in ssl.ca.location and made out to the host name by which this server knows it; check the ssl.* settings"
    )]
    Certificate {
        /// The addresses that were asked.
        brokers: String,
        /// What was wrong with it.
        reason: String,
    },
    /// A topic has another partition count than the settings say. Rooms would move, so it is never changed.
    #[error(
        "the topic {topic} has {found} partitions, but this server is set to {wanted}; set the count to {found}, or set \
         another topic prefix to begin a new log"
    )]
    PartitionCount {
        /// The topic.
        topic: String,
        /// What it has.
        found: usize,
        /// What the settings say.
        wanted: i32,
    },
    /// A topic is absent and could not be made.
    #[error(
        "the topic {topic} does not exist and cannot be made: {reason}; make it by hand or allow this server to"
    )]
    Topic {
        /// The topic.
        topic: String,
        /// What the broker said.
        reason: String,
    },
    /// The local store cannot be used.
    #[error("{0}")]
    History(#[from] HistoryError),
    /// The operating system gave no thread.
    #[error("a thread could not be started: {0}")]
    Thread(#[from] std::io::Error),
    /// The log could not be followed to its end; the reason is a sentence.
    #[error("{0}")]
    Lost(String),
    /// The start was given up, or the thread that carried it out is gone.
    #[error("the start of the log was given up")]
    GivenUp,
}

/// The running log: what is produced into it comes back folded into rooms.
pub struct Log {
    /// The rooms as folded so far.
    pub rooms: Arc<Rooms>,
    /// Where messages enter the log.
    pub producer: Producer,
    settings: LogSettings,
    link: Arc<Link>,
    stop: Stop,
    /// The reader and its watchdog.
    threads: [JoinHandle<()>; 2],
    committer: Committer,
}

impl Log {
    /// Whether this server still follows the log and its store keeps up (decision 11): otherwise it should not serve.
    pub fn healthy(&self) -> bool {
        self.rooms.healthy() && !self.threads.iter().any(JoinHandle::is_finished)
    }

    /// Whether Kafka answers. While it does not, messages wait in the producer and history goes on.
    pub fn connected(&self) -> bool {
        !self.link.is_down()
    }

    /// The same, to be asked elsewhere.
    pub fn watch_connection(&self) -> impl Fn() -> bool + Send + 'static {
        let link = Arc::clone(&self.link);
        move || !link.is_down()
    }

    /// Begins to read the topics beside the messages, and returns when everything that was in them has been told: every
    /// read marker, and nothing of what was said in passing.
    pub async fn side(&self, reader: Arc<dyn SideReader>) -> Result<Side, StartError> {
        Side::start(&self.settings, &self.link, reader).await
    }

    /// Waits up to ten seconds for the log to take what was produced, stops reading, and commits what is folded.
    pub async fn shutdown(self) {
        self.end(FLUSH).await;
    }

    /// Ends as [`shutdown`](Self::shutdown), for a log that is lost: what was produced for it is not waited for.
    pub async fn give_up(self) {
        self.end(Duration::ZERO).await;
    }

    async fn end(self, flush: Duration) {
        let ended = tokio::task::spawn_blocking(move || {
            if !flush.is_zero() {
                self.producer.flush(flush);
            }
            drop(self.stop);
            for thread in self.threads {
                if thread.join().is_err() {
                    tracing::error!("a thread of the log has panicked");
                }
            }
            self.committer.finish();
        });
        if ended.await.is_err() {
            tracing::error!("stopping the log has panicked");
        }
    }
}

/// What the watchdog tells the reading thread.
#[derive(Default)]
struct Orders {
    /// Take another consumer.
    renew: AtomicBool,
    /// Give up, for this reason.
    lost: OnceLock<String>,
}

/// Tells the reading thread to end when it is dropped.
struct Stop(Arc<AtomicBool>);

impl Stop {
    fn new() -> Self {
        Self(Arc::new(AtomicBool::new(false)))
    }

    fn signal(&self) -> Stopped {
        Stopped(Arc::clone(&self.0))
    }
}

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The reading thread's view of a [`Stop`].
#[derive(Clone)]
struct Stopped(Arc<AtomicBool>);

impl Stopped {
    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
