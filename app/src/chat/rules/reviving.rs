//! Noticing that a connection is dead, and coming back.

use protocol::header;
use stomp::{Command, Frame};

use crate::chat::testing::Harness;
use crate::chat::{Connection, Effect, Event};

#[test]
fn on_waking_the_server_has_to_prove_itself() {
    let mut page = Harness::live();
    page.pass(15_000);
    page.event(Event::Wake);
    let subscribe = page.sent.last().unwrap();
    assert_eq!(
        subscribe.header(header::RECOVER_OFFSET).unwrap(),
        "15",
        "and catches up in the same breath"
    );
    assert_eq!(
        page.engine.connection(),
        Connection::Live,
        "no banner for a probe"
    );
    page.subscribed(true);
    page.beat();
    page.pass(4_000);
    assert_eq!(
        (page.engine.connection(), page.connects()),
        (Connection::Live, 0),
        "alive"
    );
    assert_eq!(page.commands(), [Command::Unsubscribe, Command::Subscribe]);

    page.event(Event::Wake);
    page.event(Event::Wake);
    assert_eq!(page.sent.len(), 2, "one probe at a time");
    page.pass(1_000);
    // What the network held back is no proof.
    page.beat();
    page.pass(1_999);
    assert_eq!(page.connects(), 0);
    page.pass(1);
    assert_eq!(
        page.asked,
        [
            Effect::Disconnect { generation: 1 },
            Effect::Connect { generation: 2 }
        ],
        "at once"
    );
}

#[test]
fn waking_after_a_long_silence_connects_at_once() {
    let mut page = Harness::live();
    // The computer slept: no timer went off.
    page.now += 600_000;
    page.event(Event::Wake);
    assert_eq!(
        page.asked,
        [
            Effect::Disconnect { generation: 1 },
            Effect::Connect { generation: 2 }
        ]
    );
}

#[test]
fn impatience_and_waking_end_a_wait() {
    for event in [Event::Wake, Event::Online, Event::ReconnectNow] {
        let mut page = Harness::live();
        page.closed();
        assert!(
            matches!(page.engine.connection(), Connection::Waiting { until } if until <= page.now + 2_000)
        );
        page.event(event.clone());
        assert_eq!(page.connects(), 1, "{event:?}");
        page.event(event.clone());
        assert_eq!(page.connects(), 0, "{event:?}: not twice");
    }
    let mut page = Harness::live();
    page.event(Event::ReconnectNow);
    assert_eq!(
        (page.connects(), page.commands()),
        (0, vec![]),
        "nothing to be done while live"
    );
    let mut page = Harness::new();
    page.event(Event::Wake);
    assert_eq!(page.connects(), 0, "nothing before the start");
}

#[test]
fn offline_is_a_hint_and_not_the_truth() {
    let mut page = Harness::live();
    page.event(Event::Offline);
    page.subscribed(true);
    page.pass(5_000);
    assert_eq!(
        page.engine.connection(),
        Connection::Live,
        "a server on this machine is there without a network"
    );

    page.event(Event::Offline);
    page.asked.clear();
    page.pass(2_000);
    assert_eq!(page.engine.connection(), Connection::Offline);
    for attempt in 0..5 {
        page.closed();
        assert_eq!(page.engine.connection(), Connection::Offline);
        page.pass(30_001);
        assert!(page.connects() > 0, "attempt {attempt} goes on");
    }
    page.closed();
    page.event(Event::Online);
    assert_eq!(
        (page.engine.connection(), page.connects()),
        (Connection::Connecting, 1)
    );
}

#[test]
fn waits_grow_until_a_connection_has_been_stable() {
    let wait = |page: &Harness| match page.engine.connection() {
        Connection::Waiting { until } => until - page.now,
        other => panic!("{other:?}"),
    };
    let come_back = |page: &mut Harness| {
        page.pass(wait(page));
        page.open();
        page.subscribed(true);
    };
    let mut page = Harness::live();
    let mut longest = 0;
    for _ in 0..60 {
        page.closed();
        longest = longest.max(wait(&page));
        come_back(&mut page);
        page.pass(4_999);
    }
    assert!(
        (15_000..=30_000).contains(&longest),
        "connections that do not hold do not count: {longest}"
    );
    for _ in 0..60 {
        page.pass(1);
        page.closed();
        assert!(wait(&page) <= 2_000, "a stable one does");
        come_back(&mut page);
        page.pass(4_999);
    }
}

#[test]
fn a_clock_that_is_set_back_delays_nothing() {
    let mut page = Harness::live();
    page.closed();
    page.now -= 3_600_000;
    page.event(Event::Tick);
    let Connection::Waiting { until } = page.engine.connection() else {
        panic!("{:?}", page.engine.connection())
    };
    assert!(until <= page.now + 2_000, "shown in the page's new time");
    page.pass(2_001);
    assert_eq!(page.connects(), 1);
}

#[test]
fn silence_of_twenty_seconds_is_death() {
    let mut page = Harness::live();
    for _ in 0..10 {
        page.pass(19_999);
        page.beat();
        assert_eq!(
            page.engine.connection(),
            Connection::Live,
            "any bytes are a sign of life"
        );
    }
    page.pass(19_999);
    assert_eq!(page.engine.connection(), Connection::Live);
    page.pass(1);
    assert_eq!(page.asked[0], Effect::Disconnect { generation: 1 });
    assert!(matches!(
        page.engine.connection(),
        Connection::Waiting { .. }
    ));
}

#[test]
fn a_server_without_heart_beats_may_be_silent() {
    let mut page = Harness::new();
    page.event(Event::Start);
    page.event(Event::Opened { generation: 1 });
    page.receive(
        &Frame::new(Command::Connected)
            .with("version", "1.2")
            .with("heart-beat", "0,0"),
    );
    page.subscribed(true);
    page.pass(3_600_000);
    assert_eq!(page.engine.connection(), Connection::Live);
}

#[test]
fn a_slow_connection_is_not_a_dead_one() {
    let mut page = Harness::new();
    page.event(Event::Start);
    page.open();
    for _ in 0..3 {
        // A long replay before the receipt of a renewed SUBSCRIBE, say.
        page.pass(4_999);
        page.beat();
    }
    page.asked.clear();
    page.subscribed(true);
    assert_eq!(
        (page.engine.connection(), page.connects()),
        (Connection::Live, 0)
    );
}
