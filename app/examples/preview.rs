//! Writes the pages to files, to look at them without a server: `cargo run -p app --features ssr --example preview -- DIRECTORY`.

use std::error::Error;
use std::path::Path;

use app::shell::{
    Assets, DocumentOptions, MessageState, lobby_document, message_document, room_document,
};
use leptos::config::LeptosOptions;
use protocol::{
    Epoch, Folded, HistoryPage, Kind, Language, LobbyState, Message, Position, Quote, Reaction,
    RoomName, RoomState, RoomSummary, Sender, Viewer,
};

/// 2026-11-22T12:41:00Z.
const EVENING: i64 = 1_795_351_260_000;
/// 2026-11-23T06:08:00Z.
const AFTERNOON: i64 = 1_795_414_080_000;
const MINUTE: i64 = 60_000;

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args().nth(1).ok_or("say where the files go")?;
    let directory = Path::new(&directory);
    std::fs::create_dir_all(directory)?;
    let assets = Assets::locate(
        &LeptosOptions::builder()
            .output_name("maru")
            .site_pkg_dir("pkg")
            .build(),
    )?;
    let options = DocumentOptions {
        nonce: "preview",
        assets: &assets,
    };
    let write = |name: &str, document: String| std::fs::write(directory.join(name), document);

    write(
        "room.html",
        room_document(room(Language::Ko, Some(me()))?, options),
    )?;
    write(
        "guest.html",
        room_document(room(Language::En, None)?, options),
    )?;
    let mut messages = room(Language::Ko, Some(me()))?;
    messages.history.messages = becoming();
    messages.history.newer = true;
    messages.focus = messages.history.messages.get(3).map(|row| row.position);
    write("messages.html", room_document(messages, options))?;
    let mut refused = room(Language::Ko, None)?;
    refused.history.messages.clear();
    refused.history.more = false;
    refused.notice = Some("닉네임은 20자까지 쓸 수 있습니다.".to_owned());
    write("empty.html", room_document(refused, options))?;
    let lobby = |person, rooms, notice| LobbyState {
        viewer: Viewer {
            theme: protocol::Theme::default(),
            person,
            language: Language::Ko,
        },
        rooms,
        notice,
    };
    write(
        "lobby.html",
        lobby_document(lobby(Some(me()), rooms()?, None), options),
    )?;
    let notice = Some("채팅방 이름에는 글자, 숫자, 하이픈만 쓸 수 있습니다.".to_owned());
    write(
        "first.html",
        lobby_document(lobby(None, Vec::new(), notice), options),
    )?;
    let starting = MessageState {
        language: Language::Ko,
        title: "준비하고 있습니다".to_owned(),
        sentence: "지난 대화를 읽고 있습니다. 63% 읽었습니다.".to_owned(),
        reload_after: Some(3),
    };
    write("starting.html", message_document(starting, options))?;
    write("fifty.html", room_document(fifty()?, options))?;
    Ok(())
}

fn me() -> Sender {
    person("me-1", "나연")
}

fn person(uid: &str, name: &str) -> Sender {
    Sender {
        uid: uid.to_owned(),
        name: name.to_owned(),
    }
}

fn message(offset: i64, sender: Sender, ts: i64, body: &str) -> Message {
    Message {
        reference: None,
        folded: Folded::default(),
        position: Position {
            epoch: Epoch(0x5f2c_9a01),
            partition: 3,
            offset: 1_000 + offset,
        },
        prev: None,
        ts,
        kind: Kind::Message,
        id: format!("m-{offset}"),
        sender,
        body: body.to_owned(),
        other: serde_json::Map::new(),
    }
}

fn room(language: Language, person: Option<Sender>) -> Result<RoomState, Box<dyn Error>> {
    let messages = conversation();
    Ok(RoomState {
        focus: None,
        read: None,
        viewer: Viewer {
            theme: protocol::Theme::default(),
            person,
            language,
        },
        room: "개발팀".parse()?,
        rooms: rooms()?,
        epoch: Epoch(0x5f2c_9a01),
        head: messages.last().map_or(-1, |last| last.position.offset),
        history: HistoryPage {
            newer: false,
            head: -1,
            messages,
            more: true,
        },
        notice: None,
    })
}

/// Answers, reactions, Markdown, mentions, and what is left of a deleted message.
fn becoming() -> Vec<Message> {
    let (jiu, minjun) = (|| person("u-jiu", "지우"), || person("u-minjun", "민준"));
    let answer = |offset, sender, body: &str, quote: Option<&str>| Message {
        reference: Some(message(1, me(), 0, "").position),
        folded: Folded {
            quote: Some(Box::new(Quote {
                sender: person("u-jiu", "지우"),
                text: quote.unwrap_or_default().to_owned(),
                deleted: quote.is_none(),
            })),
            ..Folded::default()
        },
        ..message(offset, sender, AFTERNOON + offset * MINUTE, body)
    };
    let mut list = message(
        2,
        minjun(),
        AFTERNOON + 2 * MINUTE,
        "배포 순서입니다.\n1. **준비**: 노드를 비웁니다\n2. *교체*하고 `make check`\n3. ~~기도~~ 확인\n> 급하면 되돌립니다\n```sh\nscripts/dist.sh archive\n./run --nodes 3\n```\n자세한 것은 https://maru.example/docs/failover 에서",
    );
    let reaction = |emoji: &str, by: &[&str]| Reaction {
        emoji: emoji.to_owned(),
        by: by.iter().map(|uid| (*uid).to_owned()).collect(),
    };
    list.folded.reactions = vec![
        reaction("👍", &["me-1", "u-jiu", "u-omar", "u-ana"]),
        reaction("🎉", &["u-jiu"]),
    ];
    let mut gone = message(4, jiu(), AFTERNOON + 4 * MINUTE, "");
    gone.folded.deleted = true;
    let mut edited = answer(
        5,
        me(),
        "네, 오후 **세 시**에 합니다",
        Some("오늘 배포하나요?"),
    );
    edited.folded.edited = Some(AFTERNOON + 9 * MINUTE);
    edited.folded.reactions = vec![reaction("🙏", &["u-jiu"])];
    vec![
        message(1, jiu(), AFTERNOON + MINUTE, "오늘 배포하나요?"),
        list,
        answer(
            3,
            minjun(),
            "@나연 님이 하시죠? @지우 님은 쉬세요",
            Some("오늘 배포하나요?"),
        ),
        edited,
        gone,
        answer(6, jiu(), "아까 그건 지웠어요", None),
        message(7, me(), AFTERNOON + 7 * MINUTE, "👏🎉"),
    ]
}

