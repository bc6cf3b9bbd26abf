//! People on several servers of one log: who is there, who types, what has been read. On the log inside this test, or on
//! the Apache Kafka that `MARU_TEST_KAFKA` names.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that fails may panic"
)]

mod killing;
mod presence;
mod reading;
#[path = "../support/mod.rs"]
mod support;
mod typing;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use pocket_kafka::{Credentials, Durability, PocketKafka};
use serde_json::Value;
use support::{Client, Maru, body, header};
use tempfile::TempDir;

/// One log for several servers.
pub(crate) struct Cluster {
    pub(crate) brokers: String,
    pub(crate) properties: BTreeMap<String, String>,
    pub(crate) prefix: String,
    directory: TempDir,
    _pocket: Option<PocketKafka>,
}

impl Cluster {
    pub(crate) async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let prefix = format!("people-{:08x}", getrandom::u32().unwrap());
        if let Ok(brokers) = std::env::var("MARU_TEST_KAFKA") {
            return Self {
                brokers,
                properties: BTreeMap::new(),
                prefix,
                directory,
                _pocket: None,
            };
        }
        let settings = pocket_kafka::Settings {
            directory: directory.path().join("log"),
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            credentials: Credentials {
                username: "maru".to_owned(),
                password: "open-sesame".to_owned(),
            },
            durability: Durability::Off,
            memory_topics: vec![server::bridge::ephemeral_topic(&prefix)],
            limits: pocket_kafka::Limits::default(),
        };
        let pocket = PocketKafka::start(settings).await.unwrap();
        let properties = [
            ("security.protocol", "SASL_PLAINTEXT"),
            ("sasl.mechanism", "PLAIN"),
            ("sasl.username", "maru"),
            ("sasl.password", "open-sesame"),
        ];
        Self {
            brokers: pocket.address().to_string(),
            properties: properties
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            prefix,
            directory,
            _pocket: Some(pocket),
        }
    }

    /// Starts a server; the same name has the same data.
    pub(crate) fn server(&self, name: &str) -> Maru {
        let properties: Vec<_> = self
            .properties
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        let keys = self.directory.path().join("keys");
        let settings = [
            ("KAFKA_BROKERS", self.brokers.as_str()),
            ("MARU_KAFKA_PROPERTIES", &properties.join(";")),
            ("MARU_TOPIC_PREFIX", &self.prefix),
            ("MARU_PARTITIONS", "4"),
            ("MARU_KEYS_FILE", keys.to_str().unwrap()),
        ];
        Maru::start(&self.directory.path().join(name), &settings)
    }
}

/// Subscribes and waits for the RECEIPT, which comes before anything else does.
pub(crate) async fn subscribe(client: &mut Client, destination: &str) {
    let headers = [
        ("id", destination),
        ("destination", destination),
        ("receipt", destination),
    ];
    client.send("SUBSCRIBE", &headers, "").await;
    let receipt = client.frame().await;
    assert_eq!(header(&receipt, "receipt-id"), destination, "{receipt:?}");
}

/// Somebody who listens to what happens in room `a`.
pub(crate) async fn listener(maru: &Maru, login: &str) -> Client {
    let mut client = Client::connect(maru, login).await;
    subscribe(&mut client, "/topic/rooms.a.events").await;
    client
}

/// The next event that is of this type.
pub(crate) async fn event(client: &mut Client, kind: &str) -> Value {
    loop {
        let event = any_event(client).await;
        if event["type"] == kind {
            return event;
        }
    }
}

/// The next event.
pub(crate) async fn any_event(client: &mut Client) -> Value {
    let frame = client.frame().await;
    assert_eq!(
        header(&frame, "content-type"),
        "application/json",
        "{frame:?}"
    );
    serde_json::from_str(body(&frame)).unwrap()
}

/// The names in a list of people.
pub(crate) fn names(people: &Value) -> Vec<&str> {
    let people = people.as_array().unwrap().iter();
    people.map(|who| who["name"].as_str().unwrap()).collect()
}

/// Waits until this listener, which was told nothing so far, knows these people; nobody may be told to have left meanwhile.
pub(crate) async fn until_present(client: &mut Client, expected: &[&str]) {
    let mut present: Option<Vec<String>> = None;
    while present.as_deref().is_none_or(|present| present != expected) {
        let event = any_event(client).await;
        match event["type"].as_str().unwrap() {
            "presence" => present = Some(owned(names(&event["people"]))),
            "changed" => {
                assert!(names(&event["left"]).is_empty(), "{event}");
                let present = present.as_mut().expect("how things stand comes first");
                present.extend(owned(names(&event["joined"])));
                present.sort();
            }
            _ => continue,
        }
        assert_eq!(event["count"], present.as_ref().unwrap().len(), "{event}");
    }
}

fn owned(names: Vec<&str>) -> Vec<String> {
    names.into_iter().map(str::to_owned).collect()
}

/// The next event must say that this person has come and nobody has gone, so that these are there: nothing came in between.
pub(crate) async fn nothing_but(client: &mut Client, joined: &str, present: &[&str]) {
    let mut event = any_event(client).await;
    while event["type"] == "read" {
        event = any_event(client).await;
    }
    assert_eq!(event["count"], present.len(), "{event}");
    if event["type"] == "presence" {
        // The server has come up just now.
        assert_eq!(names(&event["people"]), present);
    } else {
        assert_eq!(names(&event["joined"]), [joined], "{event}");
        assert!(names(&event["left"]).is_empty(), "{event}");
    }
}
