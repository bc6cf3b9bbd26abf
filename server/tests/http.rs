//! Pages, forms, the history API and what every answer carries, over HTTP, by the real program.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that fails may panic"
)]

mod support;

use support::{Client, Maru};

fn start() -> (tempfile::TempDir, Maru) {
    let data = tempfile::tempdir().unwrap();
    let maru = Maru::start(data.path(), &[]);
    (data, maru)
}

/// Head and body of the answer to a GET with more header lines, each ending in CR LF.
fn get(maru: &Maru, path: &str, more: &str) -> (String, String) {
    let head = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n{more}", maru.address);
    maru.request(&head, "")
}

/// Head and body of the answer to a form that a page of this origin sends.
fn post(maru: &Maru, path: &str, origin: Option<&str>, more: &str, form: &str) -> (String, String) {
    let origin = origin.map_or_else(String::new, |origin| format!("Origin: {origin}\r\n"));
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {}\r\n{origin}{more}Content-Type: application/x-www-form-urlencoded\r\n",
        maru.address
    );
    maru.request(&head, form)
}

fn status(head: &str) -> u16 {
    head[9..12].parse().unwrap()
}

/// A header's value, or an empty text.
fn value<'head>(head: &'head str, name: &str) -> &'head str {
    head.lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(own, _)| own.eq_ignore_ascii_case(name))
        .map_or("", |(_, value)| value)
}

#[test]
fn a_nickname_makes_a_person_who_stays_the_same() {
    let (_data, maru) = start();
    let own = format!("http://{}", maru.address);
    let form = "nickname=%EC%A7%80%EC%9A%B0&return=/rooms/a?lang=en";
    let (head, _) = post(&maru, "/session", Some(&own), "", form);
    assert_eq!((status(&head), value(&head, "location")), (303, "/rooms/a"));
    let cookie = value(&head, "set-cookie");
    for part in ["sid=", "HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Secure"), "browsers drop it on plain HTTP");

    let sent = format!("Cookie: {}\r\n", cookie.split(';').next().unwrap());
    let (_, page) = get(&maru, "/rooms/a", &sent);
    assert!(page.contains("지우"), "{page}");
    let uid = |page: &str| {
        let at = page.find("\"uid\":\"").expect("the page knows the person") + 7;
        page[at..at + 22].to_owned()
    };
    let (head, _) = post(&maru, "/session", Some(&own), &sent, "nickname=Jiu");
    assert_eq!((status(&head), value(&head, "location")), (303, "/"));
    let renamed = value(&head, "set-cookie").split(';').next().unwrap();
    let (_, after) = get(&maru, "/rooms/a", &format!("Cookie: {renamed}\r\n"));
    assert!(after.contains("Jiu"));
    assert_eq!(uid(&page), uid(&after));
}

#[test]
fn forms_that_cannot_be_taken() {
    let (_data, maru) = start();
    let own = format!("http://{}", maru.address);
    for origin in [None, Some("http://evil.example"), Some("null")] {
        for path in ["/session", "/rooms"] {
            let (head, page) = post(&maru, path, origin, "", "nickname=a&room=a");
            assert_eq!(status(&head), 403, "{path} {origin:?}");
            assert!(value(&head, "set-cookie").is_empty() && page.contains("<h1"));
        }
    }
    let refused = |path, form: &str| {
        let (head, _) = post(&maru, path, Some(&own), "", form);
        assert!(value(&head, "set-cookie").is_empty());
        (status(&head), value(&head, "location").to_owned())
    };
    for (path, form, location) in [
        (
            "/session",
            "nickname=&return=/rooms/a",
            "/rooms/a?notice=nickname-empty",
        ),
        ("/session", "nickname=a%00b", "/?notice=nickname-invisible"),
        (
            "/session",
            "nickname=%D0%B0dmin",
            "/?notice=nickname-reserved",
        ),
        (
            "/session",
            "nickname=p%D0%B0ypal",
            "/?notice=nickname-mixed",
        ),
        (
            "/session",
            "nickname=&return=//evil.example",
            "/?notice=nickname-empty",
        ),
        ("/rooms", "room=a.b", "/?notice=room-character"),
        ("/rooms", "room=%20General%20Talk", "/rooms/general-talk"),
        ("/rooms", "room=%EC%9E%90", "/rooms/%EC%9E%90"),
    ] {
        assert_eq!(
            refused(path, form),
            (303, location.to_owned()),
            "{path} {form}"
        );
    }
    assert_eq!(
        refused("/session", &format!("nickname={}", "a".repeat(9_000))).0,
        413
    );
    let (_, page) = get(&maru, "/?notice=nickname-empty", "Accept-Language: en\r\n");
    assert!(page.contains("Please write a nickname"), "{page}");
}

