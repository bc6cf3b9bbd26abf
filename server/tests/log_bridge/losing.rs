//! A log that is deleted, shortened, made anew or superseded, before a server starts and while it runs.

use std::fs;

use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use server::bridge::{Stage, partition_of};
use server::metrics::log::Start;
use tempfile::tempdir;

use crate::harness::{Broker, PARTITIONS, PATIENCE, Server, name, wait};

/// Waits until a server says that it cannot follow the log any more, and gives its reason.
async fn lost(server: &Server) -> String {
    let reason = || match &*server.stage.borrow() {
        Stage::Failed(reason) => Some(reason.clone()),
        _ => None,
    };
    wait(|| reason().is_some()).await;
    reason().unwrap()
}

/// What the next start makes of it.
async fn rebuilt(broker: &Broker, directory: &tempfile::TempDir, expected: &[&str]) -> Server {
    let server = Server::start(broker, directory).await;
    assert_eq!(server.bodies("a"), expected);
    assert_eq!(server.metrics.starts.get(Start::Rebuilt), 1);
    assert!(directory.path().join("history.db.superseded-1").exists());
    server
}

/// An epoch's record, as another server writes it.
fn supersede(broker: &Broker, old: protocol::Epoch) {
    let record = format!(r#"{{"v":1,"epoch":"0badcafe","supersedes":"{old}"}}"#);
    broker.produce("state", 0, "epoch/0badcafe", &record);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_epoch_that_is_superseded_under_a_running_server_is_noticed() {
    let (broker, directory) = (Broker::start().await, tempdir().unwrap());
    let server = Server::start(&broker, &directory).await;
    server.say("a", "m-1", "one").await;
    supersede(&broker, server.log.rooms.epoch());
    let reason = lost(&server).await;
    assert!(reason.contains("superseded by 0badcafe"), "{reason}");
    server.log.give_up().await;
    let server = rebuilt(&broker, &directory, &["one"]).await;
    assert_eq!(server.log.rooms.epoch().to_string(), "0badcafe");
    assert_eq!(server.metrics.epochs_superseded.get(), 0, "by another one");
    server.log.shutdown().await;
}

/// The log's own directory is lost: the next records have offsets that this server has read already.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_wiped_under_a_running_server_is_noticed() {
    let (mut broker, directory) = (Broker::pocket().await, tempdir().unwrap());
    let server = Server::start(&broker, &directory).await;
    server.say("a", "m-1", "gone").await;
    let epoch = server.log.rooms.epoch();
    broker.wipe().await;
    let reason = lost(&server).await;
    assert!(reason.contains("deleted"), "{reason}");
    server.log.give_up().await;
    let server = rebuilt(&broker, &directory, &[]).await;
    assert_ne!(server.log.rooms.epoch(), epoch);
    server.say("a", "m-2", "a new beginning").await;
    server.log.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_wiped_before_the_start_is_a_new_one() {
    let (mut broker, directory) = (Broker::pocket().await, tempdir().unwrap());
    let server = Server::start(&broker, &directory).await;
    server.say("a", "m-1", "gone").await;
    let epoch = server.log.rooms.epoch();
    server.log.shutdown().await;
    broker.wipe().await;
    let server = rebuilt(&broker, &directory, &[]).await;
    assert_ne!(server.log.rooms.epoch(), epoch);
    server.log.shutdown().await;
}

/// A restored backup: shorter than what the server has read.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_shorter_than_the_checkpoint_is_another_one() {
    let (mut broker, directory) = (Broker::pocket().await, tempdir().unwrap());
    let server = Server::start(&broker, &directory).await;
    server.say("a", "m-1", "kept").await;
    let backup = tempdir().unwrap();
    let stopped = broker.stop().await;
    for file in fs::read_dir(stopped.path()).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), backup.path().join(file.file_name())).unwrap();
    }
    broker.resume(stopped).await;
    server.say("a", "m-2", "lost").await;
    let epoch = server.log.rooms.epoch();
    server.log.shutdown().await;
    broker.stop().await.replace(backup, &mut broker).await;
    let server = rebuilt(&broker, &directory, &["kept"]).await;
    assert_ne!(server.log.rooms.epoch(), epoch);
    assert_eq!(server.metrics.epochs_superseded.get(), 1);
    server.log.shutdown().await;
}

fn config(broker: &Broker) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &broker.address);
    config
}

