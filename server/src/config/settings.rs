//! Every setting, once: its name, its variable, its default, what is allowed, and what it means.
//!
//! Command line, environment, file, `maru config`, `--help` and the table in README.md all come from here.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use pocket_kafka::Durability;

use super::values::{
    self, Profile, brokers, filter, number, optional, parsed, path, profile, public_origins,
    topic_prefix,
};
use super::{ConfigError, Given};

/// What people are told about a setting.
pub(super) struct Setting {
    /// The name in the file; also the argument's, with `-` for `_`.
    pub(super) key: &'static str,
    /// The environment variable.
    pub(super) variable: &'static str,
    /// What `--help` calls the value.
    pub(super) placeholder: &'static str,
    /// The value without any other; the empty text means none.
    pub(super) default: &'static str,
    /// Which values can be used.
    pub(super) allowed: &'static str,
    /// What it is for.
    pub(super) meaning: &'static str,
}

impl Setting {
    /// The argument's name, without the dashes before it.
    pub(super) fn argument(&self) -> String {
        self.key.replace('_', "-")
    }

    /// The default in words.
    pub(super) fn default_in_words(&self) -> &'static str {
        if self.default.is_empty() {
            "none"
        } else {
            self.default
        }
    }
}

/// Makes of each entry a field of [`Config`], a [`Setting`], and the line that reads the one by the rules of the other.
macro_rules! settings {
    ($(
        #[doc = $meaning:literal]
        $key:ident: $type:ty = $default:literal {
            variable: $variable:literal,
            placeholder: $placeholder:literal,
            allowed: $allowed:literal,
            read: $read:expr,
        }
    )*) => {
        /// What this server was told to do. Not `Debug`: the properties may hold passwords.
        #[derive(Clone)]
        pub struct Config {
            $(#[doc = $meaning] pub $key: $type,)*
            /// librdkafka properties that override Maru's.
            pub kafka_properties: BTreeMap<String, String>,
            /// The port of `cargo leptos watch`'s reload socket, when run by it.
            pub reload_port: Option<u16>,
        }

        /// The settings under the names of the fields that they fill.
        struct Table { $($key: Setting),* }

        static TABLE: Table = Table {
            $($key: Setting {
                key: stringify!($key),
                variable: $variable,
                placeholder: $placeholder,
                default: $default,
                allowed: $allowed,
                meaning: $meaning.trim_ascii(),
            }),*
        };

        /// The settings that have a single value.
        pub(super) static SETTINGS: &[&Setting] = &[$(&TABLE.$key),*];

        impl Config {
            /// Reads what was given.
            pub fn read(given: &Given) -> Result<Self, ConfigError> {
                Ok(Self {
                    $($key: given.read(&TABLE.$key, $read)?,)*
                    kafka_properties: given.kafka_properties(),
                    reload_port: given.reload_port,
                })
            }
        }
    };
}

settings! {
    /// Address and port to listen on.
    listen: SocketAddr = "127.0.0.1:8080" {
        variable: "MARU_LISTEN",
        placeholder: "ADDRESS",
        allowed: "an IP address with a port, such as 0.0.0.0:8080",
        read: parsed,
    }

    /// Address and port for operators: metrics and health. Only they should reach it.
    admin_listen: Option<SocketAddr> = "" {
        variable: "MARU_ADMIN_LISTEN",
        placeholder: "ADDRESS",
        allowed: "an IP address with a port, such as 127.0.0.1:9080",
        read: optional(parsed),
    }

    /// This server's data: keys, embedded log, history.
    data: PathBuf = "data" {
        variable: "MARU_DATA",
        placeholder: "DIRECTORY",
        allowed: "a directory",
        read: path,
    }

    /// The Kafka cluster; without it the log is embedded in this server.
    kafka_brokers: Option<String> = "" {
        variable: "KAFKA_BROKERS",
        placeholder: "BROKERS",
        allowed: "host:port, several separated by commas",
        read: optional(brokers),
    }

    /// First part of the topics' names.
    topic_prefix: String = "maru" {
        variable: "MARU_TOPIC_PREFIX",
        placeholder: "PREFIX",
        allowed: "1 to 100 of the letters Kafka allows in topic names: a-z A-Z 0-9 . _ -",
        read: topic_prefix,
    }

    /// Partitions of the messages topic; fixed at its birth.
    partitions: i32 = "64" {
        variable: "MARU_PARTITIONS",
        placeholder: "COUNT",
        allowed: "a whole number from 1 to 1000",
        read: number(1..=1000),
    }

    /// Signing keys, one file for all servers of a cluster; without it, the file `keys` among the data.
    keys_file: Option<PathBuf> = "" {
        variable: "MARU_KEYS_FILE",
        placeholder: "FILE",
        allowed: "a file, made when it is missing",
        read: optional(path),
    }

    /// When the embedded log is synced to disk.
    fsync: Durability = "always" {
        variable: "MARU_FSYNC",
        placeholder: "WHEN",
        allowed: "always, off, or every so many milliseconds, from 1 to 60000",
        read: values::durability,
    }

    /// Addresses under which people reach this server, beside localhost, IP addresses and names in .local.
    public_origins: Vec<String> = "" {
        variable: "MARU_PUBLIC_ORIGINS",
        placeholder: "ORIGINS",
        allowed: "https://HOST or http://HOST, with the port where it is not the usual one, without a path, other scripts as xn--; several separated by commas",
        read: public_origins,
    }

    /// Whether programs without a cookie may chat, as guests named by their login.
    programs: bool = "true" {
        variable: "MARU_PROGRAMS",
        placeholder: "BOOL",
        allowed: "true or false",
        read: parsed,
    }

    /// Messages a session may send per second in the long run.
    rate_per_second: u32 = "5" {
        variable: "MARU_RATE_PER_SECOND",
        placeholder: "COUNT",
        allowed: "a whole number, 1 or more",
        read: number(1..),
    }

    /// Messages a session may send at once.
    rate_burst: u32 = "20" {
        variable: "MARU_RATE_BURST",
        placeholder: "COUNT",
        allowed: "a whole number, 1 or more",
        read: number(1..),
    }

    /// Most WebSocket connections of this server.
    connections: usize = "20000" {
        variable: "MARU_CONNECTIONS",
        placeholder: "COUNT",
        allowed: "a whole number, 1 or more",
        read: number(1..),
    }

    /// Most WebSocket connections of one address, loopback excepted.
    connections_per_address: usize = "2000" {
        variable: "MARU_CONNECTIONS_PER_ADDRESS",
        placeholder: "COUNT",
        allowed: "a whole number, 1 or more",
        read: number(1..),
    }

    /// Largest STOMP frame of a client that has logged in; at least 2097152 in the profile conformance.
    frame_bytes: usize = "65536" {
        variable: "MARU_FRAME_BYTES",
        placeholder: "BYTES",
        allowed: "a whole number from 4096 to 16777216",
        read: number(4_096..=16_777_216),
    }

    /// Largest STOMP frame before that.
    login_frame_bytes: usize = "16384" {
        variable: "MARU_LOGIN_FRAME_BYTES",
        placeholder: "BYTES",
        allowed: "a whole number from 1024 to 16777216",
        read: number(1_024..=16_777_216),
    }

    /// Most headers of a STOMP frame.
    headers: usize = "64" {
        variable: "MARU_HEADERS",
        placeholder: "COUNT",
        allowed: "a whole number from 8 to 1000",
        read: number(8..=1_000),
    }

    /// Longest header of a STOMP frame, its name and value together.
    header_bytes: usize = "4096" {
        variable: "MARU_HEADER_BYTES",
        placeholder: "BYTES",
        allowed: "a whole number from 256 to 65536",
        read: number(256..=65_536),
    }

    /// How long a client may take until CONNECT.
    login_seconds: u64 = "10" {
        variable: "MARU_LOGIN_SECONDS",
        placeholder: "SECONDS",
        allowed: "a whole number from 1 to 3600",
        read: number(1..=3_600),
    }

    /// Most subscriptions of a session.
    subscriptions: usize = "100" {
        variable: "MARU_SUBSCRIPTIONS",
        placeholder: "COUNT",
        allowed: "a whole number from 1 to 10000",
        read: number(1..=10_000),
    }

    /// Messages that a subscription in another ack mode than auto may have unacknowledged, where SUBSCRIBE has no `prefetch-count`.
    prefetch: usize = "256" {
        variable: "MARU_PREFETCH",
        placeholder: "COUNT",
        allowed: "a whole number from 1 to 100000",
        read: number(1..=100_000),
    }

    /// Most unacknowledged messages of a session, whatever its subscriptions ask for.
    unacked: usize = "1024" {
        variable: "MARU_UNACKED",
        placeholder: "COUNT",
        allowed: "a whole number from 1 to 100000",
        read: number(1..=100_000),
    }

    /// Most open transactions of a session.
    transactions: usize = "16" {
        variable: "MARU_TRANSACTIONS",
        placeholder: "COUNT",
        allowed: "a whole number from 1 to 1000",
        read: number(1..=1_000),
    }

    /// Most frames in a transaction.
    transaction_frames: usize = "256" {
        variable: "MARU_TRANSACTION_FRAMES",
        placeholder: "COUNT",
        allowed: "a whole number from 1 to 10000",
        read: number(1..=10_000),
    }

    /// Most bytes in the open transactions of a session; at least 16777216 in the profile conformance.
    transaction_bytes: usize = "1048576" {
        variable: "MARU_TRANSACTION_BYTES",
        placeholder: "BYTES",
        allowed: "a whole number from 4096 to 1073741824",
        read: number(4_096..=1_073_741_824),
    }

    /// Most messages of a session that the log has not confirmed yet.
    pending_sends: usize = "1024" {
        variable: "MARU_PENDING_SENDS",
        placeholder: "COUNT",
        allowed: "a whole number from 1 to 100000",
        read: number(1..=100_000),
    }

    /// Most bytes that wait for a client before it is cut off as too slow; at least 8388608 in the profile conformance.
    queue_bytes: usize = "1048576" {
        variable: "MARU_QUEUE_BYTES",
        placeholder: "BYTES",
        allowed: "a whole number from 524288 to 1073741824",
        read: number(524_288..=1_073_741_824),
    }

    /// How long the oldest of them may wait.
    queue_seconds: u64 = "10" {
        variable: "MARU_QUEUE_SECONDS",
        placeholder: "SECONDS",
        allowed: "a whole number from 1 to 3600",
        read: number(1..=3_600),
    }

    /// What this server is for: people who chat, a test of the protocol, or a measurement without limits on the rate.
    profile: Profile = "chat" {
        variable: "MARU_PROFILE",
        placeholder: "PROFILE",
        allowed: "chat, conformance or bench",
        read: profile,
    }

    /// What to log; `server=debug` tells the story of every message.
    log: String = "info" {
        variable: "MARU_LOG",
        placeholder: "FILTER",
        allowed: "a filter of tracing's, such as info or server=debug,info",
        read: filter,
    }

    /// The page's files; without it, the folder `site` beside the program.
    site: PathBuf = "" {
        variable: "MARU_SITE",
        placeholder: "DIRECTORY",
        allowed: "a directory",
        read: values::site,
    }
}

/// librdkafka's properties. Each comes from a source of its own, and the file has them in a table.
pub(super) static KAFKA_PROPERTY: Setting = Setting {
    key: "kafka_property",
    variable: "MARU_KAFKA_PROPERTIES",
    placeholder: "NAME=VALUE",
    default: "",
    allowed: "NAME=VALUE, several separated by `;`; in the file the table [kafka]",
    meaning: "librdkafka's properties, for TLS, SASL and tuning.",
};

/// The file that holds settings, and so cannot hold this one.
pub(super) static CONFIG: Setting = Setting {
    key: "config",
    variable: "MARU_CONFIG",
    placeholder: "FILE",
    default: "",
    allowed: "a TOML file",
    meaning: "A file with settings; environment variables and arguments win over it.",
};

/// All that can be given as an argument or an environment variable.
pub(super) fn all() -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().copied().chain([&KAFKA_PROPERTY, &CONFIG])
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    #[test]
    fn the_table_in_the_readme_is_this_one() {
        let mut table = String::from(
            "| variable | argument | default | allowed | meaning |\n|---|---|---|---|---|\n",
        );
        for setting in all() {
            let _ = writeln!(
                table,
                "| `{}` | `--{}` | {} | {} | {} |",
                setting.variable,
                setting.argument(),
                setting.default_in_words(),
                setting.allowed,
                setting.meaning.trim_end_matches('.'),
            );
        }
        let readme = include_str!("../../../README.md");
        assert!(
            readme.contains(&table),
            "the table of settings in README.md should be:\n\n{table}"
        );
    }

    #[test]
    fn names_are_told_apart() {
        let mut names: Vec<_> = all()
            .flat_map(|setting| [setting.key, setting.variable])
            .collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