#[test]
fn choices_are_in_the_first_html_from_then_on() {
    let (_data, maru) = start();
    let own = format!("http://{}", maru.address);
    let (_, page) = get(&maru, "/", "Accept-Language: ko\r\n");
    assert!(
        page.contains(r#"<html lang="ko" data-theme="auto""#),
        "{page}"
    );
    let form = "theme=dark&lang=en&return=/rooms/a";
    let (head, _) = post(&maru, "/settings", Some(&own), "", form);
    assert_eq!((status(&head), value(&head, "location")), (303, "/rooms/a"));
    let cookies = head.lines().filter_map(|line| line.split_once(": "));
    let cookies: Vec<_> = cookies
        .filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"))
        .map(|(_, cookie)| cookie)
        .collect();
    assert_eq!(cookies.len(), 2, "{head}");
    assert!(
        cookies
            .iter()
            .all(|cookie| cookie.contains("Max-Age=34560000"))
    );
    let sent: Vec<_> = cookies
        .iter()
        .map(|cookie| cookie.split(';').next().unwrap())
        .collect();
    let sent = format!("Cookie: {}\r\n", sent.join("; "));
    for path in ["/", "/rooms/a", "/rooms/---", "/offline"] {
        let (_, page) = get(&maru, path, &sent);
        assert!(
            page.contains(r#"<html lang="en" data-theme="dark""#),
            "{path}: {page}"
        );
        assert!(page.contains(r#"<meta name="color-scheme" content="dark">"#));
    }

    for (form, why) in [("theme=pink&lang=xx", "unknown"), ("", "nothing")] {
        let (head, _) = post(&maru, "/settings", Some(&own), "", form);
        assert_eq!(value(&head, "set-cookie"), "", "{why}");
    }
    let (head, _) = post(&maru, "/settings", Some("http://evil.example"), "", form);
    assert_eq!(status(&head), 403);
}

#[test]
fn the_build_is_the_same_word_in_page_and_answer() {
    let (_data, maru) = start();
    let (head, build) = get(&maru, "/build", "");
    assert_eq!(value(&head, "cache-control"), "no-store");
    assert_eq!(build.trim().len(), 16);
    let (_, page) = get(&maru, "/", "");
    let build = format!(r#"data-build="{}""#, build.trim());
    assert!(page.contains(&build), "{page}");
    let (head, _) = get(&maru, "/pkg/maru.0123456789abcdef.wasm", "");
    assert_eq!(status(&head), 404, "an asset that is not there is not HTML");
    assert!(!value(&head, "content-type").contains("html"), "{head}");
}

#[test]
fn one_address_per_room() {
    let (_data, maru) = start();
    for (path, location) in [
        ("/rooms/General", "/rooms/general"),
        ("/rooms/%E1%84%8C%E1%85%A1", "/rooms/%EC%9E%90"),
    ] {
        let (head, _) = get(&maru, path, "");
        assert_eq!((status(&head), value(&head, "location")), (308, location));
    }
    for path in ["/rooms/a.b", "/rooms/a%2Fb", "/rooms/%FF", "/rooms/---"] {
        let (head, page) = get(&maru, path, "Accept-Language: en\r\n");
        assert_eq!(status(&head), 404, "{path}");
        assert!(page.contains("room name"), "{path}: {page}");
    }
    let (head, page) = get(&maru, "/nowhere", "Accept: text/html\r\n");
    assert!(status(&head) == 404 && page.contains("<h1"), "{page}");
    for path in [
        "/../Cargo.toml",
        "/%2e%2e/Cargo.toml",
        "/pkg/..%2f..%2fCargo.toml",
    ] {
        assert_eq!(status(&get(&maru, path, "").0), 404, "{path}");
    }
    let (head, _) = get(&maru, "/?notice=nonsense&lang=xx", "");
    assert_eq!(status(&head), 200, "what cannot be read is passed over");
}

#[test]
fn every_answer_is_hardened() {
    let (_data, maru) = start();
    let foreign_host = maru.request("GET / HTTP/1.1\r\nHost: evil.example\r\n", "");
    assert_eq!(status(&foreign_host.0), 403);
    assert!(foreign_host.1.contains("MARU_PUBLIC_ORIGINS"));
    for head in [
        foreign_host.0,
        get(&maru, "/", "").0,
        get(&maru, "/nowhere", "").0,
        get(&maru, "/api/rooms/a/messages", "").0,
        get(&maru, "/healthz/live", "").0,
    ] {
        assert_eq!(value(&head, "x-content-type-options"), "nosniff", "{head}");
        assert_eq!(value(&head, "referrer-policy"), "same-origin", "{head}");
    }
    let pages = [get(&maru, "/", ""), get(&maru, "/rooms/a", "")];
    let nonces = pages.map(|(head, page)| {
        assert_eq!(value(&head, "cache-control"), "private, no-store");
        let policy = value(&head, "content-security-policy");
        for rule in [
            "default-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "'strict-dynamic' 'nonce-",
        ] {
            assert!(policy.contains(rule), "{policy}");
        }
        assert!(!policy.contains("unsafe-inline"), "{policy}");
        let nonce = policy.split("'nonce-").nth(1).unwrap();
        let nonce = nonce.split('\'').next().unwrap().to_owned();
        assert_eq!(
            page.matches("<script").count(),
            page.matches(&format!("nonce=\"{nonce}\"")).count() - page.matches("<style").count(),
            "every script carries the nonce: {page}"
        );
        nonce
    });
    assert_ne!(nonces[0], nonces[1], "a nonce is used once");
    let large = format!("X-Large: {}\r\n", "a".repeat(32 * 1024));
    assert_eq!(status(&get(&maru, "/", &large).0), 431);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_api() {
    let (_data, maru) = start();
    let mut client = Client::connect(&maru, "bot").await;
    let mut positions = Vec::new();
    for n in 0..5 {
        let receipt = client.say("자유", &format!("m{n}"), &n.to_string()).await;
        positions.push(support::header(&receipt, "message-id").to_owned());
    }
    let room = "/api/rooms/%EC%9E%90%EC%9C%A0/messages";
    let page = |query: &str| {
        let (head, body) = get(&maru, &format!("{room}{query}"), "");
        assert_eq!(status(&head), 200, "{body}");
        let page: protocol::HistoryPage = serde_json::from_str(&body).unwrap();
        let bodies: String = page.messages.iter().map(|message| &*message.body).collect();
        (bodies, page.more)
    };
    assert_eq!(page(""), ("01234".to_owned(), false));
    assert_eq!(page("?limit=2"), ("34".to_owned(), true));
    assert_eq!(
        page(&format!("?before={}&limit=2", positions[3])),
        ("12".to_owned(), true)
    );
    assert_eq!(
        page(&format!("?after={}&limit=2", positions[0])),
        ("12".to_owned(), true)
    );
    assert_eq!(
        page(&format!("?after={}", positions[4])),
        (String::new(), false)
    );

    let (head, _) = get(&maru, room, "");
    assert_eq!(value(&head, "cache-control"), "private, no-cache");
    let tag = value(&head, "etag").to_owned();
    let known = format!("If-None-Match: \"other\", W/{tag}\r\n");
    let (again, body) = get(&maru, room, &known);
    assert_eq!((status(&again), &*body), (304, ""));
    assert_eq!(value(&again, "etag"), tag);
    client.say("자유", "m5", "5").await;
    assert_eq!(status(&get(&maru, room, &known).0), 200);

    let other_epoch = format!("{room}?before=00000000{}", &positions[0][8..]);
    for (path, expected) in [
        (format!("{room}?limit=0"), 400),
        (format!("{room}?limit=201"), 400),
        (format!("{room}?limit=x"), 400),
        (format!("{room}?limit=1&limit=2"), 400),
        (format!("{room}?before=nonsense"), 400),
        (format!("{room}?before={0}&after={0}", positions[0]), 400),
        ("/api/rooms/a.b/messages".to_owned(), 400),
        ("/api/rooms/%FF/messages".to_owned(), 400),
        (other_epoch, 410),
    ] {
        let (head, body) = get(&maru, &path, "");
        assert_eq!(status(&head), expected, "{path}: {body}");
        assert_eq!(value(&head, "content-type"), "application/json");
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert!(
            body["error"]
                .as_str()
                .is_some_and(|sentence| !sentence.is_empty())
        );
    }
}
