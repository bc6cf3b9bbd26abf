//! Rows in the order of the log, without hole or repeat.

use protocol::{Epoch, HistoryPage, Kind, Message, header};
use serde_json::Map;
use stomp::{Command, Frame};

use crate::chat::testing::{EPOCH, Harness, folded_to, message, page, position};
use crate::chat::{Beyond, Changes, Connection, Effect, Event, PageRequest};

#[test]
fn a_message_that_follows_on_is_a_row() {
    let mut page = Harness::live();
    let heard = message(17, Some(15), "이웃", "a");
    page.hear(&heard);
    assert_eq!(
        *page.engine.rows()[3].as_ref(),
        heard,
        "with everything it came with"
    );
    assert_eq!(
        page.changes,
        [Changes {
            appended: 1,
            heard: 1,
            rooms: true,
            ..Changes::default()
        }]
    );

    page.changes.clear();
    for repeat in [10, 12, 15, 17] {
        page.hear(&message(repeat, None, "이웃", "a"));
    }
    assert_eq!(page.offsets(), [10, 12, 15, 17]);
    assert_eq!(
        (page.changes.len(), page.commands()),
        (0, vec![]),
        "repeats change nothing"
    );
}

#[test]
fn other_kinds_than_plain_messages_come_as_json() {
    let mut page = Harness::live();
    let poll = Message {
        kind: Kind::Unsupported,
        ..message(16, Some(15), "이웃", "a")
    };
    let written = Message {
        other: Map::from_iter([("choices".to_owned(), 3.into())]),
        ..poll.clone()
    };
    let frame = Frame::new(Command::Message)
        .with("subscription", "room")
        .with("message-id", poll.position.to_string())
        .with("content-type", "application/json;charset=utf-8")
        .with(header::PREV, "15")
        .with_body(serde_json::to_vec(&written).unwrap());
    page.receive(&frame);
    assert_eq!(page.engine.rows()[3].as_ref(), &poll);
}

#[test]
fn a_gap_is_filled_before_anything_behind_it_is_shown() {
    let mut page = Harness::live();
    page.hear(&message(19, Some(17), "이웃", "c"));
    assert_eq!(page.offsets(), [10, 12, 15], "no hole");
    assert_eq!(
        page.sent
            .last()
            .unwrap()
            .header(header::RECOVER_OFFSET)
            .unwrap(),
        "15"
    );
    page.hear(&message(20, Some(19), "이웃", "d"));
    assert_eq!(
        page.sent.len(),
        2,
        "asked for once: UNSUBSCRIBE and SUBSCRIBE"
    );

    page.subscribed(true);
    page.hear(&message(17, Some(15), "이웃", "b"));
    page.hear(&message(19, Some(17), "이웃", "c"));
    page.hear(&message(20, Some(19), "이웃", "d"));
    assert_eq!(page.offsets(), [10, 12, 15, 17, 19, 20]);
    assert_eq!(page.commands(), [Command::Unsubscribe, Command::Subscribe]);
    assert_eq!(page.engine.connection(), Connection::Live);
}

#[test]
fn another_life_of_the_log_is_a_gap() {
    let mut page = Harness::live();
    let mut other = message(16, Some(15), "이웃", "a");
    other.position.epoch = Epoch(1);
    page.hear(&other);
    assert_eq!(page.offsets(), [10, 12, 15]);
    assert_eq!(page.commands(), [Command::Unsubscribe, Command::Subscribe]);
}

#[test]
fn a_gap_that_a_replay_does_not_fill_is_not_asked_for_for_ever() {
    let mut live = Harness::live();
    live.hear(&message(19, Some(17), "이웃", "c"));
    live.subscribed(true);
    live.commands();
    live.hear(&message(20, Some(19), "이웃", "d"));
    assert_eq!(
        (live.commands(), live.fetches()),
        (vec![], vec![PageRequest::Latest]),
        "a page instead"
    );
    live.event(Event::Fetched {
        request: PageRequest::Latest,
        page: page(&[17, 19, 20], true),
    });
    assert_eq!(live.offsets(), [17, 19, 20]);
}

#[test]
fn what_cannot_be_recovered_is_fetched_as_a_page() {
    let mut live = Harness::live();
    live.closed();
    live.pass(2_001);
    live.open();
    live.asked.clear();
    live.subscribed(false);
    assert_eq!(live.fetches(), [PageRequest::Latest]);
    assert_eq!(live.engine.connection(), Connection::Connecting);
    live.hear(&message(999, Some(998), "이웃", "a"));
    assert_eq!(
        live.offsets(),
        [10, 12, 15],
        "the old rows stay until the new ones are there"
    );

    live.changes.clear();
    live.commands();
    live.event(Event::Fetched {
        request: PageRequest::Latest,
        page: page(&[990, 995, 998], true),
    });
    assert_eq!(live.offsets(), [990, 995, 998]);
    assert_eq!(
        live.changes,
        [Changes {
            reset: true,
            ..Changes::default()
        }]
    );
    assert_eq!(
        live.sent
            .last()
            .unwrap()
            .header(header::RECOVER_OFFSET)
            .unwrap(),
        "998"
    );
    live.subscribed(true);
    live.hear(&message(999, Some(998), "이웃", "a"));
    assert_eq!(
        (live.offsets().len(), live.engine.connection()),
        (4, Connection::Live)
    );
    assert_eq!(
        live.engine.older(),
        Beyond::More,
        "what lies between is an older page"
    );
}

