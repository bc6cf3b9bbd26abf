//! SUBSCRIBE and UNSUBSCRIBE (checklist 1.4).

use super::{Client, assert_refused, headers, refusal};
use crate::stomp::refusal::Code;
use crate::stomp::session::Settings;

#[test]
fn item_42_destination_and_id_are_required() {
    for version in ["1.0", "1.1", "1.2"] {
        let mut client = Client::new();
        client.log_in(version);
        assert_refused(
            &client.says("SUBSCRIBE\nid:1"),
            "Missing destination",
            Code::MissingHeader,
        );
    }
    for version in ["1.1", "1.2"] {
        let mut client = Client::new();
        client.log_in(version);
        assert_refused(
            &client.says("SUBSCRIBE\ndestination:/a"),
            "Missing header",
            Code::MissingHeader,
        );
        assert!(client.asked().is_empty());
    }
}

#[test]
fn item_42_a_1_0_subscription_may_be_named_by_its_destination() {
    let mut client = Client::new();
    client.log_in("1.0");
    client.says("SUBSCRIBE\ndestination:/a");
    client.says("SUBSCRIBE\ndestination:/b\nid:/c\nreceipt:1");
    assert_eq!(
        client.asked(),
        [
            "subscribe /a named=false /a receipt=false 1.0",
            "subscribe /c named=true /b receipt=true 1.0"
        ]
    );
    assert_eq!(
        client.says("UNSUBSCRIBE\ndestination:/a\nreceipt:2"),
        ["RECEIPT receipt-id:2"]
    );
    assert_eq!(
        client.says("UNSUBSCRIBE\nid:/c\nreceipt:3"),
        ["RECEIPT receipt-id:3"]
    );
    assert_eq!(client.asked()[2..], ["unsubscribe /a", "unsubscribe /c"]);
}

#[test]
fn item_48_an_id_and_a_destination_that_read_the_same_are_not_confused() {
    for (subscribe, unsubscribe) in [
        ("SUBSCRIBE\ndestination:/a", "UNSUBSCRIBE\nid:/a"),
        (
            "SUBSCRIBE\ndestination:/b\nid:/a",
            "UNSUBSCRIBE\ndestination:/a",
        ),
        (
            "SUBSCRIBE\ndestination:/a\nid:1",
            "UNSUBSCRIBE\ndestination:/a",
        ),
    ] {
        let mut client = Client::new();
        client.log_in("1.0");
        client.says(subscribe);
        assert_refused(
            &client.says(unsubscribe),
            "Subscription not found",
            Code::NoSuchSubscription,
        );
    }
}

#[test]
fn item_43_an_id_is_used_once_at_a_time() {
    let mut client = Client::connected();
    assert_eq!(
        client.says("SUBSCRIBE\nid:1\ndestination:/a\nreceipt:1"),
        ["RECEIPT receipt-id:1"]
    );
    client.says("UNSUBSCRIBE\nid:1");
    assert_eq!(
        client.says("SUBSCRIBE\nid:1\ndestination:/b\nreceipt:2"),
        ["RECEIPT receipt-id:2"]
    );
    let outputs = client.says("SUBSCRIBE\nid:1\ndestination:/c\nreceipt:3");
    assert_refused(
        &outputs,
        "Duplicated subscription identifier",
        Code::DuplicateSubscription,
    );
    assert!(
        outputs[0].ends_with(" receipt-id:3 | A subscription identified by '1' already exists."),
        "{outputs:?}"
    );
    assert_eq!(
        client.asked().len(),
        3,
        "the third is not even tried: {:?}",
        client.asked()
    );
}

#[test]
fn item_44_a_refused_subscription_ends_the_session() {
    let mut client = Client::connected();
    client.says("SUBSCRIBE\nid:q\ndestination:/user/queue/replies");
    client
        .session
        .destinations_mut()
        .subscribes
        .push_back(Err(refusal(Code::UnknownDestination)));
    assert_refused(
        &client.says("SUBSCRIBE\nid:1\ndestination:/nowhere"),
        "No",
        Code::UnknownDestination,
    );
}

