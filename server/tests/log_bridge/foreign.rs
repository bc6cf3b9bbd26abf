//! Records that a program other than Maru has written: messages, or counted and skipped, and the consumer never stops.

use protocol::Kind;
use serde_json::{Value, json};
use server::bridge::partition_of;
use tempfile::tempdir;

use crate::harness::{Broker, PARTITIONS, Server, name, wait};

fn good() -> Value {
    json!({
        "v": 1, "type": "message", "id": "f", "room": "a", "sender": {"uid": "bot", "name": "기계"}, "body": "삐",
    })
}

/// A good record with these fields in place of its own, or beside them.
fn with(fields: &[(&str, Value)]) -> Vec<u8> {
    let mut record = good();
    for (name, value) in fields {
        record[*name] = value.clone();
    }
    record.to_string().into_bytes()
}

fn without(field: &str) -> Vec<u8> {
    let mut record = good();
    record.as_object_mut().unwrap().remove(field);
    record.to_string().into_bytes()
}

/// Values that are no record in any room.
fn formless() -> Vec<Vec<u8>> {
    let wrong_types = [
        ("v", json!("1")),
        ("v", json!(0)),
        ("v", json!(-1)),
        ("type", json!(7)),
        ("id", json!(7)),
        ("id", json!("")),
        ("room", json!(null)),
        ("sender", json!("bot")),
        ("sender", json!({"uid": "", "name": "n"})),
        ("body", json!({"rich": "text"})),
        // Too large.
        ("id", json!("i".repeat(2_000))),
        ("sender", json!({"uid": "u", "name": "n".repeat(2_000)})),
        ("body", json!("말".repeat(250_000))),
        (
            "headers",
            (0..33).map(|n| (n.to_string(), json!("x"))).collect(),
        ),
    ];
    let nested = b"[".repeat(10_000);
    let no_json = [
        &b""[..],
        b"\0garbage",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"{}",
        br#"{"v":1,"type":"mess"#,
        &nested,
    ];
    let missing = ["v", "type", "id", "room", "sender"].map(without);
    // Of a newer version, id, room and sender must be as they are today.
    let newer = with(&[("v", json!(2)), ("room", json!(5))]);
    wrong_types
        .iter()
        .map(|field| with(std::slice::from_ref(field)))
        .chain(no_json.map(<[u8]>::to_vec))
        .chain(missing)
        .chain([newer])
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_other_programs_appear_or_are_skipped() {
    let (broker, directory) = (Broker::start().await, tempdir().unwrap());
    let server = Server::start(&broker, &directory).await;
    let home = partition_of(&name("a"), PARTITIONS);
    let write = |partition, key, value: Option<&[u8]>| {
        broker.produce_bytes("messages", partition, key, value);
    };
    let mut skipped = 0;
    for value in formless() {
        write(home, Some("a"), Some(&value));
        skipped += 1;
    }
    let elsewhere = (home + 1) % PARTITIONS;
    write(elsewhere, Some("a"), Some(&with(&[])));
    write(home, Some("b"), Some(&with(&[])));
    write(home, None, Some(&with(&[])));
    write(home, Some("a"), None);
    skipped += 4;
    for room in ["A b", "A", "", "a/b"] {
        write(home, Some(room), Some(&with(&[("room", room.into())])));
        skipped += 1;
    }
    for fields in [
        &[("id", json!("f-1")), ("mood", json!("good"))][..],
        &[("id", json!("f-2")), ("type", json!("hologram"))],
        &[("id", json!("f-3")), ("v", json!(2))],
        &[("id", json!("f-4")), ("v", json!(9)), ("body", json!([1]))],
    ] {
        write(home, Some("a"), Some(&with(fields)));
    }
    write(home, Some("a"), Some(&without("body")));

    wait(|| server.room("a").len() == 5 && server.log.rooms.counts().skipped == skipped).await;
    let room = server.room("a");
    let seen: Vec<_> = room
        .iter()
        .map(|message| (message.id.as_str(), message.kind, message.body.as_str()))
        .collect();
    assert_eq!(
        seen,
        [
            ("f-1", Kind::Message, "삐"),
            ("f-2", Kind::Unsupported, "삐"),
            ("f-3", Kind::Unsupported, "삐"),
            ("f-4", Kind::Unsupported, ""),
            ("f", Kind::Message, ""),
        ]
    );
    assert_eq!(room[0].other["mood"], "good");
    // The consumer goes on.
    server.say("a", "m-1", "still here").await;
    let room = server.room("a");
    server.log.shutdown().await;

    let server = Server::start(&broker, &directory).await;
    assert_eq!(server.room("a"), room);
    assert_eq!(
        server.log.rooms.counts().skipped,
        0,
        "the checkpoint is past what was skipped"
    );
    server.log.shutdown().await;
}
