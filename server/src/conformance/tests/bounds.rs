//! How much is kept, and what happens beyond.

use super::*;
use crate::stomp::Code;

const A: &str = "/queue/a";
const T: &str = "/topic/t";

#[test]
fn a_full_queue_refuses_and_loses_nothing() {
    let broker = small_broker(Limits {
        queue_messages: 3,
        ..Limits::default()
    });
    let mut client = Client::new(&broker);
    for body in ["1", "2", "3"] {
        client.send(A, body);
    }
    let refusal = client.try_send(send(A, &[], "4")).unwrap_err();
    assert_eq!(
        (refusal.code, &*refusal.message),
        (Code::Unavailable, "Queue full")
    );
    assert!(refusal.detail.contains("at most 3 messages"), "{refusal}");
    client.send("/queue/b", "another queue has room");
    client.subscribe("s", A, AckMode::Client);
    let pulled = client.pull("s", 10);
    assert_eq!(pulled.len(), 3);
    assert!(
        client.try_send(send(A, &[], "4")).is_err(),
        "handed out is still kept"
    );
    client.settle("s", pulled[1].tag, Verdict::Ack);
    client.send(A, "4");
    assert_eq!(client.pull_texts("s", 10), ["4"]);
}

#[test]
fn all_queues_together_are_bounded_by_bytes() {
    const BYTES: usize = 100_000;
    let broker = small_broker(Limits {
        bytes: BYTES,
        ..Limits::default()
    });
    let mut client = Client::new(&broker);
    let body = "x".repeat(1_000);
    let mut kept = 0;
    for number in 0..1_000 {
        let destination = format!("/queue/{}", number % 7);
        kept += usize::from(client.try_send(send(&destination, &[], &body)).is_ok());
        assert!(broker.usage().0 <= BYTES);
    }
    assert!((50..100).contains(&kept), "{kept}");
    for number in 0..7 {
        let destination = format!("/queue/{number}");
        client.subscribe(&destination, &destination, AckMode::Auto);
    }
    assert_eq!(client.texts().len(), kept);
    assert_eq!(broker.usage().0, 0);
}

#[test]
fn headers_and_names_cost_too() {
    const BYTES: usize = 100_000;
    let broker = small_broker(Limits {
        bytes: BYTES,
        ..Limits::default()
    });
    let mut client = Client::new(&broker);
    let long = "v".repeat(1_000);
    let mut kept = 0;
    for number in 0..1_000 {
        let destination = format!("/queue/{number}");
        let request = send(&destination, &[("k", &long)], "");
        kept += usize::from(client.try_send(request).is_ok());
    }
    assert!((50..100).contains(&kept), "{kept}");
    // Nothing is free: neither an empty message nor an empty header.
    for (headers, most) in [(vec![], 400), (vec![("k", ""); 50], 20)] {
        let broker = small_broker(Limits {
            bytes: BYTES,
            ..Limits::default()
        });
        let mut client = Client::new(&broker);
        let kept = (0..1_000)
            .filter(|_| client.try_send(send(A, &headers, "")).is_ok())
            .count();
        assert!((1..most).contains(&kept), "{kept}");
    }
}

#[test]
fn a_transaction_needs_room_for_the_largest() {
    let broker = small_broker(Limits {
        queue_messages: 10,
        transaction_messages: 4,
        ..Limits::default()
    });
    let mut client = Client::new(&broker);
    let request = send(A, &[], "x");
    for _ in 0..6 {
        client.destinations.check(&request, Instant::now()).unwrap();
        client.send(A, "x");
    }
    client.destinations.check(&request, Instant::now()).unwrap();
    client.send(A, "x");
    let refusal = client.destinations.check(&request, Instant::now());
    assert_eq!(refusal.unwrap_err().message, "Queue full");
    for _ in 0..3 {
        client.send(A, "x");
    }
    assert!(client.try_send(request).is_err());
    let topic = send(T, &[], "x");
    client.destinations.check(&topic, Instant::now()).unwrap();
}

#[test]
fn a_transaction_needs_room_in_bytes_too() {
    let broker = small_broker(Limits {
        bytes: 10_000,
        transaction_bytes: 9_000,
        ..Limits::default()
    });
    let mut client = Client::new(&broker);
    let request = send(A, &[], &"x".repeat(2_000));
    client.destinations.check(&request, Instant::now()).unwrap();
    client.try_send(request.clone()).unwrap();
    assert!(client.destinations.check(&request, Instant::now()).is_err());
    client.try_send(request).unwrap();
}

/// Both limits of a backlog, and the limit of all together.
#[test]
fn a_subscriber_too_far_behind_is_cut_off_and_its_sender_is_not() {
    let unlimited = Limits::default();
    for limits in [
        Limits {
            backlog_messages: 5,
            ..unlimited
        },
        Limits {
            backlog_bytes: 10_000,
            ..unlimited
        },
        Limits {
            bytes: 10_000,
            ..unlimited
        },
    ] {
        let broker = small_broker(limits);
        let (mut slow, mut quick) = (Client::new(&broker), Client::new(&broker));
        slow.subscribe("s", T, AckMode::Client);
        quick.subscribe("s", T, AckMode::Auto);
        let body = "x".repeat(1_000);
        for _ in 0..20 {
            quick.send(T, &body);
            assert_eq!(quick.texts().len(), 1);
        }
        assert!(slow.is_nudged());
        let refusal = slow.destinations.pull(&"s".into(), 1).unwrap_err();
        assert_eq!(refusal.code, Code::SlowConsumer);
        assert_eq!(broker.usage().0, 0, "its backlog is gone");
        drop(slow);
        quick.send(T, &body);
        assert_eq!(quick.texts().len(), 1);
    }
}

#[test]
fn a_slow_reader_s_outbox_is_never_filled_too_far() {
    let broker = broker();
    let mut client = Client::new(&broker);
    client.subscribe("s", A, AckMode::Auto);
    let body = "x".repeat(10_000);
    for number in 0..500 {
        client.send(A, &format!("{number} {body}"));
    }
    assert!(client.outbox.bytes() < 300_000);
    let mut got = Vec::new();
    let mut rounds = 0;
    loop {
        // As its connection does: write everything, then ask for more.
        got.extend(client.texts());
        rounds += 1;
        if client.catch_up() == CatchUp::Done && client.outbox.is_empty() {
            break;
        }
    }
    assert!(rounds > 10, "{rounds}");
    let numbers: Vec<_> = got
        .iter()
        .map(|text| text.split(' ').next().unwrap().parse::<usize>().unwrap())
        .collect();
    assert_eq!(numbers, (0..500).collect::<Vec<_>>());
    assert_eq!(broker.usage().0, 0);
}

#[test]
fn a_slow_reader_is_nudged_and_others_go_on() {
    let broker = broker();
    let (mut slow, mut quick) = (Client::new(&broker), Client::new(&broker));
    slow.subscribe("s", A, AckMode::Auto);
    let body = "x".repeat(100_000);
    for _ in 0..4 {
        slow.send(A, &body);
    }
    assert_eq!(slow.catch_up(), CatchUp::More);
    quick.subscribe("s", A, AckMode::Auto);
    assert_eq!(quick.texts().len(), 1, "what the slow one has no room for");
    for _ in 0..4 {
        slow.send(A, &body);
    }
    let batch = slow.outbox.take();
    assert!(batch.nudged && batch.frames.len() == 3);
}
