//! DISCONNECT and the server's own goodbyes (checklist 1.7; items 41, 66 to 68).

use std::time::Duration;

use ::stomp::{DecodeError, Headers};

use super::{Client, REPLIES, assert_refused, refusal};
use crate::stomp::destinations::Progress;
use crate::stomp::refusal::{Code, Refusal};

/// A client with so many pending SENDs, with the receipts r0, r1, ….
fn with_pending(count: usize) -> Client {
    let mut client = Client::connected();
    for number in 0..count {
        client
            .session
            .destinations_mut()
            .sends
            .push_back(Ok(Progress::Pending));
        assert_eq!(
            client.says(&format!("SEND\ndestination:/a\nreceipt:r{number}")),
            [""; 0]
        );
    }
    client.session.destinations_mut().asked.clear();
    client
}

#[test]
fn item_67_disconnect_is_answered_and_then_the_connection_closes() {
    assert_eq!(
        Client::connected().says("DISCONNECT\nreceipt:bye"),
        ["RECEIPT receipt-id:bye", "CLOSE 1000"]
    );
    assert_eq!(Client::connected().says("DISCONNECT"), ["CLOSE 1000"]);
}

#[test]
fn item_41_disconnect_waits_for_every_pending_send() {
    let mut client = with_pending(2);
    assert_eq!(client.says("DISCONNECT\nreceipt:bye"), [""; 0]);
    assert!(!client.session.is_connected() && !client.session.is_closed());
    assert_eq!(
        client.completes(0, Ok(Headers::new())),
        ["RECEIPT receipt-id:r0"]
    );
    assert_eq!(
        client.completes(1, Ok(Headers::new())),
        [
            "RECEIPT receipt-id:r1",
            "RECEIPT receipt-id:bye",
            "CLOSE 1000"
        ]
    );
    assert!(client.session.is_closed());
}

#[test]
fn item_67_disconnect_does_not_wait_for_ever() {
    let mut client = with_pending(1);
    client.says("DISCONNECT\nreceipt:bye");
    assert_eq!(
        client.waits(Duration::from_mins(1)),
        [
            (5_000, "RECEIPT receipt-id:bye".to_owned()),
            (5_000, "CLOSE 1000".to_owned())
        ]
    );
    assert_eq!(client.completes(0, Ok(Headers::new())), [""; 0]);
    assert_eq!(client.session.pending_sends(), 0);
}

#[test]
fn item_67_what_was_carried_out_is_told_before_the_end_though_an_earlier_send_is_not() {
    let goodbye = ["RECEIPT receipt-id:r1", "RECEIPT receipt-id:r2"];
    let held_back = || {
        let mut client = with_pending(4);
        for number in [2, 1] {
            assert_eq!(client.completes(number, Ok(Headers::new())), [""; 0]);
        }
        client
    };
    let mut client = held_back();
    client.says("DISCONNECT\nreceipt:bye");
    let last: Vec<_> = client.waits(Duration::from_mins(1));
    let last: Vec<_> = last.into_iter().map(|(_, output)| output).collect();
    assert_eq!(last[..2], goodbye);
    assert_eq!(last[2..], ["RECEIPT receipt-id:bye", "CLOSE 1000"]);

    let mut client = held_back();
    let last = client.does(|session, _, out| session.shutdown(Duration::ZERO, out));
    assert_eq!(last[..2], goodbye);
    assert_refused(&last[2..], "Server going down", Code::Draining);
}

#[test]
fn item_68_nothing_is_processed_after_disconnect() {
    for pending in [0, 1] {
        let mut client = with_pending(pending);
        client.says("DISCONNECT\nreceipt:bye");
        for text in [
            "SEND\ndestination:/a\nreceipt:1",
            "SUBSCRIBE\nid:1\ndestination:/a",
            "MESSAGE",
            "DISCONNECT\nreceipt:2",
        ] {
            assert_eq!(client.says(text), [""; 0], "{text}");
        }
        assert_eq!(
            client.does(|session, _, out| session.malformed(&DecodeError::NotUtf8, out)),
            [""; 0]
        );
        assert!(client.asked().is_empty());
    }
}

#[test]
fn item_41_a_send_refused_after_disconnect_is_told_before_the_goodbye() {
    let mut client = with_pending(1);
    client.says("DISCONNECT\nreceipt:bye");
    let outputs = client.completes(0, Err(refusal(Code::Unconfirmed)));
    assert_refused(&outputs, "No", Code::Unconfirmed);

    let mut client = with_pending(1);
    client.says(&format!("SUBSCRIBE\nid:q\ndestination:{REPLIES}"));
    client.says("DISCONNECT\nreceipt:bye");
    let outputs = client.completes(0, Err(refusal(Code::Unconfirmed)));
    assert!(
        outputs[0].starts_with("MESSAGE subscription:q "),
        "{outputs:?}"
    );
    assert_eq!(outputs[1..], ["RECEIPT receipt-id:bye", "CLOSE 1000"]);
}

#[test]
fn item_85_a_server_that_goes_down_says_when_to_come_back() {
    for mut client in [Client::new(), with_pending(1)] {
        let outputs =
            client.does(|session, _, out| session.shutdown(Duration::from_millis(1_234), out));
        assert_refused(&outputs, "Server going down", Code::Draining);
        assert!(
            outputs[0].contains(" x-retryable:true x-retry-after-ms:1234 | "),
            "{outputs:?}"
        );
        assert_eq!(outputs[1], "CLOSE 1012 draining");
    }
    let mut client = with_pending(1);
    client.says("DISCONNECT");
    assert_eq!(
        client
            .does(|session, _, out| session.shutdown(Duration::ZERO, out))
            .len(),
        2
    );
}

#[test]
fn item_85_the_connection_may_end_a_session_for_its_own_reasons() {
    let mut client = Client::connected();
    let refusal = Refusal::new(Code::SlowConsumer, "Slow consumer", "You read too slowly.");
    let outputs = client.does(|session, _, out| session.fail(refusal, out));
    assert_refused(&outputs, "Slow consumer", Code::SlowConsumer);
    assert_eq!(outputs[1], "CLOSE 1013 slow-consumer");
}
