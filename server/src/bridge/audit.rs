//! The log as it is read once from the first to the last record by whoever checks the history; nothing is written, but for the epoch on request.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use protocol::Epoch;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};

use super::link::{Link, Quiet};
use super::scan::{Found, scan};
use super::trouble::{Trouble, setting};
use super::{LogSettings, StartError, Stop, epoch};
use crate::fold::LogRecord;

/// How long Kafka has to answer one question.
const ANSWER: Duration = Duration::from_secs(10);

/// A log to be checked.
pub struct Audit {
    settings: LogSettings,
    context: Quiet,
    consumer: BaseConsumer<Quiet>,
    stop: Stop,
}

impl Audit {
    /// Prepares to read; nothing is asked yet.
    pub fn new(settings: LogSettings) -> Result<Self, StartError> {
        settings.check_files()?;
        let context = Quiet(Arc::new(Link::new(&settings.brokers)));
        let consumer = BaseConsumer::from_config_and_context(&settings.consumer(), context.clone())
            .map_err(setting)?;
        Ok(Self {
            settings,
            context,
            consumer,
            stop: Stop::new(),
        })
    }

    /// Which life of the log this is; none if it never had one, or has no topics yet.
    pub fn epoch(&self) -> Result<Option<Epoch>, StartError> {
        if !self.exists(&self.settings.state_topic())? {
            return Ok(None);
        }
        epoch::read(&self.consumer, &self.settings, &self.stop.signal()).map_err(sentence)
    }

    /// Begins another life of the log: positions of the one before are no longer taken.
    pub fn supersede(&self) -> Result<Epoch, StartError> {
        let old = self.epoch()?;
        let stopped = self.stop.signal();
        epoch::supersede(&self.consumer, &self.context, &self.settings, &stopped, old)
            .map_err(sentence)
    }

    /// The first offset of each partition of the messages, and the one after the last; empty without the topic.
    pub fn watermarks(&self) -> Result<Vec<(i64, i64)>, StartError> {
        let topic = self.settings.messages_topic();
        if !self.exists(&topic)? {
            return Ok(Vec::new());
        }
        (0..self.settings.partitions)
            .map(|partition| self.consumer.fetch_watermarks(&topic, partition, ANSWER))
            .collect::<Result<_, _>>()
            .map_err(|error| sentence(error.into()))
    }

    /// Visits every record of the messages up to these watermarks, each partition in order.
    pub fn read(
        &self,
        watermarks: &[(i64, i64)],
        mut visit: impl FnMut(i32, &LogRecord<'_>),
    ) -> Result<(), StartError> {
        let mut open: HashMap<i32, i64> = (0..)
            .zip(watermarks)
            .filter(|(_, (low, high))| low < high)
            .map(|(partition, (_, high))| (partition, *high))
            .collect();
        if open.is_empty() {
            return Ok(());
        }
        let from: Vec<_> = (0..).zip(watermarks.iter().map(|(low, _)| *low)).collect();
        let (topic, stopped) = (self.settings.messages_topic(), self.stop.signal());
        let read = scan(&self.consumer, &topic, from, &stopped, |found| {
            match found {
                Found::Record(partition, record) => {
                    let Some(high) = open.get(&partition).copied() else {
                        return ControlFlow::Continue(());
                    };
                    if record.offset < high {
                        visit(partition, &record);
                    }
                    if record.offset + 1 >= high {
                        open.remove(&partition);
                    }
                }
                Found::End(partition) => drop(open.remove(&partition)),
            }
            if open.is_empty() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        read.map_err(sentence)
    }

    fn exists(&self, topic: &str) -> Result<bool, StartError> {
        let metadata = self
            .consumer
            .fetch_metadata(None, ANSWER)
            .map_err(|error| sentence(error.into()))?;
        Ok(metadata.topics().iter().any(|known| known.name() == topic))
    }
}

fn sentence(trouble: Trouble) -> StartError {
    match trouble {
        Trouble::Never(error) => error,
        Trouble::Later(reason) => StartError::Lost(format!("the log cannot be read: {reason}")),
    }
}
