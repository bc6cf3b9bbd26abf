//! What the tests of the log share: a broker, a server's log on it, and an observer that remembers.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pocket_kafka::{Credentials, Durability, PocketKafka};
use protocol::{Kind, Message, Position, Record, RoomName, Sender};
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use server::bridge::{
    self, DeliveryFailure, DeliveryFailures, Log, LogSettings, Stage, StartError,
};
use server::fold::Observer;
use server::metrics::log::LogMetrics;
use tempfile::TempDir;
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

/// Liveness, not speed: whatever takes longer will not come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
pub(crate) const PARTITIONS: i32 = 5;

/// A log of this test's own: pocket-kafka, or topics on the Apache Kafka that `MARU_TEST_KAFKA` names.
pub(crate) struct Broker {
    pub(crate) address: String,
    pub(crate) properties: BTreeMap<String, String>,
    pub(crate) prefix: String,
    pocket: Option<(PocketKafka, TempDir)>,
}

impl Broker {
    pub(crate) async fn start() -> Self {
        tell_the_story();
        let prefix = prefix();
        match std::env::var("MARU_TEST_KAFKA") {
            Ok(address) => Self {
                address,
                properties: BTreeMap::new(),
                prefix,
                pocket: None,
            },
            Err(_) => Self::start_pocket(prefix).await,
        }
    }

    /// The same Apache Kafka where it listens with TLS and SCRAM: at `MARU_TEST_KAFKA_TLS`, with the properties in
    /// `MARU_TEST_KAFKA_TLS_PROPERTIES`, written as `MARU_KAFKA_PROPERTIES` takes them.
    pub(crate) fn secured() -> Option<Self> {
        tell_the_story();
        let Ok(address) = std::env::var("MARU_TEST_KAFKA_TLS") else {
            eprintln!("SKIPPED: no Apache Kafka with TLS (MARU_TEST_KAFKA_TLS is not set)");
            return None;
        };
        let properties = std::env::var("MARU_TEST_KAFKA_TLS_PROPERTIES")
            .unwrap()
            .split(';')
            .map(|property| property.split_once('=').unwrap())
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        Some(Self {
            address,
            properties,
            prefix: prefix(),
            pocket: None,
        })
    }

    /// pocket-kafka in any case, for what cannot be done to a broker that others use too.
    pub(crate) async fn pocket() -> Self {
        Self::start_pocket("test".to_owned()).await
    }

    async fn start_pocket(prefix: String) -> Self {
        tell_the_story();
        let directory = tempfile::tempdir().unwrap();
        let pocket = pocket_kafka(&directory, 0).await;
        let properties = [
            ("security.protocol", "SASL_PLAINTEXT"),
            ("sasl.mechanism", "PLAIN"),
            ("sasl.username", "maru"),
            ("sasl.password", "open-sesame"),
        ];
        let properties = properties
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
        Self {
            address: pocket.address().to_string(),
            properties,
            prefix,
            pocket: Some((pocket, directory)),
        }
    }

    /// Ends pocket-kafka; `resume` starts it again, with what it had, at the same address.
    pub(crate) async fn stop(&mut self) -> Stopped {
        let (pocket, directory) = self.pocket.take().unwrap();
        let port = pocket.address().port();
        pocket.shutdown().await;
        Stopped { directory, port }
    }

    pub(crate) async fn resume(&mut self, Stopped { directory, port }: Stopped) {
        let pocket = pocket_kafka(&directory, port).await;
        self.pocket = Some((pocket, directory));
    }

    /// Takes everything from pocket-kafka, at the same address.
    pub(crate) async fn wipe(&mut self) {
        let stopped = self.stop().await;
        stopped.replace(tempfile::tempdir().unwrap(), self).await;
    }

    pub(crate) fn is_pocket(&self) -> bool {
        self.pocket.is_some()
    }

    /// Another log on the same broker.
    pub(crate) fn another(&self) -> Self {
        let (address, properties) = (self.address.clone(), self.properties.clone());
        Self {
            address,
            properties,
            prefix: format!("{}-2", self.prefix),
            pocket: None,
        }
    }

    pub(crate) fn set(&mut self, key: &str, value: &str) {
        self.properties.insert(key.to_owned(), value.to_owned());
    }

    pub(crate) fn settings(&self, directory: &Path) -> LogSettings {
        LogSettings {
            brokers: self.address.clone(),
            properties: self.properties.clone(),
            topic_prefix: self.prefix.clone(),
            partitions: PARTITIONS,
            client_id: "test".to_owned(),
            directory: directory.to_owned(),
            alone: false,
            message_timeout: Duration::from_mins(1),
        }
    }

    /// Writes a record as a program that is not Maru would.
    pub(crate) fn produce(&self, topic: &str, partition: i32, key: &str, value: &str) {
        self.produce_bytes(topic, partition, Some(key), Some(value.as_bytes()));
    }

