//! `/queue/…`: competing consumers, order, and what comes again.

use super::*;

const A: &str = "/queue/a";

#[test]
fn messages_wait_until_somebody_subscribes_and_asks() {
    let broker = broker();
    let mut sender = Client::new(&broker);
    for body in ["1", "2", "3"] {
        sender.send(A, body);
    }
    drop(sender);
    let mut auto = Client::new(&broker);
    auto.try_subscribe("s", A, AckMode::Auto).unwrap();
    assert!(auto.is_nudged(), "something waits");
    assert!(auto.texts().is_empty(), "the RECEIPT comes first");
    assert_eq!(auto.catch_up(), CatchUp::Done);
    assert_eq!(auto.texts(), ["1", "2", "3"]);
    assert_eq!(broker.usage(), (0, 1), "sent is consumed");
    drop(auto);
    assert_eq!(broker.usage(), (0, 0));
}

#[test]
fn consumers_take_turns() {
    let broker = broker();
    let mut clients: Vec<_> = (0..3).map(|_| Client::new(&broker)).collect();
    for client in &mut clients {
        client.subscribe("s", A, AckMode::Auto);
    }
    for number in 0..9 {
        clients[0].send(A, &number.to_string());
    }
    let texts: Vec<_> = clients.iter().map(Client::texts).collect();
    assert_eq!(texts, [["0", "3", "6"], ["1", "4", "7"], ["2", "5", "8"]]);
}

#[test]
fn one_connection_may_compete_with_itself() {
    let mut client = Client::new(&broker());
    client.subscribe("s", A, AckMode::Auto);
    client.subscribe("t", A, AckMode::Auto);
    for body in ["1", "2", "3"] {
        client.send(A, body);
    }
    let frames = client.frames();
    let got: Vec<_> = frames
        .iter()
        .map(|frame| (header(frame, "subscription"), text(frame)))
        .collect();
    let expected = [("s", "1"), ("t", "2"), ("s", "3")];
    assert_eq!(got, expected.map(|(id, body)| (id.into(), body.into())));
}

#[test]
fn only_those_with_room_take_turns() {
    let broker = broker();
    let (mut few, mut many) = (Client::new(&broker), Client::new(&broker));
    few.subscribe("s", A, AckMode::Client);
    many.subscribe("s", A, AckMode::ClientIndividual);
    assert!(few.pull("s", 1).is_empty() && many.pull("s", 100).is_empty());
    for number in 0..6 {
        few.send(A, &number.to_string());
    }
    assert!(few.is_nudged() && many.is_nudged());
    assert_eq!(many.pull_texts("s", 94), ["1", "2", "3", "4", "5"]);
    let first = few.pull("s", 1);
    assert_eq!(text(&first[0].message), "0");
    // Its one place is free again, but it has to ask.
    few.settle("s", first[0].tag, Verdict::Ack);
    few.send(A, "6");
    assert_eq!(many.pull_texts("s", 89), ["6"]);
    assert!(few.pull("s", 1).is_empty());
    few.send(A, "7");
    assert_eq!(few.pull_texts("s", 1), ["7"]);
}

#[test]
fn a_share_that_is_not_fetched_in_full_goes_to_others() {
    let broker = broker();
    let (mut one, mut other) = (Client::new(&broker), Client::new(&broker));
    one.subscribe("s", A, AckMode::Client);
    one.pull("s", 10);
    for body in ["1", "2", "3"] {
        one.send(A, body);
    }
    other.subscribe("s", A, AckMode::Client);
    other.pull("s", 10);
    assert!(!other.is_nudged());
    assert_eq!(one.pull_texts("s", 1), ["1"]);
    assert!(other.is_nudged());
    assert_eq!(other.pull_texts("s", 10), ["2", "3"]);
}

#[test]
fn what_is_refused_comes_again_at_its_old_place() {
    let mut client = Client::new(&broker());
    client.subscribe("s", A, AckMode::ClientIndividual);
    for body in ["1", "2", "3", "4", "5"] {
        client.send(A, body);
    }
    let pulled = client.pull("s", 3);
    client.settle("s", pulled[2].tag, Verdict::Nack);
    client.settle("s", pulled[0].tag, Verdict::Nack);
    client.settle("s", pulled[1].tag, Verdict::Ack);
    assert_eq!(client.pull_texts("s", 10), ["*1", "*3", "4", "5"]);
}

