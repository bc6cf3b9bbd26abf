//! What was composed outlives the page.

use crate::chat::testing::{Harness, ME, message, page};
use crate::chat::{Entry, Event, Failure, Refusal, Status};

/// The page is loaded again at a later time.
fn reload(mut before: Harness, later: u64) -> Harness {
    let mut after = Harness::new();
    after.now = before.now + later;
    after.stored = std::mem::take(&mut before.stored);
    let mut entries: Vec<Entry> = after.stored.values().cloned().collect();
    entries.sort_by_key(|entry| entry.rank);
    after.event(Event::Adopted { entries });
    after.event(Event::Start);
    after
}

fn texts(page: &Harness) -> Vec<&str> {
    let pending = page.engine.pending().iter();
    pending
        .map(|pending| pending.composition.text.as_str())
        .collect()
}

#[test]
fn stored_before_the_first_attempt_and_until_the_log_has_it() {
    let mut page = Harness::new();
    let first = page.compose("하나");
    assert!(!page.stored[&first].attempted, "there is no connection yet");
    page.event(Event::Start);
    page.go_live();
    assert!(page.stored[&first].attempted);
    let second = page.compose("둘");
    page.receipt(&first, 16);
    assert_eq!(page.stored.keys().collect::<Vec<_>>(), [&second]);
    page.hear(&message(16, Some(15), ME, &first));
    page.hear(&message(17, Some(16), ME, &second));
    assert!(page.stored.is_empty(), "seen in the room is as good");
    page.receipt(&second, 17);
}

#[test]
fn after_a_reload_in_the_same_order_under_the_same_ids() {
    let mut before = Harness::live();
    let ids = ["하나", "둘", "셋"].map(|text| before.compose(text));
    before.receipt(&ids[0], 16);
    let mut after = reload(before, 3_000);
    assert_eq!(texts(&after), ["둘", "셋"]);
    assert_eq!(after.statuses(), [Status::Sending, Status::Queued]);
    let fourth = after.compose("넷");
    after.go_live_keeping_frames();
    for id in [&ids[1], &ids[2], &fourth] {
        assert_eq!(after.sends(), [id.as_str()]);
        after.receipt(id, 15);
    }
}

#[test]
fn what_the_server_rendered_already_is_not_sent_again() {
    let mut before = Harness::live();
    let id = before.compose("안녕");
    let mut after = Harness::with(page(&[10, 12, 15], true), 15);
    let mut own = page(&[10, 12, 15], true);
    own.messages[2] = message(15, Some(12), ME, &id);
    after.engine = Harness::with(own, 15).engine;
    after.stored = std::mem::take(&mut before.stored);
    let entries = after.stored.values().cloned().collect();
    after.event(Event::Adopted { entries });
    assert!(after.engine.pending().is_empty() && after.stored.is_empty());
}

#[test]
fn a_message_in_doubt_is_in_doubt_after_a_reload() {
    let mut before = Harness::live();
    before.compose("안녕");
    let after = reload(before, 10_000);
    assert_eq!(after.statuses(), [Status::Unconfirmed]);
}

#[test]
fn a_failure_stays_until_the_person_decides() {
    let mut before = Harness::live();
    let [keep, retry, delete] = ["하나", "둘", "셋"].map(|text| {
        let id = before.compose(text);
        before.refusal(&id, "forbidden", false, None);
        id
    });
    let mut after = reload(before, 3_600_000);
    let refusal = Refusal {
        code: "forbidden".to_owned(),
        sentence: "Please wait.".to_owned(),
    };
    let failed = Status::Failed(Failure::Refused(refusal));
    assert_eq!(after.statuses(), vec![failed; 3]);
    after.go_live_keeping_frames();
    assert_eq!(after.sends(), [] as [String; 0]);
    after.event(Event::Discard { id: delete.clone() });
    assert!(!after.stored.contains_key(&delete));
    after.event(Event::Retry { id: retry.clone() });
    assert_eq!(after.sends(), std::slice::from_ref(&retry), "the same id");
    assert_eq!(after.stored[&retry].failure, None);
    let after = reload(after, 1_000);
    assert_eq!(texts(&after), ["하나", "둘"]);
    assert_eq!(after.stored.keys().collect::<Vec<_>>().len(), 2);
    assert!(after.stored.contains_key(&keep));
}

