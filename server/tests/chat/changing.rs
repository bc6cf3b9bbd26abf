//! Edits, deletions, reactions and answers: who may, what the others get, what pages say, and what a repeat is answered.

use protocol::{HistoryPage, Kind, Message};
use stomp::{Command, Frame};

use crate::support::{Client, Maru, body, header};
use crate::{FAST, start};

/// SEND of one's own choice; gives the RECEIPT, or what refuses it.
async fn ask(
    client: &mut Client,
    action: &str,
    id: &str,
    reference: Option<&str>,
    text: &str,
) -> Frame {
    let destination = format!("/app/rooms.a.{action}");
    let mut headers = vec![
        ("destination", &*destination),
        ("client-msg-id", id),
        ("receipt", id),
    ];
    headers.extend(reference.map(|reference| ("ref", reference)));
    client.send("SEND", &headers, text).await;
    loop {
        let frame = client.frame().await;
        if header(&frame, "receipt-id") == id {
            return frame;
        }
    }
}

async fn does(client: &mut Client, action: &str, id: &str, reference: &str, text: &str) -> String {
    let answer = ask(client, action, id, Some(reference), text).await;
    assert_eq!(
        answer.command,
        Command::Receipt,
        "{action} {id}: {answer:?}"
    );
    header(&answer, "message-id").to_owned()
}

async fn subscribe(client: &mut Client, id: &str, destination: &str) {
    let headers = [("id", id), ("destination", destination), ("receipt", id)];
    client.send("SUBSCRIBE", &headers, "").await;
    client.receipt(id).await;
}

fn page(maru: &Maru, query: &str) -> HistoryPage {
    let (status, text) = maru.get(&format!("/api/rooms/a/messages{query}"));
    assert_eq!(status, 200, "{query}: {text}");
    serde_json::from_str(&text).unwrap()
}

