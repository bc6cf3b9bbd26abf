//! The documents as the server sends them: complete without JavaScript, and harmless whatever people call themselves.
#![cfg(feature = "ssr")]
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use app::shell::{
    Assets, DocumentOptions, MessageState, lobby_document, message_document, room_document,
};
use leptos::config::LeptosOptions;
use protocol::{
    Epoch, Folded, HistoryPage, Kind, Language, LobbyState, Message, Position, Quote, Reaction,
    RoomState, RoomSummary, Sender, Theme, Viewer,
};

const HOSTILE: [&str; 7] = [
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"><svg onload=alert(1)>",
    "' autofocus onfocus='alert(1)",
    "<!--<script>",
    "\u{2028}\u{2029}&lt;b&gt;",
    "]]><textarea></textarea>",
];

fn with_assets(render: impl FnOnce(DocumentOptions<'_>) -> String) -> String {
    let options = LeptosOptions::builder()
        .output_name("maru")
        .site_pkg_dir("pkg")
        .build();
    render(DocumentOptions {
        nonce: "n0nce",
        assets: &Assets::locate(&options).unwrap(),
    })
}

fn sender(name: &str) -> Sender {
    Sender {
        uid: format!("uid of {name}"),
        name: name.to_owned(),
    }
}

fn message(offset: i64, name: &str, body: &str) -> Message {
    Message {
        reference: None,
        folded: Folded::default(),
        position: Position {
            epoch: Epoch(0x5f2c_9a01),
            partition: 3,
            offset,
        },
        prev: None,
        ts: 1_795_414_325_000,
        kind: Kind::Message,
        id: format!("id-{offset}"),
        sender: sender(name),
        body: body.to_owned(),
        other: serde_json::Map::new(),
    }
}

fn room(person: Option<Sender>, messages: Vec<Message>) -> RoomState {
    let rooms = messages.last().map(|last| RoomSummary {
        unread: 0,
        mentions: 0,
        room: "자유게시판".parse().unwrap(),
        last: last.clone(),
    });
    RoomState {
        focus: None,
        read: None,
        viewer: Viewer {
            theme: Theme::default(),
            person,
            language: Language::Ko,
        },
        room: "자유게시판".parse().unwrap(),
        rooms: rooms.into_iter().collect(),
        epoch: Epoch(0x5f2c_9a01),
        head: messages.last().map_or(-1, |last| last.position.offset),
        history: HistoryPage {
            newer: false,
            head: -1,
            messages,
            more: true,
        },
        notice: None,
    }
}

fn render(state: RoomState) -> String {
    with_assets(|options| room_document(state, options))
}

/// The state as the browser reads it: what stands between the tags, and nothing else.
fn island(document: &str) -> &str {
    let (_, rest) = document
        .split_once(r#"<script type="application/json" id="maru-state">"#)
        .unwrap();
    rest.split_once("</script>").unwrap().0
}

#[test]
fn a_room_reads_without_javascript() {
    let document = render(room(
        None,
        vec![message(1, "지우", "안녕하세요"), message(2, "민준", "네")],
    ));
    assert!(
        document.starts_with("<!DOCTYPE html><html lang=\"ko\" data-theme=\"auto\""),
        "{document}"
    );
    for part in [
        "<title>자유게시판 · 마루</title>",
        r#"role="log""#,
        r#"data-position="5f2c9a01-3-1""#,
        r#"data-position="5f2c9a01-3-2""#,
        "<bdi>지우</bdi>",
        r#"<time datetime="2026-11-23T06:12:05Z">06:12</time>"#,
        r#"<form method="post" action="/session""#,
        r#"<input type="hidden" name="return" value="/rooms/자유게시판">"#,
        r#"name="nickname""#,
    ] {
        assert!(document.contains(part), "{part} is missing in {document}");
    }
    assert_eq!(
        document.matches(r#"name="nickname""#).count(),
        1,
        "one field for one thing"
    );
    assert!(
        !document.contains("<textarea"),
        "without a nickname nobody writes"
    );
}

#[test]
fn what_became_of_messages_reads_without_javascript() {
    let quote = |deleted| {
        Some(Box::new(Quote {
            sender: sender("지우"),
            text: if deleted {
                String::new()
            } else {
                "<점심> 뭐".to_owned()
            },
            deleted,
        }))
    };
    let with = |offset, body: &str, folded| Message {
        reference: Some(message(1, "지우", "").position),
        folded,
        ..message(offset, "민준", body)
    };
    let reactions = vec![Reaction {
        emoji: "👍".to_owned(),
        by: vec!["uid of 나연".to_owned(), "uid of 지우".to_owned()],
    }];
    let folded = |quote, deleted, edited| Folded {
        quote,
        deleted,
        edited,
        ..Folded::default()
    };
    let mut state = room(
        Some(sender("나연")),
        vec![
            message(
                1,
                "지우",
                "**굵게**는 `코드`, https://maru.example/길에서\n> 인용\n- 하나\n3. 셋\n```rust\nlet <a>;\n```",
            ),
            with(
                2,
                "칼국수",
                folded(quote(false), false, Some(1_795_414_400_000)),
            ),
            with(
                3,
                "@나연 어때요? @지우",
                Folded {
                    reactions,
                    ..folded(quote(true), false, None)
                },
            ),
            with(4, "", folded(None, true, None)),
            message(5, "지우", "🙂"),
        ],
    );
    state.focus = Some(message(3, "", "").position);
    let document = render(state);
    for part in [
        "<strong class=\"b\">굵게</strong>",
        "<code>코드</code>",
        r#"<a href="https://maru.example/길에서" rel="noopener nofollow" target="_blank">https://maru.example/길에서</a>"#,
        "<blockquote><p>인용",
        "<ul><li>하나",
        "<ol start=\"3\"><li>셋",
        "<pre>\nlet &lt;a&gt;;",
        "<span>rust</span>",
        r#"<a class="quote hue-5" href="?at=5f2c9a01-3-1" data-act="jump">"#,
        "<bdi>지우</bdi><span dir=\"auto\">&lt;점심&gt; 뭐</span>",
        "<span dir=\"auto\">삭제된 메시지입니다</span>",
        r#"<small class="edited">수정됨</small>"#,
        r#"<div dir="auto" class="bubble gone">"#,
        r#"<div dir="auto" class="bubble named">"#,
        r#"<div dir="auto" class="bubble emoji">"#,
        r#"<span class="mention">@나연</span>"#,
        r#"data-emoji="👍" aria-pressed="true""#,
        r#"class="message hue-"#,
    ] {
        assert!(document.contains(part), "{part} is missing in {document}");
    }
    assert_eq!(document.matches(" focused\"").count(), 1);
}

#[test]
fn addresses_that_run_something_stay_text() {
    for text in [
        "javascript:alert(1)",
        "[여기](javascript:alert(1))",
        "JaVaScRiPt:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:x https://javascript:alert(1)",
        "https://a.example/\"onmouseover=\"alert(1)",
        "https://a.example/'><script>alert(1)</script>",
        "**<img src=x onerror=alert(1)>**",
        "`</code><script>alert(1)</script>`",
        "```html\n</pre><script>alert(1)</script>\n```",
        "> <svg onload=alert(1)>",
        "- <iframe src=javascript:alert(1)>",
        "@<b onclick=alert(1)>",
        "\u{202e}https://a.example/\u{202e}gpj.exe",
    ] {
        let plain = render(room(None, vec![message(1, "a", "b")]));
        let whole = render(room(None, vec![message(1, "a", text)]));
        let document = whole.replace(island(&whole), "");
        for tag in ["<script", "<img", "<svg", "<iframe", "<b "] {
            let count = |document: &str| document.matches(tag).count();
            assert_eq!(count(&document), count(&plain), "{tag} after {text}");
        }
        for link in document.split("<a ").skip(1) {
            let (attributes, _) = link.split_once('>').unwrap();
            let is_safe = ["/", "#", "?", "https://", "http://", "mailto:"]
                .iter()
                .any(|start| attributes.contains(&format!("href=\"{start}")));
            assert!(is_safe, "{attributes} after {text}");
            assert!(
                !attributes.contains("onmouseover"),
                "{attributes} after {text}"
            );
        }
    }
}

#[test]
fn with_a_nickname_there_is_an_empty_composer() {
    let document = render(room(
        Some(sender("나연")),
        vec![message(1, "나연", "내 말")],
    ));
    let (_, field) = document.split_once("<textarea").unwrap();
    let (attributes, rest) = field.split_once('>').unwrap();
    assert!(attributes.contains(r#"name="body""#));
    assert!(!attributes.contains("value="));
    assert!(
        rest.starts_with("</textarea>"),
        "its text is the browser's business"
    );
    assert!(document.contains(r#"class="message own timed""#));
}

#[test]
fn the_island_is_the_state() {
    let texts = HOSTILE
        .iter()
        .zip(1..)
        .map(|(text, offset)| message(offset, text, text))
        .collect();
    let state = room(Some(sender(HOSTILE[0])), texts);
    let read: RoomState = serde_json::from_str(island(&render(state.clone()))).unwrap();
    assert_eq!(read, state);
}

#[test]
fn nothing_that_people_write_becomes_markup() {
    let harmless = render(room(Some(sender("name")), vec![message(1, "name", "body")]));
    for text in HOSTILE {
        let mut state = room(Some(sender(text)), vec![message(1, text, text)]);
        state.notice = Some(text.to_owned());
        let mut document = render(state);
        // The same elements as with plain words, but for the notice, which the plain page has not.
        assert_eq!(document.matches("class=\"notice\"").count(), 1);
        let island = island(&document).to_owned();
        assert!(
            !island.contains(['<', '>', '&', '\u{2028}', '\u{2029}']),
            "{island}"
        );
        document = document.replace(&island, "");
        for tag in ["<script", "<img", "<svg", "<textarea", "<b>"] {
            assert_eq!(
                document.matches(tag).count(),
                harmless.matches(tag).count(),
                "{tag} after {text}"
            );
        }
        assert!(!document.contains("' onfocus"), "{document}");
    }
}

#[test]
fn every_inline_script_carries_the_nonce_and_nothing_else_runs() {
    for document in [
        render(room(None, vec![message(1, "a", "b")])),
        with_assets(|options| {
            let viewer = Viewer {
                theme: Theme::default(),
                person: None,
                language: Language::En,
            };
            lobby_document(
                LobbyState {
                    viewer,
                    rooms: Vec::new(),
                    notice: None,
                },
                options,
            )
        }),
    ] {
        for script in document.split("<script").skip(1) {
            let (attributes, _) = script.split_once('>').unwrap();
            assert!(
                attributes.contains(r#"nonce="n0nce""#) || attributes.contains("application/json"),
                "{attributes}"
            );
        }
        for forbidden in [" style=", " onclick=", " onload=", "javascript:"] {
            assert!(!document.contains(forbidden), "{forbidden}");
        }
    }
}

#[test]
fn the_lobby_needs_no_program() {
    let last = message(7, "지우", &"가나다 ".repeat(1_000));
    let rooms = vec![RoomSummary {
        unread: 0,
        mentions: 0,
        room: "점심".parse().unwrap(),
        last,
    }];
    let viewer = Viewer {
        theme: Theme::default(),
        person: Some(sender("나연")),
        language: Language::En,
    };
    let notice = Some("A room name has letters only.".to_owned());
    let document = with_assets(|options| {
        lobby_document(
            LobbyState {
                viewer,
                rooms,
                notice,
            },
            options,
        )
    });
    assert!(document.contains(r#"<html lang="en" "#));
    for part in [
        r#"href="/rooms/점심""#,
        r#"action="/rooms""#,
        r#"name="room""#,
        "A room name has letters only.",
        "<h1>",
    ] {
        assert!(document.contains(part), "{part} is missing in {document}");
    }
    for absent in ["maru.wasm", "maru.js", "maru-state"] {
        assert!(!document.contains(absent), "{absent}");
    }
    assert!(
        document.len() < 16 * 1024,
        "long messages are shortened: {} bytes",
        document.len()
    );
}

#[test]
fn long_last_messages_of_rooms_are_sent_shortened() {
    let mut state = room(None, vec![message(1, "지우", "짧은 말")]);
    state.rooms = (0..100)
        .map(|n| RoomSummary {
            unread: 0,
            mentions: 0,
            room: format!("room-{n}").parse().unwrap(),
            last: message(n, "지우", &"긴 말".repeat(1_000)),
        })
        .collect();
    let bytes = render(state).len();
    assert!(bytes < 160 * 1024, "{bytes} bytes");
}

#[test]
fn a_page_with_one_sentence() {
    let state = |reload_after| MessageState {
        language: Language::En,
        theme: Theme::Auto,
        title: "Not found".to_owned(),
        sentence: "<There> is no such page.".to_owned(),
        reload_after,
    };
    let document = with_assets(|options| message_document(state(None), options));
    assert!(
        document.contains("&lt;There&gt; is no such page."),
        "{document}"
    );
    assert!(!document.contains("http-equiv"));
    let document = with_assets(|options| message_document(state(Some(3)), options));
    let again = r#"<noscript><meta http-equiv="refresh" content="3"></noscript>"#;
    assert!(document.contains(again), "{document}");
    assert!(document.contains("setTimeout(ask, 3 * 1000)"), "{document}");
}

/// One member, who has read up to the offset 2 of five messages.
fn partly_read() -> RoomState {
    let messages = (1..=5)
        .map(|offset| Message {
            prev: (offset > 1).then(|| offset - 1),
            ..message(offset, if offset == 3 { "나연" } else { "지우" }, "말")
        })
        .collect();
    let mut state = room(Some(sender("나연")), messages);
    state.read = Some(2);
    state
}

#[test]
fn the_divider_stands_above_the_first_message_that_others_wrote_since() {
    let document = render(partly_read());
    let (before, after) = document.split_once(r#"class="unread""#).unwrap();
    assert!(
        before.contains("5f2c9a01-3-3\""),
        "one's own message is read"
    );
    assert!(after.contains("5f2c9a01-3-4\""));
    assert!(after.contains("여기까지 읽었습니다"));

    let mut all_read = partly_read();
    all_read.read = Some(5);
    let mut never_read = partly_read();
    never_read.read = None;
    let mut far_above = partly_read();
    far_above.history.messages.drain(..3);
    for state in [all_read, never_read, far_above] {
        assert!(!render(state).contains(r#"class="unread""#));
    }
    let mut edge = partly_read();
    edge.history.messages.drain(..2);
    assert!(
        render(edge).contains(r#"class="unread""#),
        "the page may begin where one left off"
    );
}

#[test]
fn unread_rooms_say_so_in_list_and_title() {
    let mut state = room(Some(sender("나연")), vec![message(1, "지우", "말")]);
    for (name, unread, mentions) in [("lunch", 120, 0), ("launch", 3, 1)] {
        state.rooms.push(RoomSummary {
            unread,
            mentions,
            room: name.parse().unwrap(),
            last: message(9, "민준", "밥"),
        });
    }
    let document = render(state);
    for part in [
        "<title>(99+) 자유게시판 · 마루</title>",
        r#"data-unread="120""#,
        "읽지 않은 메시지 99+개",
        r#"data-unread="3" data-mentions="1""#,
        "읽지 않은 메시지 3개, 나를 부른 메시지 있음",
    ] {
        assert!(document.contains(part), "{part} is missing in {document}");
    }
    assert_eq!(document.matches(r#"class="badge""#).count(), 2);
}

#[test]
fn people_of_one_name_are_told_apart() {
    let mut messages = vec![message(1, "지우", "말"), message(2, "지우", "말")];
    messages[1].sender.uid = "another".to_owned();
    let document = render(room(None, messages.clone()));
    assert_eq!(document.matches(r#"class="tag""#).count(), 2);
    messages.truncate(1);
    assert!(!render(room(None, messages)).contains(r#"class="tag""#));
}

#[test]
fn colours_are_in_the_first_html() {
    for (theme, scheme, first) in [
        (Theme::Auto, "light dark", r" media="),
        (Theme::Light, "light", r##" content="#FFFFFF""##),
        (Theme::Dark, "dark", r##" content="#15181C""##),
    ] {
        let mut state = room(None, Vec::new());
        state.viewer.theme = theme;
        let document = render(state);
        for part in [
            format!(r#"data-theme="{}""#, theme.as_str()),
            format!(r#"<meta name="color-scheme" content="{scheme}">"#),
            format!(r#"value="{}" aria-pressed="true""#, theme.as_str()),
        ] {
            assert!(document.contains(&part), "{part} is missing in {document}");
        }
        let (_, colour) = document.split_once(r#"name="theme-color""#).unwrap();
        assert!(colour.starts_with(first), "{document}");
    }
}
