//! The logs under test.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process,
    sync::{
        PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU32, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use pocket_kafka::{Credentials, Durability, Limits, PocketKafka, Settings, StartError};
use rdkafka::ClientConfig;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use crate::wire;

pub(crate) const USERNAME: &str = "tester";
pub(crate) const PASSWORD: &str = "a password for tests";

/// A log that the shared tests run against.
pub(crate) enum Target {
    Pocket {
        pocket: Pocket,
        _directory: TempDir,
    },
    /// The one broker that all tests share, except for the test that kills it.
    Apache {
        bootstrap: String,
        _shared: RwLockReadGuard<'static, ()>,
    },
}

/// Held by the tests that use the Apache Kafka, and exclusively by the one that kills it.
static APACHE: RwLock<()> = RwLock::new(());

/// A running pocket-kafka with a runtime of its own, so that the tests can block.
pub(crate) struct Pocket {
    runtime: Runtime,
    log: Option<PocketKafka>,
}

impl Target {
    /// A pocket-kafka of its own.
    pub(crate) fn pocket_kafka() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self::Pocket {
            pocket: Pocket::start(settings(directory.path())),
            _directory: directory,
        }
    }

    /// The Apache Kafka that `MARU_TEST_KAFKA` names.
    pub(crate) fn apache_kafka() -> Option<Self> {
        let bootstrap = apache_bootstrap()?;
        let shared = APACHE.read().unwrap_or_else(PoisonError::into_inner);
        Some(Self::Apache {
            bootstrap,
            _shared: shared,
        })
    }

    /// Where its bootstrap server listens.
    pub(crate) fn bootstrap(&self) -> String {
        match self {
            Self::Pocket { pocket, .. } => pocket.address().to_string(),
            Self::Apache { bootstrap, .. } => bootstrap.clone(),
        }
    }

    pub(crate) fn config(&self) -> ClientConfig {
        match self {
            Self::Pocket { pocket, .. } => pocket.config(),
            Self::Apache { bootstrap, .. } => apache_config(bootstrap),
        }
    }

    /// Whether clients log in.
    pub(crate) fn wants_password(&self) -> bool {
        matches!(self, Self::Pocket { .. })
    }

    /// What a client of this log sends first of all.
    pub(crate) fn login(&self) -> Vec<u8> {
        if self.wants_password() {
            wire::login()
        } else {
            Vec::new()
        }
    }
}

/// The bootstrap servers of the Apache Kafka under test, if there is one.
pub(crate) fn apache_bootstrap() -> Option<String> {
    std::env::var("MARU_TEST_KAFKA").ok()
}

/// Keeps every other test away from the Apache Kafka.
pub(crate) fn apache_alone() -> RwLockWriteGuard<'static, ()> {
    APACHE.write().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn apache_config(bootstrap: &str) -> ClientConfig {
    let mut config = common_config();
    config.set("bootstrap.servers", bootstrap);
    config
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