/// Fifty messages of sixty syllables, the corpus for the size of a document.
fn fifty() -> Result<RoomState, Box<dyn Error>> {
    let mut state = room(Language::Ko, Some(me()))?;
    let mut seed = 1_u32;
    let mut syllable = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        // Ordinary text uses about a thousand of the eleven thousand syllables.
        char::from_u32(0xac00 + (seed >> 16) % 1_000 * 11).unwrap_or('가')
    };
    state.history.messages = (0..50)
        .map(|n| {
            let text: String = (0..60)
                .map(|place| if place % 4 == 3 { ' ' } else { syllable() })
                .collect();
            let who =
                ["지우", "민준", "현서", "Ana"][usize::try_from(n / 3 % 4).unwrap_or_default()];
            message(n, person(who, who), EVENING + n * 2 * MINUTE, &text)
        })
        .collect();
    Ok(state)
}

fn conversation() -> Vec<Message> {
    let (minjun, hyeonseo, jiu) = (
        || person("u-minjun", "민준"),
        || person("u-hyeonseo", "현서"),
        || person("u-jiu", "지우"),
    );
    let line = |kind: Kind, offset, ts, body: &str| Message {
        kind,
        ..message(offset, jiu(), ts, body)
    };
    let mut messages = vec![
        message(
            1,
            minjun(),
            EVENING - MINUTE,
            "배포 스크립트 정리해서 올려뒀어요. ./run --nodes 3 하나면 됩니다.",
        ),
        message(2, minjun(), EVENING, "내일 아침에 같이 봐요 🙂"),
        line(
            Kind::System,
            3,
            AFTERNOON - 2 * MINUTE,
            "현서님이 들어왔습니다",
        ),
        message(
            4,
            hyeonseo(),
            AFTERNOON,
            "안녕하세요! 링크는 여기 있어요: https://maru.example/docs/failover#아주-긴-주소도-줄을-바꿉니다-끝까지-보이나요",
        ),
        message(
            5,
            me(),
            AFTERNOON + 2 * MINUTE,
            "확인했어요. 노드 1을 보내는 중에 죽이면 어떻게 되나요?",
        ),
        message(
            6,
            jiu(),
            AFTERNOON + 3 * MINUTE,
            "노드 1 죽여도 메시지 안 빠졌어요. 같은 client id로 다시 보내니까 딱 한 번만 보입니다.",
        ),
        message(
            7,
            jiu(),
            AFTERNOON + 4 * MINUTE,
            "Kafka offset 기준으로 이어 받아서\n순서도 그대로예요.",
        ),
        message(
            8,
            person("u-omar", "عمر"),
            AFTERNOON + 5 * MINUTE,
            "مرحبا بالجميع، هل يعمل هذا؟ <b>&amp;</b>",
        ),
        line(Kind::Unsupported, 9, AFTERNOON + 5 * MINUTE, ""),
        message(10, me(), AFTERNOON + 6 * MINUTE, "좋네요 👏"),
        message(
            11,
            me(),
            AFTERNOON + 6 * MINUTE,
            "그럼 오후에 다시 한 번 테스트해 볼게요",
        ),
    ];
    let earlier = (0..8).map(|n| {
        message(
            n - 20,
            minjun(),
            EVENING - 30 * MINUTE + n * 3 * MINUTE,
            "조금 앞선 이야기입니다.",
        )
    });
    messages.splice(..0, earlier);
    messages
}

fn rooms() -> Result<Vec<RoomSummary>, Box<dyn Error>> {
    let jiu = || person("u-jiu", "지우");
    let summary = |room: &str, last| -> Result<RoomSummary, Box<dyn Error>> {
        Ok(RoomSummary {
            unread: 0,
            mentions: 0,
            room: room.parse::<RoomName>()?,
            last,
        })
    };
    Ok(vec![
        summary(
            "개발팀",
            message(
                11,
                me(),
                AFTERNOON + 6 * MINUTE,
                "그럼 오후에 다시 한 번 테스트해 볼게요",
            ),
        )?,
        summary(
            "점심-뭐-먹지",
            message(
                1,
                jiu(),
                AFTERNOON - 10 * MINUTE,
                "오늘은 칼국수 어때요? 어제도 국수였지만 괜찮을 것 같아요",
            ),
        )?,
        summary(
            "launch-2026",
            message(
                1,
                person("u-ana", "Ana"),
                AFTERNOON - 200 * MINUTE,
                "배너 문구 확인 부탁해요",
            ),
        )?,
        summary(
            "운영알림",
            message(1, person("u-ops", "kafka-2"), EVENING, "복구됨"),
        )?,
        summary(
            "العربية",
            message(
                1,
                person("u-omar", "عمر"),
                EVENING - 3000 * MINUTE,
                "مرحبا بالجميع",
            ),
        )?,
    ])
}
