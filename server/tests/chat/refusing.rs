//! What is not carried out is explained, and the socket closes with the right code.

use stomp::Command;
use tokio_tungstenite::tungstenite;

use crate::start;
use crate::support::{Client, header};

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_soft_for_who_listens_and_hard_for_others() {
    let (_data, maru) = start(&[("MARU_RATE_BURST", "3")]);
    let mut client = Client::connect(&maru, "bot").await;
    for id in ["another", "replies"] {
        let headers = [("id", id), ("destination", "/user/queue/replies")];
        client.send("SUBSCRIBE", &headers, "").await;
    }
    client.send("UNSUBSCRIBE", &[("id", "another")], "").await;
    let send = |id: &'static str| {
        [
            ("destination", "/app/rooms.a.send"),
            ("client-msg-id", id),
            ("receipt", id),
        ]
    };
    client.send("SEND", &send("empty"), "  ").await;
    let refusal = client.frame().await;
    assert_eq!(
        (header(&refusal, "x-code"), header(&refusal, "x-retryable")),
        ("invalid-message", "false")
    );
    assert_eq!(
        (
            header(&refusal, "client-msg-id"),
            header(&refusal, "receipt-id")
        ),
        ("empty", "empty")
    );
    client.say("a", "m1", "still here").await;
    client
        .send("SEND", &send("long"), &"가".repeat(4_001))
        .await;
    assert_eq!(header(&client.frame().await, "x-code"), "invalid-message");
    client.send("SEND", &send("fast"), "too fast").await;
    let refusal = client.frame().await;
    assert_eq!(
        (header(&refusal, "x-code"), header(&refusal, "x-retryable")),
        ("rate-limited", "true")
    );
    assert!(header(&refusal, "x-retry-after-ms").parse::<u64>().unwrap() > 0);

    let mut other = Client::connect(&maru, "other").await;
    other.send("SEND", &send("empty"), "").await;
    let error = other.frame().await;
    assert_eq!(
        (error.command, header(&error, "receipt-id")),
        (Command::Error, "empty")
    );
    assert_eq!(
        u16::from(other.next().await.unwrap_err().unwrap().code),
        1008
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_gets_an_error_that_arrives_and_the_right_close_code() {
    let (_data, maru) = start(&[]);
    let send_to =
        |destination: &str, text: &str| format!("SEND\ndestination:{destination}\n\n{text}\0");
    for (text, code, close) in [
        ("NONSENSE\n\n\0".to_owned(), "unknown-command", 1002),
        (send_to("/topic/rooms.a", "forged"), "forbidden", 1008),
        (send_to("/queue/a", "x"), "unknown-destination", 1008),
        (
            send_to("/app/rooms.A b.send", "x"),
            "unknown-destination",
            1008,
        ),
        (
            send_to("/app/rooms.a.send\nx-sender:somebody", "x"),
            "bad-header",
            1002,
        ),
        (
            send_to("/app/rooms.a.send\nbad:\\q", "x"),
            "bad-escape",
            1002,
        ),
        (
            send_to("/app/rooms.a.send", &"x".repeat(70_000)),
            "frame-too-large",
            1009,
        ),
        (
            send_to("/app/rooms.a.send", &"x".repeat(400_000)),
            "frame-too-large",
            1009,
        ),
        (
            "SUBSCRIBE\nid:r\ndestination:/topic/rooms.a\nx-history:1\n\n\0".to_owned(),
            "missing-header",
            1002,
        ),
    ] {
        let mut client = Client::connect(&maru, "bot").await;
        client.text(&text).await;
        let error = client.frame().await;
        assert_eq!(
            (error.command, header(&error, "x-code")),
            (Command::Error, code),
            "{error:?}"
        );
        assert!(!error.body.is_empty(), "a sentence: {error:?}");
        assert_eq!(
            u16::from(client.next().await.unwrap_err().unwrap().code),
            close,
            "{code}"
        );
    }
    let mut client = Client::connect(&maru, "bot").await;
    client
        .binary(b"SEND\ndestination:/app/rooms.a.send\n\n\xff\xfe\0")
        .await;
    assert_eq!(header(&client.frame().await, "x-code"), "invalid-message");
    let mut client = Client::connect(&maru, "bot").await;
    client
        .unchecked_text(b"SEND\ndestination:/app/rooms.a.send\n\n\xff\xfe\0")
        .await;
    let error = client.frame().await;
    assert_eq!(
        (error.command, header(&error, "x-code")),
        (Command::Error, "not-utf-8")
    );
    assert_eq!(
        u16::from(client.next().await.unwrap_err().unwrap().code),
        1007
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_own_pages_and_programs_come_in() {
    let (_data, maru) = start(&[]);
    let own = format!("http://{}", maru.address);
    assert!(Client::open_with(&maru, &[("origin", &own)]).await.is_ok());
    for headers in [
        vec![("origin", "http://evil.example")],
        vec![("origin", "null")],
        vec![("host", "evil.example")],
    ] {
        match Client::open_with(&maru, &headers).await {
            Err(tungstenite::Error::Http(answer)) => {
                assert_eq!(answer.status(), 403, "{headers:?}");
            }
            other => panic!("{headers:?}: {:?}", other.err()),
        }
    }
    let mut reader = Client::open_with(&maru, &[("origin", &own)]).await.unwrap();
    reader
        .send("CONNECT", &[("accept-version", "1.2")], "")
        .await;
    assert_eq!(reader.frame().await.command, Command::Connected);
    let send = [("destination", "/app/rooms.a.send")];
    reader.send("SEND", &send, "who am I").await;
    assert_eq!(header(&reader.frame().await, "x-code"), "forbidden");
}
