//! What lies in Kafka itself, read without Maru: every record of the messages topic, repeats included.

use std::collections::HashSet;
use std::io;
use std::time::{Duration, Instant};

use protocol::Record;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::Message as _;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

/// How long nothing may come while there is more.
const PATIENCE: Duration = Duration::from_secs(60);

/// How much lies in the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Content {
    /// Different messages.
    pub(crate) messages: usize,
    /// Records that say what an earlier one has said.
    pub(crate) repeats: usize,
}

/// Reads a topic from its beginning to its end. Blocks.
pub(crate) fn read(brokers: &str, topic: &str) -> io::Result<Content> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "chaos")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .create()
        .map_err(io::Error::other)?;
    let metadata = consumer
        .fetch_metadata(Some(topic), PATIENCE)
        .map_err(io::Error::other)?;
    let partitions = metadata
        .topics()
        .first()
        .map_or(0, |topic| topic.partitions().len());
    let mut from = TopicPartitionList::new();
    for partition in (0..).take(partitions) {
        from.add_partition_offset(topic, partition, Offset::Beginning)
            .map_err(io::Error::other)?;
    }
    consumer.assign(&from).map_err(io::Error::other)?;
    let mut content = Content::default();
    let mut seen = HashSet::new();
    let mut ended = HashSet::new();
    let mut last = Instant::now();
    while ended.len() < partitions {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                let record: Record = serde_json::from_slice(message.payload().unwrap_or_default())?;
                if seen.insert((record.room, record.sender.uid, record.id)) {
                    content.messages += 1;
                } else {
                    content.repeats += 1;
                }
                last = Instant::now();
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                ended.insert(partition);
            }
            // What librdkafka gets over by itself.
            Some(Err(_)) | None if last.elapsed() < PATIENCE => {}
            Some(Err(error)) => return Err(io::Error::other(error)),
            None => return Err(io::ErrorKind::TimedOut.into()),
        }
    }
    Ok(content)
}
