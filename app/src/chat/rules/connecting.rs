//! Connecting, noticing that a connection is dead, and coming back.

use bytes::Bytes;
use protocol::header;
use stomp::{Command, Frame};

use crate::chat::testing::{Harness, encode, message, message_frame};
use crate::chat::{Connection, Effect, Event};

/// Fields of a frame that a test looks at.
fn headers<'a>(frame: &'a Frame, names: &[&str]) -> Vec<&'a str> {
    names
        .iter()
        .map(|name| frame.header(name).map_or("", |value| &**value))
        .collect()
}

#[test]
fn says_hello_then_listens_then_is_live() {
    let mut page = Harness::new();
    assert_eq!(page.engine.connection(), Connection::Connecting);
    page.event(Event::Start);
    assert_eq!(page.asked, [Effect::Connect { generation: 1 }]);
    assert!(
        page.sent.is_empty(),
        "nothing is sent before the socket is open"
    );

    page.event(Event::Opened { generation: 1 });
    assert_eq!(page.sent[0].command, Command::Connect);
    assert_eq!(
        headers(&page.sent[0], &["accept-version", "host", "heart-beat"]),
        ["1.2", "localhost:8080", "0,10000"]
    );

    page.sent.clear();
    page.receive(
        &Frame::new(Command::Connected)
            .with("version", "1.2")
            .with("heart-beat", "10000,0"),
    );
    assert_eq!(page.sent.len(), 4);
    assert_eq!(
        headers(&page.sent[0], &["id", "destination", "receipt"]),
        ["replies", "/user/queue/replies", ""]
    );
    assert_eq!(
        headers(
            &page.sent[3],
            &[
                "id",
                "destination",
                header::RECOVER_EPOCH,
                header::RECOVER_OFFSET
            ]
        ),
        ["room", "/topic/rooms.general", "5f2c9a01", "15"]
    );
    assert_eq!(
        page.engine.connection(),
        Connection::Connecting,
        "not before the receipt"
    );

    page.changes.clear();
    page.subscribed(true);
    assert_eq!(page.engine.connection(), Connection::Live);
    assert!(page.changes[0].connection);
}

#[test]
fn a_second_start_changes_nothing() {
    let mut page = Harness::live();
    page.event(Event::Start);
    assert_eq!((page.connects(), page.commands()), (0, vec![]));
}

#[test]
fn events_of_a_socket_that_was_given_up_are_ignored() {
    let mut page = Harness::live();
    page.closed();
    page.pass(2_001);
    assert_eq!(page.generation, 2);
    page.event(Event::Closed { generation: 1 });
    page.event(Event::Opened { generation: 1 });
    let late = encode(&message_frame(&message(16, Some(15), "이웃", "a")));
    page.event(Event::Received {
        generation: 1,
        bytes: late,
    });
    assert_eq!(page.engine.connection(), Connection::Connecting);
    assert_eq!(page.offsets(), [10, 12, 15]);
    assert!(page.sent.is_empty());
    page.go_live();
    assert_eq!(page.engine.connection(), Connection::Live);
}

#[test]
fn each_step_has_its_time() {
    type Steps = fn(&mut Harness);
    let steps: [(&str, Steps); 3] = [
        ("opening", |_| {}),
        ("CONNECTED", |page| {
            page.event(Event::Opened { generation: 1 });
        }),
        ("the receipt of SUBSCRIBE", Harness::open),
    ];
    for (step, until_there) in steps {
        let mut page = Harness::new();
        page.event(Event::Start);
        page.pass(1_000);
        until_there(&mut page);
        page.asked.clear();
        page.pass(3_999);
        assert_eq!(page.engine.connection(), Connection::Connecting, "{step}");
        page.pass(1_001);
        assert_eq!(
            page.asked[0],
            Effect::Disconnect { generation: 1 },
            "{step}"
        );
        page.pass(2_001);
        assert_eq!(page.connects(), 1, "{step}: tried again");
    }
}