#[test]
fn what_is_refused_may_go_to_another() {
    let broker = broker();
    let (mut one, mut other) = (Client::new(&broker), Client::new(&broker));
    one.subscribe("s", A, AckMode::Client);
    one.send(A, "1");
    let pulled = one.pull("s", 1);
    other.subscribe("s", A, AckMode::Auto);
    one.settle("s", pulled[0].tag, Verdict::Nack);
    assert_eq!(other.texts(), ["*1"]);
    assert!(one.pull("s", 1).is_empty());
}

#[test]
fn the_same_message_keeps_its_id() {
    let mut client = Client::new(&broker());
    client.subscribe("s", A, AckMode::Client);
    client.send(A, "1");
    client.send(A, "2");
    let first = client.pull("s", 2);
    for pulled in &first {
        client.settle("s", pulled.tag, Verdict::Nack);
    }
    let again = client.pull("s", 2);
    let ids = |pulled: &[Pulled]| -> Vec<_> {
        let id = |pulled: &Pulled| header(&pulled.message, "message-id");
        pulled.iter().map(id).collect()
    };
    assert_eq!(ids(&first), ids(&again));
    assert_ne!(ids(&first)[0], ids(&first)[1]);
}

/// Losing the connection and UNSUBSCRIBE are the same to a queue.
#[test]
fn what_a_lost_consumer_has_not_settled_comes_again_in_order() {
    for lost in [true, false] {
        let broker = broker();
        let mut one = Client::new(&broker);
        one.subscribe("s", A, AckMode::ClientIndividual);
        one.pull("s", 5);
        for number in 1..=7 {
            one.send(A, &number.to_string());
        }
        let pulled = one.pull("s", 4);
        one.settle("s", pulled[1].tag, Verdict::Ack);
        let mut other = Client::new(&broker);
        other.subscribe("s", A, AckMode::Auto);
        // From 5 on they were the other's already, for the first did not fetch them.
        assert_eq!(other.texts(), ["5", "6", "7"]);
        if lost {
            drop(one);
        } else {
            one.unsubscribe("s");
            assert!(one.pull("s", 9).is_empty());
            one.settle("s", pulled[0].tag, Verdict::Ack);
        }
        assert_eq!(other.texts(), ["*1", "*3", "*4"], "lost: {lost}");
        assert_eq!(broker.usage().0, 0);
    }
}

#[test]
fn what_was_never_handed_out_is_not_marked() {
    let broker = broker();
    let mut one = Client::new(&broker);
    one.subscribe("s", A, AckMode::Client);
    one.pull("s", 5);
    one.send(A, "1");
    assert!(one.is_nudged(), "it is its share");
    drop(one);
    let mut other = Client::new(&broker);
    other.subscribe("s", A, AckMode::Auto);
    assert_eq!(other.texts(), ["1"]);
}

#[test]
fn a_message_is_settled_once_and_by_its_consumer() {
    let broker = broker();
    let (mut one, mut other) = (Client::new(&broker), Client::new(&broker));
    one.subscribe("s", A, AckMode::Client);
    one.send(A, "1");
    other.subscribe("s", A, AckMode::Client);
    let tag = one.pull("s", 1)[0].tag;
    other.settle("s", tag, Verdict::Ack);
    assert!(broker.usage().0 > 0, "it was not the other's");
    one.settle("s", tag, Verdict::Ack);
    one.settle("s", tag, Verdict::Nack);
    assert_eq!(broker.usage().0, 0);
    assert!(one.pull("s", 1).is_empty());
}

#[test]
fn nothing_comes_after_unsubscribe() {
    let mut client = Client::new(&broker());
    client.subscribe("s", A, AckMode::Auto);
    client.unsubscribe("s");
    client.send(A, "1");
    client.catch_up();
    assert!(client.texts().is_empty());
    client.subscribe("s", A, AckMode::Auto);
    assert_eq!(client.texts(), ["1"], "the id is free again");
}
