//! A client that comes back gets exactly what it missed, then what is new.

use std::sync::Arc;

use stomp::Command;

use crate::support::{Client, body, header};
use crate::{FAST, epoch, offset, start};

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
