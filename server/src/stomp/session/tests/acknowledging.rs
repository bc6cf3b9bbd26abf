//! ACK and NACK in all versions (checklist 50 to 54).

use super::{Client, assert_refused};
use crate::stomp::refusal::Code;

/// A client with a subscription `a` in this mode that was handed the messages 1 to 5.
fn with_five(version: &str, mode: &str) -> Client {
    let mut client = Client::new();
    client.log_in(version);
    client.says(&format!("SUBSCRIBE\nid:a\ndestination:/q\nack:{mode}"));
    client.stocks("a", 1..=5);
    assert_eq!(client.receives().len(), 5);
    client.takes_asked();
    client
}

#[test]
fn item_50_each_version_names_a_delivery_in_its_own_way() {
    for (version, headers) in [
        ("1.2", "id:s1-3"),
        ("1.2", "id:s1-3\nsubscription:other\nmessage-id:other"),
        ("1.1", "message-id:m3\nsubscription:a"),
        ("1.1", "message-id:m3\nsubscription:a\nid:other"),
        ("1.0", "message-id:m3"),
        ("1.0", "message-id:m3\nsubscription:a"),
    ] {
        let mut client = with_five(version, "client");
        assert_eq!(
            client.says(&format!("ACK\n{headers}\nreceipt:r")),
            ["RECEIPT receipt-id:r"],
            "{version} {headers}"
        );
        assert_eq!(client.asked(), ["Ack a 1", "Ack a 2", "Ack a 3"]);
        assert_eq!(client.session.unacked(), 2);
    }
}

#[test]
fn item_50_what_a_version_needs_is_required() {
    for (version, headers) in [
        ("1.2", "message-id:m3\nsubscription:a"),
        ("1.1", "id:s1-3"),
        ("1.1", "message-id:m3"),
        ("1.1", "subscription:a"),
        ("1.0", "id:s1-3"),
    ] {
        let mut client = with_five(version, "client");
        let outputs = client.says(&format!("ACK\n{headers}\nreceipt:r"));
        assert_refused(&outputs, "Missing header", Code::MissingHeader);
        assert!(
            outputs[0].contains(" receipt-id:r | ACK needs '"),
            "{outputs:?}"
        );
        assert!(client.asked().is_empty());
    }
}

#[test]
fn items_50_54_what_does_not_wait_cannot_be_acknowledged() {
    for (version, headers) in [
        ("1.2", "id:s1-6"),
        ("1.2", "id:s1-0"),
        ("1.2", "id:s1-01"),
        ("1.2", "id:s1-+1"),
        ("1.2", "id:s2-1"),
        ("1.2", "id:1"),
        ("1.2", "id:m1"),
        ("1.2", "id:"),
        ("1.1", "message-id:m6\nsubscription:a"),
        ("1.0", "message-id:m6"),
    ] {
        for command in ["ACK", "NACK"] {
            if (version, command) == ("1.0", "NACK") {
                continue;
            }
            let mut client = with_five(version, "client");
            let outputs = client.says(&format!("{command}\n{headers}"));
            assert_refused(&outputs, "Invalid header", Code::BadAck);
            assert!(client.asked().is_empty());
        }
    }
    for version in ["1.0", "1.1"] {
        let outputs = with_five(version, "client").says("ACK\nmessage-id:m1\nsubscription:b");
        assert_refused(&outputs, "Subscription not found", Code::NoSuchSubscription);
    }
}

#[test]
fn item_50_there_is_no_nack_in_1_0() {
    let outputs = with_five("1.0", "client").says("NACK\nmessage-id:m1");
    assert_refused(&outputs, "Bad command", Code::UnknownCommand);
}

