//! Fetch: what lies after the given offsets, at once if there is something, else as soon as something is committed or the wait is over.

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use kafka_protocol::{
    error::ResponseError,
    messages::{
        BrokerId, FetchRequest, FetchResponse, TopicName,
        fetch_response::{FetchableTopicResponse, PartitionData},
    },
};
use tokio::time::{Instant, timeout_at};

use crate::{
    batch,
    broker::Broker,
    partition::{Partition, Stored, View},
    storage::{ReadError, Span},
};

/// One partition of the request.
struct Wanted {
    number: i32,
    partition: Option<Arc<Partition>>,
    offset: i64,
    limit: usize,
}

/// What one look at all partitions found, in the order of the request.
struct Look {
    found: Vec<Result<Found, ResponseError>>,
    bytes: usize,
    /// Whether an error, or something read from the disk, should not wait for company.
    urgent: bool,
}

/// The batches of one partition, and its bounds at that moment.
#[derive(Default)]
struct Found {
    start: i64,
    end: i64,
    batches: Vec<Stored>,
}

pub(super) async fn answer(broker: &Broker, request: FetchRequest, version: i16) -> FetchResponse {
    if request.session_id != 0 {
        // Sessions are never given out; a client that is told 0 sends whole requests.
        return FetchResponse::default()
            .with_error_code(ResponseError::FetchSessionIdNotFound.code());
    }
    let least = usize::try_from(request.min_bytes).unwrap_or(0);
    let most = usize::try_from(request.max_bytes)
        .unwrap_or(0)
        .min(broker.settings.limits.fetch_bytes);
    let deadline =
        Instant::now() + Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0));
    let topics = resolve(broker, request);
    let look = loop {
        let committed = broker.log.appended.notified();
        tokio::pin!(committed);
        // Listens before it looks, or a commit in between would go unnoticed.
        committed.as_mut().enable();
        let look = look(broker, &topics, most).await;
        if look.urgent || look.bytes >= least || timeout_at(deadline, committed).await.is_err() {
            break look;
        }
    };
    describe(topics, look, version)
}

fn resolve(broker: &Broker, request: FetchRequest) -> Vec<(TopicName, Vec<Wanted>)> {
    let resolve_topic = |topic: kafka_protocol::messages::fetch_request::FetchTopic| {
        let known = broker.log.topic(&topic.topic);
        let wanted = topic.partitions.into_iter().map(|partition| Wanted {
            number: partition.partition,
            partition: known
                .as_ref()
                .and_then(|known| known.partition(partition.partition))
                .cloned(),
            offset: partition.fetch_offset,
            limit: usize::try_from(partition.partition_max_bytes).unwrap_or(0),
        });
        let wanted = wanted.collect();
        (topic.topic, wanted)
    };
    request.topics.into_iter().map(resolve_topic).collect()
}

/// Takes what the partitions have in memory and reads the rest from the disk, in the order of the request (which librdkafka rotates) and within
/// `most` bytes; the first batch found is taken even if it is larger, or a client could never get past it.
async fn look(broker: &Broker, topics: &[(TopicName, Vec<Wanted>)], most: usize) -> Look {
    let mut look = Look {
        found: Vec::new(),
        bytes: 0,
        urgent: false,
    };
    let mut cold = Vec::new();
    for (name, wanted) in topics
        .iter()
        .flat_map(|(name, wanted)| wanted.iter().map(move |wanted| (name, wanted)))
    {
        let Some(partition) = &wanted.partition else {
            look.urgent = true;
            look.found.push(Err(ResponseError::UnknownTopicOrPartition));
            continue;
        };
        let published = partition.published();
        let mut found = Found {
            start: published.start,
            end: published.end,
            batches: Vec::new(),
        };
        match published.view(
            wanted.offset,
            wanted.limit.min(most.saturating_sub(look.bytes)),
            look.bytes == 0,
        ) {
            View::OutOfRange => {
                look.urgent = true;
                look.found.push(Err(ResponseError::OffsetOutOfRange));
                continue;
            }
            View::Batches(batches) => found.batches = batches,
            View::Cold => {
                let span = Span {
                    partition: partition.id,
                    offset: wanted.offset,
                    end: found.end,
                    limit: wanted.limit,
                };
                cold.push(Cold {
                    at: look.found.len(),
                    span,
                    topic: name,
                    partition,
                });
            }
        }
        look.bytes += size(&found.batches);
        look.found.push(Ok(found));
    }
    if !cold.is_empty() {
        read_cold(broker, &mut look, cold, most).await;
    }
    look
}

