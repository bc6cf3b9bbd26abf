//! rdkafka clients as Maru configures them, and what the tests do with them again and again.

use std::time::{Duration, Instant};

use rdkafka::{
    ClientConfig, Message as _, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaError,
    message::{BorrowedMessage, OwnedMessage},
    producer::{
        FutureProducer, FutureRecord,
        future_producer::{Delivery, DeliveryFuture},
    },
    types::RDKafkaErrorCode,
};
use tokio::runtime::Builder;

use crate::target::unique;

/// Far beyond what anything takes; only a hang reaches it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(async { tokio::time::timeout(PATIENCE, future).await.unwrap() })
}

/// Asks for a topic; each partition on one broker.
pub(crate) fn try_create(
    config: &ClientConfig,
    name: &str,
    partitions: i32,
    settings: &[(&str, &str)],
) -> Result<(), RDKafkaErrorCode> {
    let admin: AdminClient<DefaultClientContext> = config.create().unwrap();
    let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
    for (key, value) in settings {
        topic = topic.set(key, value);
    }
    let results = block_on(admin.create_topics(
        &[topic],
        &AdminOptions::new().request_timeout(Some(PATIENCE)),
    ))
    .unwrap();
    results
        .into_iter()
        .next()
        .unwrap()
        .map(|_| ())
        .map_err(|(_, error)| error)
}

/// A new topic whose messages carry the time of the log.
pub(crate) fn create(config: &ClientConfig, name: &str, partitions: i32) -> String {
    let name = unique(name);
    try_create(
        config,
        &name,
        partitions,
        &[("message.timestamp.type", "LogAppendTime")],
    )
    .unwrap();
    name
}

pub(crate) fn producer(config: &ClientConfig) -> FutureProducer {
    producer_with(config, &[])
}

pub(crate) fn producer_with(config: &ClientConfig, settings: &[(&str, &str)]) -> FutureProducer {
    let mut config = config.clone();
    config
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("linger.ms", "0")
        .set("message.timeout.ms", "30000");
    for (key, value) in settings {
        config.set(*key, *value);
    }
    config.create().unwrap()
}

pub(crate) fn send(
    producer: &FutureProducer,
    topic: &str,
    partition: i32,
    payload: impl AsRef<[u8]>,
) -> DeliveryFuture {
    let record: FutureRecord<'_, [u8], [u8]> = FutureRecord::to(topic)
        .partition(partition)
        .payload(payload.as_ref());
    producer
        .send_result(record)
        .map_err(|(error, _)| error)
        .unwrap()
}

pub(crate) fn delivered(delivery: DeliveryFuture) -> Result<Delivery, KafkaError> {
    block_on(delivery).unwrap().map_err(|(error, _)| error)
}

/// Sends payloads one after the other, each in a batch of its own.
pub(crate) fn send_each<P: AsRef<[u8]>>(
    producer: &FutureProducer,
    topic: &str,
    partition: i32,
    payloads: impl IntoIterator<Item = P>,
) -> Vec<Delivery> {
    payloads
        .into_iter()
        .map(|payload| delivered(send(producer, topic, partition, payload)).unwrap())
        .collect()
}

/// A consumer of one partition from an offset.
pub(crate) fn consumer_at(
    config: &ClientConfig,
    topic: &str,
    partition: i32,
    offset: Offset,
) -> BaseConsumer {
    consumer_with(config, topic, &[(partition, offset)], &[])
}

pub(crate) fn consumer_with(
    config: &ClientConfig,
    topic: &str,
    from: &[(i32, Offset)],
    settings: &[(&str, &str)],
) -> BaseConsumer {
    let mut config = config.clone();
    config
        .set("group.id", unique("group"))
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("auto.offset.reset", "error")
        .set("check.crcs", "true")
        .set("fetch.wait.max.ms", "100")
        .set("fetch.error.backoff.ms", "50");
    for (key, value) in settings {
        config.set(*key, *value);
    }
    let consumer: BaseConsumer = config.create().unwrap();
    let mut assignment = TopicPartitionList::new();
    for (partition, offset) in from {
        assignment
            .add_partition_offset(topic, *partition, *offset)
            .unwrap();
    }
    consumer.assign(&assignment).unwrap();
    consumer
}

/// The next message, end of partition or error.
pub(crate) fn next(consumer: &BaseConsumer) -> Result<BorrowedMessage<'_>, KafkaError> {
    let begun = Instant::now();
    loop {
        match consumer.poll(Duration::from_millis(200)) {
            // Says what the client will try again by itself.
            Some(Err(KafkaError::MessageConsumption(
                RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::CoordinatorNotAvailable,
            )))
            | None => {
                assert!(begun.elapsed() < PATIENCE, "nothing came");
            }
            Some(result) => return result,
        }
    }
}

/// All messages of a partition from an offset to its end.
pub(crate) fn read_from(
    config: &ClientConfig,
    topic: &str,
    partition: i32,
    offset: i64,
) -> Vec<OwnedMessage> {
    let consumer = consumer_at(config, topic, partition, Offset::Offset(offset));
    let mut messages = Vec::new();
    loop {
        match next(&consumer) {
            Ok(message) => messages.push(message.detach()),
            Err(KafkaError::PartitionEOF(_)) => return messages,
            Err(error) => panic!("{error}"),
        }
    }
}

pub(crate) fn read_all(config: &ClientConfig, topic: &str, partition: i32) -> Vec<OwnedMessage> {
    read_from(config, topic, partition, 0)
}

pub(crate) fn texts(messages: &[OwnedMessage]) -> Vec<String> {
    messages
        .iter()
        .map(|message| String::from_utf8(message.payload().unwrap().to_vec()).unwrap())
        .collect()
}

pub(crate) fn offsets(messages: &[OwnedMessage]) -> Vec<i64> {
    messages.iter().map(rdkafka::Message::offset).collect()
}

pub(crate) fn watermarks(config: &ClientConfig, topic: &str, partition: i32) -> (i64, i64) {
    let consumer: BaseConsumer = config
        .clone()
        .set("group.id", unique("group"))
        .create()
        .unwrap();
    consumer
        .fetch_watermarks(topic, partition, PATIENCE)
        .unwrap()
}

/// The first offset whose message is not older than `time` (Unix milliseconds).
pub(crate) fn offset_at(config: &ClientConfig, topic: &str, partition: i32, time: i64) -> Offset {
    let consumer: BaseConsumer = config
        .clone()
        .set("group.id", unique("group"))
        .create()
        .unwrap();
    let mut asked = TopicPartitionList::new();
    asked
        .add_partition_offset(topic, partition, Offset::Offset(time))
        .unwrap();
    let found = consumer.offsets_for_times(asked, PATIENCE).unwrap();
    found.find_partition(topic, partition).unwrap().offset()
}