#[test]
fn item_45_the_ack_modes() {
    for (version, mode) in [
        ("1.0", ""),
        ("1.0", "\nack:auto"),
        ("1.0", "\nack:client"),
        ("1.1", ""),
        ("1.1", "\nack:client-individual"),
        ("1.2", "\nack:auto"),
        ("1.2", "\nack:client"),
        ("1.2", "\nack:client-individual"),
    ] {
        let mut client = Client::new();
        client.log_in(version);
        let text = format!("SUBSCRIBE\nid:1\ndestination:/a\nreceipt:1{mode}");
        assert_eq!(client.says(&text), ["RECEIPT receipt-id:1"]);
    }
    for (version, mode) in [
        ("1.0", "client-individual"),
        ("1.1", "individual"),
        ("1.2", "AUTO"),
        ("1.2", ""),
    ] {
        let mut client = Client::new();
        client.log_in(version);
        let outputs = client.says(&format!("SUBSCRIBE\nid:1\ndestination:/a\nack:{mode}"));
        assert_refused(&outputs, "Invalid header", Code::BadAck);
        assert!(client.asked().is_empty());
    }
}

#[test]
fn item_47_a_destination_may_be_subscribed_twice() {
    let mut client = Client::connected();
    client.says("SUBSCRIBE\nid:1\ndestination:/a");
    assert_eq!(
        client.says("SUBSCRIBE\nid:2\ndestination:/a\nreceipt:1"),
        ["RECEIPT receipt-id:1"]
    );
}

#[test]
fn item_48_unsubscribe_names_a_subscription_that_exists() {
    let mut client = Client::connected();
    client.says("SUBSCRIBE\nid:1\ndestination:/a");
    assert_eq!(
        client.says("UNSUBSCRIBE\nid:1\nreceipt:1"),
        ["RECEIPT receipt-id:1"]
    );
    assert_eq!(client.asked()[1..], ["unsubscribe 1"]);
    let outputs = client.says("UNSUBSCRIBE\nid:1\nreceipt:2");
    assert_refused(&outputs, "Subscription not found", Code::NoSuchSubscription);
    assert!(outputs[0].contains(" receipt-id:2 | "), "{outputs:?}");
    assert_eq!(client.asked().len(), 2);

    for text in ["UNSUBSCRIBE", "UNSUBSCRIBE\ndestination:/a"] {
        let mut client = Client::connected();
        client.says("SUBSCRIBE\nid:1\ndestination:/a");
        assert_refused(&client.says(text), "Missing header", Code::MissingHeader);
    }
    let mut client = Client::new();
    client.log_in("1.0");
    assert_refused(
        &client.says("UNSUBSCRIBE"),
        "Missing header",
        Code::MissingHeader,
    );
}

#[test]
fn item_62_the_receipt_of_a_subscription_says_what_the_destination_adds() {
    let mut client = Client::connected();
    let extra = headers(&[("x-recovered", "true"), ("x-replay-count", "7")]);
    client
        .session
        .destinations_mut()
        .subscribes
        .push_back(Ok(extra));
    assert_eq!(
        client.says("SUBSCRIBE\nid:1\ndestination:/a\nreceipt:s1"),
        ["RECEIPT receipt-id:s1 x-recovered:true x-replay-count:7"]
    );
    assert_eq!(
        client.asked(),
        ["subscribe 1 named=true /a receipt=true 1.2"]
    );
}

#[test]
fn section_1_9_subscriptions_are_bounded() {
    let mut client = Client::with(Settings {
        subscriptions: 2,
        ..Settings::default()
    });
    client.log_in("1.2");
    for id in 1..=2 {
        client.says(&format!("SUBSCRIBE\nid:{id}\ndestination:/a"));
    }
    client.says("UNSUBSCRIBE\nid:1");
    assert_eq!(
        client.says("SUBSCRIBE\nid:3\ndestination:/a\nreceipt:1"),
        ["RECEIPT receipt-id:1"]
    );
    assert_refused(
        &client.says("SUBSCRIBE\nid:4\ndestination:/a"),
        "Too many subscriptions",
        Code::Forbidden,
    );
    assert_eq!(Settings::default().subscriptions, 100);
}
