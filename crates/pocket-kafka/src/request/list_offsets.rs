//! `ListOffsets`: the first offset, the end, or the first offset at or after a time.

use kafka_protocol::{
    error::ResponseError,
    messages::{
        ListOffsetsRequest, ListOffsetsResponse,
        list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse},
    },
};

use crate::{broker::Broker, partition::Partition};

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const NEWEST_TIME: i64 = -3;

/// An offset and, where it was asked for by time, the time of the message there; -1 for "none".
#[derive(Clone, Copy)]
struct Found {
    offset: i64,
    time: i64,
}

const NONE: Found = Found {
    offset: -1,
    time: -1,
};

pub(super) async fn answer(broker: &Broker, request: ListOffsetsRequest) -> ListOffsetsResponse {
    let mut topics = Vec::with_capacity(request.topics.len());
    for asked in request.topics {
        let mut partitions = Vec::with_capacity(asked.partitions.len());
        for wanted in asked.partitions {
            let found = match broker.log.partition(&asked.name, wanted.partition_index) {
                Some(partition) => find(broker, &asked.name, &partition, wanted.timestamp).await,
                None => Err(ResponseError::UnknownTopicOrPartition),
            };
            let answer = ListOffsetsPartitionResponse::default()
                .with_partition_index(wanted.partition_index);
            partitions.push(match found {
                Ok(found) => answer
                    .with_offset(found.offset)
                    .with_timestamp(found.time)
                    .with_leader_epoch(0),
                Err(error) => answer
                    .with_error_code(error.code())
                    .with_offset(-1)
                    .with_timestamp(-1),
            });
        }
        topics.push(
            ListOffsetsTopicResponse::default()
                .with_name(asked.name)
                .with_partitions(partitions),
        );
    }
    ListOffsetsResponse::default().with_topics(topics)
}

async fn find(
    broker: &Broker,
    topic: &str,
    partition: &Partition,
    time: i64,
) -> Result<Found, ResponseError> {
    let (start, end, last_time) = {
        let published = partition.published();
        (published.start, published.end, published.last_time)
    };
    match time {
        LATEST => Ok(Found {
            offset: end,
            time: -1,
        }),
        EARLIEST => Ok(Found {
            offset: start,
            time: -1,
        }),
        NEWEST_TIME if start == end => Ok(NONE),
        NEWEST_TIME => first_since(broker, topic, partition, start, end, last_time).await,
        0.. => first_since(broker, topic, partition, start, end, time).await,
        _ => Err(ResponseError::UnsupportedVersion),
    }
}

async fn first_since(
    broker: &Broker,
    topic: &str,
    partition: &Partition,
    start: i64,
    end: i64,
    time: i64,
) -> Result<Found, ResponseError> {
    let found = if partition.durable {
        let id = partition.id;
        broker
            .read(move |reader| reader.first_since(id, start, end, time))
            .await
            .map_err(|error| {
                broker
                    .log
                    .report_unreadable(topic, partition, start, &error);
                error.code()
            })?
    } else {
        partition.published().first_since(time).cloned()
    };
    // Every record of a batch has the batch's time, so the first of them is exact.
    Ok(found.map_or(NONE, |batch| Found {
        offset: batch.base_offset,
        time: batch.time,
    }))
}