#[test]
fn items_51_52_client_covers_earlier_ones_and_client_individual_never() {
    for (command, verdict) in [("ACK", "Ack"), ("NACK", "Nack")] {
        let mut client = with_five("1.2", "client");
        client.says(&format!("{command}\nid:s1-2"));
        client.says(&format!("{command}\nid:s1-4"));
        let expected: Vec<_> = (1..=4)
            .map(|number| format!("{verdict} a {number}"))
            .collect();
        assert_eq!(client.asked(), expected);

        let mut client = with_five("1.2", "client-individual");
        client.says(&format!("{command}\nid:s1-4"));
        client.says(&format!("{command}\nid:s1-2"));
        assert_eq!(
            client.asked(),
            [format!("{verdict} a 4"), format!("{verdict} a 2")]
        );
        assert_eq!(client.session.unacked(), 3);
    }
}

#[test]
fn item_51_client_covers_its_own_subscription_only() {
    let mut client = Client::connected();
    for id in ["a", "b"] {
        client.says(&format!("SUBSCRIBE\nid:{id}\ndestination:/q\nack:client"));
        client.stocks(id, [1]);
        client.receives();
    }
    client.takes_asked();
    client.says("ACK\nid:s1-2");
    assert_eq!(client.asked(), ["Ack b 1"]);
}

#[test]
fn item_54_twice_is_once_too_often() {
    for mode in ["client", "client-individual"] {
        for (first, second) in [("ACK", "ACK"), ("ACK", "NACK"), ("NACK", "ACK")] {
            let mut client = with_five("1.2", mode);
            client.says(&format!("{first}\nid:s1-3"));
            client.takes_asked();
            let outputs = client.says(&format!("{second}\nid:s1-3"));
            assert_refused(&outputs, "Invalid header", Code::BadAck);
            assert!(client.asked().is_empty());
        }
    }
    let mut client = with_five("1.2", "client");
    client.says("ACK\nid:s1-3");
    let outputs = client.says("ACK\nid:s1-1");
    assert_refused(&outputs, "Invalid header", Code::BadAck);
}

#[test]
fn item_54_a_subscription_in_mode_auto_has_nothing_to_acknowledge() {
    for (version, headers) in [
        ("1.2", "id:s1-1"),
        ("1.1", "message-id:m1\nsubscription:a"),
        ("1.0", "message-id:m1"),
    ] {
        let mut client = Client::new();
        client.log_in(version);
        client.says("SUBSCRIBE\nid:a\ndestination:/q");
        let outputs = client.says(&format!("ACK\n{headers}"));
        assert_refused(&outputs, "Invalid header", Code::BadAck);
    }
}

#[test]
fn item_48_what_was_handed_out_ends_with_its_subscription() {
    let mut client = with_five("1.2", "client");
    client.says("UNSUBSCRIBE\nid:a");
    client.says("SUBSCRIBE\nid:a\ndestination:/q\nack:client");
    let outputs = client.says("ACK\nid:s1-1");
    assert_refused(&outputs, "Invalid header", Code::BadAck);
}

#[test]
fn item_50_in_1_0_the_oldest_delivery_of_a_message_counts() {
    let mut client = Client::new();
    client.log_in("1.0");
    for id in ["b", "a"] {
        client.says(&format!("SUBSCRIBE\nid:{id}\ndestination:/q\nack:client"));
        client.stocks(id, [1]);
        client.receives();
    }
    client.takes_asked();
    client.says("ACK\nmessage-id:m1");
    client.says("ACK\nmessage-id:m1");
    assert_eq!(client.asked(), ["Ack b 1", "Ack a 1"]);
    let outputs = client.says("ACK\nmessage-id:m1");
    assert_refused(&outputs, "Invalid header", Code::BadAck);
}

#[test]
fn item_55_a_message_that_comes_again_is_a_delivery_of_its_own() {
    let mut client = with_five("1.2", "client-individual");
    client.says("NACK\nid:s1-1");
    client.stocks("a", [1]);
    assert_eq!(client.receives(), ["s1-6"]);
    client.takes_asked();
    client.says("ACK\nid:s1-6");
    assert_eq!(client.asked(), ["Ack a 1"]);
}
