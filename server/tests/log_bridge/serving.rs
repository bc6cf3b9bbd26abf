//! The real program on a broker that has a bad day: what its clients are told, and what its operator sees.

use server::bridge::partition_of;
use stomp::Command;
use tempfile::{TempDir, tempdir};

use crate::harness::{Broker, PARTITIONS, name};
use crate::proxy::{Fault, Proxy};
use crate::support::{Client, Maru, get, header};

/// The program with this broker at an address of its own or a proxy's.
fn start(broker: &Broker, address: &str, properties: &[(&str, &str)]) -> (TempDir, Maru) {
    let data = tempdir().unwrap();
    let properties: Vec<_> = broker
        .properties
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .chain(properties.iter().copied())
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    let settings = [
        ("KAFKA_BROKERS", address),
        ("MARU_KAFKA_PROPERTIES", &properties.join(";")),
        ("MARU_TOPIC_PREFIX", &broker.prefix),
        ("MARU_PARTITIONS", &PARTITIONS.to_string()),
        ("MARU_ADMIN_LISTEN", "127.0.0.1:0"),
        ("MARU_LOG", "error,server=off"),
    ];
    let maru = Maru::start(data.path(), &settings);
    (data, maru)
}

/// A client that hears of refusals softly.
async fn client(maru: &Maru) -> Client {
    let mut client = Client::connect(maru, "bot").await;
    let replies = [("id", "replies"), ("destination", "/user/queue/replies")];
    client.send("SUBSCRIBE", &replies, "").await;
    client
}

async fn send(client: &mut Client, id: &str) {
    let headers = [
        ("destination", "/app/rooms.a.send"),
        ("client-msg-id", id),
        ("receipt", id),
    ];
    client.send("SEND", &headers, "text").await;
}

/// Sends a message and waits for its refusal.
async fn refused(client: &mut Client, id: &str) -> String {
    send(client, id).await;
    let refusal = client.frame().await;
    assert_eq!(refusal.command, Command::Message, "{refusal:?}");
    assert_eq!(header(&refusal, "client-msg-id"), id);
    assert_eq!(header(&refusal, "x-retryable"), "true");
    assert!(!header(&refusal, "x-retry-after-ms").is_empty());
    header(&refusal, "x-code").to_owned()
}

