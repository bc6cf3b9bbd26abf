//! Messages that the session asks its destinations for, and the window of unacknowledged ones (checklist 46, 47, 56).

use super::{Client, assert_refused, refusal};
use crate::stomp::refusal::Code;
use crate::stomp::session::Settings;

#[test]
fn item_46_a_message_says_what_its_version_needs() {
    for (version, id, expected) in [
        (
            "1.2",
            "id:s\n",
            "MESSAGE subscription:s ack:s1-1 message-id:m7 destination:/q | 7",
        ),
        (
            "1.1",
            "id:s\n",
            "MESSAGE subscription:s message-id:m7 destination:/q | 7",
        ),
        (
            "1.0",
            "id:s\n",
            "MESSAGE subscription:s message-id:m7 destination:/q | 7",
        ),
        ("1.0", "", "MESSAGE message-id:m7 destination:/q | 7"),
    ] {
        let mut client = Client::new();
        client.log_in(version);
        client.says(&format!("SUBSCRIBE\n{id}destination:/q\nack:client"));
        client.stocks(if id.is_empty() { "/q" } else { "s" }, [7]);
        assert_eq!(
            client.does(|session, _, out| session.deliver(out)),
            [expected],
            "{version}"
        );
    }
}

#[test]
fn item_39_the_servers_own_headers_come_before_what_the_message_carries() {
    let mut client = Client::connected();
    client.says("SUBSCRIBE\nid:a\ndestination:/q\nack:client");
    let script = client.session.destinations_mut();
    script.carried = super::headers(&[("ack", "forged"), ("subscription", "forged")]);
    client.stocks("a", [1]);
    assert_eq!(
        client.does(|session, _, out| session.deliver(out)),
        [
            "MESSAGE subscription:a ack:s1-1 message-id:m1 destination:/q ack:forged subscription:forged | 1"
        ]
    );
}

#[test]
fn items_46_47_two_subscriptions_to_one_destination_get_an_ack_id_each() {
    let mut client = Client::connected();
    for id in ["a", "b"] {
        client.says(&format!("SUBSCRIBE\nid:{id}\ndestination:/q\nack:client"));
        client.stocks(id, [1, 2]);
    }
    let mut ids = client.receives();
    assert_eq!(ids.len(), 4);
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids, ["s1-1", "s1-2", "s1-3", "s1-4"]);
}

#[test]
fn subscriptions_in_mode_auto_are_never_asked() {
    let mut client = Client::connected();
    client.says("SUBSCRIBE\nid:a\ndestination:/q");
    client.stocks("a", [1]);
    assert!(!client.session.wants_messages());
    assert_eq!(client.does(|session, _, out| session.deliver(out)), [""; 0]);
    assert_eq!(client.asked().len(), 1, "{:?}", client.asked());
}

#[test]
fn item_56_no_more_than_the_window_is_unacknowledged() {
    let mut client = Client::connected();
    client.says("SUBSCRIBE\nid:a\ndestination:/q\nack:client-individual\nprefetch-count:5");
    client.stocks("a", 0..10);
    assert_eq!(
        client.receives(),
        ["s1-1", "s1-2", "s1-3", "s1-4", "s1-5"],
        "5 of 10"
    );
    assert_eq!(client.session.unacked(), 5);
    client.says("ACK\nid:s1-3");
    assert_eq!(client.receives(), ["s1-6"]);
    client.says("NACK\nid:s1-1");
    client.says("ACK\nid:s1-2");
    assert_eq!(client.receives(), ["s1-7", "s1-8"]);
    assert_eq!(client.session.unacked(), 5);
}

