//! One typed configuration: defaults < file < environment < arguments.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Parser, Subcommand};
use pocket_kafka::Durability;
use serde::Deserialize;

/// Self-hosted, highly available, real-time chat.
///
/// Every setting can be given as an argument, as an environment variable, or in a TOML file under the argument's name with `_` for `-`.
#[derive(Parser)]
#[command(name = "maru", version)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// A TOML file with settings; arguments and environment variables win over it.
    #[arg(long, env = "MARU_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    layer: Layer,
}

/// What the program is to do instead of running the server.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum Command {
    /// Ask the server that these settings describe whether it is ready: exit code 0 if it is, 1 if not.
    Healthcheck,
}

/// One source of settings; what it leaves out is taken from the source below it.
#[derive(Default, clap::Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Layer {
    /// Address and port to listen on [default: 127.0.0.1:8080].
    #[arg(long, env = "MARU_LISTEN", value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Directory for this server's data [default: ./data].
    #[arg(long, env = "MARU_DATA", value_name = "DIRECTORY")]
    data: Option<PathBuf>,
    /// Kafka brokers as host:port,host:port; without it the log is embedded in this server.
    #[arg(long, env = "KAFKA_BROKERS", value_name = "BROKERS")]
    kafka_brokers: Option<String>,
    /// librdkafka properties as name=value, repeated or separated by `;` (for TLS, SASL and tuning).
    #[arg(
        long = "kafka-property",
        env = "MARU_KAFKA_PROPERTIES",
        hide_env_values = true,
        value_name = "NAME=VALUE",
        value_delimiter = ';'
    )]
    #[serde(skip)]
    kafka_property: Vec<String>,
    /// librdkafka properties as a table (file only).
    #[arg(skip)]
    kafka: BTreeMap<String, Property>,
    /// First part of the topics' names [default: maru].
    #[arg(long, env = "MARU_TOPIC_PREFIX", value_name = "PREFIX")]
    topic_prefix: Option<String>,
    /// Partitions of the messages topic, fixed at its birth [default: 64].
    #[arg(long, env = "MARU_PARTITIONS", value_name = "COUNT", value_parser = clap::value_parser!(i32).range(1..=1000))]
    partitions: Option<i32>,
    /// File with the signing keys, shared by all servers of a cluster [default: DATA/keys].
    #[arg(long, env = "MARU_KEYS_FILE", value_name = "FILE")]
    keys_file: Option<PathBuf>,
    /// When the embedded log is synced to disk: always, off, or an interval in milliseconds [default: always].
    #[arg(long, env = "MARU_FSYNC", value_name = "WHEN")]
    fsync: Option<String>,
    /// Addresses under which people reach this server, such as `https://chat.example.com`, separated by commas.
    #[arg(
        long,
        env = "MARU_PUBLIC_ORIGINS",
        value_name = "ORIGINS",
        value_delimiter = ','
    )]
    public_origins: Option<Vec<String>>,
    /// Whether programs without a cookie may chat as guests named by their login [default: true].
    #[arg(long, env = "MARU_PROGRAMS", value_name = "BOOL")]
    programs: Option<bool>,
    /// Messages a session may send per second in the long run [default: 5].
    #[arg(long, env = "MARU_RATE_PER_SECOND", value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    rate_per_second: Option<u32>,
    /// Messages a session may send at once [default: 20].
    #[arg(long, env = "MARU_RATE_BURST", value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    rate_burst: Option<u32>,
    /// Most WebSocket connections of one address, loopback excepted [default: 2000].
    #[arg(long, env = "MARU_CONNECTIONS_PER_ADDRESS", value_name = "COUNT")]
    connections_per_address: Option<usize>,
    /// Most WebSocket connections of this server [default: 20000].
    #[arg(long, env = "MARU_CONNECTIONS", value_name = "COUNT")]
    connections: Option<usize>,
    /// What to log, in the syntax of tracing's `EnvFilter` [default: info].
    #[arg(long, env = "MARU_LOG", value_name = "FILTER")]
    log: Option<String>,
    /// Folder with the page's files [default: `site` beside the program].
    #[arg(long, env = "MARU_SITE", value_name = "DIRECTORY")]
    site: Option<PathBuf>,
}

/// The value of a librdkafka property in the file. Its error does not show it.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "a Kafka property is a text, a number, or true or false"
)]
enum Property {
    Text(String),
    Number(i64),
    Switch(bool),
}

