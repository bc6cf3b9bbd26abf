//! Topics and their metadata.

use rdkafka::{
    consumer::{BaseConsumer, Consumer as _},
    types::RDKafkaErrorCode,
};

use crate::{
    client::{PATIENCE, create, read_all, try_create, watermarks},
    target::{Target, unique},
};

pub(crate) fn a_topic_is_created_once_and_keeps_its_partitions(target: &Target) {
    let config = target.config();
    let topic = create(&config, "once", 3);
    assert_eq!(
        try_create(&config, &topic, 3, &[]),
        Err(RDKafkaErrorCode::TopicAlreadyExists)
    );
    assert_eq!(
        try_create(&config, &topic, 9, &[]),
        Err(RDKafkaErrorCode::TopicAlreadyExists)
    );
    let consumer: BaseConsumer = config
        .clone()
        .set("group.id", unique("group"))
        .create()
        .unwrap();
    let metadata = consumer.fetch_metadata(Some(&topic), PATIENCE).unwrap();
    let partitions = metadata.topics()[0].partitions();
    let mut numbers: Vec<_> = partitions
        .iter()
        .map(|partition| (partition.id(), partition.error()))
        .collect();
    numbers.sort_unstable_by_key(|(id, _)| *id);
    assert_eq!(numbers, [(0, None), (1, None), (2, None)]);
    assert!(
        partitions
            .iter()
            .all(|partition| partition.leader() == metadata.brokers()[0].id()
                && partition.isr().len() == 1)
    );
    assert!(
        consumer
            .fetch_metadata(None, PATIENCE)
            .unwrap()
            .topics()
            .iter()
            .any(|known| known.name() == topic)
    );
}

pub(crate) fn what_is_not_a_topic_is_refused(target: &Target) {
    let config = target.config();
    assert_eq!(
        try_create(&config, "한글", 1, &[]),
        Err(RDKafkaErrorCode::InvalidTopic)
    );
    assert_eq!(
        try_create(&config, &unique("none"), 0, &[]),
        Err(RDKafkaErrorCode::InvalidPartitions)
    );
    assert_eq!(
        try_create(&config, &unique("odd"), 1, &[("no.such.setting", "1")]),
        Err(RDKafkaErrorCode::InvalidConfig)
    );
}

pub(crate) fn an_empty_topic_has_an_end_at_zero(target: &Target) {
    let config = target.config();
    let topic = create(&config, "empty", 2);
    assert_eq!(watermarks(&config, &topic, 1), (0, 0));
    assert_eq!(read_all(&config, &topic, 1).len(), 0);
}