#[test]
fn item_56_the_window_without_a_wish_and_with_the_wish_for_all() {
    for (prefetch, expected) in [
        ("", 3),
        ("\nprefetch-count:0", 8),
        ("\nprefetch-count:7", 7),
        ("\nprefetch-count:99999999999999999999999", 8),
    ] {
        let settings = Settings {
            prefetch: 3,
            unacked: 8,
            pull: 2,
            ..Settings::default()
        };
        let mut client = Client::with(settings);
        client.log_in("1.2");
        client.says(&format!(
            "SUBSCRIBE\nid:a\ndestination:/q\nack:client{prefetch}"
        ));
        client.stocks("a", 0..20);
        assert_eq!(client.receives().len(), expected, "{prefetch}");
    }
    let settings = Settings::default();
    assert_eq!((settings.prefetch, settings.unacked), (256, 1_024));
}

#[test]
fn item_56_a_window_that_is_no_number_is_refused_in_every_mode() {
    for count in ["", "-1", "+1", "1.5", "many", " 1"] {
        for mode in ["auto", "client"] {
            let mut client = Client::connected();
            let text =
                format!("SUBSCRIBE\nid:a\ndestination:/q\nack:{mode}\nprefetch-count:{count}");
            assert_refused(&client.says(&text), "Invalid header", Code::BadHeader);
            assert!(client.asked().is_empty());
        }
    }
}

#[test]
fn all_subscriptions_together_are_bounded_and_take_turns() {
    let settings = Settings {
        unacked: 6,
        pull: 2,
        ..Settings::default()
    };
    let mut client = Client::with(settings);
    client.log_in("1.2");
    for id in ["a", "b", "c"] {
        client.says(&format!("SUBSCRIBE\nid:{id}\ndestination:/q\nack:client"));
        client.stocks(id, 0..10);
    }
    client.takes_asked();
    assert_eq!(client.receives().len(), 6);
    assert_eq!(client.takes_asked(), ["pull a 2", "pull b 2", "pull c 2"]);
    client.says("ACK\nid:s1-1");
    client.takes_asked();
    assert_eq!(client.receives(), ["s1-7"]);
    assert_eq!(client.takes_asked(), ["pull a 1"]);
    client.says("UNSUBSCRIBE\nid:b");
    assert_eq!(client.receives().len(), 2);
    assert_eq!(client.session.unacked(), 6);
}

#[test]
fn destinations_are_asked_again_only_after_a_nudge() {
    let mut client = Client::connected();
    client.says("SUBSCRIBE\nid:a\ndestination:/q\nack:client");
    client.takes_asked();
    assert_eq!(client.receives(), [""; 0]);
    assert_eq!(client.takes_asked(), ["pull a 32"]);
    assert!(!client.session.wants_messages());
    client.stocks("a", [1]);
    assert_eq!(client.receives(), ["s1-1"]);
    assert_eq!(client.takes_asked(), ["pull a 32", "pull a 32"]);
}

#[test]
fn item_48_nothing_is_handed_out_after_unsubscribe() {
    let mut client = Client::connected();
    client.says("SUBSCRIBE\nid:a\ndestination:/q\nack:client");
    client.stocks("a", 0..3);
    client.says("UNSUBSCRIBE\nid:a\nreceipt:r");
    assert_eq!(client.receives(), [""; 0]);
    assert_eq!(client.session.unacked(), 0);
    client.says("SUBSCRIBE\nid:a\ndestination:/q\nack:client");
    assert_eq!(
        client.receives(),
        ["s1-1", "s1-2", "s1-3"],
        "the id is free"
    );
}

#[test]
fn item_68_nothing_is_handed_out_after_disconnect() {
    let mut client = Client::connected();
    client.says("SUBSCRIBE\nid:a\ndestination:/q\nack:client");
    client.stocks("a", 0..3);
    client.says("DISCONNECT");
    assert!(!client.session.wants_messages());
    assert_eq!(client.does(|session, _, out| session.deliver(out)), [""; 0]);
}

#[test]
fn destinations_that_cannot_hand_out_end_the_session() {
    let mut client = Client::connected();
    client.says("SUBSCRIBE\nid:a\ndestination:/q\nack:client");
    client.session.destinations_mut().pull = Some(refusal(Code::Unavailable));
    let outputs = client.does(|session, _, out| session.deliver(out));
    assert_refused(&outputs, "No", Code::Unavailable);
    assert!(!client.session.wants_messages());
}
