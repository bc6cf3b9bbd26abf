//! What librdkafka does not tell, provoked: a partition that is never fetched again, and one that is never produced to again.

use std::time::{Duration, Instant};

use server::bridge::{DeliveryFailure, LogSettings, ProduceError, partition_of};
use server::metrics::log::{ConsumerFailure, ProducerFailure};
use tempfile::{TempDir, tempdir};

use crate::harness::{Broker, PARTITIONS, PATIENCE, Server, message, name, wait};
use crate::proxy::{Fault, Proxy};

/// The partition that goes bad, and one of the same producer that does not: there are four producers.
const DEAD: i32 = 4;
const LIVE: i32 = 0;

/// A room in this partition.
fn room_in(wanted: i32) -> String {
    (0..1_000)
        .map(|number| format!("room-{number}"))
        .find(|room| partition_of(&name(room), PARTITIONS) == wanted)
        .unwrap()
}

/// A server whose every word goes through the proxy.
async fn behind(proxy: &Proxy, broker: &Broker, directory: &TempDir) -> Server {
    let mut settings = LogSettings {
        brokers: proxy.address.clone(),
        message_timeout: Duration::from_secs(2),
        ..broker.settings(directory.path())
    };
    let refresh = ("topic.metadata.refresh.interval.ms", "500");
    settings
        .properties
        .insert(refresh.0.to_owned(), refresh.1.to_owned());
    Server::with(settings).await.unwrap()
}

/// librdkafka #5280.
#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_is_never_fetched_again_is_found_and_read_on() {
    let broker = Broker::start().await;
    let proxy = Proxy::start(&broker.address).await;
    let directory = tempdir().unwrap();
    let server = behind(&proxy, &broker, &directory).await;
    let (dead, live) = (room_in(DEAD), room_in(LIVE));
    server.say(&dead, "m-1", "before").await;
    proxy.strike_open_connections(Fault::NeverFetched(DEAD));
    // There is one Fetch at a time: the last one with the partition in it has been answered.
    wait(|| proxy.struck() > 0).await;
    for number in 0..20 {
        let id = format!("n-{number}");
        server
            .log
            .producer
            .produce(&message(&dead, &id, "unseen"))
            .unwrap();
        server.say(&live, &id, "seen").await;
    }
    let stood_still = || {
        server
            .metrics
            .consumers_renewed
            .get(ConsumerFailure::StoodStill)
    };
    assert_eq!((stood_still(), server.room(&dead).len()), (0, 1));
    wait(|| server.room(&dead).len() == 21).await;
    assert_eq!(stood_still(), 1);
    let ids: Vec<_> = server
        .room(&dead)
        .into_iter()
        .map(|message| message.id)
        .collect();
    let expected = (0..20).map(|number| format!("n-{number}"));
    assert_eq!(
        ids,
        ["m-1".to_owned()]
            .into_iter()
            .chain(expected)
            .collect::<Vec<_>>()
    );
    assert_eq!(server.room(&live).len(), 20);
    assert_eq!(server.log.rooms.counts().duplicates, 0);
    server.log.shutdown().await;
}

/// librdkafka #5430. Other partitions of the same producer go on all the while.
#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_has_lost_its_leader_for_good_gets_another_producer() {
    let broker = Broker::start().await;
    let proxy = Proxy::start(&broker.address).await;
    let directory = tempdir().unwrap();
    let server = behind(&proxy, &broker, &directory).await;
    let (dead, live) = (room_in(DEAD), room_in(LIVE));
    server.say(&dead, "m-1", "before").await;
    proxy.strike_open_connections(Fault::Leaderless(DEAD));
    wait(|| proxy.struck() > 0).await;
    let start = Instant::now();
    let renewed = || {
        let counters = &server.metrics.producers_renewed;
        counters.get(ProducerFailure::GaveUp)
    };
    let mut sent = Vec::new();
    while renewed() == 0 {
        assert!(start.elapsed() < PATIENCE, "no other producer took over");
        let id = format!("n-{}", sent.len());
        let record = message(&dead, &id, "into the dead partition");
        server.log.producer.produce(&record).unwrap();
        server.say(&live, &id, "meanwhile").await;
        sent.push(id);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    // Whoever was told that nobody knows sends again.
    let heard = || server.heard.failures.lock().unwrap().clone();
    wait(|| server.room(&dead).len() + heard().len() > sent.len()).await;
    assert!(heard().len() >= 3, "{:?}", heard());
    for (id, failure) in heard() {
        assert_eq!(failure, DeliveryFailure::Unknown);
        server.say(&dead, &id, "again").await;
    }
    let said = server.room(&dead).into_iter().map(|message| message.id);
    let mut said: Vec<_> = said.collect();
    assert_eq!(server.room(&live).len(), sent.len());
    sent.push("m-1".to_owned());
    said.sort();
    sent.sort();
    assert_eq!(said, sent, "each of them once");
    assert_eq!(renewed(), 1);
    server.log.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_may_not_write_is_not_its_senders_fault() {
    let broker = Broker::start().await;
    let proxy = Proxy::start(&broker.address).await;
    let directory = tempdir().unwrap();
    let server = behind(&proxy, &broker, &directory).await;
    server.say("a", "m-1", "before").await;
    proxy.strike_all(Fault::NotAllowed);
    server
        .log
        .producer
        .produce(&message("a", "m-2", "after"))
        .unwrap();
    wait(|| !server.heard.failures.lock().unwrap().is_empty()).await;
    assert_eq!(
        *server.heard.failures.lock().unwrap(),
        [("m-2".to_owned(), DeliveryFailure::Unavailable)]
    );
    assert_eq!(server.bodies("a"), ["before"]);
    // Until librdkafka asks again it refuses by itself.
    let again = message("a", "m-2", "after");
    let refused = server.log.producer.produce(&again);
    assert!(
        matches!(refused, Ok(()) | Err(ProduceError::Unavailable)),
        "{refused:?}"
    );
    proxy.heal();
    wait(|| server.log.producer.produce(&again).is_ok()).await;
    wait(|| server.room("a").len() == 2).await;
    assert_eq!(server.bodies("a"), ["before", "after"]);
    server.log.shutdown().await;
}
