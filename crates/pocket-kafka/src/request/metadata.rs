//! Metadata: one broker that leads every partition.

use std::collections::BTreeSet;

use kafka_protocol::{
    error::ResponseError,
    messages::{
        BrokerId, MetadataRequest, MetadataResponse, TopicName,
        metadata_response::{
            MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
        },
    },
    protocol::StrBytes,
};

use super::BROKER_ID;
use crate::{broker::Broker, topic::Topic};

pub(super) fn answer(broker: &Broker, request: MetadataRequest) -> MetadataResponse {
    let topics = match request.topics {
        None => broker
            .log
            .topics()
            .into_iter()
            .map(|(name, topic)| known(TopicName(StrBytes::from_string(name)), &topic))
            .collect(),
        // Each name once, or a short request could have a long answer.
        Some(asked) => asked
            .into_iter()
            .filter_map(|asked| asked.name)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .map(|name| match broker.log.topic(&name) {
                Some(topic) => known(name, &topic),
                None => {
                    described(name).with_error_code(ResponseError::UnknownTopicOrPartition.code())
                }
            })
            .collect(),
    };
    let this = MetadataResponseBroker::default()
        .with_node_id(BrokerId(BROKER_ID))
        .with_host(StrBytes::from_string(broker.address.ip().to_string()))
        .with_port(i32::from(broker.address.port()));
    MetadataResponse::default()
        .with_brokers(vec![this])
        .with_controller_id(BrokerId(BROKER_ID))
        .with_topics(topics)
}

fn known(name: TopicName, topic: &Topic) -> MetadataResponseTopic {
    let partitions = topic
        .partitions
        .iter()
        .map(|partition| {
            MetadataResponsePartition::default()
                .with_partition_index(partition.number)
                .with_leader_id(BrokerId(BROKER_ID))
                .with_leader_epoch(0)
                .with_replica_nodes(vec![BrokerId(BROKER_ID)])
                .with_isr_nodes(vec![BrokerId(BROKER_ID)])
        })
        .collect();
    described(name).with_partitions(partitions)
}

fn described(name: TopicName) -> MetadataResponseTopic {
    MetadataResponseTopic::default().with_name(Some(name))
}