impl fmt::Display for Property {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => formatter.write_str(text),
            Self::Number(number) => write!(formatter, "{number}"),
            Self::Switch(on) => write!(formatter, "{on}"),
        }
    }
}

/// What this server was told to do. Not `Debug`: the properties may hold passwords.
#[derive(Clone)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// This server's data.
    pub data: PathBuf,
    /// The Kafka cluster; none means the embedded log.
    pub kafka_brokers: Option<String>,
    /// librdkafka properties that override Maru's.
    pub kafka_properties: BTreeMap<String, String>,
    /// First part of the topics' names.
    pub topic_prefix: String,
    /// Partitions of the messages topic.
    pub partitions: i32,
    /// The signing keys, if they are not in the data directory.
    pub keys_file: Option<PathBuf>,
    /// When the embedded log is synced to disk.
    pub durability: Durability,
    /// Origins under which people reach this server beside its own addresses.
    pub public_origins: Vec<String>,
    /// Whether programs without a cookie may chat.
    pub programs: bool,
    /// Messages a session may send per second in the long run.
    pub rate_per_second: u32,
    /// Messages a session may send at once.
    pub rate_burst: u32,
    /// Most connections of one address.
    pub connections_per_address: usize,
    /// Most connections of this server.
    pub connections: usize,
    /// What to log.
    pub log: String,
    /// The page's files.
    pub site: PathBuf,
    /// The port of `cargo leptos watch`'s reload socket, when run by it.
    pub reload_port: Option<u16>,
}

/// A setting that cannot be used: names the setting, the value and what is allowed.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration file {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file has a key or a value that Maru does not know.
    #[error("line {line} of the configuration file {path} is not valid: {reason} ({key})")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Where, counted from 1.
        line: usize,
        /// The line as far as its `=`: what follows may be a password.
        key: String,
        /// Why.
        reason: String,
    },
    /// A librdkafka property without a value. It is not shown: it may be half of a password.
    #[error(
        "part {number} of kafka-property is not of the form NAME=VALUE, for example security.protocol=SASL_SSL; \
         parts are separated by `;`, so a value that holds one belongs into the file"
    )]
    Property {
        /// Which one, counted from 1.
        number: usize,
    },
    /// A value is not allowed.
    #[error("{key} is {value:?}, but must be {allowed}")]
    Value {
        /// The setting.
        key: &'static str,
        /// What was given.
        value: String,
        /// What is allowed.
        allowed: &'static str,
    },
}

impl Arguments {
    /// What to do; none means to run the server.
    pub fn command(&self) -> Option<Command> {
        self.command
    }
}

impl Config {
    /// Puts the configuration together from parsed arguments (which hold the environment, too) and the file that they name.
    pub fn load(arguments: Arguments) -> Result<Self, ConfigError> {
        let file = match &arguments.config {
            Some(path) => read_file(path)?,
            None => Layer::default(),
        };
        let watch = Watch::from_environment();
        Self::from_layers(arguments.layer, file, &watch)
    }

    fn from_layers(over: Layer, file: Layer, watch: &Watch) -> Result<Self, ConfigError> {
        let mut kafka_properties: BTreeMap<_, _> = file
            .kafka
            .into_iter()
            .map(|(name, value)| (name, value.to_string()))
            .collect();
        let given = over
            .kafka_property
            .iter()
            .zip(1..)
            .filter(|(property, _)| !property.is_empty());
        for (property, number) in given {
            let (name, value) = property
                .split_once('=')
                .ok_or(ConfigError::Property { number })?;
            kafka_properties.insert(name.trim().to_owned(), value.to_owned());
        }
        let public_origins = over
            .public_origins
            .or(file.public_origins)
            .unwrap_or_default();
        let default_data = if watch.on { "data/dev" } else { "data" };
        Ok(Self {
            listen: over
                .listen
                .or(file.listen)
                .or(watch.listen)
                .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080))),
            data: over
                .data
                .or(file.data)
                .unwrap_or_else(|| PathBuf::from(default_data)),
            kafka_brokers: over
                .kafka_brokers
                .or(file.kafka_brokers)
                .filter(|brokers| !brokers.trim().is_empty()),
            kafka_properties,
            topic_prefix: topic_prefix(over.topic_prefix.or(file.topic_prefix))?,
            partitions: partitions(over.partitions.or(file.partitions))?,
            keys_file: over.keys_file.or(file.keys_file),
            durability: durability(over.fsync.or(file.fsync).as_deref())?,
            public_origins: public_origins
                .iter()
                .map(|origin| public_origin(origin))
                .collect::<Result<_, _>>()?,
            programs: over.programs.or(file.programs).unwrap_or(true),
            rate_per_second: positive(
                "rate_per_second",
                over.rate_per_second.or(file.rate_per_second),
                5,
            )?,
            rate_burst: positive("rate_burst", over.rate_burst.or(file.rate_burst), 20)?,
            connections_per_address: over
                .connections_per_address
                .or(file.connections_per_address)
                .unwrap_or(2_000),
            connections: over.connections.or(file.connections).unwrap_or(20_000),
            log: over.log.or(file.log).unwrap_or_else(|| "info".to_owned()),
            site: over
                .site
                .or(file.site)
                .unwrap_or_else(|| watch.site.clone().unwrap_or_else(site_beside_program)),
            reload_port: watch.reload_port,
        })
    }
}