fn admin(broker: &Broker) -> AdminClient<DefaultClientContext> {
    config(broker).create().unwrap()
}

/// What can be done to topics only where others administer them, too.
async fn apache() -> Option<Broker> {
    let broker = Broker::start().await;
    if broker.is_pocket() {
        eprintln!("SKIPPED: no Apache Kafka (MARU_TEST_KAFKA is not set)");
        return None;
    }
    Some(broker)
}

async fn delete(broker: &Broker, topic: &str) {
    let topic = format!("{}.{topic}", broker.prefix);
    let deleted = admin(broker)
        .delete_topics(&[&topic], &AdminOptions::new())
        .await
        .unwrap();
    assert_eq!(deleted, [Ok(topic.clone())]);
    // Brokers carry it out afterwards.
    let consumer: BaseConsumer = config(broker).create().unwrap();
    wait(|| {
        let metadata = consumer.fetch_metadata(Some(&topic), PATIENCE).unwrap();
        metadata.topics()[0].partitions().is_empty()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_deleted_before_the_start_is_a_new_log() {
    let Some(broker) = apache().await else { return };
    let directory = tempdir().unwrap();
    let server = Server::start(&broker, &directory).await;
    server.say("a", "m-1", "gone").await;
    let epoch = server.log.rooms.epoch();
    server.log.shutdown().await;
    delete(&broker, "messages").await;
    let server = rebuilt(&broker, &directory, &[]).await;
    assert_ne!(server.log.rooms.epoch(), epoch);
    assert_eq!(server.metrics.epochs_superseded.get(), 1);
    server.log.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_deleted_under_a_running_server_is_noticed() {
    let Some(broker) = apache().await else { return };
    let directory = tempdir().unwrap();
    let server = Server::start(&broker, &directory).await;
    server.say("a", "m-1", "gone").await;
    delete(&broker, "messages").await;
    let reason = lost(&server).await;
    assert!(reason.contains("deleted"), "{reason}");
    server.log.give_up().await;
    let server = rebuilt(&broker, &directory, &[]).await;
    server.say("a", "m-2", "a new beginning").await;
    server.log.shutdown().await;
}

/// The topic has grown past what one server has read before that server asks again, so offsets do not tell.
#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_made_anew_and_outgrows_the_old_one_is_noticed() {
    let Some(broker) = apache().await else { return };
    let (here, there) = (tempdir().unwrap(), tempdir().unwrap());
    let server = Server::start(&broker, &here).await;
    server.say("a", "m-1", "gone").await;
    let epoch = server.log.rooms.epoch();
    delete(&broker, "messages").await;
    let other = Server::start(&broker, &there).await;
    assert_ne!(other.log.rooms.epoch(), epoch);
    for number in 0..5 {
        other.say("a", &format!("n-{number}"), "new").await;
    }
    lost(&server).await;
    server.log.give_up().await;
    let server = rebuilt(&broker, &here, &["new"; 5]).await;
    assert_eq!(server.room("a"), other.room("a"));
    assert_eq!(server.log.rooms.epoch(), other.log.rooms.epoch());
    other.log.shutdown().await;
    server.log.shutdown().await;
}

/// Retention has taken what a server had not read: the log is the same, the store would have a hole.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_shortened_from_its_beginning_leaves_no_hole() {
    let Some(broker) = apache().await else { return };
    let (here, there) = (tempdir().unwrap(), tempdir().unwrap());
    let server = Server::start(&broker, &here).await;
    server.say("a", "m-1", "read").await;
    server.log.shutdown().await;
    let other = Server::start(&broker, &there).await;
    for number in 0..5 {
        other
            .say("a", &format!("n-{number}"), &number.to_string())
            .await;
    }
    let mut before = TopicPartitionList::new();
    let partition = partition_of(&name("a"), PARTITIONS);
    let topic = format!("{}.messages", broker.prefix);
    before
        .add_partition_offset(&topic, partition, Offset::Offset(4))
        .unwrap();
    admin(&broker)
        .delete_records(&before, &AdminOptions::new())
        .await
        .unwrap();
    let server = rebuilt(&broker, &here, &["3", "4"]).await;
    assert_eq!(
        server.log.rooms.epoch(),
        other.log.rooms.epoch(),
        "the same log"
    );
    assert_eq!(server.metrics.epochs_superseded.get(), 0);
    assert_eq!(other.room("a").len(), 6, "who had read it keeps it");
    other.log.shutdown().await;
    server.log.shutdown().await;
}
