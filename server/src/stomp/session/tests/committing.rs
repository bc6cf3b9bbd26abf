//! BEGIN, COMMIT, ABORT, and the frames in between (checklist 53, 57 to 61; decision 18).

use ::stomp::Headers;

use super::{Client, REPLIES, assert_refused, headers, refusal};
use crate::stomp::destinations::Progress;
use crate::stomp::refusal::Code;
use crate::stomp::session::Settings;

fn begun() -> Client {
    let mut client = Client::connected();
    assert_eq!(
        client.says("BEGIN\ntransaction:t\nreceipt:b"),
        ["RECEIPT receipt-id:b"]
    );
    client
}

/// A client in a transaction `t` whose subscription `a` was handed the messages 1 to 5.
fn begun_with_five(mode: &str) -> Client {
    let mut client = begun();
    client.says(&format!("SUBSCRIBE\nid:a\ndestination:/q\nack:{mode}"));
    client.stocks("a", 1..=5);
    assert_eq!(client.receives().len(), 5);
    client.takes_asked();
    client
}

fn pending(client: &mut Client, count: usize) {
    let sends = &mut client.session.destinations_mut().sends;
    sends.extend((0..count).map(|_| Ok(Progress::Pending)));
}

fn send(client: &mut Client, number: u32) {
    let text = format!(
        "SEND\ndestination:/a\ntransaction:t\nclient-msg-id:c{number}\nreceipt:r{number}\n\n{number}"
    );
    assert_eq!(client.says(&text), [""; 0]);
}

#[test]
fn item_57_a_transaction_is_named_and_begun_once() {
    for command in ["BEGIN", "COMMIT", "ABORT"] {
        let outputs = begun().says(&format!("{command}\nreceipt:r"));
        assert_refused(&outputs, "Missing transaction", Code::MissingHeader);
        assert!(outputs[0].contains(" receipt-id:r | "), "{outputs:?}");
    }
    let outputs = begun().says("BEGIN\ntransaction:t\nreceipt:r");
    assert_refused(&outputs, "Bad transaction", Code::BadTransaction);
}

#[test]
fn item_57_a_name_is_free_after_commit_and_abort() {
    let mut client = begun();
    for end in ["COMMIT", "ABORT", "COMMIT"] {
        assert_eq!(
            client.says(&format!("{end}\ntransaction:t\nreceipt:e")),
            ["RECEIPT receipt-id:e"]
        );
        assert_eq!(
            client.says("BEGIN\ntransaction:t\nreceipt:b"),
            ["RECEIPT receipt-id:b"]
        );
    }
}

#[test]
fn item_58_an_unknown_transaction_is_refused() {
    for text in [
        "COMMIT\ntransaction:u\nreceipt:r",
        "ABORT\ntransaction:u\nreceipt:r",
        "SEND\ndestination:/a\ntransaction:u\nreceipt:r\n\nhi",
        "ACK\nid:s1-1\ntransaction:u\nreceipt:r",
        "NACK\nid:s1-1\ntransaction:u\nreceipt:r",
    ] {
        let mut client = begun_with_five("client");
        client.says(&format!("SUBSCRIBE\nid:q\ndestination:{REPLIES}"));
        client.takes_asked();
        let outputs = client.says(text);
        assert_refused(&outputs, "Bad transaction", Code::BadTransaction);
        assert!(outputs[0].contains(" receipt-id:r | "), "{outputs:?}");
        assert!(client.asked().is_empty());
    }
}

#[test]
fn item_59_nothing_is_visible_before_commit_then_all_in_order() {
    let mut client = begun();
    send(&mut client, 1);
    assert_eq!(
        client.says("SEND\ndestination:/b\nreceipt:o\n\nother"),
        ["RECEIPT receipt-id:o"]
    );
    send(&mut client, 2);
    assert_eq!(client.asked(), ["send /b other"]);
    client.takes_asked();
    assert_eq!(
        client.says("COMMIT\ntransaction:t\nreceipt:c"),
        [
            "RECEIPT receipt-id:r1",
            "RECEIPT receipt-id:r2",
            "RECEIPT receipt-id:c"
        ]
    );
    assert_eq!(
        client.asked(),
        ["check /a 1", "check /a 2", "send /a 1", "send /a 2"]
    );
}

