//! The logs under test.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU32, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use pocket_kafka::{Credentials, Durability, Limits, PocketKafka, Settings, StartError};
use rdkafka::ClientConfig;
use tokio::runtime::{Builder, Runtime};

pub(crate) const USERNAME: &str = "tester";
pub(crate) const PASSWORD: &str = "a password for tests";

/// A log that the shared tests run against.
pub(crate) enum Target {
    Pocket {
        pocket: Pocket,
        _directory: tempfile::TempDir,
    },
    Apache {
        bootstrap: String,
    },
}

/// A running pocket-kafka with a runtime of its own, so that the tests can block.
pub(crate) struct Pocket {
    runtime: Runtime,
    log: Option<PocketKafka>,
}

impl Target {
    /// Every log there is to test.
    pub(crate) fn all() -> Vec<Self> {
        let directory = tempfile::tempdir().unwrap();
        let pocket = Self::Pocket {
            pocket: Pocket::start(settings(directory.path())),
            _directory: directory,
        };
        let apache = std::env::var("MARU_TEST_KAFKA")
            .ok()
            .map(|bootstrap| Self::Apache { bootstrap });
        [pocket].into_iter().chain(apache).collect()
    }

    pub(crate) fn config(&self) -> ClientConfig {
        match self {
            Self::Pocket { pocket, .. } => pocket.config(),
            Self::Apache { bootstrap } => {
                let mut config = common_config();
                config.set("bootstrap.servers", bootstrap);
                config
            }
        }
    }
}

impl Pocket {
    pub(crate) fn start(settings: Settings) -> Self {
        Self::try_start(settings).unwrap()
    }

    pub(crate) fn try_start(settings: Settings) -> Result<Self, StartError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let log = runtime.block_on(PocketKafka::start(settings))?;
        Ok(Self {
            runtime,
            log: Some(log),
        })
    }

    fn log(&self) -> &PocketKafka {
        self.log.as_ref().unwrap()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.log().address()
    }

    pub(crate) fn storage_errors(&self) -> u64 {
        self.log().storage_errors()
    }

    pub(crate) fn config(&self) -> ClientConfig {
        config_for(self.address())
    }

    pub(crate) fn shutdown(mut self) {
        self.runtime.block_on(self.log.take().unwrap().shutdown());
    }
}

pub(crate) fn settings(directory: &Path) -> Settings {
    Settings {
        directory: directory.to_owned(),
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        credentials: Credentials {
            username: USERNAME.to_owned(),
            password: PASSWORD.to_owned(),
        },
        durability: Durability::Always,
        memory_topics: Vec::new(),
        limits: Limits::default(),
    }
}

pub(crate) fn database(directory: &Path) -> PathBuf {
    directory.join("log.sqlite")
}

/// The settings of a client of pocket-kafka at this address.
pub(crate) fn config_for(address: SocketAddr) -> ClientConfig {
    let mut config = common_config();
    config
        .set("bootstrap.servers", address.to_string())
        .set("security.protocol", "SASL_PLAINTEXT")
        .set("sasl.mechanism", "PLAIN")
        .set("sasl.username", USERNAME)
        .set("sasl.password", PASSWORD);
    config
}

fn common_config() -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("reconnect.backoff.ms", "50")
        .set("reconnect.backoff.max.ms", "500")
        .set("retry.backoff.ms", "50")
        .set("retry.backoff.max.ms", "500")
        .set("log_level", "0");
    config
}

/// A name that no other test and no other run uses, so that one Apache Kafka serves many runs.
pub(crate) fn unique(name: &str) -> String {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_millis();
    format!(
        "contract.{name}.{now}.{}.{}",
        process::id(),
        COUNTER.fetch_add(1, Ordering::Relaxed)
    )
}
