//! The topics: made when they are absent, checked when they are there.

use std::thread::sleep;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::metadata::MetadataTopic;
use tokio::runtime::Handle;

use super::StartError;
use super::link::Quiet;
use super::settings::LogSettings;
use super::trouble::{Trouble, setting};

/// How long brokers have to answer, and a new topic to get its leaders.
const PATIENCE: Duration = Duration::from_secs(10);

/// A topic as this server needs it.
pub(super) struct Wanted {
    pub(super) name: String,
    pub(super) partitions: i32,
    pub(super) properties: &'static [(&'static str, &'static str)],
}

/// The topic of the rooms' messages.
pub(super) fn messages(settings: &LogSettings) -> Wanted {
    let properties: &[_] = &[
        ("cleanup.policy", "delete"),
        ("retention.ms", "-1"),
        ("message.timestamp.type", "LogAppendTime"),
    ];
    Wanted {
        name: settings.messages_topic(),
        partitions: settings.partitions,
        properties,
    }
}

/// The topic of everything of which the last word counts.
pub(super) fn state(settings: &LogSettings) -> Wanted {
    let properties: &[_] = &[
        ("cleanup.policy", "compact"),
        ("message.timestamp.type", "LogAppendTime"),
    ];
    Wanted {
        name: settings.state_topic(),
        partitions: 1,
        properties,
    }
}

/// The topic of what is said in passing: kept for ten minutes, which nobody reads back.
pub(super) fn ephemeral(settings: &LogSettings) -> Wanted {
    let properties: &[_] = &[
        ("cleanup.policy", "delete"),
        ("retention.ms", "600000"),
        ("message.timestamp.type", "LogAppendTime"),
    ];
    Wanted {
        name: settings.ephemeral_topic(),
        partitions: super::side::EPHEMERAL_PARTITIONS,
        properties,
    }
}

/// The topic of read markers, of which the last of each person in each room counts.
pub(super) fn markers(settings: &LogSettings) -> Wanted {
    let properties: &[_] = &[
        ("cleanup.policy", "compact"),
        ("message.timestamp.type", "LogAppendTime"),
    ];
    Wanted {
        name: settings.markers_topic(),
        partitions: super::side::MARKERS_PARTITIONS,
        properties,
    }
}

/// Makes a topic if it is absent and waits for its leaders; tells whether this call made it.
pub(super) fn ensure(
    consumer: &BaseConsumer<Quiet>,
    context: &Quiet,
    settings: &LogSettings,
    runtime: &Handle,
    wanted: &Wanted,
) -> Result<bool, Trouble> {
    let mut made = false;
    if let Found::Absent = look(consumer, wanted)? {
        let admin = AdminClient::from_config_and_context(&settings.admin(), context.clone())
            .map_err(setting)?;
        made = create(&admin, runtime, wanted)?;
    }
    let deadline = Instant::now() + PATIENCE;
    loop {
        match look(consumer, wanted)? {
            Found::Complete => return Ok(made),
            Found::Absent | Found::Leaderless if Instant::now() < deadline => {
                sleep(Duration::from_millis(50));
            }
            Found::Absent => {
                return Err(Trouble::Later(format!(
                    "the new topic {} does not appear",
                    wanted.name
                )));
            }
            Found::Leaderless => {
                return Err(Trouble::Later(format!(
                    "a partition of the topic {} has no leader",
                    wanted.name
                )));
            }
        }
    }
}

enum Found {
    Absent,
    Leaderless,
    Complete,
}

fn look(consumer: &BaseConsumer<Quiet>, wanted: &Wanted) -> Result<Found, Trouble> {
    let metadata = consumer.fetch_metadata(Some(&wanted.name), PATIENCE)?;
    let Some(topic) = metadata
        .topics()
        .iter()
        .find(|topic| topic.name() == wanted.name)
    else {
        return Ok(Found::Absent);
    };
    match topic.error().map(RDKafkaErrorCode::from) {
        None | Some(RDKafkaErrorCode::LeaderNotAvailable) => {}
        Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
            return Ok(Found::Absent);
        }
        Some(code) => return Err(refused(wanted, code)),
    }
    let found = topic.partitions().len();
    if found == 0 {
        return Ok(Found::Absent);
    }
    if i32::try_from(found) != Ok(wanted.partitions) {
        let (topic, wanted) = (wanted.name.clone(), wanted.partitions);
        return Err(Trouble::Never(StartError::PartitionCount {
            topic,
            found,
            wanted,
        }));
    }
    if topic
        .partitions()
        .iter()
        .any(|partition| partition.leader() < 0)
    {
        return Ok(Found::Leaderless);
    }
    warn_of_single_copies(topic, metadata.brokers().len());
    Ok(Found::Complete)
}

/// The replication is the broker's default, never derived from the brokers that happen to be there (decision 1).
fn warn_of_single_copies(topic: &MetadataTopic, brokers: usize) {
    if brokers > 1
        && topic
            .partitions()
            .iter()
            .any(|partition| partition.replicas().len() == 1)
    {
        tracing::warn!(
            topic = topic.name(),
            brokers,
            "the topic has one copy only: messages are lost with one broker. Raise its replication factor"
        );
    }
}

fn create(admin: &AdminClient<Quiet>, runtime: &Handle, wanted: &Wanted) -> Result<bool, Trouble> {
    // -1 is the broker's default.
    let mut topic = NewTopic::new(&wanted.name, wanted.partitions, TopicReplication::Fixed(-1));
    for (key, value) in wanted.properties {
        topic = topic.set(key, value);
    }
    let options = AdminOptions::new()
        .request_timeout(Some(PATIENCE))
        .operation_timeout(Some(PATIENCE));
    let results = runtime.block_on(admin.create_topics([&topic], &options))?;
    match results.into_iter().next() {
        Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => Ok(false),
        Some(Err((_, code))) => Err(refused(wanted, code)),
        _ => {
            tracing::info!(
                topic = wanted.name,
                partitions = wanted.partitions,
                "the topic was made"
            );
            Ok(true)
        }
    }
}

/// Sorts what a broker answers about a topic: what only a person can change ends the start.
fn refused(wanted: &Wanted, code: RDKafkaErrorCode) -> Trouble {
    match code {
        RDKafkaErrorCode::TopicAuthorizationFailed
        | RDKafkaErrorCode::ClusterAuthorizationFailed
        | RDKafkaErrorCode::PolicyViolation
        | RDKafkaErrorCode::InvalidTopic
        | RDKafkaErrorCode::InvalidPartitions
        | RDKafkaErrorCode::InvalidReplicationFactor
        | RDKafkaErrorCode::InvalidConfig => Trouble::Never(StartError::Topic {
            topic: wanted.name.clone(),
            reason: code.to_string(),
        }),
        code => Trouble::Later(format!("the topic {}: {code}", wanted.name)),
    }
}