#[test]
fn item_59_abort_discards() {
    let mut client = begun_with_five("client");
    send(&mut client, 1);
    client.says("ACK\nid:s1-5\ntransaction:t\nreceipt:k");
    assert_eq!(
        client.says("ABORT\ntransaction:t\nreceipt:e"),
        ["RECEIPT receipt-id:e"]
    );
    assert!(client.asked().is_empty(), "{:?}", client.asked());
    assert_eq!(client.session.unacked(), 5);
    client.says("ACK\nid:s1-5");
    assert_eq!(
        client.asked().len(),
        5,
        "the deliveries are the client's again"
    );
}

#[test]
fn item_60_an_open_transaction_ends_with_the_session() {
    for end in ["DISCONNECT\nreceipt:d", "NONSENSE"] {
        let mut client = begun_with_five("client");
        send(&mut client, 1);
        client.says("ACK\nid:s1-5\ntransaction:t");
        if end == "NONSENSE" {
            client.does(|session, _, out| session.fail(refusal(Code::MalformedFrame), out));
        } else {
            assert_eq!(client.says(end), ["RECEIPT receipt-id:d", "CLOSE 1000"]);
        }
        assert!(client.asked().is_empty(), "{:?}", client.asked());
    }
}

#[test]
fn item_61_receipts_come_when_the_whole_transaction_is_durable() {
    let mut client = begun_with_five("client-individual");
    send(&mut client, 1);
    assert_eq!(
        client.says("ACK\nid:s1-2\ntransaction:t\nreceipt:k"),
        [""; 0]
    );
    send(&mut client, 2);
    pending(&mut client, 2);
    assert_eq!(client.says("COMMIT\ntransaction:t\nreceipt:c"), [""; 0]);
    assert_eq!(
        client.takes_asked(),
        ["check /a 1", "check /a 2", "send /a 1", "send /a 2"]
    );
    assert_eq!(
        client.says("BEGIN\ntransaction:t\nreceipt:b"),
        ["RECEIPT receipt-id:b"]
    );
    assert_eq!(
        client.completes(0, Ok(headers(&[("x-offset", "7")]))),
        [""; 0]
    );
    assert!(client.takes_asked().is_empty(), "not settled yet");
    assert_eq!(
        client.completes(1, Ok(headers(&[("x-offset", "8")]))),
        [
            "RECEIPT receipt-id:r1 x-offset:7",
            "RECEIPT receipt-id:k",
            "RECEIPT receipt-id:r2 x-offset:8",
            "RECEIPT receipt-id:c"
        ]
    );
    assert_eq!(client.asked(), ["Ack a 2"]);
    assert_eq!(client.session.pending_sends(), 0);
}

#[test]
fn item_41_disconnect_waits_for_a_transaction_that_was_committed() {
    let mut client = begun();
    send(&mut client, 1);
    pending(&mut client, 1);
    client.says("COMMIT\ntransaction:t\nreceipt:c");
    assert_eq!(client.says("DISCONNECT\nreceipt:d"), [""; 0]);
    assert_eq!(
        client.completes(0, Ok(Headers::new())),
        [
            "RECEIPT receipt-id:r1",
            "RECEIPT receipt-id:c",
            "RECEIPT receipt-id:d",
            "CLOSE 1000"
        ]
    );
}

