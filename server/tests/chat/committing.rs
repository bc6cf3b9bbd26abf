//! Transactions in rooms: nothing is visible before COMMIT, and then all of it or nothing.

use stomp::Command;

use crate::support::{Client, Maru, body, header};
use crate::{FAST, start};

/// Puts a SEND into the transaction `t`.
async fn send(client: &mut Client, id: &str, text: &str) {
    let headers = [
        ("destination", "/app/rooms.a.send"),
        ("transaction", "t"),
        ("client-msg-id", id),
        ("receipt", id),
    ];
    client.send("SEND", &headers, text).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commit_says_everything_in_order_and_is_answered_when_all_of_it_is_durable() {
    let (_data, maru) = start(FAST);
    let mut reader = Client::connect(&maru, "reader").await;
    let subscribe = [
        ("id", "r"),
        ("destination", "/topic/rooms.a"),
        ("receipt", "s"),
    ];
    reader.send("SUBSCRIBE", &subscribe, "").await;
    reader.receipt("s").await;
    let mut client = Client::connect(&maru, "bot").await;
    let name = [("transaction", "t"), ("receipt", "t")];
    client.send("BEGIN", &name, "").await;
    assert_eq!(header(&client.frame().await, "receipt-id"), "t");
    for n in 0..20 {
        send(&mut client, &format!("m{n}"), &n.to_string()).await;
    }
    // The next answer is to something after all those: none of them was answered.
    client.say("a", "outside", "outside").await;
    assert_eq!(body(&reader.frame().await), "outside");
    client.send("COMMIT", &name, "").await;
    for n in 0..20 {
        let receipt = client.frame().await;
        assert_eq!(header(&receipt, "receipt-id"), format!("m{n}"));
        let message = reader.frame().await;
        assert_eq!(body(&message), n.to_string());
        assert_eq!(
            header(&message, "message-id"),
            header(&receipt, "message-id")
        );
        assert_eq!(header(&message, "transaction"), "");
    }
    assert_eq!(header(&client.frame().await, "receipt-id"), "t");

    client.send("BEGIN", &name[..1], "").await;
    send(&mut client, "dropped", "dropped").await;
    client.send("ABORT", &name, "").await;
    client.receipt("t").await;
    client.say("a", "last", "last").await;
    assert_eq!(body(&reader.frame().await), "last");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_may_not_be_sent_whole_is_not_sent_at_all() {
    let (_data, maru) = start(&[("MARU_RATE_BURST", "5"), ("MARU_RATE_PER_SECOND", "1")]);
    let mut client = Client::connect(&maru, "bot").await;
    let replies = [("id", "q"), ("destination", "/user/queue/replies")];
    client.send("SUBSCRIBE", &replies, "").await;
    let name = [("transaction", "t"), ("receipt", "t")];
    for (texts, code, culprit) in [
        (vec!["one", "two", " "], "invalid-message", "m2"),
        // Two of the tokens went back, one was spent on what was wrong.
        (vec!["1", "2", "3", "4", "5", "6"], "rate-limited", "m5"),
    ] {
        client.send("BEGIN", &name, "").await;
        client.receipt("t").await;
        for (n, text) in texts.iter().enumerate() {
            send(&mut client, &format!("m{n}"), text).await;
        }
        client.send("COMMIT", &name, "").await;
        let notice = client.frame().await;
        assert_eq!(
            (notice.command, header(&notice, "x-code")),
            (Command::Message, code),
            "{notice:?}"
        );
        assert_eq!(header(&notice, "receipt-id"), "t");
        if code == "invalid-message" {
            assert_eq!(header(&notice, "client-msg-id"), culprit);
        }
    }
    let (_, page) = maru.get("/api/rooms/a/messages");
    assert_eq!(page.matches("\"position\"").count(), 0, "{page}");
    // What was checked and not sent was not paid for, and what is sent is not paid for twice.
    client.send("BEGIN", &name[..1], "").await;
    for n in 0..4 {
        send(&mut client, &format!("m{n}"), &n.to_string()).await;
    }
    client.send("COMMIT", &name, "").await;
    for n in 0..4 {
        let receipt = client.frame().await;
        assert_eq!(
            header(&receipt, "receipt-id"),
            format!("m{n}"),
            "{receipt:?}"
        );
    }
    client.receipt("t").await;
}

/// Subscribes to refusals, so that they do not end the session.
async fn hears_refusals(client: &mut Client) {
    let replies = [("id", "q"), ("destination", "/user/queue/replies")];
    client.send("SUBSCRIBE", &replies, "").await;
}

/// Somebody else's message is neither deleted nor edited by a session whose transaction was refused before.
async fn cannot_change(client: &mut Client, maru: &Maru, victim: &str) {
    for (action, text) in [("delete", ""), ("edit", "forged"), ("delete", "")] {
        let destination = format!("/app/rooms.a.{action}");
        let headers = [
            ("destination", &*destination),
            ("ref", victim),
            ("receipt", action),
        ];
        client.send("SEND", &headers, text).await;
        let notice = client.frame().await;
        assert_eq!(header(&notice, "x-code"), "forbidden", "{notice:?}");
    }
    let (_, page) = maru.get("/api/rooms/a/messages");
    assert!(page.contains("the victim's"), "{page}");
    assert!(!page.contains("of a transaction"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_marker_that_is_refused_leaves_no_permission_behind() {
    let (_data, maru) = start(FAST);
    let mut victim = Client::connect(&maru, "victim").await;
    let said = victim.say("a", "v", "the victim's").await;
    let said = header(&said, "message-id");
    let mut client = Client::connect(&maru, "bot").await;
    hears_refusals(&mut client).await;
    client.send("BEGIN", &[("transaction", "t")], "").await;
    for id in ["m1", "m2", "m3"] {
        send(&mut client, id, "of a transaction").await;
    }
    let marker = [
        ("destination", "/app/rooms.a.read"),
        ("transaction", "t"),
        ("ref", "bad"),
    ];
    client.send("SEND", &marker, "").await;
    client.send("COMMIT", &[("transaction", "t")], "").await;
    let notice = client.frame().await;
    assert_eq!(header(&notice, "x-code"), "no-such-message", "{notice:?}");
    cannot_change(&mut client, &maru, said).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_of_too_many_read_markers_is_not_carried_out_in_part() {
    let (_data, maru) = start(FAST);
    let mut victim = Client::connect(&maru, "victim").await;
    let said = victim.say("a", "v", "the victim's").await;
    let said = header(&said, "message-id");
    let mut client = Client::connect(&maru, "bot").await;
    hears_refusals(&mut client).await;
    client.send("BEGIN", &[("transaction", "t")], "").await;
    send(&mut client, "first", "of a transaction").await;
    let marker = [
        ("destination", "/app/rooms.a.read"),
        ("transaction", "t"),
        ("ref", said),
    ];
    for _ in 0..200 {
        client.send("SEND", &marker, "").await;
    }
    for id in ["m1", "m2", "m3"] {
        send(&mut client, id, "of a transaction").await;
    }
    client.send("COMMIT", &[("transaction", "t")], "").await;
    let notice = client.frame().await;
    assert_eq!(header(&notice, "x-code"), "rate-limited", "{notice:?}");
    cannot_change(&mut client, &maru, said).await;
    // What the markers took was put back: as many as a session may send at once go through.
    client.send("BEGIN", &[("transaction", "t")], "").await;
    for _ in 0..30 {
        client.send("SEND", &marker, "").await;
    }
    let commit = [("transaction", "t"), ("receipt", "t")];
    client.send("COMMIT", &commit, "").await;
    client.receipt("t").await;
}
