//! What the log is started with, and librdkafka's properties made of it.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

use super::StartError;
use crate::fold::Limits;

/// The properties that name a file (or a folder).
const FILES: [&str; 5] = [
    "ssl.ca.location",
    "ssl.certificate.location",
    "ssl.crl.location",
    "ssl.key.location",
    "ssl.keystore.location",
];

/// What the log is started with.
#[derive(Clone)]
pub struct LogSettings {
    /// Addresses of Kafka brokers, `host:port`, separated by commas.
    pub brokers: String,
    /// Any properties of librdkafka; they override ours. Values are never logged.
    pub properties: BTreeMap<String, String>,
    /// The first part of the topics' names.
    pub topic_prefix: String,
    /// How many partitions `maru.messages` has; fixed at its birth.
    pub partitions: i32,
    /// This server's name in Kafka's logs and metrics.
    pub client_id: String,
    /// Where `history.db` lies.
    pub directory: PathBuf,
    /// Whether no other server reads this log, as with the embedded one: then sending clients away helps nobody.
    pub alone: bool,
    /// How long a produced message may wait for the log before its sender is told that its fate is unknown.
    pub message_timeout: Duration,
}

impl fmt::Debug for LogSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("LogSettings")
            .field("brokers", &self.brokers)
            // Keys only: values may be secrets.
            .field("properties", &self.properties.keys())
            .field("topic_prefix", &self.topic_prefix)
            .field("partitions", &self.partitions)
            .field("client_id", &self.client_id)
            .field("directory", &self.directory)
            .field("alone", &self.alone)
            .field("message_timeout", &self.message_timeout)
            .finish()
    }
}

impl LogSettings {
    /// The topic that holds the rooms' messages.
    pub fn messages_topic(&self) -> String {
        format!("{}.messages", self.topic_prefix)
    }

    /// The topic that holds the last word on everything else.
    pub fn state_topic(&self) -> String {
        format!("{}.state", self.topic_prefix)
    }

    /// Whether the files that properties name are there; librdkafka's own words about an absent one are a riddle.
    pub(super) fn check_files(&self) -> Result<(), StartError> {
        for (key, path) in &self.properties {
            // A word, not a path: the authorities that the system trusts.
            let probe = key == "ssl.ca.location" && path == "probe";
            if !FILES.contains(&key.as_str()) || probe {
                continue;
            }
            File::open(path).map_err(|error| StartError::Setting {
                key: key.clone(),
                reason: format!("{path} cannot be read: {error}"),
            })?;
        }
        Ok(())
    }

    /// How much may wait for the store. Where there is no other server to go to, time alone is no reason to stop serving.
    pub(super) fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        if self.alone {
            limits.stalled = Duration::MAX;
        }
        limits
    }

    /// For clients that make topics and write the epoch.
    pub(super) fn admin(&self) -> ClientConfig {
        self.client(&[])
    }

    /// For producers: idempotent, so retries neither double nor reorder.
    pub(super) fn producer(&self) -> ClientConfig {
        let timeout = self.message_timeout.as_millis().to_string();
        self.client(&[
            ("enable.idempotence", "true"),
            ("acks", "all"),
            ("linger.ms", "0"),
            ("compression.type", "lz4"),
            // An expiry undoes idempotence, so this is longer than the outages one wants to ride out.
            ("message.timeout.ms", &timeout),
            ("queue.buffering.max.messages", "20000"),
            ("queue.buffering.max.kbytes", "65536"),
        ])
    }

    /// For consumers. librdkafka wants a group even where none is joined: partitions are assigned by hand.
    pub(super) fn consumer(&self) -> ClientConfig {
        let group = format!("{}-{}", self.client_id, random());
        self.client(&[
            ("group.id", &group),
            ("enable.auto.commit", "false"),
            ("enable.auto.offset.store", "false"),
            ("auto.offset.reset", "error"),
            ("enable.partition.eof", "true"),
            ("check.crcs", "true"),
            ("fetch.min.bytes", "1"),
            ("fetch.wait.max.ms", "100"),
            ("fetch.error.backoff.ms", "50"),
            ("fetch.queue.backoff.ms", "50"),
            ("queued.max.messages.kbytes", "16384"),
        ])
    }

    fn client(&self, role: &[(&str, &str)]) -> ClientConfig {
        let common = [
            ("bootstrap.servers", self.brokers.as_str()),
            ("client.id", &self.client_id),
            // Topics are made with the right partitions at start, never by asking for them.
            ("allow.auto.create.topics", "false"),
            ("reconnect.backoff.ms", "50"),
            ("reconnect.backoff.max.ms", "1000"),
            ("retry.backoff.ms", "50"),
            ("retry.backoff.max.ms", "500"),
            // A frozen broker keeps its connections open: these two find out.
            ("topic.metadata.refresh.interval.ms", "5000"),
            ("socket.timeout.ms", "8000"),
            ("socket.keepalive.enable", "true"),
        ];
        let mut config = ClientConfig::new();
        config.set_log_level(RDKafkaLogLevel::Info);
        for (key, value) in common.iter().chain(role) {
            config.set(*key, *value);
        }
        for (key, value) in &self.properties {
            config.set(key, value);
        }
        config
    }
}

/// A few characters that another start of this server does not have. Without randomness the process id has to do.
fn random() -> String {
    getrandom::u32().map_or_else(
        |_| std::process::id().to_string(),
        |number| format!("{number:08x}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(properties: &[(&str, &str)]) -> LogSettings {
        LogSettings {
            brokers: "127.0.0.1:1".to_owned(),
            properties: properties
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
            topic_prefix: "maru".to_owned(),
            partitions: 64,
            client_id: "maru-1".to_owned(),
            alone: false,
            directory: PathBuf::new(),
            message_timeout: Duration::from_mins(1),
        }
    }

    #[test]
    fn the_operators_properties_come_last() {
        let config = settings(&[("linger.ms", "5"), ("security.protocol", "SASL_SSL")]).producer();
        assert_eq!(config.get("linger.ms"), Some("5"));
        assert_eq!(config.get("security.protocol"), Some("SASL_SSL"));
        assert_eq!(config.get("message.timeout.ms"), Some("60000"));
    }

    #[test]
    fn secrets_are_not_shown() {
        let text = format!("{:?}", settings(&[("sasl.password", "open-sesame")]));
        assert!(
            text.contains("sasl.password") && !text.contains("open-sesame"),
            "{text}"
        );
    }

    #[test]
    fn a_file_that_is_absent_is_named() {
        let error = settings(&[("ssl.key.location", "nowhere/key.pem")]).check_files();
        let sentence = error.unwrap_err().to_string();
        assert!(
            sentence.contains("ssl.key.location") && sentence.contains("nowhere/key.pem"),
            "{sentence}"
        );
        let present = [
            ("ssl.ca.location", "probe"),
            ("ssl.crl.location", "Cargo.toml"),
            ("ssl.certificate.location", "src"),
            ("sasl.password", "nowhere/key.pem"),
        ];
        settings(&present).check_files().unwrap();
    }

    #[test]
    fn every_group_is_another_one() {
        let settings = settings(&[]);
        assert_ne!(
            settings.consumer().get("group.id"),
            settings.consumer().get("group.id")
        );
    }
}
