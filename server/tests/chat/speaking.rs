//! What one says, the others hear once, and the sender learns where it stands.

use stomp::Command;

use crate::support::{Client, Maru, body, header};
use crate::{FAST, start};

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
