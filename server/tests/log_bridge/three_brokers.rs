//! Two servers on three brokers of scripts/kafka.sh (the cluster that `KAFKA_NAME` names), one of which is always missing.
//!
//! Ignored, because nobody else may use those brokers meanwhile; scripts/kafka-test.sh starts them and runs it.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use tempfile::tempdir;

use crate::harness::{Broker, PARTITIONS, PATIENCE, Server, wait};

/// Enough to reach every partition, and so every broker.
const ROOMS: u64 = 10;
/// Messages that must get through before a broker comes back.
const MEANWHILE: u64 = 50;

/// How many brokers have each partition of a topic, and how many of those are up to date.
fn copies(broker: &Broker, topic: &str) -> Vec<(usize, usize)> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &broker.address);
    let consumer: BaseConsumer = config.create().unwrap();
    let topic = format!("{}.{topic}", broker.prefix);
    let metadata = consumer.fetch_metadata(Some(&topic), PATIENCE).unwrap();
    metadata.topics()[0]
        .partitions()
        .iter()
        .map(|partition| (partition.replicas().len(), partition.isr().len()))
        .collect()
}

/// Gives scripts/kafka.sh a command for one broker.
async fn kafka(command: &'static str, node: &'static str) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/kafka.sh");
    let run = move || Command::new(script).args([command, node]).output().unwrap();
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    assert!(
        output.status.success(),
        "{command} {node}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Two servers at which somebody speaks, one message after the other was acknowledged, until it is enough.
struct Talk {
    acknowledged: AtomicU64,
    enough: AtomicBool,
}

impl Talk {
    async fn speak(self: Arc<Self>, who: &str, server: Arc<Server>) -> u64 {
        let mut number = 0;
        while !self.enough.load(Ordering::Relaxed) {
            let room = format!("room-{}", number % ROOMS);
            let id = format!("{who}-{number}");
            server.say(&room, &id, &id).await;
            self.acknowledged.fetch_add(1, Ordering::Relaxed);
            number += 1;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        number
    }

    async fn goes_on(&self) {
        let goal = self.acknowledged.load(Ordering::Relaxed) + MEANWHILE;
        wait(|| self.acknowledged.load(Ordering::Relaxed) >= goal).await;
    }
}

/// What somebody said in a room, as a server has it.
fn said(server: &Server, who: &str, room: u64) -> Vec<String> {
    let mut bodies = server.bodies(&format!("room-{room}"));
    bodies.retain(|body| body.starts_with(who));
    bodies
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs three brokers of its own: scripts/kafka-test.sh"]
async fn every_acknowledged_message_is_there_once_and_in_order_whatever_happens_to_one_broker() {
    let broker = Broker::start().await;
    let (here, there, elsewhere) = (tempdir().unwrap(), tempdir().unwrap(), tempdir().unwrap());
    let one = Arc::new(Server::start(&broker, &here).await);
    let other = Arc::new(Server::start(&broker, &there).await);
    let everywhere = |partitions| vec![(3, 3); partitions];
    assert_eq!(copies(&broker, "state"), everywhere(1));
    assert_eq!(
        copies(&broker, "messages"),
        everywhere(usize::try_from(PARTITIONS).unwrap())
    );

    let talk = Arc::new(Talk {
        acknowledged: AtomicU64::new(0),
        enough: AtomicBool::new(false),
    });
    let ann = tokio::spawn(Arc::clone(&talk).speak("ann", Arc::clone(&one)));
    let bob = tokio::spawn(Arc::clone(&talk).speak("bob", Arc::clone(&other)));
    for (fault, cure, node) in [
        ("kill", "start", "1"),
        ("freeze", "thaw", "2"),
        ("stop", "start", "3"),
    ] {
        talk.goes_on().await;
        kafka(fault, node).await;
        talk.goes_on().await;
        kafka(cure, node).await;
    }
    talk.goes_on().await;
    talk.enough.store(true, Ordering::Relaxed);
    let (ann, bob) = (ann.await.unwrap(), bob.await.unwrap());

    for server in [&one, &other] {
        wait(|| server.log.rooms.counts().visible == ann + bob).await;
        assert_eq!(*server.heard.failures.lock().unwrap(), []);
    }
    // What the log itself holds, read from its beginning.
    let fresh = Server::start(&broker, &elsewhere).await;
    assert_eq!(fresh.log.rooms.counts().visible, ann + bob);
    for room in 0..ROOMS {
        for (who, count) in [("ann", ann), ("bob", bob)] {
            let expected: Vec<_> = (0..count)
                .filter(|number| number % ROOMS == room)
                .map(|number| format!("{who}-{number}"))
                .collect();
            for server in [&*one, &*other, &fresh] {
                assert_eq!(said(server, who, room), expected);
            }
        }
        let room = format!("room-{room}");
        assert_eq!(one.room(&room), other.room(&room));
        assert_eq!(one.room(&room), fresh.room(&room));
    }
    fresh.log.shutdown().await;
    for server in [one, other] {
        Arc::into_inner(server).unwrap().log.shutdown().await;
    }
}