#[test]
fn decision_18_a_transaction_of_which_one_send_is_not_allowed_is_not_carried_out() {
    let begin = |replies: bool| {
        let mut client = begun_with_five("client");
        if replies {
            client.says(&format!("SUBSCRIBE\nid:q\ndestination:{REPLIES}"));
        }
        send(&mut client, 1);
        send(&mut client, 2);
        client.says("ACK\nid:s1-1\ntransaction:t");
        client.takes_asked();
        let checks = &mut client.session.destinations_mut().checks;
        checks.extend([Ok(()), Err(refusal(Code::InvalidMessage))]);
        let outputs = client.says("COMMIT\ntransaction:t\nreceipt:c");
        assert_eq!(client.takes_asked(), ["check /a 1", "check /a 2"]);
        (client, outputs)
    };
    let (_, outputs) = begin(false);
    assert_refused(&outputs, "No", Code::InvalidMessage);
    assert!(outputs[0].contains(" receipt-id:c | "), "{outputs:?}");

    let (mut client, outputs) = begin(true);
    assert_eq!(outputs.len(), 1);
    assert!(
        outputs[0].starts_with("MESSAGE subscription:q ")
            && outputs[0].contains(" client-msg-id:c2 receipt-id:c | "),
        "{outputs:?}"
    );
    client.says("ACK\nid:s1-1");
    assert_eq!(client.asked(), ["Ack a 1"], "it was given back");
    let outputs = client.says("COMMIT\ntransaction:t");
    assert_refused(&outputs, "Bad transaction", Code::BadTransaction);
}

#[test]
fn decision_18_a_send_refused_after_the_check_ends_the_rest() {
    let mut client = begun_with_five("client");
    client.says(&format!("SUBSCRIBE\nid:q\ndestination:{REPLIES}"));
    for number in 1..=3 {
        send(&mut client, number);
    }
    client.says("ACK\nid:s1-1\ntransaction:t");
    client.takes_asked();
    let sends = &mut client.session.destinations_mut().sends;
    sends.extend([Ok(Progress::Pending), Err(refusal(Code::Unavailable))]);
    let outputs = client.says("COMMIT\ntransaction:t\nreceipt:c");
    assert_eq!(outputs.len(), 1);
    assert!(
        outputs[0].contains(" client-msg-id:c2 receipt-id:c | "),
        "{outputs:?}"
    );
    assert_eq!(client.takes_asked()[3..], ["send /a 1", "send /a 2"]);
    assert_eq!(client.completes(0, Ok(Headers::new())), [""; 0]);
    assert!(client.asked().is_empty(), "nothing is settled");
    client.says("ACK\nid:s1-1");
    assert_eq!(client.asked(), ["Ack a 1"]);
}

#[test]
fn item_61_a_send_that_fails_later_keeps_the_receipts_back() {
    let mut client = begun();
    client.says(&format!("SUBSCRIBE\nid:q\ndestination:{REPLIES}"));
    send(&mut client, 1);
    send(&mut client, 2);
    pending(&mut client, 2);
    client.says("COMMIT\ntransaction:t\nreceipt:c");
    let outputs = client.completes(0, Err(refusal(Code::Unconfirmed)));
    assert!(
        outputs.len() == 1 && outputs[0].contains(" client-msg-id:c1 receipt-id:c | "),
        "{outputs:?}"
    );
    assert_eq!(client.completes(1, Ok(Headers::new())), [""; 0]);

    let mut client = begun();
    send(&mut client, 1);
    send(&mut client, 2);
    pending(&mut client, 2);
    client.says("COMMIT\ntransaction:t\nreceipt:c");
    let outputs = client.completes(0, Err(refusal(Code::Unconfirmed)));
    assert_refused(&outputs, "No", Code::Unconfirmed);
    assert_eq!(client.completes(1, Ok(Headers::new())), [""; 0]);
}

#[test]
fn item_53_acknowledgements_of_a_transaction_count_from_commit_on() {
    let mut client = begun_with_five("client");
    client.says("ACK\nid:s1-2\ntransaction:t");
    client.says("NACK\nid:s1-4\ntransaction:t");
    assert!(client.asked().is_empty());
    assert_eq!(client.session.unacked(), 5);
    client.says("ACK\nid:s1-5");
    assert_eq!(
        client.takes_asked(),
        ["Ack a 5"],
        "what the transaction holds stays with it"
    );
    client.says("COMMIT\ntransaction:t");
    assert_eq!(
        client.asked(),
        ["Ack a 1", "Ack a 2", "Nack a 3", "Nack a 4"]
    );
}