#[test]
fn an_error_says_whether_to_come_back() {
    let mut page = Harness::live();
    page.error("draining", true, None);
    assert_eq!(page.asked, [Effect::Disconnect { generation: 1 }]);
    page.pass(2_001);
    assert_eq!(page.connects(), 1);

    page.open();
    page.error("forbidden", false, None);
    let Connection::Refused(refusal) = page.engine.connection() else {
        panic!("{:?}", page.engine.connection())
    };
    assert_eq!(
        (refusal.code.as_str(), refusal.sentence.as_str()),
        ("forbidden", "You are not welcome here.")
    );
    page.asked.clear();
    page.pass(24 * 3_600_000);
    assert_eq!(page.connects(), 0, "nobody knocks on a closed door all day");
    page.event(Event::ReconnectNow);
    assert_eq!(page.connects(), 1, "unless asked to");
}

#[test]
fn a_page_that_was_frozen_while_connecting_tries_again() {
    let mut page = Harness::new();
    page.event(Event::Start);
    page.event(Event::Opened { generation: 1 });
    page.error("login-timeout", false, None);
    page.pass(2_001);
    assert_eq!(page.generation, 2);
}

#[test]
fn the_server_chooses_the_time_when_it_goes_away() {
    let mut page = Harness::live();
    let error = Frame::new(Command::Error)
        .with(header::RETRYABLE, "true")
        .with(header::RETRY_AFTER_MS, "7500");
    page.receive(&error);
    assert_eq!(
        page.engine.connection(),
        Connection::Waiting {
            until: page.now + 7_500
        }
    );
}

#[test]
fn bytes_that_make_no_sense_end_the_connection() {
    for bytes in [
        "NONSENSE\n\n\0",
        "MESSAGE\nsubscription:room\n\n\0",
        "RECEIPT\n\n\0",
        "SEND\n\n\0",
    ] {
        let mut page = Harness::live();
        page.event(Event::Received {
            generation: 1,
            bytes: Bytes::from_static(bytes.as_bytes()),
        });
        assert_eq!(
            page.asked,
            [Effect::Disconnect { generation: 1 }],
            "{bytes:?}"
        );
        page.pass(2_001);
        assert_eq!(page.connects(), 1, "{bytes:?}");
    }
}

#[test]
fn frames_may_come_in_pieces_and_together() {
    let mut page = Harness::live();
    let mut bytes = encode(&message_frame(&message(16, Some(15), "이웃", "a"))).to_vec();
    bytes.extend_from_slice(b"\n\n");
    bytes.extend_from_slice(&encode(&message_frame(&message(19, Some(16), "이웃", "b"))));
    let (first, second) = bytes.split_at(bytes.len() / 2 + 1);
    for piece in [first, second] {
        page.event(Event::Received {
            generation: 1,
            bytes: Bytes::copy_from_slice(piece),
        });
    }
    assert_eq!(page.offsets(), [10, 12, 15, 16, 19]);
}

#[test]
fn a_message_without_what_it_must_have_ends_the_connection() {
    let whole = message_frame(&message(16, Some(15), "이웃", "a"));
    for missing in ["message-id", header::TIMESTAMP, header::SENDER] {
        let mut frame = Frame::new(Command::Message).with_body(whole.body.clone());
        for (name, value) in whole.headers.iter().filter(|(name, _)| &***name != missing) {
            frame = frame.with(name.clone(), value.clone());
        }
        let mut page = Harness::live();
        page.receive(&frame);
        assert_eq!(
            page.asked,
            [Effect::Disconnect { generation: 1 }],
            "{missing}"
        );
    }
    let mut page = Harness::live();
    page.receive(&whole.clone().with_body(Bytes::from_static(b"\xff\xfe")));
    assert_eq!(
        page.asked,
        [Effect::Disconnect { generation: 1 }],
        "no UTF-8"
    );
    assert_eq!(page.offsets(), [10, 12, 15]);
}

#[test]
fn what_a_newer_server_may_add_is_passed_over() {
    let mut page = Harness::live();
    for frame in [
        Frame::new(Command::Message)
            .with("subscription", "replies")
            .with("message-id", "1")
            .with_body("A notice."),
        Frame::new(Command::Message)
            .with("subscription", "replies")
            .with(header::CODE, "token-expires"),
        Frame::new(Command::Message)
            .with("subscription", "other")
            .with("message-id", "2"),
        Frame::new(Command::Receipt).with("receipt-id", "unknown"),
    ] {
        page.receive(&frame);
    }
    assert_eq!(
        (page.engine.connection(), page.asked.len(), page.sent.len()),
        (Connection::Live, 0, 0)
    );
}
