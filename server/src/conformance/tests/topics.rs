//! `/topic/…`: every subscriber of the moment, and nothing is kept.

use super::*;

const T: &str = "/topic/t";

#[test]
fn every_subscriber_of_the_moment_gets_it() {
    let broker = broker();
    let (mut one, mut other) = (Client::new(&broker), Client::new(&broker));
    one.send(T, "before");
    one.subscribe("s", T, AckMode::Auto);
    one.subscribe("t", T, AckMode::Auto);
    other.subscribe("s", T, AckMode::Client);
    other.subscribe("u", "/topic/other", AckMode::Auto);
    one.send(T, "1");
    one.send(T, "2");
    let frames = one.frames();
    let got: Vec<_> = frames
        .iter()
        .map(|frame| (header(frame, "subscription"), text(frame)))
        .collect();
    let expected = [("s", "1"), ("t", "1"), ("s", "2"), ("t", "2")];
    assert_eq!(got, expected.map(|(id, body)| (id.into(), body.into())));
    let mut ids: Vec<_> = frames
        .iter()
        .map(|frame| header(frame, "message-id"))
        .collect();
    ids.dedup();
    assert_eq!(ids.len(), 4, "one id for each message of each subscription");
    assert_eq!(other.pull_texts("s", 10), ["1", "2"]);
    assert!(other.texts().is_empty());
    drop(one);
    drop(other);
    assert_eq!(broker.usage(), (0, 0));
}

#[test]
fn subscriptions_settle_for_themselves() {
    let broker = broker();
    let (mut one, mut other) = (Client::new(&broker), Client::new(&broker));
    one.subscribe("s", T, AckMode::ClientIndividual);
    other.subscribe("s", T, AckMode::ClientIndividual);
    one.send(T, "1");
    one.send(T, "2");
    assert!(other.is_nudged());
    let (mine, theirs) = (one.pull("s", 2), other.pull("s", 2));
    one.settle("s", mine[0].tag, Verdict::Nack);
    one.settle("s", mine[1].tag, Verdict::Ack);
    other.settle("s", theirs[0].tag, Verdict::Ack);
    other.settle("s", theirs[1].tag, Verdict::Ack);
    assert_eq!(one.pull_texts("s", 2), ["*1"]);
    assert!(other.pull("s", 2).is_empty());
}

#[test]
fn what_a_lost_subscriber_has_not_settled_is_gone() {
    for lost in [true, false] {
        let broker = broker();
        let (mut one, mut other) = (Client::new(&broker), Client::new(&broker));
        one.subscribe("s", T, AckMode::Client);
        other.subscribe("s", T, AckMode::Client);
        one.send(T, "1");
        one.pull("s", 1);
        if lost {
            drop(one);
        } else {
            one.unsubscribe("s");
            assert!(one.pull("s", 1).is_empty());
        }
        assert_eq!(other.pull_texts("s", 10), ["1"]);
    }
}

#[test]
fn nothing_comes_after_unsubscribe() {
    let mut client = Client::new(&broker());
    client.subscribe("s", T, AckMode::Auto);
    client.subscribe("t", T, AckMode::Auto);
    client.unsubscribe("s");
    client.send(T, "1");
    assert_eq!(header(&client.frames()[0], "subscription"), "t");
}
