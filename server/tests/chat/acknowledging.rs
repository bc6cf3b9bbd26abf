//! Rooms in other ack modes than auto: nothing is sent beyond the window, and what is acknowledged makes room.

use stomp::{Command, Frame};

use crate::support::{Client, Maru, body, header};
use crate::{FAST, offset, start};

/// A client that subscribes to the room `a` in such a way.
async fn subscribed(maru: &Maru, headers: &[(&str, &str)]) -> (Client, Frame) {
    let mut client = Client::connect(maru, "reader").await;
    let usual = [
        ("id", "r"),
        ("destination", "/topic/rooms.a"),
        ("receipt", "s"),
    ];
    client
        .send("SUBSCRIBE", &[&usual, headers].concat(), "")
        .await;
    let receipt = client.frame().await;
    assert_eq!(receipt.command, Command::Receipt, "{receipt:?}");
    (client, receipt)
}

/// Answers a message, and asks for a RECEIPT to be sure that nothing else came before it.
async fn answer(client: &mut Client, command: &str, message: &Frame) {
    let id = header(message, "ack");
    client
        .send(command, &[("id", id), ("receipt", id)], "")
        .await;
    let receipt = client.frame().await;
    assert_eq!(header(&receipt, "receipt-id"), id, "{receipt:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_of_live_messages_moves_with_what_is_acknowledged() {
    let (_data, maru) = start(FAST);
    let mode = [("ack", "client-individual"), ("prefetch-count", "3")];
    let (mut reader, _) = subscribed(&maru, &mode).await;
    let mut speaker = Client::connect(&maru, "speaker").await;
    for n in 0..10 {
        speaker.say("a", &format!("m{n}"), &n.to_string()).await;
    }
    let mut open = Vec::new();
    for n in 0..3 {
        let message = reader.frame().await;
        assert_eq!(body(&message), n.to_string());
        assert_eq!(header(&message, "subscription"), "r");
        open.push(message);
    }
    // A refused message makes room, too, and does not come again.
    for (n, command) in (3..10).zip(["ACK", "NACK"].into_iter().cycle()) {
        // The latest, so that earlier ones stay open.
        let answered = open.pop().unwrap();
        answer(&mut reader, command, &answered).await;
        let message = reader.frame().await;
        assert_eq!(body(&message), n.to_string());
        open.push(message);
    }
    answer(&mut reader, "ACK", &open[2]).await;
    answer(&mut reader, "ACK", &open[0]).await;
    let id = header(&open[0], "ack");
    reader.send("ACK", &[("id", id)], "").await;
    let error = reader.frame().await;
    assert_eq!(header(&error, "x-code"), "bad-ack", "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_is_acknowledged_in_heaps_and_goes_over_into_live_messages() {
    let (_data, maru) = start(FAST);
    let mut speaker = Client::connect(&maru, "speaker").await;
    for n in 0..100 {
        speaker.say("a", &format!("m{n}"), &n.to_string()).await;
    }
    let mode = [
        ("ack", "client"),
        ("prefetch-count", "7"),
        ("x-history", "60"),
    ];
    let (mut reader, receipt) = subscribed(&maru, &mode).await;
    assert_eq!(header(&receipt, "x-replay-count"), "60");
    let talk = tokio::spawn(async move {
        for n in 100..150 {
            speaker.say("a", &format!("m{n}"), &n.to_string()).await;
        }
    });
    let mut prev = None;
    for n in 40..150 {
        let message = reader.frame().await;
        assert_eq!(body(&message), n.to_string());
        let replayed = header(&message, "x-replay");
        assert_eq!(replayed, if n < 100 { "true" } else { "" }, "{n}");
        if let Some(prev) = prev.replace(offset(&message)) {
            assert_eq!(header(&message, "x-prev"), prev.to_string());
        }
        // Only the last one of each window: it stands for those before it.
        if n % 7 == 4 {
            reader
                .send("ACK", &[("id", header(&message, "ack"))], "")
                .await;
        }
    }
    talk.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_comes_after_the_receipt_of_unsubscribe() {
    let (_data, maru) = start(FAST);
    let mode = [("ack", "client"), ("prefetch-count", "1")];
    let (mut reader, _) = subscribed(&maru, &mode).await;
    let auto = [("id", "auto"), ("destination", "/topic/rooms.a")];
    reader.send("SUBSCRIBE", &auto, "").await;
    let mut speaker = Client::connect(&maru, "speaker").await;
    let talk = tokio::spawn(async move {
        for n in 0..200 {
            speaker.say("a", &format!("m{n}"), &n.to_string()).await;
        }
        speaker
    });
    let first = reader.frame().await;
    assert_eq!(first.command, Command::Message);
    for id in ["r", "auto"] {
        let unsubscribe = [("id", id), ("receipt", id)];
        reader.send("UNSUBSCRIBE", &unsubscribe, "").await;
        reader.receipt(id).await;
    }
    let mut speaker = talk.await.unwrap();
    speaker.say("b", "end", "end").await;
    let history = [
        ("id", "b"),
        ("destination", "/topic/rooms.b"),
        ("receipt", "b"),
        ("x-history", "1"),
    ];
    reader.send("SUBSCRIBE", &history, "").await;
    assert_eq!(header(&reader.frame().await, "receipt-id"), "b");
    assert_eq!(body(&reader.frame().await), "end");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_can_be_subscribed_to_and_notices_need_no_acknowledgement() {
    let (_data, maru) = start(FAST);
    let mut client = Client::connect(&maru, "reader").await;
    let events = "/topic/rooms.a.events";
    let subscribe = [("id", "e"), ("destination", events), ("receipt", "s")];
    client.send("SUBSCRIBE", &subscribe, "").await;
    client.receipt("s").await;
    client.say("a", "m", "said, and no event").await;
    let unsubscribe = [("id", "e"), ("receipt", "u")];
    client.send("UNSUBSCRIBE", &unsubscribe, "").await;
    client.receipt("u").await;
    for (destination, name, value, code) in [
        (events, "ack", "client", "bad-ack"),
        (events, "x-history", "1", "bad-header"),
        ("/user/queue/replies", "ack", "client", "bad-ack"),
        (
            "/topic/rooms.A.events",
            "ack",
            "auto",
            "unknown-destination",
        ),
    ] {
        let mut client = Client::connect(&maru, "reader").await;
        let subscribe = [
            ("id", "e"),
            ("destination", destination),
            ("receipt", "s"),
            (name, value),
        ];
        client.send("SUBSCRIBE", &subscribe, "").await;
        let error = client.frame().await;
        assert_eq!(header(&error, "x-code"), code, "{error:?}");
    }
    let send = [("destination", events)];
    client.send("SEND", &send, "forged").await;
    assert_eq!(header(&client.frame().await, "x-code"), "forbidden");
}