/// Sends a message again and again, as a page does, until it has its RECEIPT.
async fn insist(client: &mut Client, id: &str) {
    loop {
        send(client, id).await;
        let answer = client.frame().await;
        if answer.command == Command::Receipt {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_log_is_wiped_begins_anew_by_itself() {
    let mut broker = Broker::pocket().await;
    let (_data, maru) = start(&broker, &broker.address, &[]);
    let mut client = client(&maru).await;
    let receipt = client.say("a", "m-1", "gone").await;
    broker.wipe().await;
    let error = client.frame().await;
    assert_eq!(
        (error.command, header(&error, "x-code")),
        (Command::Error, "draining")
    );
    let close = client.next().await.unwrap_err().unwrap();
    assert_eq!(u16::from(close.code), 1012);
    maru.counts("chat_ready", 1).await;
    let mut client = self::client(&maru).await;
    let subscribe = [
        ("id", "r"),
        ("destination", "/topic/rooms.a"),
        ("receipt", "s"),
        ("x-recover-epoch", header(&receipt, "x-epoch")),
        ("x-recover-offset", header(&receipt, "x-offset")),
    ];
    client.send("SUBSCRIBE", &subscribe, "").await;
    let subscribed = client.receipt("s").await;
    assert_eq!(header(&subscribed, "x-recovered"), "false");
    assert_eq!(header(&subscribed, "x-offset"), "-1");
    client.say("a", "m-1", "the same id in another log").await;
    for (series, count) in [
        ("chat_kafka_log_lost_total", 1),
        ("chat_kafka_starts_total{result=\"fresh\"}", 1),
        ("chat_kafka_starts_total{result=\"rebuilt\"}", 1),
        ("chat_recoveries_total{result=\"other-epoch\"}", 1),
        ("chat_ws_closes_total{reason=\"draining\"}", 1),
        ("chat_refusals_total{code=\"draining\"}", 1),
        ("chat_kafka_connected", 1),
    ] {
        assert_eq!(maru.metric(series), count, "{series}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_epoch_that_this_server_supersedes_is_counted() {
    let broker = Broker::pocket().await;
    let (_data, maru) = start(&broker, &broker.address, &[]);
    let receipt = client(&maru).await.say("a", "m-1", "kept").await;
    let record = format!(
        r#"{{"v":1,"epoch":"0badcafe","supersedes":"{}"}}"#,
        header(&receipt, "x-epoch")
    );
    broker.produce("state", 0, "epoch/0badcafe", &record);
    maru.counts("chat_kafka_starts_total{result=\"rebuilt\"}", 1)
        .await;
    maru.counts("chat_ready", 1).await;
    assert_eq!(maru.metric("chat_kafka_catch_up_records"), 1);
    let (status, page) = maru.get("/api/rooms/a/messages");
    assert_eq!(status, 200);
    assert!(page.contains("0badcafe") && page.contains("kept"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_rights_are_the_operators_business_and_not_the_senders() {
    let broker = Broker::pocket().await;
    let proxy = Proxy::start(&broker.address).await;
    let refresh = [("topic.metadata.refresh.interval.ms", "500")];
    let (_data, maru) = start(&broker, &proxy.address, &refresh);
    let mut client = client(&maru).await;
    client.say("a", "m-1", "before").await;
    proxy.strike_all(Fault::NotAllowed);
    assert_eq!(refused(&mut client, "m-2").await, "unavailable");
    assert_eq!(refused(&mut client, "m-2").await, "unavailable");
    assert!(maru.metric("chat_refusals_total{code=\"unavailable\"}") >= 2);
    assert!(maru.metric("chat_confirmations_total{result=\"unavailable\"}") >= 1);
    assert!(maru.metric("chat_kafka_delivery_errors_total{kind=\"unavailable\"}") >= 1);
    assert_eq!(maru.metric("chat_ready"), 1, "what is there can be read");
    proxy.heal();
    insist(&mut client, "m-2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_told_and_recovered_from_without_a_hand() {
    let mut broker = Broker::pocket().await;
    let short = [
        ("message.timeout.ms", "3000"),
        ("queue.buffering.max.messages", "2"),
    ];
    let (_data, maru) = start(&broker, &broker.address, &short);
    let mut client = client(&maru).await;
    client.say("a", "m-1", "before").await;
    let stopped = broker.stop().await;
    // What the queue takes waits; what it does not take is refused at once.
    send(&mut client, "m-2").await;
    send(&mut client, "m-3").await;
    assert_eq!(refused(&mut client, "m-4").await, "unavailable");
    assert_eq!(
        maru.metric("chat_messages_published_total{result=\"not-taken\"}"),
        1
    );
    for id in ["m-2", "m-3"] {
        let refusal = client.frame().await;
        assert_eq!(header(&refusal, "client-msg-id"), id);
        assert_eq!(
            (header(&refusal, "x-code"), header(&refusal, "x-retryable")),
            ("unconfirmed", "true")
        );
    }
    assert_eq!(
        maru.metric("chat_confirmations_total{result=\"unconfirmed\"}"),
        2
    );
    let unconfirmed = "chat_kafka_delivery_errors_total{kind=\"unconfirmed\"}";
    assert_eq!(maru.metric(unconfirmed), 2);
    assert_eq!(maru.metric("chat_kafka_connected"), 0);
    assert_eq!(maru.metric("chat_ready"), 1);
    assert_eq!(maru.get("/healthz/ready").0, 200, "history goes on");
    assert!(maru.get("/api/rooms/a/messages").1.contains("before"));
    broker.resume(stopped).await;
    for id in ["m-2", "m-3", "m-4"] {
        insist(&mut client, id).await;
    }
    maru.counts("chat_kafka_connected", 1).await;
    let (_, page) = maru.get("/api/rooms/a/messages");
    assert_eq!(page.matches("\"position\"").count(), 4, "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_watchdog_and_the_fold_see_is_counted() {
    let broker = Broker::pocket().await;
    let proxy = Proxy::start(&broker.address).await;
    let (_data, maru) = start(&broker, &proxy.address, &[]);
    let mut client = client(&maru).await;
    let receipt = client.say("a", "m-1", "once").await;
    let sender = header(&receipt, "message-id").to_owned();
    assert!(!sender.is_empty());
    let record = |room: &str, id: &str, v: u32| {
        format!(
            r#"{{"v":{v},"type":"message","id":"{id}","room":"{room}","sender":{{"uid":"u","name":"n"}},"body":"b"}}"#
        )
    };
    let home = partition_of(&name("a"), PARTITIONS);
    let write =
        |partition, key: &str, value: &str| broker.produce("messages", partition, key, value);
    write(home, "a", &record("a", "f-1", 1));
    write(home, "a", &record("a", "f-1", 1));
    write(home, "a", "no json");
    write(home, "a", &record("a", &"i".repeat(2_000), 1));
    write(home, "b", &record("a", "f-2", 1));
    write(home, "straße", &record("straße", "f-3", 1));
    write((home + 1) % PARTITIONS, "a", &record("a", "f-4", 1));
    for (result, count) in [
        ("visible", 2),
        ("duplicate", 1),
        ("form", 1),
        ("too-large", 1),
        ("key", 1),
        ("room", 1),
        ("partition", 1),
    ] {
        let series = format!("chat_records_folded_total{{result=\"{result}\"}}");
        maru.counts(&series, count).await;
        assert_eq!(maru.metric(&series), count, "{series}");
    }
    proxy.strike_open_connections(Fault::NeverFetched(home));
    let before = proxy.struck();
    while proxy.struck() == before {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    send(&mut client, "m-2").await;
    maru.counts("chat_kafka_consumer_lag_messages{of=\"max\"}", 1)
        .await;
    client.receipt("m-2").await;
    assert_eq!(
        maru.metric("chat_kafka_consumers_renewed_total{reason=\"stood-still\"}"),
        1
    );
    let admin = maru.admin.clone().unwrap();
    assert_eq!(get(&admin, "/healthz/ready").0, 200);
    assert_eq!(get(&admin, "/healthz/live").0, 200);
    assert_eq!(get(&admin, "/").0, 404);
    assert_eq!(maru.get("/metrics").0, 404, "people do not see it");
}
