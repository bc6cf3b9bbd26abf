//! The whole way through a real broker: produced, consumed, folded, stored, paged.
//!
//! Against pocket-kafka, or against the Apache Kafka that `MARU_TEST_KAFKA` names (`host:port`).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failed step is a failed test"
)]

mod foreign;
mod harness;
mod losing;
mod proxy;
mod security;
mod serving;
#[path = "../support/mod.rs"]
mod support;
mod three_brokers;
mod watching;

use std::fs;
use std::time::{Duration, Instant};

use harness::{Broker, PARTITIONS, PATIENCE, Server, message, name, wait};
use server::bridge::{DeliveryFailure, ProduceError, Stage, StartError, partition_of};
use server::fold::Counts;
use tempfile::tempdir;
use tokio::net::{TcpListener, TcpStream};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_produced_comes_back_folded_and_stored() {
    let (broker, directory) = (Broker::start().await, tempdir().unwrap());
    let mut server = Server::start(&broker, &directory).await;
    assert_eq!(*server.stage.borrow_and_update(), Stage::Ready);
    let first = server.say("자유게시판", "m-1", "안녕").await;
    let second = server.say("자유게시판", "m-2", "반가워요").await;
    server.say("other", "m-1", "elsewhere").await;
    assert_eq!(
        first.partition,
        partition_of(&name("자유게시판"), PARTITIONS)
    );
    assert!(first < second);

    let room = server.room("자유게시판");
    assert_eq!(
        room.iter()
            .map(|message| message.position)
            .collect::<Vec<_>>(),
        [first, second]
    );
    assert_eq!(
        room.iter().map(|message| message.prev).collect::<Vec<_>>(),
        [None, Some(first.offset)]
    );
    assert_eq!(
        (room[0].body.as_str(), room[0].sender.name.as_str()),
        ("안녕", "지우")
    );
    assert!(
        room[0].ts > 1_600_000_000_000,
        "the log's own time: {}",
        room[0].ts
    );
    assert_eq!(server.log.rooms.list(10).unwrap().len(), 2);
    let heard = server.heard.visible.lock().unwrap().clone();
    assert_eq!(
        heard
            .iter()
            .filter(|(room, _)| *room == name("자유게시판"))
            .count(),
        2
    );
    assert!(server.log.healthy() && server.log.connected());
    server.log.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_goes_on_from_its_checkpoint() {
    let (broker, directory) = (Broker::start().await, tempdir().unwrap());
    let server = Server::start(&broker, &directory).await;
    for number in 0..20 {
        server
            .say("a", &format!("m-{number}"), &number.to_string())
            .await;
    }
    let (before, epoch) = (server.room("a"), server.log.rooms.epoch());
    server.log.shutdown().await;

    let server = Server::start(&broker, &directory).await;
    assert_eq!(server.log.rooms.epoch(), epoch);
    assert_eq!(server.room("a"), before);
    assert_eq!(
        server.log.rooms.counts(),
        Counts::default(),
        "nothing is read twice"
    );
    server.say("a", "m-20", "20").await;
    assert_eq!(
        server.room("a").last().unwrap().prev,
        before.last().map(|message| message.position.offset)
    );
    assert_eq!(server.heard.visible.lock().unwrap().len(), 1);
    server.log.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_folds_at_its_start_what_came_while_it_was_away() {
    let (broker, here, there) = (
        Broker::start().await,
        tempdir().unwrap(),
        tempdir().unwrap(),
    );
    let server = Server::start(&broker, &here).await;
    server.say("a", "m-1", "one").await;
    server.log.shutdown().await;
    let other = Server::start(&broker, &there).await;
    other.say("a", "m-2", "two").await;
    other.say("b", "m-3", "three").await;

    let server = Server::start(&broker, &here).await;
    assert_eq!(server.bodies("a"), ["one", "two"]);
    assert_eq!(server.bodies("b"), ["three"]);
    assert_eq!(server.log.rooms.counts().visible, 2);
    assert_eq!(server.log.rooms.epoch(), other.log.rooms.epoch());
    // Live from one server to the other.
    let position = server.say("a", "m-4", "four").await;
    wait(|| other.log.rooms.head(&name("a")) == Some(position)).await;
    assert_eq!(server.room("a"), other.room("a"));
    server.log.shutdown().await;
    other.log.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_is_dropped_and_reported_also_after_a_restart() {
    let (broker, directory) = (Broker::start().await, tempdir().unwrap());
    let server = Server::start(&broker, &directory).await;
    let first = server.say("a", "m-1", "once").await;
    server
        .log
        .producer
        .produce(&message("a", "m-1", "twice"))
        .unwrap();
    wait(|| !server.heard.duplicates.lock().unwrap().is_empty()).await;
    assert_eq!(
        *server.heard.duplicates.lock().unwrap(),
        [("m-1".to_owned(), first)]
    );
    server.log.shutdown().await;

    let server = Server::start(&broker, &directory).await;
    server
        .log
        .producer
        .produce(&message("a", "m-1", "thrice"))
        .unwrap();
    wait(|| !server.heard.duplicates.lock().unwrap().is_empty()).await;
    assert_eq!(
        *server.heard.duplicates.lock().unwrap(),
        [("m-1".to_owned(), first)]
    );
    assert_eq!(server.bodies("a"), ["once"]);
    assert_eq!(server.log.rooms.counts().duplicates, 1);
    server.log.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_store_is_rebuilt_equal() {
    let (broker, directory) = (Broker::start().await, tempdir().unwrap());
    let server = Server::start(&broker, &directory).await;
    for number in 0..50 {
        let record = message(
            &format!("room-{}", number % 7),
            &format!("m-{}", number % 40),
            &number.to_string(),
        );
        server.log.producer.produce(&record).unwrap();
    }
    wait(|| server.log.rooms.counts().visible + server.log.rooms.counts().duplicates == 50).await;
    let rooms = |server: &Server| {
        (0..7)
            .map(|number| server.room(&format!("room-{number}")))
            .collect::<Vec<_>>()
    };
    let (before, epoch) = (rooms(&server), server.log.rooms.epoch());
    server.log.shutdown().await;
    for file in fs::read_dir(directory.path()).unwrap() {
        fs::remove_file(file.unwrap().path()).unwrap();
    }

    let server = Server::start(&broker, &directory).await;
    assert_eq!((rooms(&server), server.log.rooms.epoch()), (before, epoch));
    server.log.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_partition_count_is_refused() {
    let (broker, directory) = (Broker::start().await, tempdir().unwrap());
    Server::start(&broker, &directory)
        .await
        .log
        .shutdown()
        .await;
    let mut settings = broker.settings(directory.path());
    settings.partitions = PARTITIONS + 1;
    let error = Server::with(settings).await.err().unwrap();
    assert!(
        matches!(
            error,
            StartError::PartitionCount {
                found: 5,
                wanted: 6,
                ..
            }
        ),
        "{error}"
    );
    assert!(
        error.to_string().contains("has 5 partitions") && error.to_string().contains("set to 6"),
        "{error}"
    );
}

/// The log was deleted and made anew: the epoch's record is there, but other messages are where the checkpoint stands.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_another_log_is_set_aside_and_its_epoch_superseded() {
    let (broker, directory) = (Broker::start().await, tempdir().unwrap());
    let server = Server::start(&broker, &directory).await;
    server.say("a", "m-1", "of the old log").await;
    let old = server.log.rooms.epoch();
    server.log.shutdown().await;

    let (renewed, elsewhere) = (broker.another(), tempdir().unwrap());
    let other = Server::start(&renewed, &elsewhere).await;
    other.say("a", "n-1", "of the new log").await;
    let foreign = other.log.rooms.epoch();
    other.log.shutdown().await;
    // Makes the new log's epoch that of the old one.
    let record = format!(r#"{{"v":1,"epoch":"{old}","supersedes":"{foreign}"}}"#);
    renewed.produce("state", 0, &format!("epoch/{old}"), &record);

    let server = Server::start(&renewed, &directory).await;
    let epoch = server.log.rooms.epoch();
    assert!(epoch != old && epoch != foreign);
    assert_eq!(server.bodies("a"), ["of the new log"]);
    assert!(directory.path().join("history.db.superseded-1").exists());
    server.log.shutdown().await;
    let server = Server::start(&renewed, &directory).await;
    assert_eq!(server.log.rooms.epoch(), epoch, "superseded once");
    server.log.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_that_begin_a_log_at_once_agree_on_its_epoch() {
    let (broker, here, there) = (
        Broker::start().await,
        tempdir().unwrap(),
        tempdir().unwrap(),
    );
    let (one, other) = tokio::join!(
        Server::start(&broker, &here),
        Server::start(&broker, &there)
    );
    assert_eq!(one.log.rooms.epoch(), other.log.rooms.epoch());
    one.log.shutdown().await;
    other.log.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_waits_for_a_kafka_that_comes_later() {
    let (broker, directory) = (Broker::start().await, tempdir().unwrap());
    let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = door.local_addr().unwrap();
    drop(door);
    let settings = server::bridge::LogSettings {
        brokers: address.to_string(),
        ..broker.settings(directory.path())
    };
    let starting = tokio::spawn(Server::with(settings));
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!starting.is_finished());

    let door = TcpListener::bind(address).await.unwrap();
    let inside = broker.address.clone();
    let doorman = tokio::spawn(async move {
        loop {
            let (mut outer, _) = door.accept().await.unwrap();
            let mut inner = TcpStream::connect(&inside).await.unwrap();
            tokio::spawn(
                async move { tokio::io::copy_bidirectional(&mut outer, &mut inner).await },
            );
        }
    });
    let server = tokio::time::timeout(PATIENCE, starting)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    server.say("a", "m-1", "at last").await;
    server.log.shutdown().await;
    doorman.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_is_given_up_leaves_nothing_behind() {
    let directory = tempdir().unwrap();
    let broker = Broker::start().await;
    let settings = server::bridge::LogSettings {
        brokers: "127.0.0.1:1".to_owned(),
        ..broker.settings(directory.path())
    };
    let starting = tokio::spawn(Server::with(settings));
    tokio::time::sleep(Duration::from_millis(500)).await;
    starting.abort();
    assert!(starting.await.is_err());
    // The same directory can be used at once by the next start.
    let server = Server::start(&broker, &directory).await;
    server.say("a", "m-1", "here").await;
    server.log.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_property_is_refused_without_its_value() {
    let (broker, directory) = (Broker::start().await, tempdir().unwrap());
    let mut settings = broker.settings(directory.path());
    settings
        .properties
        .insert("sasl.passwort".to_owned(), "open-sesame".to_owned());
    let error = Server::with(settings).await.err().unwrap().to_string();
    assert!(
        error.contains("sasl.passwort") && !error.contains("open-sesame"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_too_large_is_refused_at_once() {
    let (broker, directory) = (Broker::start().await, tempdir().unwrap());
    let server = Server::start(&broker, &directory).await;
    let huge = message("a", "m-1", &"말".repeat(1_000_000));
    assert_eq!(
        server.log.producer.produce(&huge),
        Err(ProduceError::TooLarge)
    );
    server.say("a", "m-2", "small").await;
    server.log.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_end_the_start() {
    let (broker, directory) = (Broker::pocket().await, tempdir().unwrap());
    let mut settings = broker.settings(directory.path());
    settings
        .properties
        .insert("sasl.password".to_owned(), "open-barley".to_owned());
    let error = Server::with(settings).await.err().unwrap();
    assert!(
        matches!(error, StartError::Authentication { .. }),
        "{error}"
    );
    assert!(!error.to_string().contains("open-barley"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_delays_messages_and_loses_none() {
    let (mut broker, directory) = (Broker::pocket().await, tempdir().unwrap());
    let server = Server::start(&broker, &directory).await;
    server.say("a", "m-0", "before").await;
    let stopped = broker.stop().await;
    for number in 1..=50 {
        server
            .log
            .producer
            .produce(&message("a", &format!("m-{number}"), "during"))
            .unwrap();
    }
    wait(|| !server.log.connected()).await;
    assert_eq!(server.bodies("a"), ["before"], "history goes on");
    assert!(server.log.healthy());
    broker.resume(stopped).await;
    wait(|| server.log.connected() && server.log.rooms.counts().visible == 51).await;
    let ids: Vec<_> = server
        .room("a")
        .into_iter()
        .map(|message| message.id)
        .collect();
    assert_eq!(
        ids,
        (0..=50)
            .map(|number| format!("m-{number}"))
            .collect::<Vec<_>>()
    );
    assert_eq!(*server.heard.failures.lock().unwrap(), []);
    server.log.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_the_log_does_not_take_in_time_has_an_unknown_fate() {
    let (mut broker, directory) = (Broker::pocket().await, tempdir().unwrap());
    let mut settings = broker.settings(directory.path());
    settings.message_timeout = Duration::from_secs(1);
    let server = Server::with(settings).await.unwrap();
    let stopped = broker.stop().await;
    server
        .log
        .producer
        .produce(&message("a", "m-1", "late"))
        .unwrap();
    wait(|| !server.heard.failures.lock().unwrap().is_empty()).await;
    assert_eq!(
        *server.heard.failures.lock().unwrap(),
        [("m-1".to_owned(), DeliveryFailure::Unknown)]
    );
    // The sender tries again with the same id until the log has it.
    broker.resume(stopped).await;
    let start = Instant::now();
    while server.log.rooms.head(&name("a")).is_none() {
        assert!(start.elapsed() < PATIENCE);
        server
            .log
            .producer
            .produce(&message("a", "m-1", "late"))
            .unwrap();
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert_eq!(server.bodies("a"), ["late"]);
    server.log.shutdown().await;
}
