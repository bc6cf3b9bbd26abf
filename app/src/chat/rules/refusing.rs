//! Messages that are refused, for now or for good, and what the person decides.

use crate::chat::testing::{Harness, ME, message};
use crate::chat::{Connection, Event, Failure, Refusal, Status};

#[test]
fn a_refusal_for_now_is_a_wait() {
    for (code, retry_after, earliest, latest) in [
        ("rate-limited", Some(3_000), 3_000, 3_000),
        ("unavailable", None, 0, 1_000),
        ("unconfirmed", None, 0, 1_000),
    ] {
        let mut page = Harness::live();
        let id = page.compose("하나");
        page.compose("둘");
        page.sent.clear();
        page.refusal(&id, code, true, retry_after);
        assert_eq!(
            page.statuses(),
            [Status::Sending, Status::Sending],
            "{code} is no failure"
        );
        if earliest > 0 {
            page.pass(earliest - 1);
            assert_eq!(
                page.sends(),
                [] as [String; 0],
                "{code}: not before its time, and nobody overtakes"
            );
            page.pass(1);
        } else {
            page.pass(latest);
        }
        assert_eq!(page.sends(), [id], "{code}: the same id");
    }
}

#[test]
fn a_wait_that_the_server_asked_for_holds_across_connections() {
    let mut page = Harness::live();
    let id = page.compose("하나");
    page.refusal(&id, "rate-limited", true, Some(8_000));
    page.closed();
    page.event(Event::ReconnectNow);
    page.go_live();
    page.pass(7_999);
    assert_eq!(page.sends(), [] as [String; 0]);
    page.pass(1);
    assert_eq!(page.sends(), [id]);
}

#[test]
fn a_refusal_for_good_waits_for_the_person() {
    let mut page = Harness::live();
    let first = page.compose("하나");
    let second = page.compose("둘");
    page.refusal(&first, "forbidden", false, None);
    let refusal = Refusal {
        code: "forbidden".to_owned(),
        sentence: "Please wait.".to_owned(),
    };
    assert_eq!(
        page.statuses(),
        [Status::Failed(Failure::Refused(refusal)), Status::Sending]
    );
    assert_eq!(
        page.sends(),
        [first.as_str(), second.as_str()],
        "the next ones go on"
    );

    page.pass(5_000);
    page.event(Event::Retry { id: first.clone() });
    assert_eq!(
        page.engine.pending()[1].id,
        first,
        "behind what is under way"
    );
    page.event(Event::Discard { id: first.clone() });
    assert_eq!(page.engine.pending().len(), 2, "it is no longer a failure");
    page.receipt(&second, 16);
    assert_eq!(page.sends(), [first.as_str()], "the same id");
    page.refusal(&first, "forbidden", false, None);
    page.event(Event::Discard { id: first });
    page.hear(&message(16, Some(15), ME, &second));
    assert!(page.engine.pending().is_empty());
}

#[test]
fn what_was_never_sent_can_be_taken_back() {
    let mut page = Harness::live();
    let first = page.compose("하나");
    let second = page.compose("둘");
    for id in [&first, &second] {
        page.event(Event::Discard { id: id.clone() });
    }
    let left: Vec<&str> = page
        .engine
        .pending()
        .iter()
        .map(|pending| pending.id.as_str())
        .collect();
    assert_eq!(left, [first], "what may be in the room cannot");
}

#[test]
fn nobody_is_surprised_by_a_message_of_yesterday() {
    let mut page = Harness::live();
    page.closed();
    page.event(Event::Offline);
    let old = page.compose("어제");
    page.now += 23 * 3_600_000;
    let young = page.compose("오늘");
    page.now += 3_600_001;
    page.event(Event::Online);
    page.go_live_keeping_frames();
    assert_eq!(page.sends(), [young.as_str()]);
    assert_eq!(
        page.engine.pending()[0].status,
        Status::Failed(Failure::TooOld)
    );
    page.event(Event::Retry { id: old.clone() });
    page.receipt(&young, 16);
    assert_eq!(page.sends(), [old], "the person wants it");
}

#[test]
fn a_message_that_ends_the_connection_does_not_keep_the_page_away() {
    let mut page = Harness::live();
    let first = page.compose("하나");
    let second = page.compose("둘");
    page.error("invalid-message", false, Some(&first));
    assert!(matches!(
        page.engine.connection(),
        Connection::Waiting { .. }
    ));
    assert!(matches!(
        page.statuses()[..],
        [Status::Failed(Failure::Refused(_)), Status::Queued]
    ));
    page.pass(2_001);
    page.go_live_keeping_frames();
    assert_eq!(page.sends().last(), Some(&second));

    // A copy of it that comes after the first was settled.
    page.receipt(&second, 15);
    assert!(page.statuses().len() == 1, "settled");
    page.error("invalid-message", false, Some(&second));
    page.pass(4_001);
    page.open();
    assert_eq!(page.engine.connection(), Connection::Connecting);
    let subscribe = page.sent.last().unwrap();
    let receipt = subscribe.header("receipt").unwrap().to_string();
    page.error("forbidden", false, Some(&receipt));
    let refused = matches!(page.engine.connection(), Connection::Refused(_));
    assert!(refused, "but the room itself");
}

#[test]
fn refusals_in_a_row_make_longer_waits() {
    let mut page = Harness::live();
    let id = page.compose("하나");
    let mut longest = 0;
    for _ in 0..20 {
        page.sent.clear();
        page.refusal(&id, "unavailable", true, None);
        let start = page.now;
        while page.sent.is_empty() {
            page.pass(100);
            page.beat();
        }
        longest = longest.max(page.now - start);
    }
    assert!((15_000..=30_100).contains(&longest), "{longest}");
}
