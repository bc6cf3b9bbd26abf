//! `CreateTopics`: a name and a number of partitions, both fixed for ever.

use std::collections::HashSet;

use kafka_protocol::{
    error::ResponseError,
    messages::{
        CreateTopicsRequest, CreateTopicsResponse,
        create_topics_request::{CreatableTopic, CreatableTopicConfig},
        create_topics_response::CreatableTopicResult,
    },
    protocol::StrBytes,
};

use crate::{broker::Broker, topic};

/// Topic settings that are accepted without an effect, because the log keeps every message of a durable topic: a topic that Kafka would compact
/// or shorten is kept whole here, which its readers cannot tell from a Kafka that has not come round to it yet.
const WITHOUT_EFFECT: [&str; 10] = [
    "cleanup.policy",
    "compression.type",
    "delete.retention.ms",
    "max.compaction.lag.ms",
    "min.cleanable.dirty.ratio",
    "min.insync.replicas",
    "retention.bytes",
    "retention.ms",
    "segment.bytes",
    "segment.ms",
];

struct Refusal(ResponseError, String);

pub(super) async fn answer(broker: &Broker, request: CreateTopicsRequest) -> CreateTopicsResponse {
    let mut seen = HashSet::new();
    let mut results = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let is_repeated = !seen.insert(topic.name.clone());
        let result = if is_repeated {
            Err(Refusal(
                ResponseError::InvalidRequest,
                "the request names this topic twice".to_owned(),
            ))
        } else {
            create(broker, &topic, request.validate_only).await
        };
        let answer = CreatableTopicResult::default().with_name(topic.name);
        results.push(match result {
            Ok(()) => answer,
            Err(Refusal(error, message)) => answer
                .with_error_code(error.code())
                .with_error_message(Some(StrBytes::from_string(message))),
        });
    }
    CreateTopicsResponse::default().with_topics(results)
}

async fn create(
    broker: &Broker,
    wanted: &CreatableTopic,
    validate_only: bool,
) -> Result<(), Refusal> {
    let refuse = |error, message: &str| Err(Refusal(error, message.to_owned()));
    let name = wanted.name.as_str();
    if !topic::is_valid_name(name) {
        return refuse(
            ResponseError::InvalidTopicException,
            "a name has 1 to 249 of a-z A-Z 0-9 . _ -",
        );
    }
    if broker.log.topic(name).is_some() {
        return refuse(ResponseError::TopicAlreadyExists, "the topic exists");
    }
    if !wanted.assignments.is_empty() {
        return refuse(
            ResponseError::InvalidReplicaAssignment,
            "there is one broker: leave the assignment to it",
        );
    }
    if !matches!(wanted.replication_factor, -1 | 1) {
        return refuse(
            ResponseError::InvalidReplicationFactor,
            "there is one broker: the replication factor is 1",
        );
    }
    let partitions = if wanted.num_partitions == -1 {
        1
    } else {
        wanted.num_partitions
    };
    if partitions < 1 {
        return refuse(
            ResponseError::InvalidPartitions,
            "a topic has at least one partition",
        );
    }
    wanted.configs.iter().try_for_each(check)?;
    if validate_only {
        return Ok(());
    }
    broker
        .create_topic(name.to_owned(), partitions)
        .await
        .map_err(|error| {
            let limits = broker.settings.limits;
            Refusal(
                error,
                match error {
                    ResponseError::PolicyViolation => {
                        format!(
                            "the log is limited to {} topics and {} partitions",
                            limits.topics, limits.partitions
                        )
                    }
                    ResponseError::TopicAlreadyExists => "the topic exists".to_owned(),
                    _ => "the log cannot be written".to_owned(),
                },
            )
        })?;
    tracing::info!(topic = name, partitions, "topic created");
    Ok(())
}

fn check(config: &CreatableTopicConfig) -> Result<(), Refusal> {
    let value = config.value.as_deref().unwrap_or_default();
    match config.name.as_str() {
        "message.timestamp.type" if value == "LogAppendTime" => Ok(()),
        "message.timestamp.type" => Err(Refusal(
            ResponseError::InvalidConfig,
            "messages carry the time of the log: LogAppendTime".to_owned(),
        )),
        name if WITHOUT_EFFECT.contains(&name) => {
            tracing::debug!(
                "the topic setting {name}={value} has no effect here: every message is kept"
            );
            Ok(())
        }
        name => Err(Refusal(
            ResponseError::InvalidConfig,
            format!("the topic setting {name} is not known here"),
        )),
    }
}