/// A partition whose wanted batches are on the disk only.
struct Cold<'a> {
    at: usize,
    span: Span,
    topic: &'a str,
    partition: &'a Partition,
}

async fn read_cold(broker: &Broker, look: &mut Look, cold: Vec<Cold<'_>>, most: usize) {
    let spans: Vec<_> = cold.iter().map(|cold| cold.span).collect();
    let mut bytes = look.bytes;
    let read = broker.read(move |reader| {
        let mut batches = Vec::new();
        for mut span in spans {
            span.limit = span.limit.min(most.saturating_sub(bytes));
            if span.limit == 0 && bytes > 0 {
                break;
            }
            let read = reader.read(span);
            bytes += read.as_deref().map_or(0, size);
            batches.push(read);
        }
        Ok(batches)
    });
    let read = read.await.unwrap_or_else(|error| vec![Err(error)]);
    look.urgent = true;
    for (cold, read) in cold.into_iter().zip(read) {
        match read {
            Ok(batches) => {
                look.bytes += size(&batches);
                if let Ok(found) = &mut look.found[cold.at] {
                    found.batches = batches;
                }
            }
            Err(error) => {
                broker
                    .log
                    .report_unreadable(cold.topic, cold.partition, cold.span.offset, &error);
                look.found[cold.at] = Err(ReadError::code(&error));
            }
        }
    }
}

fn size(batches: &[Stored]) -> usize {
    batches.iter().map(|batch| batch.data.len()).sum()
}

/// Names every partition of the request, also the quiet ones: only so a client learns that it has reached the end of each.
fn describe(topics: Vec<(TopicName, Vec<Wanted>)>, look: Look, version: i16) -> FetchResponse {
    let mut found = look.found.into_iter();
    let responses = topics.into_iter().map(|(name, wanted)| {
        let partitions = wanted
            .iter()
            .zip(&mut found)
            .map(|(wanted, found)| describe_partition(wanted.number, found, version));
        let partitions = partitions.collect();
        FetchableTopicResponse::default()
            .with_topic(name)
            .with_partitions(partitions)
    });
    let responses = responses.collect();
    FetchResponse::default().with_responses(responses)
}

fn describe_partition(
    number: i32,
    found: Result<Found, ResponseError>,
    version: i16,
) -> PartitionData {
    let unreadable = |found: &Found| {
        found
            .batches
            .iter()
            .any(|batch| !batch::readable(&batch.data, version))
    };
    let found = found.and_then(|found| {
        if unreadable(&found) {
            Err(ResponseError::UnsupportedCompressionType)
        } else {
            Ok(found)
        }
    });
    let data = PartitionData::default()
        .with_partition_index(number)
        .with_preferred_read_replica(BrokerId(-1));
    match found {
        Ok(found) => data
            .with_high_watermark(found.end)
            .with_last_stable_offset(found.end)
            .with_log_start_offset(found.start)
            .with_aborted_transactions(Some(Vec::new()))
            .with_records(Some(join(found.batches))),
        Err(error) => data
            .with_error_code(error.code())
            .with_high_watermark(-1)
            .with_last_stable_offset(-1)
            .with_log_start_offset(-1)
            .with_records(Some(Bytes::new())),
    }
}

/// The bytes of the batches one after the other; empty, never absent, when there are none.
fn join(mut batches: Vec<Stored>) -> Bytes {
    if batches.len() == 1 {
        return batches.remove(0).data;
    }
    let mut bytes = BytesMut::with_capacity(size(&batches));
    for batch in batches {
        bytes.extend_from_slice(&batch.data);
    }
    bytes.freeze()
}