#[test]
fn item_54_a_delivery_that_a_transaction_holds_cannot_be_acknowledged_again() {
    for transaction in ["", "\ntransaction:t", "\ntransaction:u"] {
        for command in ["ACK", "NACK"] {
            let mut client = begun_with_five("client-individual");
            client.says("BEGIN\ntransaction:u");
            client.says("ACK\nid:s1-2\ntransaction:t");
            let outputs = client.says(&format!("{command}\nid:s1-2{transaction}"));
            assert_refused(&outputs, "Invalid header", Code::BadAck);
            assert!(client.asked().is_empty());
        }
    }
}

#[test]
fn item_53_a_transaction_cannot_settle_for_a_subscription_that_has_ended() {
    let mut client = begun_with_five("client");
    send(&mut client, 1);
    client.says("ACK\nid:s1-2\ntransaction:t");
    client.says("UNSUBSCRIBE\nid:a");
    client.says("SUBSCRIBE\nid:a\ndestination:/q\nack:client");
    client.takes_asked();
    let outputs = client.says("COMMIT\ntransaction:t");
    assert_refused(&outputs, "Bad transaction", Code::BadTransaction);
    assert!(client.asked().is_empty(), "nothing is carried out");
}

#[test]
fn section_1_9_transactions_are_bounded_in_number_frames_and_bytes() {
    let settings = Settings {
        transactions: 2,
        transaction_frames: 3,
        transaction_bytes: 5_000,
        ..Settings::default()
    };
    let client = || {
        let mut client = Client::with(settings);
        client.log_in("1.2");
        client.says("BEGIN\ntransaction:t");
        client.says("BEGIN\ntransaction:u");
        client
    };
    let outputs = client().says("BEGIN\ntransaction:v");
    assert_refused(&outputs, "Bad transaction", Code::BadTransaction);
    let mut after_abort = client();
    after_abort.says("ABORT\ntransaction:u");
    assert_eq!(after_abort.says("BEGIN\ntransaction:v"), [""; 0]);

    let small = "SEND\ndestination:/a\ntransaction:t\n\nx";
    let mut full = client();
    for _ in 0..3 {
        assert_eq!(full.says(small), [""; 0]);
    }
    assert_refused(&full.says(small), "Bad transaction", Code::BadTransaction);

    let large = |name: &str| {
        let body = "x".repeat(2_000);
        format!("SEND\ndestination:/a\ntransaction:{name}\n\n{body}")
    };
    let mut heavy = client();
    assert_eq!(heavy.says(&large("t")), [""; 0]);
    assert_eq!(heavy.says(&large("u")), [""; 0]);
    assert!(heavy.session.transactions.bytes() > 4_000);
    heavy.says("ABORT\ntransaction:u");
    heavy.says("COMMIT\ntransaction:t");
    assert_eq!(heavy.session.transactions.bytes(), 0);
    heavy.says("BEGIN\ntransaction:t");
    for _ in 0..2 {
        assert_eq!(heavy.says(&large("t")), [""; 0]);
    }
    assert_refused(
        &heavy.says(&large("t")),
        "Bad transaction",
        Code::BadTransaction,
    );

    let defaults = Settings::default();
    assert_eq!(
        (defaults.transactions, defaults.transaction_frames),
        (16, 256)
    );
    assert_eq!(defaults.transaction_bytes, 1024 * 1024);
}

#[test]
fn item_21_a_transaction_that_is_larger_than_what_may_be_on_its_way_is_refused_whole() {
    let mut client = Client::with(Settings {
        pending_sends: 2,
        ..Settings::default()
    });
    client.log_in("1.2");
    client.says("BEGIN\ntransaction:t");
    for number in 1..=3 {
        send(&mut client, number);
    }
    let outputs = client.says("COMMIT\ntransaction:t");
    assert_refused(&outputs, "Too many messages", Code::RateLimited);
    assert!(client.asked().is_empty());
}

#[test]
fn item_39_the_form_of_a_send_is_checked_before_commit() {
    let outputs = begun().says("SEND\ntransaction:t\n\nx");
    assert_refused(&outputs, "Missing destination", Code::MissingHeader);
    let outputs = begun().says("SEND\ndestination:/a\ntransaction:t\nmessage-id:me\n\nx");
    assert_refused(&outputs, "Invalid header", Code::BadHeader);
}