    /// As [`produce`](Self::produce), with a key or a value of any bytes, or none.
    pub(crate) fn produce_bytes(
        &self,
        topic: &str,
        partition: i32,
        key: Option<&str>,
        value: Option<&[u8]>,
    ) {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.address);
        for (key, value) in &self.properties {
            config.set(key, value);
        }
        let producer: BaseProducer = config.create().unwrap();
        let topic = format!("{}.{topic}", self.prefix);
        let mut record: BaseRecord<'_, str, [u8]> = BaseRecord::to(&topic).partition(partition);
        if let Some(key) = key {
            record = record.key(key);
        }
        if let Some(value) = value {
            record = record.payload(value);
        }
        producer.send(record).map_err(|(error, _)| error).unwrap();
        producer.flush(PATIENCE).unwrap();
    }
}

/// Topics of one test's own.
fn prefix() -> String {
    format!("test-{:08x}", getrandom::u32().unwrap())
}

/// `RUST_LOG` shows the story of a test that failed.
fn tell_the_story() {
    let filter = EnvFilter::from_default_env();
    drop(
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_test_writer()
            .try_init(),
    );
}

/// A pocket-kafka that was stopped.
pub(crate) struct Stopped {
    directory: TempDir,
    port: u16,
}

impl Stopped {
    /// Where its files lie.
    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Starts it again with other files.
    pub(crate) async fn replace(self, directory: TempDir, broker: &mut Broker) {
        let port = self.port;
        broker.resume(Self { directory, port }).await;
    }
}

async fn pocket_kafka(directory: &TempDir, port: u16) -> PocketKafka {
    let settings = pocket_kafka::Settings {
        directory: directory.path().to_owned(),
        listen: (Ipv4Addr::LOCALHOST, port).into(),
        credentials: Credentials {
            username: "maru".to_owned(),
            password: "open-sesame".to_owned(),
        },
        durability: Durability::Off,
        memory_topics: Vec::new(),
        limits: pocket_kafka::Limits::default(),
    };
    PocketKafka::start(settings).await.unwrap()
}

/// One server: its log, and what it was told.
pub(crate) struct Server {
    pub(crate) log: Log,
    pub(crate) heard: Arc<Heard>,
    pub(crate) stage: watch::Receiver<Stage>,
    pub(crate) metrics: LogMetrics,
}

impl Server {
    pub(crate) async fn start(broker: &Broker, directory: &TempDir) -> Self {
        Self::with(broker.settings(directory.path())).await.unwrap()
    }

    pub(crate) async fn with(settings: LogSettings) -> Result<Self, StartError> {
        let heard = Arc::new(Heard::default());
        let metrics = LogMetrics::default();
        let (tell, stage) = watch::channel(Stage::Connecting);
        let failures = Arc::clone(&heard) as Arc<dyn DeliveryFailures>;
        let started = bridge::start(
            settings,
            Arc::clone(&heard) as Arc<dyn Observer>,
            failures,
            tell,
            metrics.clone(),
        );
        let log = tokio::time::timeout(2 * PATIENCE, started)
            .await
            .expect("the log starts or says why not")?;
        Ok(Self {
            log,
            heard,
            stage,
            metrics,
        })
    }

    /// Sends a message and waits until this server has folded it.
    pub(crate) async fn say(&self, room: &str, id: &str, body: &str) -> Position {
        let record = message(room, id, body);
        self.log.producer.produce(&record).unwrap();
        let found = || {
            self.log
                .rooms
                .first_position(&record.room, "u-1", id)
                .unwrap()
        };
        wait(|| found().is_some()).await;
        found().unwrap()
    }

    /// Every message of a room.
    pub(crate) fn room(&self, room: &str) -> Vec<Message> {
        let page = self.log.rooms.last_page(&name(room), 1_000).unwrap();
        assert!(!page.more);
        page.messages
    }

    pub(crate) fn bodies(&self, room: &str) -> Vec<String> {
        self.room(room)
            .into_iter()
            .map(|message| message.body)
            .collect()
    }
}

/// What a server's log told.
#[derive(Default)]
pub(crate) struct Heard {
    pub(crate) visible: Mutex<Vec<(RoomName, Arc<Message>)>>,
    pub(crate) duplicates: Mutex<Vec<(String, Position)>>,
    pub(crate) failures: Mutex<Vec<(String, DeliveryFailure)>>,
}

impl Observer for Heard {
    fn visible(&self, room: &RoomName, message: &Arc<Message>) {
        self.visible
            .lock()
            .unwrap()
            .push((room.clone(), Arc::clone(message)));
    }

    fn duplicate(&self, _: &RoomName, _: &str, id: &str, first: Position) {
        self.duplicates.lock().unwrap().push((id.to_owned(), first));
    }
}

impl DeliveryFailures for Heard {
    fn failed(&self, _: &RoomName, _: &str, id: &str, failure: DeliveryFailure) {
        self.failures.lock().unwrap().push((id.to_owned(), failure));
    }
}

pub(crate) fn name(room: &str) -> RoomName {
    room.parse().unwrap()
}

pub(crate) fn message(room: &str, id: &str, body: &str) -> Record {
    Record {
        v: 1,
        kind: Kind::Message,
        id: id.to_owned(),
        room: name(room),
        sender: Sender {
            uid: "u-1".to_owned(),
            name: "지우".to_owned(),
        },
        body: body.to_owned(),
        other: serde_json::Map::new(),
    }
}

/// Waits for something to become true.
pub(crate) async fn wait(mut becomes: impl FnMut() -> bool) {
    let start = Instant::now();
    while !becomes() {
        assert!(start.elapsed() < PATIENCE, "it did not happen");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
