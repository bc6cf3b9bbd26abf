//! What one client may take, by the settings, and what becomes of one that wants more.

use stomp::Command;

use crate::start;
use crate::support::{Client, header};

/// Sends these texts as WebSocket messages; gives the ERROR's code and the close code.
async fn refused(client: &mut Client, texts: &[String]) -> (String, u16) {
    for text in texts {
        client.text(text).await;
    }
    let error = client.frame().await;
    assert_eq!(error.command, Command::Error, "{error:?}");
    let code = header(&error, "x-code").to_owned();
    let close = client.next().await.unwrap_err().unwrap();
    (code, u16::from(close.code))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_in_pieces_is_no_larger_than_one_in_one_piece() {
    let (_data, maru) = start(&[
        ("MARU_FRAME_BYTES", "8192"),
        ("MARU_LOGIN_FRAME_BYTES", "2048"),
        ("MARU_HEADER_BYTES", "500"),
        ("MARU_HEADERS", "10"),
    ]);
    let pieces = |start: &str, count: usize| {
        let mut pieces = vec![start.to_owned()];
        pieces.extend((0..count).map(|_| "x".repeat(100)));
        pieces
    };
    let send = "SEND\ndestination:/app/rooms.a.send\n\n";
    let with_long = |length: usize| format!("SEND\nh:{}\n\n\0", "x".repeat(length));
    let with_many = |count: usize| {
        let headers: Vec<_> = (0..count).map(|n| format!("h{n}:x\n")).collect();
        format!("SEND\n{}\n\0", headers.concat())
    };

    let mut client = Client::open(&maru).await;
    let login: Vec<_> = (0..30)
        .map(|n| format!("h{n}:{}\n", "x".repeat(97)))
        .collect();
    let texts = [&["CONNECT\n".to_owned()], &login[..]].concat();
    let too_many = refused(&mut client, &texts).await;
    assert_eq!(too_many, ("frame-too-large".to_owned(), 1009));
    for (texts, code) in [
        (pieces(send, 100), "frame-too-large"),
        (vec![with_long(600)], "frame-too-large"),
        (vec![with_many(11)], "too-many-headers"),
    ] {
        let mut client = Client::connect(&maru, "bot").await;
        let told = refused(&mut client, &texts).await;
        assert_eq!(told, (code.to_owned(), 1009));
    }
    let mut client = Client::connect(&maru, "bot").await;
    for piece in pieces(send, 39) {
        client.text(&piece).await;
    }
    client.text("\0").await;
    client.say("a", "m", "still here").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_of_a_session_follow_the_settings() {
    let (_data, maru) = start(&[
        ("MARU_SUBSCRIPTIONS", "2"),
        ("MARU_TRANSACTIONS", "2"),
        ("MARU_TRANSACTION_FRAMES", "2"),
        ("MARU_TRANSACTION_BYTES", "8192"),
        ("MARU_LOGIN_SECONDS", "1"),
    ]);
    let subscribe = |n| format!("SUBSCRIBE\nid:{n}\ndestination:/topic/rooms.a\n\n\0");
    let begin = |n| format!("BEGIN\ntransaction:{n}\n\n\0");
    let send =
        |text: &str| format!("SEND\ndestination:/app/rooms.a.send\ntransaction:0\n\n{text}\0");
    let long = "x".repeat(5_000);
    for (texts, code, close) in [
        ((0..3).map(subscribe).collect(), "forbidden", 1008),
        ((0..3).map(begin).collect(), "bad-transaction", 1002),
        (
            vec![begin(0), send("x"), send("x"), send("x")],
            "bad-transaction",
            1002,
        ),
        (
            vec![begin(0), send(&long), send(&long)],
            "bad-transaction",
            1002,
        ),
    ] {
        let mut client = Client::connect(&maru, "bot").await;
        let told = refused(&mut client, &texts).await;
        assert_eq!(told, (code.to_owned(), close), "{texts:?}");
    }
    let mut silent = Client::open(&maru).await;
    let told = refused(&mut silent, &[]).await;
    assert_eq!(told, ("login-timeout".to_owned(), 1008));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_a_little_now_and_then_is_cut_off_all_the_same() {
    let (_data, maru) = start(&[
        ("MARU_RATE_PER_SECOND", "100000"),
        ("MARU_RATE_BURST", "100000"),
        ("MARU_QUEUE_SECONDS", "1"),
        // So that it is time that ends it.
        ("MARU_QUEUE_BYTES", "1073741824"),
    ]);
    let mut slow = Client::connect(&maru, "slow").await;
    let subscribe = [
        ("id", "r"),
        ("destination", "/topic/rooms.a"),
        ("receipt", "s"),
    ];
    slow.send("SUBSCRIBE", &subscribe, "").await;
    slow.receipt("s").await;
    let text = "가".repeat(4_000);
    let talk = tokio::spawn(async move {
        let mut speaker = Client::connect(&maru, "speaker").await;
        // The two sockets hold some megabytes before anything waits in the queue.
        for n in 0..1_500 {
            speaker.say("a", &format!("m{n}"), &text).await;
        }
        maru
    });
    let (mut read, mut ended) = (0, false);
    while !ended {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        match slow.next().await {
            Ok(frame) if frame.command == Command::Message => read += 1,
            Ok(frame) => assert_eq!(header(&frame, "x-code"), "slow-consumer"),
            Err(_) => ended = true,
        }
        ended |= talk.is_finished();
    }
    let _maru = talk.await.unwrap();
    while let Ok(frame) = slow.next().await {
        read += usize::from(frame.command == Command::Message);
    }
    assert!(read < 1_500, "all were delivered: {read}");
}
