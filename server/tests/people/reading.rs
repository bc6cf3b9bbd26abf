//! How far people have read, and what they have not.

use serde_json::Value;

use crate::support::{Client, Maru, body, header};
use crate::{Cluster, event, listener, subscribe};

/// A tab that wants to know about the rooms.
async fn tab(maru: &Maru, login: &str) -> Client {
    let mut client = Client::connect(maru, login).await;
    subscribe(&mut client, "/user/queue/rooms").await;
    client
}

/// Waits until a tab is told that room `a` stands like this: unread, mentions and how far it was read.
async fn until(client: &mut Client, unread: u64, mentions: u64, read: Option<i64>) -> Value {
    loop {
        let frame = client.frame().await;
        assert_eq!(
            header(&frame, "destination"),
            "/user/queue/rooms",
            "{frame:?}"
        );
        let update: Value = serde_json::from_str(body(&frame)).unwrap();
        for room in update["rooms"].as_array().unwrap() {
            let stands = (
                room["unread"].as_u64(),
                room["mentions"].as_u64(),
                room["read"].as_i64(),
            );
            if room["room"] == "a" && stands == (Some(unread), Some(mentions), read) {
                return room.clone();
            }
        }
    }
}

async fn read(client: &mut Client, position: &str) {
    let send = [
        ("destination", "/app/rooms.a.read"),
        ("ref", position),
        ("receipt", position),
    ];
    client.send("SEND", &send, "").await;
    client.receipt(position).await;
}