#[test]
fn nothing_older_than_a_day_is_sent_by_itself() {
    let day = 24 * 3_600_000;
    for (later, asked) in [(day, false), (day + 1, true), (u64::MAX / 2, true)] {
        let mut before = Harness::live();
        let id = before.compose("안녕");
        let mut after = reload(before, later);
        after.go_live_keeping_frames();
        assert_eq!(after.sends().is_empty(), asked, "{later}");
        assert_eq!(
            after.statuses() == [Status::Failed(Failure::TooOld)],
            asked,
            "{later}"
        );
        after.event(Event::Retry { id: id.clone() });
        assert_eq!(after.sends(), if asked { vec![id] } else { vec![] });
    }
    // A clock that was set back by more than a day says nothing of the age.
    let mut before = Harness::live();
    before.compose("안녕");
    before.now -= day + 1;
    let mut after = reload(before, 0);
    after.go_live_keeping_frames();
    assert_eq!(after.sends(), [] as [String; 0]);
}

#[test]
fn a_clock_that_was_set_back_keeps_the_age() {
    let mut page = Harness::live();
    page.closed();
    page.now -= 3_600_000;
    page.event(Event::Tick);
    let id = page.compose("안녕");
    assert_eq!(page.stored[&id].asked_at, page.now);
}

#[test]
fn another_rooms_messages_are_sent_there_and_not_shown() {
    let mut before = Harness::live();
    let ids = ["하나", "둘"].map(|text| before.compose(text));
    let mut after = Harness::live();
    after.now += 1_000;
    for entry in before.stored.values() {
        let mut entry = entry.clone();
        entry.room = "다른-방".parse().unwrap();
        after.stored.insert(entry.id.clone(), entry);
    }
    let mut entries: Vec<Entry> = after.stored.values().cloned().collect();
    entries.sort_by_key(|entry| entry.rank);
    after.event(Event::Adopted { entries });
    assert!(after.engine.pending().is_empty());
    let destination = after.sent[0].header("destination").unwrap().clone();
    assert_eq!(destination, "/app/rooms.다른-방.send");
    assert_eq!(after.sends(), ids[..1], "one at a time there, too");
    let here = after.compose("여기");
    assert_eq!(after.sends(), [here.as_str()], "and here meanwhile");
    after.receipt(&ids[0], 4_000);
    assert_eq!(after.sends(), ids[1..]);
    after.refusal(&ids[1], "forbidden", false, None);
    assert!(after.stored[&ids[1]].failure.is_some(), "shown over there");
    after.pass(6_000);
    assert_eq!(after.connects(), 0, "its offset means nothing here");
}

#[test]
fn what_another_tab_took_over_is_its_own() {
    let mut page = Harness::live();
    let ids = ["하나", "둘"].map(|text| page.compose(text));
    page.sent.clear();
    page.stored.remove(&ids[0]);
    page.event(Event::TakenOver {
        ids: ids[..1].to_vec(),
    });
    assert_eq!(texts(&page), ["둘"]);
    assert_eq!(page.sends(), ids[1..]);
    page.hear(&message(16, Some(15), ME, &ids[0]));
    assert_eq!(page.offsets().last(), Some(&16));
}

#[test]
fn a_message_that_could_not_be_stored_is_sent_and_marked() {
    let mut page = Harness::live();
    let id = page.compose("안녕");
    page.changes.clear();
    page.event(Event::NotKept { id: id.clone() });
    assert!(!page.engine.pending()[0].is_kept() && page.changes[0].pending);
    assert_eq!(page.sends(), [id.as_str()]);
    page.refusal(&id, "forbidden", false, None);
    assert!(
        page.engine.pending()[0].is_kept(),
        "tried again with every change"
    );
}