/// What `cargo leptos watch` tells the server in its environment.
#[derive(Default)]
struct Watch {
    on: bool,
    listen: Option<SocketAddr>,
    site: Option<PathBuf>,
    reload_port: Option<u16>,
}

impl Watch {
    fn from_environment() -> Self {
        let text = |name| std::env::var(name).ok();
        let on = text("LEPTOS_WATCH").is_some();
        Self {
            on,
            listen: text("LEPTOS_SITE_ADDR").and_then(|address| address.parse().ok()),
            site: text("LEPTOS_SITE_ROOT").map(PathBuf::from),
            reload_port: text("LEPTOS_RELOAD_PORT")
                .filter(|_| on)
                .and_then(|port| port.parse().ok()),
        }
    }
}

fn read_file(path: &Path) -> Result<Layer, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    parse(path, &text)
}

fn parse(path: &Path, text: &str) -> Result<Layer, ConfigError> {
    toml::from_str(text).map_err(|error| {
        let before = text.get(..error.span().map_or(0, |span| span.start));
        let line = before.unwrap_or_default().matches('\n').count();
        let key = text.lines().nth(line).unwrap_or_default().split('=').next();
        ConfigError::Invalid {
            path: path.to_owned(),
            line: line + 1,
            key: key.unwrap_or_default().trim().to_owned(),
            reason: error.message().to_owned(),
        }
    })
}

fn site_beside_program() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    program.parent().unwrap_or(Path::new(".")).join("site")
}

fn topic_prefix(prefix: Option<String>) -> Result<String, ConfigError> {
    let prefix = prefix.unwrap_or_else(|| "maru".to_owned());
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if prefix.is_empty() || prefix.len() > 100 || !prefix.bytes().all(letter) {
        let allowed = "1 to 100 of the letters Kafka allows in topic names: a-z A-Z 0-9 . _ -";
        return Err(ConfigError::Value {
            key: "topic_prefix",
            value: prefix,
            allowed,
        });
    }
    Ok(prefix)
}

fn partitions(count: Option<i32>) -> Result<i32, ConfigError> {
    match count {
        None => Ok(64),
        Some(count @ 1..=1000) => Ok(count),
        Some(count) => Err(ConfigError::Value {
            key: "partitions",
            value: count.to_string(),
            allowed: "1 to 1000",
        }),
    }
}

fn positive(key: &'static str, count: Option<u32>, default: u32) -> Result<u32, ConfigError> {
    match count.unwrap_or(default) {
        0 => Err(ConfigError::Value {
            key,
            value: "0".to_owned(),
            allowed: "1 or more",
        }),
        count => Ok(count),
    }
}

fn durability(text: Option<&str>) -> Result<Durability, ConfigError> {
    match text {
        None | Some("always") => Ok(Durability::Always),
        Some("off") => Ok(Durability::Off),
        Some(other) => match other.parse::<u64>() {
            Ok(milliseconds @ 1..=60_000) => {
                Ok(Durability::Interval(Duration::from_millis(milliseconds)))
            }
            _ => Err(ConfigError::Value {
                key: "fsync",
                value: other.to_owned(),
                allowed: "always, off, or a number of milliseconds from 1 to 60000",
            }),
        },
    }
}

