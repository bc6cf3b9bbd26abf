//! SEND, its receipts and refusals (checklist 1.3 and 1.7; decisions 15 and 16).

use std::time::Duration;

use ::stomp::Headers;

use super::{Client, REPLIES, assert_refused, headers, refusal};
use crate::stomp::destinations::Progress;
use crate::stomp::refusal::{Code, Refusal};
use crate::stomp::session::Settings;

impl Client {
    /// A client in an open session that takes refusals as messages.
    fn with_replies() -> Self {
        let mut client = Self::connected();
        assert_eq!(
            client.says(&format!("SUBSCRIBE\nid:q\ndestination:{REPLIES}")),
            [""; 0]
        );
        client.session.destinations_mut().asked.clear();
        client
    }

    fn will_answer(&mut self, answer: Result<Progress, Refusal>) {
        self.session.destinations_mut().sends.push_back(answer);
    }
}

#[test]
fn item_36_a_destination_is_required() {
    let mut client = Client::with_replies();
    let outputs = client.says("SEND\nreceipt:1\n\nhi");
    assert_refused(&outputs, "Missing destination", Code::MissingHeader);
    assert!(outputs[0].contains(" receipt-id:1 | "), "{outputs:?}");
    assert!(client.asked().is_empty());
}

#[test]
fn item_37_sends_reach_the_destinations_in_order() {
    let mut client = Client::connected();
    assert_eq!(
        client.says("SEND\ndestination:/a\ncolour:blue\n\none"),
        [""; 0]
    );
    assert_eq!(
        client.says("SEND\ndestination:/b\nclient-msg-id:7\n\ntwo"),
        [""; 0]
    );
    assert_eq!(client.asked(), ["send /a one", "send /b two"]);
}

#[test]
fn item_39_headers_of_the_server_cannot_be_forged() {
    for name in ["message-id", "subscription", "ack"] {
        let mut client = Client::with_replies();
        let outputs = client.says(&format!("SEND\ndestination:/a\n{name}:1\n\nhi"));
        assert_refused(&outputs, "Invalid header", Code::BadHeader);
        assert!(outputs[0].contains(name), "{outputs:?}");
        assert!(client.asked().is_empty());
    }
    for name in ["X-sender", "x-sender", "Message-Id", "acknowledge"] {
        assert_eq!(
            Client::connected().says(&format!("SEND\ndestination:/a\n{name}:1\n\nhi")),
            [""; 0],
            "{name}"
        );
    }
}

#[test]
fn item_62_a_receipt_comes_once_the_send_is_done_with_what_there_is_to_say() {
    let mut client = Client::connected();
    client.will_answer(Ok(Progress::Done(headers(&[
        ("x-epoch", "e"),
        ("x-offset", "5"),
    ]))));
    assert_eq!(
        client.says("SEND\ndestination:/a\nreceipt:r1\n\nhi"),
        ["RECEIPT receipt-id:r1 x-epoch:e x-offset:5"]
    );
}

#[test]
fn item_63_a_pending_send_gets_its_receipt_on_completion_only_and_once() {
    let mut client = Client::connected();
    for _ in 0..3 {
        client.will_answer(Ok(Progress::Pending));
    }
    assert_eq!(client.says("SEND\ndestination:/a\nreceipt:r1"), [""; 0]);
    assert_eq!(client.says("SEND\ndestination:/b\nreceipt:r2"), [""; 0]);
    assert_eq!(client.says("SEND\ndestination:/b"), [""; 0]);
    assert_eq!(
        client.says("SEND\ndestination:/c\nreceipt:r3"),
        ["RECEIPT receipt-id:r3"],
        "rooms do not wait for each other"
    );
    assert_eq!(client.session.pending_sends(), 3);
    assert_eq!(
        client.completes(1, Ok(headers(&[("x-offset", "9")]))),
        ["RECEIPT receipt-id:r2 x-offset:9"]
    );
    assert_eq!(
        client.completes(0, Ok(Headers::new())),
        ["RECEIPT receipt-id:r1"]
    );
    assert_eq!(
        client.completes(2, Ok(Headers::new())),
        [""; 0],
        "no receipt was asked for"
    );
    assert_eq!(client.completes(0, Ok(Headers::new())), [""; 0]);
    assert_eq!(client.completes(1, Err(refusal(Code::Forbidden))), [""; 0]);
    assert_eq!(client.session.pending_sends(), 0);
}

