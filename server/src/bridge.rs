//! rdkafka: the only bridge between this server and the log, in every mode.

use protocol::RoomName;

/// How the log failed a message after the producer had taken it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeliveryFailure {
    /// Time ran out: the message may or may not be in the log.
    Unknown,
    /// The log said no for good; the reason is a sentence.
    Refused(String),
}

/// Learns of messages that the producer took and the log did not.
pub trait DeliveryFailures: Send + Sync {
    /// The message with this sender and id failed.
    fn failed(&self, room: &RoomName, uid: &str, id: &str, failure: DeliveryFailure);
}