/// An origin as browsers write it: lower case, without the scheme's usual port.
fn public_origin(origin: &str) -> Result<String, ConfigError> {
    let origin = origin.trim().to_ascii_lowercase();
    let usual = match origin.split_once("://") {
        Some(("https", _)) => ":443",
        Some(("http", _)) => ":80",
        _ => "",
    };
    let plain = origin.strip_suffix(usual).unwrap_or(&origin);
    match plain.split_once("://") {
        Some(("https" | "http", host))
            if !host.is_empty() && host.is_ascii() && !host.contains(['/', '?', '#', '@', ' ']) =>
        {
            Ok(plain.to_owned())
        }
        _ => Err(ConfigError::Value {
            key: "public_origins",
            value: origin,
            allowed: "https://HOST or http://HOST, with a port where it is not the usual one, without a path; other scripts as xn--",
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_file(text: &str) -> Result<Config, ConfigError> {
        let file = parse(Path::new("maru.toml"), text)?;
        Config::from_layers(Layer::default(), file, &Watch::default())
    }

    #[test]
    fn arguments_win_over_the_file_and_the_file_over_defaults() {
        let file: Layer =
            toml::from_str("listen = \"127.0.0.1:9000\"\ntopic_prefix = \"file\"").unwrap();
        let over = Layer {
            listen: "127.0.0.1:9001".parse().ok(),
            ..Layer::default()
        };
        let config = Config::from_layers(over, file, &Watch::default()).unwrap();
        assert_eq!(config.listen.port(), 9001);
        assert_eq!(config.topic_prefix, "file");
        assert_eq!(config.partitions, 64);
    }

    #[test]
    fn kafka_properties_come_from_both() {
        let file: Layer = toml::from_str(
            "[kafka]\n\"security.protocol\" = \"SASL_SSL\"\n\"linger.ms\" = \"1\"\n\"acks\" = -1",
        )
        .unwrap();
        let over = Layer {
            kafka_property: vec!["linger.ms=2".to_owned()],
            ..Layer::default()
        };
        let properties = Config::from_layers(over, file, &Watch::default())
            .unwrap()
            .kafka_properties;
        assert_eq!(properties["security.protocol"], "SASL_SSL");
        assert_eq!(properties["linger.ms"], "2");
        assert_eq!(properties["acks"], "-1");
    }

    #[test]
    fn errors_name_the_key_the_value_and_what_is_allowed() {
        for (text, words) in [
            (
                "fsync = \"sometimes\"",
                ["fsync", "sometimes", "always, off"],
            ),
            ("partitions = 0", ["partitions", "0", "1 to 1000"]),
            ("topic_prefix = \"a b\"", ["topic_prefix", "a b", "letters"]),
            (
                "public_origins = [\"chat.example.com\"]",
                ["public_origins", "chat.example.com", "https://HOST"],
            ),
            ("rate_burst = 0", ["rate_burst", "0", "1 or more"]),
            ("lisen = \"x\"", ["maru.toml", "lisen", "expected one of"]),
            ("listen = \"x\"", ["maru.toml", "listen", "socket address"]),
        ] {
            let error = from_file(text).err().unwrap().to_string();
            for word in words {
                assert!(error.contains(word), "{text}: {error}");
            }
        }
    }
    #[test]
    fn public_origins_are_as_browsers_write_them() {
        for (given, known) in [
            ("https://Chat.example.com:443", "https://chat.example.com"),
            ("http://chat.example.com:80", "http://chat.example.com"),
            ("http://chat.example.com:443", "http://chat.example.com:443"),
        ] {
            let config = from_file(&format!("public_origins = [\"{given}\"]")).ok();
            assert_eq!(config.unwrap().public_origins, [known]);
        }
        for given in ["https://", "https://채팅.example", "https://a/b", "ftp://a"] {
            let refused = from_file(&format!("public_origins = [\"{given}\"]"));
            assert!(refused.is_err(), "{given}");
        }
    }

    #[test]
    fn errors_do_not_show_what_may_be_a_password() {
        for text in [
            "[kafka]\n\"sasl.password\" = [1717]",
            "[kafka]\n\"sasl.password\" = hunter-1717",
            "[kafka]\n\"sasl.password\" = \"1717",
        ] {
            let error = from_file(text).err().unwrap().to_string();
            assert!(
                error.contains("line 2") && error.contains("sasl.password"),
                "{error}"
            );
            assert!(!error.contains("1717"), "{error}");
        }
        let over = Layer {
            kafka_property: vec!["sasl.password=hunter".to_owned(), "1717".to_owned()],
            ..Layer::default()
        };
        let error = Config::from_layers(over, Layer::default(), &Watch::default())
            .err()
            .unwrap()
            .to_string();
        assert!(
            error.contains("part 2") && !error.contains("1717"),
            "{error}"
        );
    }
}