#[test]
fn a_page_that_does_not_come_is_asked_for_again() {
    let mut live = Harness::live();
    live.closed();
    live.pass(2_001);
    live.open();
    live.subscribed(false);
    live.asked.clear();
    for _ in 0..8 {
        live.event(Event::FetchFailed {
            request: PageRequest::Latest,
        });
        assert_eq!(live.fetches(), [], "not at once");
        for _ in 0..4 {
            live.pass(7_501);
            live.beat();
        }
        assert_eq!(live.fetches(), [PageRequest::Latest]);
    }
}

#[test]
fn an_empty_room_in_a_new_life_of_the_log() {
    let mut live = Harness::with(
        HistoryPage {
            newer: false,
            head: -1,
            messages: Vec::new(),
            more: false,
        },
        -1,
    );
    live.event(Event::Start);
    live.open();
    assert_eq!(
        live.sent
            .last()
            .unwrap()
            .header(header::RECOVER_OFFSET)
            .unwrap(),
        "-1"
    );
    let receipt = Frame::new(Command::Receipt)
        .with(
            "receipt-id",
            live.sent.last().unwrap().header("receipt").unwrap().clone(),
        )
        .with(header::EPOCH, "00000007")
        .with(header::OFFSET, "-1")
        .with(header::RECOVERED, "false");
    live.receive(&receipt);
    live.event(Event::Fetched {
        request: PageRequest::Latest,
        page: HistoryPage {
            newer: false,
            head: -1,
            messages: Vec::new(),
            more: false,
        },
    });
    let subscribe = live.sent.last().unwrap();
    assert_eq!(subscribe.header(header::RECOVER_EPOCH).unwrap(), "00000007");
    live.subscribed(true);
    let mut first = message(4, None, "이웃", "a");
    first.position.epoch = Epoch(7);
    live.hear(&first);
    assert_eq!(
        live.offsets(),
        [4],
        "a room's first message follows on nothing"
    );
}

#[test]
fn a_receipt_of_an_earlier_subscribe_is_not_taken_for_the_present_one() {
    let mut page = Harness::live();
    page.hear(&message(19, Some(17), "이웃", "c"));
    let earlier = Frame::new(Command::Receipt)
        .with("receipt-id", "room-1")
        .with(header::RECOVERED, "true");
    page.receive(&earlier);
    page.hear(&message(20, Some(19), "이웃", "d"));
    assert_eq!(
        page.commands(),
        [Command::Unsubscribe, Command::Subscribe],
        "the second is still open"
    );
    assert_eq!(page.fetches(), []);
}

#[test]
fn older_pages_go_before_the_first_row() {
    let mut live = Harness::live();
    live.event(Event::LoadOlder);
    live.event(Event::LoadOlder);
    assert_eq!(live.fetches(), [PageRequest::Before(position(10))], "once");
    assert_eq!(live.engine.older(), Beyond::Loading);
    live.changes.clear();
    live.hear(&message(16, Some(15), "이웃", "a"));
    // A page may overlap: the rows may not.
    live.event(Event::Fetched {
        request: PageRequest::Before(position(10)),
        page: folded_to(16, page(&[3, 7, 10], false)),
    });
    assert_eq!(live.offsets(), [3, 7, 10, 12, 15, 16]);
    assert_eq!(
        live.changes[1],
        Changes {
            prepended: 2,
            beyond: true,
            ..Changes::default()
        }
    );
    assert_eq!(live.engine.older(), Beyond::None);
    live.event(Event::LoadOlder);
    assert_eq!(live.fetches(), [], "the room's first message is reached");
}