fn bodies(page: &HistoryPage) -> Vec<&str> {
    page.messages.iter().map(|row| &*row.body).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_changed_reaches_everybody_and_stays_over_a_restart() {
    let (data, maru) = start(FAST);
    let mut jiu = Client::connect(&maru, "jiu").await;
    let mut minsu = Client::connect(&maru, "minsu").await;
    subscribe(&mut minsu, "r", "/topic/rooms.a").await;
    let said = header(&jiu.say("a", "m1", "안녕").await, "message-id").to_owned();
    let other = header(&jiu.say("a", "m2", "지워질 말").await, "message-id").to_owned();
    does(&mut jiu, "react", "m3", &said, "👍").await;
    does(&mut jiu, "edit", "m4", &said, "안녕하세요\n여러분").await;
    let answer = does(&mut jiu, "send", "m5", &said, "네").await;
    does(&mut jiu, "delete", "m6", &other, "").await;
    does(&mut jiu, "unreact", "m7", &said, "👍").await;
    does(&mut jiu, "react", "m8", &said, "🎉").await;

    let mut frames = Vec::new();
    for _ in 0..8 {
        frames.push(minsu.frame().await);
    }
    let types: Vec<_> = frames.iter().map(|frame| header(frame, "x-type")).collect();
    let expected = [
        "message", "message", "react", "edit", "message", "delete", "unreact", "react",
    ];
    assert_eq!(types, expected);
    let edit: Message = serde_json::from_str(body(&frames[3])).unwrap();
    assert_eq!(
        (edit.kind, edit.reference.unwrap().to_string(), &*edit.body),
        (Kind::Edit, said.clone(), "안녕하세요\n여러분")
    );
    let quoted = ["x-ref", "x-ref-sender", "x-ref-name", "x-ref-text"];
    let quoted = quoted.map(|name| header(&frames[4], name));
    let uid = header(&frames[0], "x-sender");
    assert_eq!(quoted, [&*said, uid, "jiu", "안녕하세요 여러분"]);
    assert_eq!(header(&frames[0], "x-ref"), "");

    let head = header(&frames[7], "x-offset");
    holds(&maru, uid, &said, &other, &answer, head);
    maru.kill();
    let maru = Maru::start(data.path(), FAST);
    holds(&maru, uid, &said, &other, &answer, head);
}

/// What pages, stream and export say after all of that.
fn holds(maru: &Maru, uid: &str, said: &str, other: &str, answer: &str, head: &str) {
    let whole = page(maru, "");
    assert_eq!(bodies(&whole), ["안녕하세요\n여러분", "", "네"]);
    let [first, second, third] = &whole.messages[..] else {
        panic!()
    };
    assert!(first.folded.edited.is_some() && !first.folded.deleted);
    assert_eq!(first.folded.reactions.len(), 1);
    assert_eq!(
        (
            &*first.folded.reactions[0].emoji,
            &first.folded.reactions[0].by[..]
        ),
        ("🎉", &[uid.to_owned()][..])
    );
    assert!(second.folded.deleted);
    assert_eq!(third.folded.above, Some(second.position.offset));
    assert_eq!(
        third.folded.quote.as_ref().unwrap().text,
        "안녕하세요 여러분"
    );
    assert_eq!(whole.head.to_string(), head);

    let stream = page(maru, &format!("?after={said}"));
    assert_eq!(stream.messages.len(), 7, "the stream is as it came");
    assert_eq!(stream.messages[0].body, "지워질 말");
    assert_eq!(bodies(&page(maru, &format!("?newer={said}&limit=1"))), [""]);
    assert_eq!(
        bodies(&page(maru, &format!("?before={answer}&limit=1"))),
        [""]
    );
    let around = page(maru, &format!("?around={other}&limit=3"));
    assert_eq!(
        (around.messages.len(), around.more, around.newer),
        (3, false, false)
    );
    let around = page(maru, &format!("?around={said}&limit=2"));
    assert_eq!(
        (around.messages.len(), around.more, around.newer),
        (2, false, true)
    );
    let since = page(maru, &format!("?at={}&limit=1", third.ts));
    assert_eq!(since.messages.len(), 1);
    assert_eq!(
        bodies(&page(maru, "?at=0&limit=2")),
        ["안녕하세요\n여러분", ""]
    );

    let (_, export) = maru.get("/api/rooms/a/export.ndjson");
    let lines = export.lines().filter(|line| line.starts_with('{'));
    let lines: Vec<Message> = lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 8);
    let chained = lines
        .windows(2)
        .all(|pair| pair[1].prev == Some(pair[0].position.offset));
    assert!(chained && lines[0].prev.is_none());
    let (_, rows) = maru.get("/api/rooms/a/export.ndjson?rows=true");
    let rows = rows.lines().filter(|line| line.starts_with('{'));
    let rows: Vec<Message> = rows
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(rows, whole.messages);
    let (_, lobby) = maru.get("/");
    assert!(lobby.contains('네'), "{lobby}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_changed() {
    let (_data, maru) = start(FAST);
    let mut jiu = Client::connect(&maru, "jiu").await;
    let mut minsu = Client::connect(&maru, "minsu").await;
    subscribe(&mut minsu, "replies", "/user/queue/replies").await;
    let said = header(&jiu.say("a", "m1", "안녕").await, "message-id").to_owned();
    let reaction = does(&mut jiu, "react", "m2", &said, "👍").await;
    let elsewhere = header(&jiu.say("b", "m3", "x").await, "message-id").to_owned();
    let (partition, offset) = said[9..].split_once('-').unwrap();
    let later = format!(
        "{}-{partition}-{}",
        &said[..8],
        offset.parse::<i64>().unwrap() + 1_000
    );
    let foreign = format!("00000000{}", &said[8..]);
    let mut number = 0;
    for (action, reference, text, code) in [
        ("edit", Some(&*said), "mine", "forbidden"),
        ("delete", Some(&*said), "", "forbidden"),
        ("edit", None, "mine", "missing-header"),
        ("react", Some("nonsense"), "👍", "no-such-message"),
        ("react", Some(&*foreign), "👍", "no-such-message"),
        ("react", Some(&*elsewhere), "👍", "no-such-message"),
        ("react", Some(&*reaction), "👍", "no-such-message"),
        ("send", Some(&*reaction), "to a reaction", "no-such-message"),
        ("react", Some(&*later), "👍", "unavailable"),
        ("react", Some(&*said), "yes", "invalid-message"),
        ("edit", Some(&*said), " ", "invalid-message"),
        ("shout", Some(&*said), "x", "unknown-destination"),
    ] {
        number += 1;
        let refusal = ask(&mut minsu, action, &format!("r{number}"), reference, text).await;
        assert_eq!(
            header(&refusal, "x-code"),
            code,
            "{action} {reference:?} {text}"
        );
        let retryable = (code == "unavailable").to_string();
        assert_eq!(header(&refusal, "x-retryable"), retryable);
    }
    assert_eq!(
        page(&maru, "").head,
        reaction[reaction.rfind('-').unwrap() + 1..]
            .parse::<i64>()
            .unwrap()
    );
}

/// A client that did not get the RECEIPT sends again, when what it named has gone meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_is_answered_whatever_has_become_of_what_it_names() {
    let (_data, maru) = start(FAST);
    let mut jiu = Client::connect(&maru, "jiu").await;
    let said = header(&jiu.say("a", "m1", "안녕").await, "message-id").to_owned();
    let edited = does(&mut jiu, "edit", "m2", &said, "잘 가").await;
    let deleted = does(&mut jiu, "delete", "m3", &said, "").await;
    for (action, id, text, first) in [
        ("edit", "m2", "잘 가", edited),
        ("delete", "m3", "", deleted),
    ] {
        let again = ask(&mut jiu, action, id, Some(&said), text).await;
        assert_eq!(header(&again, "message-id"), first);
        assert_eq!(header(&again, "x-duplicate"), "true");
        jiu.send("BEGIN", &[("transaction", id)], "").await;
        let destination = format!("/app/rooms.a.{action}");
        let headers = [
            ("destination", &*destination),
            ("client-msg-id", id),
            ("ref", &*said),
            ("transaction", id),
        ];
        jiu.send("SEND", &headers, text).await;
        jiu.send("COMMIT", &[("transaction", id), ("receipt", "c")], "")
            .await;
        jiu.receipt("c").await;
    }
    let refusal = ask(&mut jiu, "edit", "m4", Some(&said), "noch da").await;
    assert_eq!(
        (refusal.command, header(&refusal, "x-code")),
        (Command::Error, "no-such-message")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_opens_where_a_link_says() {
    let (_data, maru) = start(FAST);
    let mut jiu = Client::connect(&maru, "jiu").await;
    let mut positions = Vec::new();
    for number in 0..80 {
        let receipt = jiu
            .say("a", &format!("m{number}"), &format!("말-{number}-끝"))
            .await;
        positions.push(header(&receipt, "message-id").to_owned());
    }
    let open = |query: &str| {
        let (status, html) = maru.get(&format!("/rooms/a?lang=en{query}"));
        assert_eq!(status, 200, "{query}");
        html
    };
    let shows = |html: &str, number: usize| html.contains(&format!("말-{number}-끝"));
    let focus = |position: &str| format!("\"focus\":\"{position}\"");
    let end = open("");
    assert!(shows(&end, 79) && !shows(&end, 10) && !end.contains("\"focus\":"));
    let there = open(&format!("&at={}", positions[10]));
    assert!(shows(&there, 10) && !shows(&there, 60) && there.contains(&focus(&positions[10])));
    for at in ["nonsense", "00000000-0-0"] {
        let html = open(&format!("&at={at}"));
        assert!(
            shows(&html, 79) && html.contains("not in this room"),
            "{at}"
        );
    }
    let past = open("&on=2020-01-01&zone=540");
    assert!(shows(&past, 0) && past.contains(&focus(&positions[0])));
    let future = open("&on=2999-01-01");
    assert!(shows(&future, 79) && future.contains("no message from that day"));
    assert!(shows(&open("&on=nonsense"), 79));
}
