//! Produce: each partition's batch is checked when the request is read, and answered when its commit is on the disk.

use std::sync::Arc;

use bytes::Bytes;
use kafka_protocol::{
    error::ResponseError,
    messages::{
        ProduceRequest, ProduceResponse, TopicName,
        produce_request::PartitionProduceData,
        produce_response::{PartitionProduceResponse, TopicProduceResponse},
    },
};

use crate::{
    batch::Batch,
    broker::{Broker, Waiting, decided},
    commit,
    frame::{Closed, Request},
    partition::{Appended, Partition},
};

/// A Produce whose batches are queued.
pub(crate) struct Pending {
    request: Request,
    wants_answer: bool,
    topics: Vec<(TopicName, Vec<(Place, Outcome)>)>,
}

/// The partition as the request named it, and what it is if it exists.
struct Place {
    number: i32,
    partition: Option<Arc<Partition>>,
}

enum Outcome {
    Known(Result<Appended, ResponseError>),
    Waiting(Waiting<Appended>),
}

/// Checks and queues. Waits only while too many bytes are queued already.
pub(crate) async fn submit(broker: &Broker, request: Request) -> Result<Pending, Closed> {
    let produce: ProduceRequest = request.decode()?;
    let refusal = if produce.transactional_id.is_some() {
        Some(ResponseError::TransactionalIdAuthorizationFailed)
    } else {
        (!matches!(produce.acks, -1..=1)).then_some(ResponseError::InvalidRequiredAcks)
    };
    let mut topics = Vec::with_capacity(produce.topic_data.len());
    for topic in produce.topic_data {
        let name: Arc<str> = Arc::from(topic.name.as_str());
        let mut outcomes = Vec::with_capacity(topic.partition_data.len());
        for data in topic.partition_data {
            let place = Place {
                number: data.index,
                partition: broker.log.partition(&name, data.index),
            };
            let outcome = match (refusal, &place.partition) {
                (Some(error), _) => Outcome::Known(Err(error)),
                (None, None) => Outcome::Known(Err(ResponseError::UnknownTopicOrPartition)),
                (None, Some(partition)) => {
                    append(broker, &name, partition, &data, request.version).await
                }
            };
            outcomes.push((place, outcome));
        }
        topics.push((topic.name, outcomes));
    }
    Ok(Pending {
        request,
        wants_answer: produce.acks != 0,
        topics,
    })
}

async fn append(
    broker: &Broker,
    topic: &Arc<str>,
    partition: &Arc<Partition>,
    data: &PartitionProduceData,
    version: i16,
) -> Outcome {
    let records = data.records.as_deref().unwrap_or_default();
    let batch = match Batch::parse(records, broker.settings.limits.batch_bytes, version) {
        Ok(batch) => batch,
        Err(error) => return Outcome::Known(Err(error)),
    };
    if partition.durable {
        match broker
            .append(Arc::clone(topic), Arc::clone(partition), batch)
            .await
        {
            Ok(waiting) => Outcome::Waiting(waiting),
            Err(error) => Outcome::Known(Err(error)),
        }
    } else {
        let appended = partition.append_in_memory(batch, commit::now());
        broker.log.appended.notify_waiters();
        Outcome::Known(appended)
    }
}

impl Pending {
    /// Waits for the commit. Nothing is answered to a client that wants no answer; an error can be told it only by closing, as Kafka does.
    pub(crate) async fn answer(self) -> Result<Option<Bytes>, Closed> {
        let mut failed = false;
        let mut responses = Vec::with_capacity(self.topics.len());
        for (name, outcomes) in self.topics {
            let mut partitions = Vec::with_capacity(outcomes.len());
            for (place, outcome) in outcomes {
                let result = match outcome {
                    Outcome::Known(result) => result,
                    Outcome::Waiting(waiting) => decided(waiting).await,
                };
                failed |= result.is_err();
                partitions.push(describe(&place, result));
            }
            responses.push(
                TopicProduceResponse::default()
                    .with_name(name)
                    .with_partition_responses(partitions),
            );
        }
        match (self.wants_answer, failed) {
            (true, _) => self
                .request
                .answer(&ProduceResponse::default().with_responses(responses))
                .map(Some),
            (false, false) => Ok(None),
            (false, true) => Err(Closed::Unanswerable),
        }
    }
}

fn describe(place: &Place, result: Result<Appended, ResponseError>) -> PartitionProduceResponse {
    let response = PartitionProduceResponse::default().with_index(place.number);
    match (result, &place.partition) {
        (Ok(appended), Some(partition)) => response
            .with_base_offset(appended.base_offset)
            .with_log_append_time_ms(appended.time)
            .with_log_start_offset(partition.published().start),
        (result, _) => {
            let error = result.err().unwrap_or(ResponseError::UnknownServerError);
            response
                .with_error_code(error.code())
                .with_base_offset(-1)
                .with_log_append_time_ms(-1)
                .with_log_start_offset(-1)
        }
    }
}
