//! Search: what is said is found by any part of its words, as it is now, on every server anew.

use std::time::{Duration, Instant};

use protocol::search::SearchHits;

use crate::support::{Client, Maru, PATIENCE, header};
use crate::{FAST, start};

fn encoded(text: &str) -> String {
    let bytes = text.bytes().map(|byte| format!("%{byte:02X}"));
    bytes.collect::<Vec<_>>().concat()
}

fn search(maru: &Maru, query: &str, more: &str) -> SearchHits {
    let (status, body) = maru.get(&format!("/api/search?q={}{more}", encoded(query)));
    assert_eq!(status, 200, "{query}{more}: {body}");
    serde_json::from_str(&body).unwrap()
}

fn ids(found: &SearchHits) -> Vec<&str> {
    found.hits.iter().map(|hit| &*hit.message.id).collect()
}

/// Waits until a search finds these messages: the index comes a moment after the message.
fn finds(maru: &Maru, query: &str, more: &str, expected: &[&str]) -> SearchHits {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = match maru.get(&format!("/api/search?q={}{more}", encoded(query))) {
            (200, body) => serde_json::from_str(&body).unwrap(),
            // The index is being made.
            _ => SearchHits::default(),
        };
        if ids(&found) == expected {
            return found;
        }
        assert!(
            Instant::now() < deadline,
            "{query}{more}: {:?}",
            ids(&found)
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

async fn change(client: &mut Client, action: &str, id: &str, reference: &str, text: &str) {
    let destination = format!("/app/rooms.a.{action}");
    let headers = [
        ("destination", &*destination),
        ("client-msg-id", id),
        ("receipt", id),
        ("ref", reference),
    ];
    client.send("SEND", &headers, text).await;
    client.receipt(id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_is_found_as_it_is_now() {
    let (data, maru) = start(FAST);
    let mut jiu = Client::connect(&maru, "jiu").await;
    let edited = header(
        &jiu.say("a", "m1", "점심에 김치찌개를 먹자").await,
        "message-id",
    )
    .to_owned();
    let deleted = header(&jiu.say("a", "m2", "김치전은 어때?").await, "message-id").to_owned();
    jiu.say("b", "m3", "KIMCHI 김치, <b>").await;
    jiu.say("a", "m4", "그래").await;
    finds(&maru, "김치", "", &["m3", "m2", "m1"]);
    finds(&maru, "김치", "&room=a", &["m2", "m1"]);
    finds(&maru, "치찌", "", &["m1"]);
    finds(&maru, "kim 김", "", &["m3"]);
    finds(&maru, "개", "", &["m1"]);
    finds(&maru, "래", "", &["m4"]);
    finds(&maru, "김개", "", &[]);
    finds(&maru, "김치", "&room=nowhere", &[]);
    let first = search(&maru, "김치", "&limit=2");
    assert!(first.more && ids(&first) == ["m3", "m2"]);
    let before = format!("&limit=2&before={}", first.hits[1].message.position);
    let rest = search(&maru, "김치", &before);
    assert!(!rest.more && ids(&rest) == ["m1"]);

    change(&mut jiu, "edit", "m5", &edited, "저녁에 된장찌개를 먹자").await;
    change(&mut jiu, "delete", "m6", &deleted, "").await;
    assert_eq!(
        ids(&search(&maru, "김치", "")),
        ["m3"],
        "at once, whatever the index says"
    );
    let found = finds(&maru, "된장", "", &["m1"]);
    let pieces = found.hits[0].excerpt.iter();
    let pieces: Vec<_> = pieces.map(|piece| (&*piece.text, piece.found)).collect();
    assert_eq!(
        pieces,
        [("저녁에 ", false), ("된장", true), ("찌개를 먹자", false)]
    );

    let (status, html) = maru.get(&format!("/search?lang=en&q={}&room=a", encoded("된장")));
    assert_eq!(status, 200);
    let link = format!("href=\"/rooms/a?at={}\"", found.hits[0].message.position);
    assert!(
        html.contains(&link) && html.contains("<mark>된장</mark>"),
        "{html}"
    );
    let (_, html) = maru.get(&format!("/search?lang=en&q={}", encoded("<b> 김치")));
    assert!(
        html.contains("&lt;b&gt;") && !html.contains("<b> "),
        "{html}"
    );
    let (status, html) = maru.get("/search?lang=en&q=%22%2A&room=%FF&before=x");
    assert!(
        status == 200 && html.contains("No messages found"),
        "{html}"
    );
    for bad in [
        "q=",
        "q=%22%2A",
        "q=a&limit=0",
        "q=a&room=a.b",
        "q=a&before=x",
        "q=a&before=00000000-0-0",
    ] {
        assert_eq!(maru.get(&format!("/api/search?{bad}")).0, 400, "{bad}");
    }

    // What an index lacks is taken from the history: here one that is damaged, and one that is gone.
    let file = data.path().join("search.db");
    maru.kill();
    std::fs::write(&file, "Dear diary, ".repeat(1_000)).unwrap();
    let maru = Maru::start(data.path(), FAST);
    finds(&maru, "된장", "", &["m1"]);
    finds(&maru, "김치", "", &["m3"]);
    maru.kill();
    for name in ["search.db", "search.db-wal", "search.db-shm"] {
        drop(std::fs::remove_file(data.path().join(name)));
    }
    let maru = Maru::start(data.path(), FAST);
    finds(&maru, "된장", "", &["m1"]);
}
