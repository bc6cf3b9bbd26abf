//! A composed message reaches the room once, in order, or says why not.

use protocol::{Epoch, header, limits};
use stomp::Command;
use uuid::Uuid;

use crate::chat::testing::{Harness, ME, message, page};
use crate::chat::{ComposeError, Composition, Event, PageRequest, Status};

#[test]
fn a_message_goes_out_with_an_id_of_its_own() {
    let mut page = Harness::live();
    let id = page.compose("안녕하세요\n반가워요");
    let uuid = Uuid::parse_str(&id).unwrap();
    assert_eq!(uuid.get_version_num(), 7);
    let send = &page.sent[0];
    assert_eq!(send.command, Command::Send);
    for (name, value) in [
        ("destination", "/app/rooms.general.send"),
        ("content-type", "text/plain"),
        (header::CLIENT_MSG_ID, id.as_str()),
        ("receipt", id.as_str()),
    ] {
        assert_eq!(send.header(name).unwrap(), value);
    }
    assert_eq!(send.body, "안녕하세요\n반가워요");
    let pending = &page.engine.pending()[0];
    assert_eq!(
        (pending.composed_at, &pending.status),
        (page.now, &Status::Sending)
    );
    assert!(page.changes[0].pending);
}

#[test]
fn texts_that_the_server_would_refuse_stay_in_the_composer() {
    let mut page = Harness::live();
    for (text, error) in [
        (String::new(), ComposeError::Empty),
        (" \n\t\u{3000}".to_owned(), ComposeError::Empty),
        ("가".repeat(limits::TEXT_CHARS + 1), ComposeError::TooLong),
        (
            "🙂".repeat(limits::TEXT_BYTES / 4 + 1),
            ComposeError::TooLong,
        ),
    ] {
        assert_eq!(
            page.engine
                .compose(page.now, Composition::message(text), [0; 10]),
            Err(error)
        );
    }
    assert!(page.engine.pending().is_empty() && page.sent.is_empty());
    page.compose(&"가".repeat(limits::TEXT_CHARS));
    for _ in 1..200 {
        page.compose("안녕");
    }
    assert_eq!(
        page.engine
            .compose(page.now, Composition::message("넘침"), [0; 10]),
        Err(ComposeError::Full)
    );
}

#[test]
fn one_is_under_way_at_a_time() {
    let mut page = Harness::live();
    let ids: Vec<String> = ["하나", "둘", "셋"].map(|text| page.compose(text)).to_vec();
    assert_eq!(page.sends(), ids[..1]);
    page.receipt(&ids[0], 17);
    assert_eq!(page.sends(), ids[1..2], "after the receipt");
    page.hear(&message(17, Some(15), ME, &ids[0]));
    page.hear(&message(18, Some(17), ME, &ids[1]));
    assert_eq!(page.sends(), ids[2..], "or when it is seen in the room");
    page.receipt(&ids[1], 18);
    assert_eq!(
        page.statuses(),
        [Status::Sending],
        "a late receipt changes nothing"
    );
}

#[test]
fn a_stored_message_stays_until_it_is_a_row() {
    let mut page = Harness::live();
    let id = page.compose("안녕");
    page.receipt(&id, 18);
    assert_eq!(page.statuses(), [Status::Sent]);
    page.hear(&message(16, Some(15), "이웃", "a"));
    assert_eq!(page.statuses(), [Status::Sent]);
    page.changes.clear();
    page.hear(&message(18, Some(16), ME, &id));
    assert!(page.engine.pending().is_empty());
    assert_eq!(
        (
            page.changes.len(),
            page.changes[0].appended,
            page.changes[0].pending
        ),
        (1, 1, true),
        "in one step"
    );
}

#[test]
fn a_receipt_of_a_row_that_is_known_settles_it() {
    let mut page = Harness::live();
    let id = page.compose("안녕");
    page.receipt(&id, 12);
    assert!(page.engine.pending().is_empty());
}

