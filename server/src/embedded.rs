//! The embedded log for servers without a Kafka cluster: the same bridge, to a log inside this process.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use pocket_kafka::{Credentials, Limits, PocketKafka, Settings, StartError};

use crate::config::Config;
use crate::keys::Keys;

/// The user name that the bridge logs in with; the password is the secret part.
const USER: &str = "maru";

/// Where the log lies.
pub fn directory(config: &Config) -> PathBuf {
    config.data.join("log")
}

/// Starts the log on a free loopback port, and says how the bridge reaches it.
pub async fn start(
    config: &Config,
    keys: &Keys,
) -> Result<(PocketKafka, String, BTreeMap<String, String>), StartError> {
    let settings = Settings {
        directory: directory(config),
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        credentials: Credentials {
            username: USER.to_owned(),
            password: keys.log_password().to_owned(),
        },
        durability: config.fsync,
        memory_topics: Vec::new(),
        limits: Limits::default(),
    };
    let log = PocketKafka::start(settings).await?;
    let brokers = log.address().to_string();
    let properties = [
        ("security.protocol", "SASL_PLAINTEXT"),
        ("sasl.mechanism", "PLAIN"),
        ("sasl.username", USER),
        ("sasl.password", keys.log_password()),
    ];
    let properties = properties
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    Ok((log, brokers, properties))
}
