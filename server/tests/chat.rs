//! STOMP clients chat through the real program on the embedded log.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that fails may panic"
)]

mod support;

use std::sync::Arc;

use stomp::Command;
use support::{Client, Maru, body, header};
use tokio_tungstenite::tungstenite;

const FAST: &[(&str, &str)] = &[
    ("MARU_RATE_PER_SECOND", "100000"),
    ("MARU_RATE_BURST", "100000"),
];

fn start(settings: &[(&str, &str)]) -> (tempfile::TempDir, Maru) {
    let data = tempfile::tempdir().unwrap();
    let maru = Maru::start(data.path(), settings);
    (data, maru)
}

fn offset(frame: &stomp::Frame) -> i64 {
    header(frame, "x-offset").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_says_the_other_hears_once_with_the_position_of_the_receipt() {
    let (_data, maru) = start(FAST);
    let (mut speaker, mut listener) = (
        Client::connect(&maru, "지우").await,
        Client::connect(&maru, "bot").await,
    );
    listener
        .send(
            "SUBSCRIBE",
            &[
                ("id", "r"),
                ("destination", "/topic/rooms.자유"),
                ("receipt", "s"),
            ],
            "",
        )
        .await;
    listener.receipt("s").await;
    let mut prev = String::new();
    for n in 0..20 {
        let receipt = speaker
            .say("자유", &format!("m{n}"), &format!("안녕 {n}"))
            .await;
        let message = listener.frame().await;
        assert_eq!(message.command, Command::Message);
        assert_eq!(body(&message), format!("안녕 {n}"));
        assert_eq!(
            header(&message, "message-id"),
            header(&receipt, "message-id")
        );
        assert_eq!(header(&message, "x-prev"), prev);
        assert_eq!(
            (
                header(&message, "x-sender-name"),
                header(&message, "x-type")
            ),
            ("지우", "message")
        );
        header(&message, "x-offset").clone_into(&mut prev);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_is_not_shown_and_its_receipt_names_the_first() {
    let (_data, maru) = start(FAST);
    let mut client = Client::connect(&maru, "bot").await;
    let first = client.say("a", "m1", "once").await;
    assert_eq!(header(&first, "x-duplicate"), "");
    let mut again = Client::connect(&maru, "bot").await;
    let second = again.say("a", "m1", "once").await;
    assert_eq!(header(&second, "x-duplicate"), "true");
    assert_eq!(header(&second, "message-id"), header(&first, "message-id"));
    let mut other = Client::connect(&maru, "another").await;
    let third = other.say("a", "m1", "not the same sender").await;
    assert_eq!(header(&third, "x-duplicate"), "");
    let (_, page) = maru.get("/api/rooms/a/messages");
    assert_eq!(page.matches("\"position\"").count(), 2, "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn recovery_replays_exactly_what_was_missed_then_follows_live() {
    let (_data, maru) = start(FAST);
    let mut speaker = Client::connect(&maru, "speaker").await;
    let mut receipts = Vec::new();
    for n in 0..200 {
        receipts.push(speaker.say("a", &format!("m{n}"), &n.to_string()).await);
    }
    let known = &receipts[49];
    let mut client = Client::connect(&maru, "late").await;
    let (epoch, from) = (
        header(known, "x-epoch").to_owned(),
        header(known, "x-offset").to_owned(),
    );
    let subscribe = [
        ("id", "r"),
        ("destination", "/topic/rooms.a"),
        ("receipt", "s"),
        ("x-recover-epoch", &*epoch),
        ("x-recover-offset", &*from),
    ];
    client.send("SUBSCRIBE", &subscribe, "").await;
    let receipt = client.frame().await;
    assert_eq!(
        (
            header(&receipt, "x-recovered"),
            header(&receipt, "x-replay-count")
        ),
        ("true", "150")
    );
    let talk = tokio::spawn(async move {
        for n in 200..300 {
            speaker.say("a", &format!("m{n}"), &n.to_string()).await;
        }
    });
    let mut prev = offset(known);
    for n in 50..300 {
        let message = client.frame().await;
        assert_eq!(body(&message), n.to_string());
        assert_eq!(header(&message, "x-prev"), prev.to_string());
        assert_eq!(
            header(&message, "x-replay"),
            if n < 200 { "true" } else { "" },
            "{n}"
        );
        prev = offset(&message);
    }
    talk.await.unwrap();

    let stale = [
        ("id", "q"),
        ("destination", "/topic/rooms.a"),
        ("receipt", "t"),
        ("x-recover-epoch", "00000000"),
        ("x-recover-offset", "1"),
    ];
    client.send("SUBSCRIBE", &stale, "").await;
    let receipt = client.receipt("t").await;
    assert_eq!(
        (
            header(&receipt, "x-recovered"),
            header(&receipt, "x-replay-count")
        ),
        ("false", "0")
    );
    client
        .send(
            "SUBSCRIBE",
            &[
                ("id", "h"),
                ("destination", "/topic/rooms.a"),
                ("receipt", "u"),
                ("x-history", "3"),
            ],
            "",
        )
        .await;
    assert_eq!(header(&client.receipt("u").await, "x-replay-count"), "3");
    for n in 297..300 {
        assert_eq!(body(&client.frame().await), n.to_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn subscribing_in_the_middle_of_a_conversation_leaves_no_seam() {
    let (_data, maru) = start(FAST);
    let maru = Arc::new(maru);
    let mut speaker = Client::connect(&maru, "speaker").await;
    let talk = tokio::spawn(async move {
        for n in 0..400 {
            speaker.say("a", &format!("m{n}"), &n.to_string()).await;
        }
    });
    let listeners = (0..10).map(|n| {
        let maru = Arc::clone(&maru);
        tokio::spawn(async move {
            tokio::time::sleep(std::time::Duration::from_millis(n * 17)).await;
            let mut client = Client::connect(&maru, "listener").await;
            let epoch = epoch(&maru);
            let headers = [
                ("id", "r"),
                ("destination", "/topic/rooms.a"),
                ("receipt", "s"),
                ("x-recover-epoch", &*epoch),
                ("x-recover-offset", "-1"),
            ];
            client.send("SUBSCRIBE", &headers, "").await;
            client.receipt("s").await;
            for n in 0..400 {
                assert_eq!(body(&client.frame().await), n.to_string());
            }
        })
    });
    for listener in listeners.collect::<Vec<_>>() {
        listener.await.unwrap();
    }
    talk.await.unwrap();
}

/// The present epoch, as any receipt tells it.
fn epoch(maru: &Maru) -> String {
    let (_, page) = maru.get("/rooms/a");
    let at = page.find("\"epoch\":\"").expect("the page says its epoch") + 9;
    page[at..at + 8].to_owned()
}

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
        (Command::Error, "malformed-frame")
    );
    assert_eq!(
        u16::from(client.next().await.unwrap_err().unwrap().code),
        1002
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn replays_of_many_rooms_at_once_fit_the_queue() {
    let (_data, maru) = start(FAST);
    let rooms: Vec<_> = (0..6).map(|n| format!("room-{n}")).collect();
    let long = "가".repeat(4_000);
    let mut speaker = Client::connect(&maru, "speaker").await;
    for room in &rooms {
        let destination = format!("/app/rooms.{room}.send");
        for _ in 0..32 {
            let headers = [("destination", &*destination), ("receipt", "r")];
            speaker.send("SEND", &headers, &long).await;
        }
        for _ in 0..32 {
            speaker.receipt("r").await;
        }
    }
    let epoch = epoch(&maru);
    let mut client = Client::connect(&maru, "late").await;
    let subscribe = |room: &String| {
        format!(
            "SUBSCRIBE\nid:{room}\ndestination:/topic/rooms.{room}\nreceipt:{room}\n\
             x-recover-epoch:{epoch}\nx-recover-offset:-1\n\n\0"
        )
    };
    let all: String = rooms.iter().map(subscribe).collect();
    client.text(&all).await;
    let mut messages = 0;
    while messages < 6 * 32 {
        let frame = client.frame().await;
        match frame.command {
            Command::Message => messages += 1,
            Command::Receipt => assert_eq!(header(&frame, "x-replay-count"), "32"),
            _ => panic!("{frame:?}"),
        }
    }
}

/// Holds the write lock of one of the server's databases until it is dropped.
fn locked(database: &std::path::Path) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(database).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    connection
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_down_answers_what_is_on_its_way() {
    let (data, maru) = start(&[]);
    let mut client = Client::connect(&maru, "bot").await;
    client.say("a", "m1", "before").await;
    let lock = locked(&data.path().join("log/log.sqlite"));
    let send = [
        ("destination", "/app/rooms.a.send"),
        ("client-msg-id", "m2"),
        ("receipt", "m2"),
    ];
    client.send("SEND", &send, "on its way").await;
    let subscribe = [
        ("id", "r"),
        ("destination", "/topic/rooms.b"),
        ("receipt", "s"),
    ];
    client.send("SUBSCRIBE", &subscribe, "").await;
    assert_eq!(header(&client.frame().await, "receipt-id"), "s");
    maru.terminate();
    // The door closes first.
    while std::net::TcpStream::connect(&maru.address).is_ok() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    drop(lock);
    let receipt = client.frame().await;
    assert_eq!(
        (receipt.command, header(&receipt, "receipt-id")),
        (Command::Receipt, "m2")
    );
    let error = client.frame().await;
    assert_eq!(
        (error.command, header(&error, "x-code")),
        (Command::Error, "draining")
    );
    assert_eq!(
        u16::from(client.next().await.unwrap_err().unwrap().code),
        1012
    );
    assert!(maru.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_store_takes_nothing_sends_its_clients_away_and_takes_them_back() {
    let (data, maru) = start(&[]);
    let mut client = Client::connect(&maru, "bot").await;
    let lock = locked(&data.path().join("history.db"));
    let receipt = client
        .say("a", "m1", "in the log, but not in the store")
        .await;
    // A position that no log reaches breaks nothing, whether messages are stored or wait for that.
    let headers = [
        ("id", "r"),
        ("destination", "/topic/rooms.a"),
        ("receipt", "s"),
        ("x-recover-epoch", header(&receipt, "x-epoch")),
        ("x-recover-offset", "9223372036854775807"),
    ];
    let mut ahead = Client::connect(&maru, "ahead").await;
    ahead.send("SUBSCRIBE", &headers, "").await;
    assert_eq!(header(&ahead.receipt("s").await, "x-replay-count"), "0");

    let error = client.frame().await;
    assert_eq!(
        (error.command, header(&error, "x-code")),
        (Command::Error, "draining")
    );
    assert_eq!(
        u16::from(client.next().await.unwrap_err().unwrap().code),
        1012
    );
    assert_eq!(maru.get("/healthz/ready").0, 503);
    drop(lock);
    let deadline = std::time::Instant::now() + support::PATIENCE;
    while maru.get("/healthz/ready").0 != 200 {
        assert!(std::time::Instant::now() < deadline);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    Client::connect(&maru, "bot")
        .await
        .say("a", "m2", "back")
        .await;
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

#[tokio::test(flavor = "multi_thread")]
async fn what_was_receipted_survives_kill_9_and_every_client_sees_it_once() {
    let data = tempfile::tempdir().unwrap();
    let mut receipted = Vec::new();
    for round in 0..3 {
        let maru = Maru::start(data.path(), FAST);
        let mut client = Client::connect(&maru, "bot").await;
        for n in 0..50 {
            // The first ten of each round repeat the last ten of the round before.
            let number = round * 40 + n;
            let receipt = client
                .say("a", &format!("m{number}"), &number.to_string())
                .await;
            receipted.push((number, header(&receipt, "message-id").to_owned()));
        }
        client
            .send(
                "SEND",
                &[
                    ("destination", "/app/rooms.a.send"),
                    ("client-msg-id", "last"),
                ],
                "in flight",
            )
            .await;
        maru.kill();
    }
    let maru = Maru::start(data.path(), FAST);
    let (_, page) = maru.get("/api/rooms/a/messages?limit=200");
    let page: protocol::HistoryPage = serde_json::from_str(&page).unwrap();
    let shown: Vec<_> = page
        .messages
        .iter()
        .filter(|message| message.id != "last")
        .collect();
    assert_eq!(
        shown
            .iter()
            .map(|message| message.body.parse().unwrap())
            .collect::<Vec<i32>>(),
        (0..130).collect::<Vec<_>>()
    );
    for (number, position) in receipted {
        assert!(
            shown
                .iter()
                .any(|message| message.id == format!("m{number}")
                    && message.position.to_string() == position)
        );
    }
    assert!(
        page.messages.len() - shown.len() <= 1,
        "the unanswered one is there once or not at all"
    );
}
