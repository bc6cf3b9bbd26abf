//! STOMP clients use queues and topics in the conformance profile of the real program.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that fails may panic"
)]

mod support;

use stomp::Command;
use support::{Client, Maru, body, header};

fn start() -> (tempfile::TempDir, Maru) {
    let data = tempfile::tempdir().unwrap();
    let maru = Maru::start(data.path(), &[("MARU_PROFILE", "conformance")]);
    (data, maru)
}

async fn guest(maru: &Maru) -> Client {
    let mut client = Client::open(maru).await;
    let login = [
        ("accept-version", "1.0,1.1,1.2"),
        ("login", "guest"),
        ("passcode", "guest"),
    ];
    client.send("CONNECT", &login, "").await;
    let connected = client.frame().await;
    assert_eq!(connected.command, Command::Connected, "{connected:?}");
    client
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_not_acknowledged_goes_to_another_consumer() {
    let (data, maru) = start();
    let mut producer = guest(&maru).await;
    let mut first = guest(&maru).await;
    let subscribe = [
        ("id", "q"),
        ("destination", "/queue/work"),
        ("ack", "client-individual"),
        ("receipt", "s"),
    ];
    first.send("SUBSCRIBE", &subscribe, "").await;
    first.receipt("s").await;
    for n in 0..3 {
        let send = [("destination", "/queue/work"), ("receipt", "r")];
        producer.send("SEND", &send, &n.to_string()).await;
        producer.receipt("r").await;
    }
    for n in 0..3 {
        let message = first.frame().await;
        assert_eq!(body(&message), n.to_string());
        if n == 1 {
            let ack = [("id", header(&message, "ack"))];
            first.send("ACK", &ack, "").await;
        }
    }
    first.send("DISCONNECT", &[("receipt", "d")], "").await;
    first.receipt("d").await;
    let close = first.next().await.unwrap_err().unwrap();
    assert_eq!(u16::from(close.code), 1000);
    let mut second = guest(&maru).await;
    second.send("SUBSCRIBE", &subscribe, "").await;
    second.receipt("s").await;
    for n in [0, 2] {
        let message = second.frame().await;
        assert_eq!(body(&message), n.to_string());
        assert_eq!(header(&message, "redelivered"), "true");
    }
    assert!(
        !data.path().join("history.db").exists(),
        "nothing is stored"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_message_goes_through_a_topic_and_back() {
    let (_data, maru) = start();
    let mut client = guest(&maru).await;
    let subscribe = [("id", "t"), ("destination", "/topic/t"), ("receipt", "s")];
    client.send("SUBSCRIBE", &subscribe, "").await;
    client.receipt("s").await;
    let text = "x".repeat(1023 * 1024);
    let send = [("destination", "/topic/t")];
    client.send("SEND", &send, &text).await;
    assert_eq!(body(&client.frame().await), text);
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_no_chat_and_there_are_no_pages() {
    let (_data, maru) = start();
    let (status, page) = maru.get("/");
    assert!(status == 404 && page.contains("/ws"), "{status} {page}");
    let mut client = guest(&maru).await;
    let send = [("destination", "/app/rooms.a.send")];
    client.send("SEND", &send, "hello").await;
    assert_eq!(
        header(&client.frame().await, "x-code"),
        "unknown-destination"
    );
    assert!(maru.stop().success());
}