fn offset(position: &str) -> i64 {
    position.rsplit('-').next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_tab_on_every_server_knows_what_is_unread() {
    let cluster = Cluster::start().await;
    let (one, other) = (cluster.server("one"), cluster.server("other"));
    let mut speaker = Client::connect(&one, "speaker").await;
    let first = speaker.say("a", "m1", "one").await;
    let first = header(&first, "message-id").to_owned();
    let mut here = tab(&one, "지우").await;
    let mut there = tab(&other, "지우").await;
    until(&mut here, 0, 0, None).await;
    until(&mut there, 0, 0, None).await;
    read(&mut here, &first).await;
    for tab in [&mut here, &mut there] {
        until(tab, 0, 0, Some(offset(&first))).await;
    }
    let mut positions = Vec::new();
    for (id, text) in [
        ("m2", "@지우야, 안녕"),
        ("m3", "안녕하세요"),
        ("m4", "@지우개"),
    ] {
        let said = speaker.say("a", id, text).await;
        positions.push(header(&said, "message-id").to_owned());
    }
    for tab in [&mut here, &mut there] {
        let room = until(tab, 3, 1, Some(offset(&first))).await;
        assert_eq!(room["last"]["body"], "@지우개");
    }
    // A tab that opens now counts from the store.
    let mut late = tab(&other, "지우").await;
    until(&mut late, 3, 1, Some(offset(&first))).await;
    read(&mut there, &positions[1]).await;
    // Not back.
    read(&mut there, &first).await;
    for tab in [&mut here, &mut there, &mut late] {
        until(tab, 1, 0, Some(offset(&positions[1]))).await;
    }
    // One's own messages are no news.
    here.say("a", "m5", "내 말").await;
    let mut another = tab(&one, "지우").await;
    until(&mut another, 1, 0, Some(offset(&positions[1]))).await;
    // Nor is anything to somebody who has never been there.
    let mut stranger = tab(&one, "stranger").await;
    until(&mut stranger, 0, 0, None).await;
    // The marker outlives the server.
    one.kill();
    let one = cluster.server("one");
    let mut back = tab(&one, "지우").await;
    until(&mut back, 1, 0, Some(offset(&positions[1]))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_rooms_has_the_beginnings_of_messages() {
    let cluster = Cluster::start().await;
    let maru = cluster.server("one");
    let mut speaker = Client::connect(&maru, "speaker").await;
    let first = speaker.say("a", "m1", &"가".repeat(4_000)).await;
    let mut reader = tab(&maru, "reader").await;
    let whole = until(&mut reader, 0, 0, None).await;
    let send = [
        ("destination", "/app/rooms.a.send"),
        ("client-msg-id", "m2"),
        ("receipt", "m2"),
        ("ref", header(&first, "message-id")),
        ("mood", "a header of the client"),
    ];
    let text = "나".repeat(4_000);
    speaker.send("SEND", &send, &text).await;
    speaker.receipt("m2").await;
    let changed = until(&mut reader, 0, 0, None).await;
    for (room, id, letter) in [(whole, "m1", "가"), (changed, "m2", "나")] {
        let last = &room["last"];
        assert_eq!(
            (&last["id"], &last["body"]),
            (&id.into(), &letter.repeat(200).into())
        );
        assert!(
            last.get("headers").is_none() && last.get("quote").is_none(),
            "{last}"
        );
    }
    // Elsewhere it is whole.
    let (_, history) = maru.get("/api/rooms/a/messages");
    assert!(history.contains(&text) && history.contains("a header of the client"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_learns_how_far_its_members_have_read() {
    let cluster = Cluster::start().await;
    let (one, other) = (cluster.server("one"), cluster.server("other"));
    let mut ann = Client::connect(&one, "ann").await;
    let first = header(&ann.say("a", "m1", "one").await, "message-id").to_owned();
    let second = header(&ann.say("a", "m2", "two").await, "message-id").to_owned();
    let mut bob = listener(&other, "bob").await;
    assert_eq!(
        event(&mut bob, "read").await["offsets"],
        Value::Array(vec![])
    );
    let bobs = [
        ("destination", "/app/rooms.a.read"),
        ("ref", &*first),
        ("receipt", "r"),
    ];
    bob.send("SEND", &bobs, "").await;
    bob.receipt("r").await;
    read(&mut ann, &second).await;
    let both = Value::from(vec![offset(&first), offset(&second)]);
    while event(&mut bob, "read").await["offsets"] != both {}
    let mut late = listener(&one, "late").await;
    assert_eq!(
        event(&mut late, "read").await["offsets"],
        both,
        "told at the beginning"
    );
    // Who says something has read it; a program that is no member does not become one.
    let mut program = Client::connect(&one, "program").await;
    program.say("a", "m3", "three").await;
    let fourth = ann.say("a", "m4", "four").await;
    let both = Value::from(vec![offset(&first), offset(header(&fourth, "message-id"))]);
    for listener in [&mut bob, &mut late] {
        while event(listener, "read").await["offsets"] != both {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_message_of_the_room_is_not_read() {
    let cluster = Cluster::start().await;
    let maru = cluster.server("one");
    let mut client = Client::connect(&maru, "ann").await;
    let here = client.say("a", "m", "here").await;
    let here = header(&here, "message-id").to_owned();
    subscribe(&mut client, "/user/queue/replies").await;
    let (epoch, place) = here.split_once('-').unwrap();
    let partition = place.split_once('-').unwrap().0;
    for (position, code) in [
        ("nonsense".to_owned(), "no-such-message"),
        (format!("00000000-{place}"), "no-such-message"),
        (format!("{epoch}-{partition}-999"), "no-such-message"),
        (format!("{epoch}-99-0"), "no-such-message"),
    ] {
        let send = [("destination", "/app/rooms.a.read"), ("ref", &*position)];
        client.send("SEND", &send, "").await;
        assert_eq!(header(&client.frame().await, "x-code"), code, "{position}");
    }
    client
        .send("SEND", &[("destination", "/app/rooms.a.read")], "")
        .await;
    assert_eq!(header(&client.frame().await, "x-code"), "missing-header");
    read(&mut client, &here).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_says_what_is_unread() {
    let cluster = Cluster::start().await;
    let maru = cluster.server("one");
    let mut speaker = Client::connect(&maru, "speaker").await;
    let first = header(&speaker.say("a", "m1", "one").await, "message-id").to_owned();
    speaker.say("a", "m2", "@민준 two").await;
    speaker.say("a", "m3", "three").await;
    let origin = format!("http://{}", maru.address);
    let head = format!(
        "POST /session HTTP/1.1\r\nHost: {}\r\nOrigin: {origin}\r\nContent-Type: application/x-www-form-urlencoded\r\n",
        maru.address
    );
    let (answer, _) = maru.request(&head, "nickname=%EB%AF%BC%EC%A4%80&return=/");
    let cookie = answer
        .lines()
        .find_map(|line| line.strip_prefix("set-cookie: "))
        .and_then(|line| line.split(';').next())
        .unwrap()
        .to_owned();
    let page = || {
        let head = format!(
            "GET /rooms/a HTTP/1.1\r\nHost: {}\r\nCookie: {cookie}\r\n",
            maru.address
        );
        maru.request(&head, "").1
    };
    assert!(!page().contains(r#""unread":"#), "never read");
    let browser = [("origin", &*origin), ("cookie", &*cookie)];
    let mut browser = Client::open_with(&maru, &browser).await.unwrap();
    browser
        .send("CONNECT", &[("accept-version", "1.2")], "")
        .await;
    browser.frame().await;
    read(&mut browser, &first).await;
    let deadline = std::time::Instant::now() + crate::support::PATIENCE;
    loop {
        let page = page();
        let read = format!(r#""read":{}"#, offset(&first));
        if page.contains(&read) {
            assert!(page.contains(r#""unread":2,"mentions":1"#), "{page}");
            return;
        }
        assert!(std::time::Instant::now() < deadline, "{page}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