#[test]
fn a_page_with_a_hole_is_taken_as_far_as_there_is_none() {
    // A server that lags behind does not know 7 yet: its page ends too early.
    let late = [(page(&[1, 4], false), vec![], Beyond::Failed)];
    let broken = |mut page: HistoryPage| {
        page.messages[1].prev = Some(2);
        page
    };
    let rest = [
        (page(&[], false), vec![], Beyond::Failed),
        (broken(page(&[1, 4, 7], false)), vec![4, 7], Beyond::More),
        (page(&[4, 7], false), vec![4, 7], Beyond::None),
    ];
    for (page, added, older) in late.into_iter().chain(rest) {
        let mut live = Harness::live();
        live.event(Event::LoadOlder);
        let request = PageRequest::Before(position(10));
        let page = folded_to(15, page);
        live.event(Event::Fetched { request, page });
        let rows = [added, vec![10, 12, 15]].concat();
        assert_eq!((live.offsets(), live.engine.older()), (rows, older));
    }

    let mut live = Harness::with(broken(page(&[10, 12, 15], false)), 15);
    assert_eq!(live.offsets(), [12, 15], "the first page, too");
    live.event(Event::LoadOlder);
    assert_eq!(live.fetches(), [PageRequest::Before(position(12))]);
}

#[test]
fn what_the_server_has_spoken_of_has_to_come() {
    let mut live = Harness::new();
    live.event(Event::Start);
    live.open();
    let subscribe = live.sent.last().unwrap().header("receipt").unwrap().clone();
    let receipt = Frame::new(Command::Receipt)
        .with("receipt-id", subscribe)
        .with(header::EPOCH, EPOCH.to_string())
        .with(header::OFFSET, "19")
        .with(header::RECOVERED, "true");
    live.receive(&receipt);
    live.hear(&message(17, Some(15), "이웃", "a"));
    assert_eq!(
        live.engine.connection(),
        Connection::Connecting,
        "not before the replay is over"
    );
    live.pass(4_000);
    live.hear(&message(19, Some(17), "이웃", "b"));
    assert_eq!(live.engine.connection(), Connection::Live);
    live.pass(9_000);
    assert_eq!(live.engine.connection(), Connection::Live);

    live.beat();
    let id = live.compose("안녕");
    live.receipt(&id, 23);
    live.pass(4_999);
    assert_eq!(live.engine.connection(), Connection::Live);
    live.asked.clear();
    live.pass(1);
    assert_eq!(live.asked, [Effect::Disconnect { generation: 1 }]);
}

#[test]
fn an_older_page_that_fails_can_be_asked_for_again() {
    let mut live = Harness::live();
    live.event(Event::LoadOlder);
    live.event(Event::FetchFailed {
        request: PageRequest::Before(position(10)),
    });
    assert_eq!(live.engine.older(), Beyond::Failed);
    live.asked.clear();
    live.event(Event::LoadOlder);
    assert_eq!(live.fetches(), [PageRequest::Before(position(10))]);
}

#[test]
fn pages_that_were_not_asked_for_are_dropped() {
    let mut live = Harness::live();
    live.event(Event::Fetched {
        request: PageRequest::Latest,
        page: page(&[1], false),
    });
    live.event(Event::Fetched {
        request: PageRequest::Before(position(10)),
        page: page(&[1], false),
    });
    live.event(Event::LoadOlder);
    live.event(Event::Fetched {
        request: PageRequest::Before(position(12)),
        page: page(&[10], false),
    });
    live.event(Event::FetchFailed {
        request: PageRequest::Before(position(12)),
    });
    assert_eq!(
        (live.offsets(), live.engine.older()),
        (vec![10, 12, 15], Beyond::Loading)
    );
}

#[test]
fn every_gap_is_first_asked_for_again() {
    let mut page = Harness::live();
    for round in 0..3 {
        let head = 15 + 2 * round;
        page.hear(&message(head + 2, Some(head + 1), "이웃", "b"));
        assert_eq!(
            page.sent.len(),
            2,
            "round {round}: UNSUBSCRIBE and SUBSCRIBE"
        );
        page.subscribed(true);
        page.hear(&message(head + 1, Some(head), "이웃", "a"));
        page.hear(&message(head + 2, Some(head + 1), "이웃", "b"));
        page.sent.clear();
    }
    assert_eq!((page.offsets().len(), page.fetches()), (9, vec![]));
}

#[test]
fn a_page_is_fetched_at_once_unless_the_one_before_did_not_help() {
    let mut live = Harness::live();
    let break_off = |live: &mut Harness| {
        live.closed();
        live.event(Event::ReconnectNow);
        live.open();
        live.asked.clear();
        live.subscribed(false);
    };
    for round in 0..3 {
        break_off(&mut live);
        assert_eq!(live.fetches(), [PageRequest::Latest], "round {round}");
        live.event(Event::Fetched {
            request: PageRequest::Latest,
            page: page(&[20, 21], true),
        });
        live.subscribed(round == 2);
        assert_eq!(live.fetches(), [], "round {round}: not in a circle");
        live.pass(2_000);
        if round < 2 {
            assert_eq!(live.fetches(), [PageRequest::Latest], "round {round}");
            live.event(Event::Fetched {
                request: PageRequest::Latest,
                page: page(&[20, 21], true),
            });
            live.subscribed(true);
        }
    }
}