#[test]
fn decision_10_receipts_are_in_order_within_a_room() {
    let mut client = Client::with_replies();
    for _ in 0..3 {
        client.will_answer(Ok(Progress::Pending));
    }
    for receipt in ["r1", "r2", "r3"] {
        client.says(&format!("SEND\ndestination:/a\nreceipt:{receipt}"));
    }
    // A repeat, answered at once by destinations that know the first copy.
    assert_eq!(client.says("SEND\ndestination:/a\nreceipt:r4"), [""; 0]);
    assert_eq!(client.session.pending_sends(), 4);
    assert_eq!(client.completes(1, Ok(headers(&[("n", "2")]))), [""; 0]);
    assert_eq!(
        client.completes(1, Err(refusal(Code::Unconfirmed))),
        [""; 0],
        "what is carried out cannot fail later"
    );
    assert_eq!(
        client.completes(0, Ok(Headers::new())),
        ["RECEIPT receipt-id:r1", "RECEIPT receipt-id:r2 n:2"]
    );
    let outputs = client.completes(2, Err(refusal(Code::Unconfirmed)));
    assert_eq!(outputs.len(), 2);
    assert!(outputs[0].contains(" receipt-id:r3 | "), "{outputs:?}");
    assert_eq!(outputs[1], "RECEIPT receipt-id:r4");
    assert_eq!(client.session.pending_sends(), 0);
}

#[test]
fn item_38_a_refused_send_ends_the_session_of_a_client_that_takes_no_notices() {
    let mut client = Client::connected();
    client.will_answer(Err(refusal(Code::InvalidMessage)));
    let outputs = client.says("SEND\ndestination:/a\nreceipt:r1");
    assert_refused(&outputs, "No", Code::InvalidMessage);
    assert!(outputs[0].contains(" receipt-id:r1 | "), "{outputs:?}");

    let mut client = Client::connected();
    client.will_answer(Ok(Progress::Pending));
    client.will_answer(Ok(Progress::Pending));
    client.says("SEND\ndestination:/a\nreceipt:r1");
    client.says("SEND\ndestination:/a\nreceipt:r2");
    let outputs = client.completes(0, Err(refusal(Code::Unconfirmed)));
    assert_refused(&outputs, "No", Code::Unconfirmed);
    assert!(outputs[0].contains(" receipt-id:r1 | "), "{outputs:?}");
    assert_eq!(
        client.completes(1, Ok(Headers::new())),
        [""; 0],
        "nothing follows an ERROR"
    );
}

#[test]
fn decision_15_a_refused_send_is_a_message_to_a_client_that_takes_notices() {
    let mut client = Client::with_replies();
    client.will_answer(Err(
        refusal(Code::RateLimited).after(Duration::from_millis(250))
    ));
    client.will_answer(Ok(Progress::Pending));
    assert_eq!(
        client.says("SEND\ndestination:/a\nclient-msg-id:m1\nreceipt:r1\n\nhi"),
        [format!(
            "MESSAGE subscription:q message-id:s1-0 destination:{REPLIES} message:No content-type:text/plain \
             x-code:rate-limited x-retryable:true x-retry-after-ms:250 client-msg-id:m1 receipt-id:r1 | This is why not."
        )]
    );
    client.says("SEND\ndestination:/a\n\nhi");
    assert_eq!(
        client.completes(0, Err(refusal(Code::Forbidden))),
        [format!(
            "MESSAGE subscription:q message-id:s1-1 destination:{REPLIES} message:No content-type:text/plain \
             x-code:forbidden x-retryable:false | This is why not."
        )]
    );
    assert_eq!(
        client.says("SEND\ndestination:/a\nreceipt:r3"),
        ["RECEIPT receipt-id:r3"],
        "the session goes on"
    );
}

#[test]
fn decision_15_notices_end_with_their_subscription() {
    let mut client = Client::with_replies();
    client.will_answer(Err(refusal(Code::RateLimited)));
    client.says("UNSUBSCRIBE\nid:q");
    assert_refused(
        &client.says("SEND\ndestination:/a"),
        "No",
        Code::RateLimited,
    );
}

#[test]
fn item_46_a_notice_of_a_1_0_session_names_no_subscription_that_has_no_id() {
    let mut client = Client::new();
    client.log_in("1.0");
    client.says(&format!("SUBSCRIBE\ndestination:{REPLIES}"));
    client.will_answer(Err(refusal(Code::Forbidden)));
    let outputs = client.says("SEND\ndestination:/a");
    let start = format!("MESSAGE message-id:s1-0 destination:{REPLIES} message:No ");
    assert!(outputs[0].starts_with(&start), "{outputs:?}");
}

#[test]
fn item_21_pending_sends_are_bounded() {
    let settings = Settings {
        pending_sends: 2,
        ..Settings::default()
    };
    let mut client = Client::with(settings);
    client.log_in("1.2");
    client.says(&format!("SUBSCRIBE\nid:q\ndestination:{REPLIES}"));
    for _ in 0..3 {
        client.will_answer(Ok(Progress::Pending));
    }
    client.says("SEND\ndestination:/a");
    client.says("SEND\ndestination:/a");
    client.session.destinations_mut().asked.clear();
    let outputs = client.says("SEND\ndestination:/a\nreceipt:r3");
    assert!(
        outputs[0].contains(" x-code:rate-limited x-retryable:true x-retry-after-ms:1000 "),
        "{outputs:?}"
    );
    assert!(client.asked().is_empty());
    client.completes(0, Ok(Headers::new()));
    assert_eq!(client.says("SEND\ndestination:/a\nreceipt:r4"), [""; 0]);
    assert_eq!(client.asked(), ["send /a "]);
    assert_eq!(Settings::default().pending_sends, 1_024);
}
