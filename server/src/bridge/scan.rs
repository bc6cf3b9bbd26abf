//! Reading a stretch of a topic once: for the epoch, and for the records that checkpoints speak of.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::{Offset, TopicPartitionList};

use super::Stopped;
use super::link::Quiet;
use super::trouble::Trouble;
use crate::fold::LogRecord;

/// For how long a scan waits for the next record.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a scan comes across.
pub(super) enum Found<'a> {
    /// A record of a partition.
    Record(i32, LogRecord<'a>),
    /// There is nothing more in a partition.
    End(i32),
}

/// Reads partitions of a topic from explicit offsets until `visit` has enough.
pub(super) fn scan(
    consumer: &BaseConsumer<Quiet>,
    topic: &str,
    from: impl IntoIterator<Item = (i32, i64)>,
    stopped: &Stopped,
    mut visit: impl FnMut(Found<'_>) -> ControlFlow<()>,
) -> Result<(), Trouble> {
    consumer.assign(&offsets(topic, from)?)?;
    let mut last = Instant::now();
    loop {
        let flow = match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => visit(Found::Record(message.partition(), record(&message))),
            Some(Err(KafkaError::PartitionEOF(partition))) => visit(Found::End(partition)),
            Some(Err(error))
                if error.rdkafka_error_code() == Some(RDKafkaErrorCode::AutoOffsetReset) =>
            {
                return Err(error.into());
            }
            // Nothing yet, or trouble that librdkafka gets over by itself.
            None | Some(Err(_)) => {
                if stopped.is_set() || last.elapsed() > PATIENCE {
                    return Err(Trouble::Later(format!(
                        "nothing came from the topic {topic}"
                    )));
                }
                continue;
            }
        };
        last = Instant::now();
        if flow.is_break() {
            return Ok(consumer.unassign()?);
        }
    }
}

/// An assignment with explicit offsets; symbolic ones are resolved later, when records may have come in between.
pub(super) fn offsets(
    topic: &str,
    from: impl IntoIterator<Item = (i32, i64)>,
) -> Result<TopicPartitionList, KafkaError> {
    let mut list = TopicPartitionList::new();
    for (partition, offset) in from {
        list.add_partition_offset(topic, partition, Offset::Offset(offset))?;
    }
    Ok(list)
}

/// The fold's view of a consumed record.
pub(super) fn record<'a>(message: &'a BorrowedMessage<'_>) -> LogRecord<'a> {
    LogRecord {
        offset: message.offset(),
        timestamp: message.timestamp().to_millis(),
        key: message.key(),
        value: message.payload(),
    }
}