#[test]
fn the_row_replaces_the_entry_whatever_its_state() {
    type Prepare = fn(&mut Harness, &str);
    let states: [(&str, Prepare); 5] = [
        ("sending", |_, _| {}),
        ("unconfirmed", |page, _| page.pass(10_000)),
        ("sent", |page, id| page.receipt(id, 17)),
        ("refused for now", |page, id| {
            page.refusal(id, "unconfirmed", true, Some(9_000));
        }),
        ("failed", |page, id| {
            page.refusal(id, "forbidden", false, None);
        }),
    ];
    for (state, prepare) in states {
        let mut page = Harness::live();
        let id = page.compose("안녕");
        prepare(&mut page, &id);
        page.hear(&message(16, Some(15), "이웃", &id));
        assert_eq!(
            page.engine.pending().len(),
            1,
            "{state}: ids are each sender's own"
        );
        page.hear(&message(17, Some(16), ME, &id));
        assert!(page.engine.pending().is_empty(), "{state}");
    }
}

#[test]
fn after_a_break_the_room_comes_first_and_the_id_stays() {
    let mut page = Harness::live();
    let first = page.compose("하나");
    let second = page.compose("둘");
    page.closed();
    assert_eq!(
        page.statuses(),
        [Status::Sending, Status::Queued],
        "one may have arrived, the other cannot have"
    );
    page.sent.clear();
    page.pass(2_001);
    page.open();
    assert_eq!(
        page.sends(),
        [] as [String; 0],
        "not before the room is followed"
    );
    page.event(Event::Wake);
    page.closed();
    page.pass(4_001);
    page.open();
    page.subscribed(true);
    assert_eq!(page.sends(), [first.as_str()]);
    page.receipt(&first, 16);
    assert_eq!(page.sends(), [second.as_str()]);
}

#[test]
fn messages_may_be_sent_while_a_page_is_fetched() {
    let mut page = Harness::new();
    page.event(Event::Start);
    let id = page.compose("안녕");
    page.open();
    page.subscribed(false);
    assert_eq!(page.sends(), [id]);
}

#[test]
fn waiting_is_shown_for_what_it_is() {
    let mut page = Harness::live();
    page.closed();
    page.event(Event::Offline);
    page.compose("안녕");
    page.pass(60_000);
    assert_eq!(
        page.statuses(),
        [Status::Queued],
        "nothing was sent, so nothing is in doubt"
    );
    page.event(Event::Online);
    page.go_live();
    assert_eq!(
        page.statuses(),
        [Status::Sending],
        "its ten seconds begin now"
    );
    page.pass(9_999);
    assert_eq!(page.statuses(), [Status::Sending]);
    page.changes.clear();
    page.pass(1);
    assert_eq!(page.statuses(), [Status::Unconfirmed]);
    assert!(page.changes[0].pending);
    page.closed();
    assert_eq!(
        page.statuses(),
        [Status::Unconfirmed],
        "it may be in the room"
    );
}

#[test]
fn an_answer_that_went_missing_is_asked_for_again() {
    let mut page = Harness::live();
    let id = page.compose("하나");
    page.sent.clear();
    page.pass(10_000);
    page.subscribed(true);
    assert_eq!(
        page.commands(),
        [Command::Unsubscribe, Command::Subscribe],
        "the connection takes what is sent, so the server is slow"
    );
    for _ in 0..5 {
        page.pass(12_999);
        page.beat();
    }
    assert_eq!(page.commands(), []);
    page.pass(5);
    assert_eq!(page.sends(), [id]);
}

#[test]
fn a_connection_that_only_speaks_is_given_up() {
    for chatter_ms in [10_000, 1_000] {
        let mut page = Harness::live();
        let id = page.compose("하나");
        let mut offset = 15;
        while page.connects() == 0 {
            assert!(offset < 100, "it is never given up");
            page.pass(chatter_ms);
            page.hear(&message(offset + 1, Some(offset), "이웃", "a"));
            offset += 1;
        }
        let waited = u64::try_from(offset - 15).unwrap() * chatter_ms;
        assert!((12_000..=30_000).contains(&waited), "{waited} ms");
        page.go_live_keeping_frames();
        assert_eq!(page.sends().last(), Some(&id));
    }
}

#[test]
fn what_was_stored_in_a_lost_log_does_not_stay_for_ever() {
    let mut live = Harness::live();
    let id = live.compose("안녕");
    live.receipt(&id, 16);
    live.closed();
    live.event(Event::ReconnectNow);
    live.open();
    live.subscribed(false);
    let mut other = page(&[2, 3], false);
    for message in &mut other.messages {
        message.position.epoch = Epoch(7);
    }
    live.event(Event::Fetched {
        request: PageRequest::Latest,
        page: other,
    });
    assert!(
        live.engine.pending().is_empty(),
        "the room is what the log says"
    );
}
