//! What operators see of the clients: a scrape after each kind of thing has happened.

use stomp::Command;

use crate::support::{Client, Maru, get, header};
use crate::{FAST, start};

/// A server that tells its operator.
fn watched(settings: &[(&str, &str)]) -> (tempfile::TempDir, Maru) {
    start(&[settings, &[("MARU_ADMIN_LISTEN", "127.0.0.1:0")]].concat())
}

/// Subscribes from a position; gives the number of messages that follow.
async fn recover(client: &mut Client, id: &str, epoch: &str, offset: i64) -> u64 {
    let offset = offset.to_string();
    let subscribe = [
        ("id", id),
        ("destination", "/topic/rooms.a"),
        ("receipt", id),
        ("x-recover-epoch", epoch),
        ("x-recover-offset", &offset),
    ];
    client.send("SUBSCRIBE", &subscribe, "").await;
    let receipt = client.receipt(id).await;
    header(&receipt, "x-replay-count").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn recoveries_and_repeats_are_counted_by_what_came_of_them() {
    let (_data, maru) = watched(FAST);
    let mut speaker = Client::connect(&maru, "speaker").await;
    let mut last = 0;
    let mut epoch = String::new();
    for number in 0..2_010 {
        let receipt = speaker.say("a", &format!("m-{number}"), "text").await;
        last = header(&receipt, "x-offset").parse().unwrap();
        header(&receipt, "x-epoch").clone_into(&mut epoch);
    }
    let again = speaker.say("a", "m-7", "text").await;
    assert_eq!(header(&again, "x-duplicate"), "true");
    for (id, epoch, offset, replayed) in [
        ("whole", epoch.as_str(), last - 5, 5),
        ("nothing", &epoch, last, 0),
        ("too-far", &epoch, -1, 0),
        ("other", "0badcafe", last - 5, 0),
        ("ahead", &epoch, last + 5, 0),
    ] {
        let mut client = Client::connect(&maru, id).await;
        assert_eq!(recover(&mut client, id, epoch, offset).await, replayed);
    }
    for path in ["", "?before=P", "?after=P"] {
        let position = format!("{epoch}-{}-{last}", partition(&again));
        let path = format!("/api/rooms/a/messages{}", path.replace('P', &position));
        assert_eq!(maru.get(&path).0, 200, "{path}");
    }
    for (series, count) in [
        ("chat_messages_published_total{result=\"produced\"}", 2_010),
        ("chat_messages_published_total{result=\"repeat\"}", 1),
        ("chat_confirmations_total{result=\"stored\"}", 2_010),
        ("chat_records_folded_total{result=\"visible\"}", 2_010),
        ("chat_recoveries_total{result=\"whole\"}", 1),
        ("chat_recoveries_total{result=\"nothing-missed\"}", 1),
        ("chat_recoveries_total{result=\"too-far\"}", 1),
        ("chat_recoveries_total{result=\"other-epoch\"}", 1),
        ("chat_recoveries_total{result=\"ahead\"}", 1),
        ("chat_replayed_messages_total", 5),
        ("chat_history_pages_total{part=\"latest\"}", 1),
        ("chat_history_pages_total{part=\"before\"}", 1),
        ("chat_history_pages_total{part=\"after\"}", 1),
        ("chat_kafka_starts_total{result=\"fresh\"}", 1),
        ("chat_kafka_connected", 1),
        ("chat_ready", 1),
    ] {
        assert_eq!(maru.metric(series), count, "{series}");
    }
    assert!(maru.metric("chat_sent_bytes_total") > 2_010 * 50);
    assert!(maru.metric("chat_socket_writes_total") > 0);
}

/// The partition in a RECEIPT's `message-id`.
fn partition(receipt: &stomp::Frame) -> &str {
    header(receipt, "message-id").split('-').nth(1).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_counted_by_how_they_came_and_went() {
    let (_data, maru) = watched(&[
        ("MARU_CONNECTIONS", "3"),
        ("MARU_LOGIN_SECONDS", "1"),
        ("MARU_RATE_BURST", "1"),
    ]);
    let closes = |reason| format!("chat_ws_closes_total{{reason=\"{reason}\"}}");
    let refusals = |code| format!("chat_refusals_total{{code=\"{code}\"}}");
    let foreign = [("origin", "https://evil.example")];
    assert!(Client::open_with(&maru, &foreign).await.is_err());

    let mut listener = Client::connect(&maru, "listener").await;
    let subscribe = [("id", "r"), ("destination", "/topic/rooms.a")];
    listener.send("SUBSCRIBE", &subscribe, "").await;
    let mut polite = Client::connect(&maru, "polite").await;
    let mut leaver = Client::connect(&maru, "leaver").await;
    assert_eq!(maru.metric("chat_ws_connections"), 3);
    assert!(Client::open_with(&maru, &[]).await.is_err(), "full");
    polite.say("a", "m-1", "hello").await;
    assert_eq!(listener.frame().await.command, Command::Message);
    assert_eq!(maru.metric("chat_deliveries_total"), 1);
    polite.send("DISCONNECT", &[], "").await;
    assert!(polite.next().await.is_err());
    maru.counts(&closes("disconnect"), 1).await;
    leaver.close().await;
    maru.counts(&closes("left"), 1).await;
    maru.becomes("chat_ws_connections", 1).await;

    // Too fast, and not subscribed to refusals.
    let mut hasty = Client::connect(&maru, "hasty").await;
    for id in ["h-1", "h-2"] {
        let send = [("destination", "/app/rooms.b.send"), ("client-msg-id", id)];
        hasty.send("SEND", &send, "quick").await;
    }
    maru.counts(&closes("refused"), 1).await;
    assert_eq!(maru.metric(&refusals("rate-limited")), 1);

    let silent = Client::open(&maru).await;
    maru.counts(&refusals("login-timeout"), 1).await;
    maru.counts(&closes("refused"), 2).await;
    drop((hasty, silent));
    // A server closes politely, and who is not gone yet has a place: there are three.
    maru.becomes("chat_ws_connections", 1).await;

    drop(Client::connect(&maru, "gone").await);
    maru.counts(&closes("lost"), 1).await;
    for (result, count) in [
        ("accepted", 6),
        ("foreign-origin", 1),
        ("full", 1),
        ("not-ready", 0),
    ] {
        let series = format!("chat_ws_accepts_total{{result=\"{result}\"}}");
        assert_eq!(maru.metric(&series), count, "{series}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_too_slowly_is_counted_while_it_waits_and_when_it_is_cut_off() {
    let settings = [("MARU_QUEUE_BYTES", "524288"), ("MARU_QUEUE_SECONDS", "1")];
    let (_data, maru) = watched(&[FAST, &settings[..]].concat());
    let mut slow = Client::connect(&maru, "slow").await;
    let subscribe = [
        ("id", "r"),
        ("destination", "/topic/rooms.a"),
        ("receipt", "s"),
    ];
    slow.send("SUBSCRIBE", &subscribe, "").await;
    slow.receipt("s").await;
    let mut speaker = Client::connect(&maru, "speaker").await;
    let text = "가".repeat(3_900);
    let cut = "chat_ws_closes_total{reason=\"slow\"}";
    let mut most = 0;
    for number in 0..10_000 {
        speaker.say("a", &format!("m-{number}"), &text).await;
        if number % 10 == 0 {
            most = most.max(maru.metric("chat_outbound_queue_bytes{of=\"max\"}"));
            if maru.metric(cut) == 1 {
                break;
            }
        }
    }
    assert_eq!(maru.metric(cut), 1);
    assert!((1..=524_288 + 20_000).contains(&most), "{most}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_rooms_are_no_more_series_than_one() {
    let (_data, maru) = watched(&[("MARU_PROFILE", "bench")]);
    let admin = maru.admin.clone().unwrap();
    let series = || {
        let (_, text) = get(&admin, "/metrics");
        text.lines().filter(|line| !line.starts_with('#')).count()
    };
    let before = series();
    let mut client = Client::connect(&maru, "bench").await;
    for number in 0..10_000 {
        let destination = format!("/app/rooms.room-{number}.send");
        let send = [("destination", destination.as_str())];
        client.send("SEND", &send, "x").await;
        if number % 500 == 499 {
            client.say("last", &format!("m-{number}"), "x").await;
        }
    }
    maru.counts("chat_records_folded_total{result=\"visible\"}", 10_020)
        .await;
    assert_eq!(series(), before);
    assert!(before <= 500, "{before}");
}
