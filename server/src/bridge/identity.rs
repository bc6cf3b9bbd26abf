//! Whether the log is still the one that a running server began to follow.
//!
//! Offsets alone do not tell: a topic that was made anew may have grown past what a server has read before that server asks
//! for more. But some server notices, at its start at the latest, and supersedes the epoch, which all can read.

use std::time::Duration;

use protocol::Epoch;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::link::Quiet;
use super::settings::LogSettings;
use super::{Stopped, epoch};

/// How long a broker has to answer one question.
const ANSWER: Duration = Duration::from_secs(2);
/// So often in a row a topic has to be missing: a broker that has just started may not know of it yet.
const CERTAIN: u32 = 3;

/// What a server remembers of the log that it follows.
pub(super) struct Identity {
    settings: LogSettings,
    epoch: Epoch,
    /// Where the topic of epochs ended when it was last read.
    read: Option<(i64, i64)>,
    /// How often in a row a topic was found missing.
    missing: u32,
}

impl Identity {
    pub(super) fn new(settings: &LogSettings, epoch: Epoch) -> Self {
        Self {
            settings: settings.clone(),
            epoch,
            read: None,
            missing: 0,
        }
    }

    /// Looks once more; tells why the log is not the same any more. What cannot be found out now is asked the next time.
    pub(super) fn lost(
        &mut self,
        consumer: &BaseConsumer<Quiet>,
        stopped: &Stopped,
    ) -> Option<String> {
        for topic in [self.settings.messages_topic(), self.settings.state_topic()] {
            if is_missing(consumer, &topic)? {
                self.missing += 1;
                return (self.missing >= CERTAIN)
                    .then(|| format!("the topic {topic} was deleted while the server ran"));
            }
        }
        self.missing = 0;
        let state = self.settings.state_topic();
        let watermarks = consumer.fetch_watermarks(&state, 0, ANSWER).ok()?;
        if self.read == Some(watermarks) {
            return None;
        }
        let current = epoch::read(consumer, &self.settings, stopped).ok()?;
        self.read = Some(watermarks);
        (current != Some(self.epoch)).then(|| match current {
            Some(current) => format!(
                "the epoch {} of the log was superseded by {current} while the server ran",
                self.epoch
            ),
            None => format!("the log has lost its epoch {}", self.epoch),
        })
    }
}

/// Whether a topic does not exist; none where nobody says.
fn is_missing(consumer: &BaseConsumer<Quiet>, topic: &str) -> Option<bool> {
    let metadata = match consumer.fetch_metadata(Some(topic), ANSWER) {
        Ok(metadata) => metadata,
        Err(KafkaError::MetadataFetch(
            RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic,
        )) => return Some(true),
        Err(_) => return None,
    };
    let found = metadata
        .topics()
        .iter()
        .find(|found| found.name() == topic)?;
    match found.error().map(RDKafkaErrorCode::from) {
        Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
            Some(true)
        }
        Some(_) => None,
        None => Some(found.partitions().is_empty()),
    }
}
