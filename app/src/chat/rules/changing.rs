//! Edits, deletions, reactions and answers: what the room makes of them, and what the page shows until it does.

use protocol::{Action, Kind, Quote, Sender, folding};

use crate::chat::testing::{Harness, ME, change, folded_to, message, page, position};
use crate::chat::{Beyond, Changes, Entry, Event, Failure, PageRequest, Status};

/// The text of the row at an index.
fn body(page: &Harness, index: usize) -> &str {
    &page.engine.rows()[index].body
}

/// The texts that the page shows.
fn expected(page: &Harness) -> Vec<String> {
    let rows = page.engine.expected(0..page.engine.rows().len());
    rows.iter().map(|row| row.body.clone()).collect()
}

fn quoted(name: &str, text: &str) -> Quote {
    Quote {
        sender: Sender {
            uid: name.to_owned(),
            name: name.to_owned(),
        },
        text: text.to_owned(),
        deleted: false,
    }
}

#[test]
fn a_change_is_no_row_and_follows_on_like_any_other() {
    let mut page = Harness::live();
    page.hear(&change(16, 15, Kind::Edit, "이웃", 12, "고침"));
    assert_eq!((page.offsets(), body(&page, 1)), (vec![10, 12, 15], "고침"));
    assert_eq!(
        page.changes,
        [Changes {
            changed: true,
            ..Changes::default()
        }]
    );
    page.hear(&change(19, 18, Kind::React, "이웃", 12, "👍"));
    assert_eq!(page.sent.len(), 2, "a gap: UNSUBSCRIBE and SUBSCRIBE");
    page.subscribed(true);
    page.hear(&message(18, Some(16), "이웃", "a"));
    page.hear(&change(19, 18, Kind::React, "이웃", 12, "👍"));
    assert_eq!(page.offsets(), [10, 12, 15, 18]);
    assert_eq!(page.engine.rows()[1].folded.reactions[0].emoji, "👍");
    assert_eq!(
        page.engine.rows()[3].folded.above,
        Some(15),
        "the row above is not the record before"
    );
}

#[test]
fn an_answer_shows_what_became_of_what_it_answers() {
    let mut page = Harness::live();
    let mut answer = message(16, Some(15), "이웃", "a");
    answer.reference = Some(position(12));
    answer.folded.quote = Some(Box::new(quoted("이웃", "안녕 12")));
    page.hear(&answer);
    assert_eq!(*page.engine.rows()[3].as_ref(), answer);
    page.hear(&change(17, 16, Kind::Edit, "이웃", 12, "고친  글"));
    let quote = |page: &Harness| page.engine.rows()[3].folded.quote.clone().unwrap();
    assert_eq!(*quote(&page), quoted("이웃", "고친 글"));
    page.hear(&change(18, 17, Kind::Delete, "이웃", 12, ""));
    page.hear(&change(19, 18, Kind::Edit, "이웃", 12, "다시"));
    let deleted = Quote {
        deleted: true,
        ..quoted("이웃", "")
    };
    assert_eq!(*quote(&page), deleted);
}

#[test]
fn an_older_page_of_a_server_that_lags_is_brought_up_to_date() {
    let load = |head, heard: bool| {
        let mut live = Harness::live();
        if heard {
            live.hear(&change(16, 15, Kind::Edit, "이웃", 7, "고침"));
        }
        live.event(Event::LoadOlder);
        let request = PageRequest::Before(position(10));
        let page = folded_to(head, page(&[3, 7], false));
        live.event(Event::Fetched { request, page });
        live
    };
    let live = load(15, true);
    assert_eq!((live.offsets().len(), body(&live, 1)), (5, "고침"));
    // What happened before this page began is not known to it.
    let live = load(14, true);
    assert_eq!(
        (live.offsets().len(), live.engine.older()),
        (3, Beyond::Failed)
    );
    // A server that is ahead has folded what the stream still brings.
    let mut live = load(17, false);
    live.hear(&change(16, 15, Kind::Edit, "이웃", 7, "그사이 지난 글"));
    live.hear(&change(17, 16, Kind::Edit, "이웃", 12, "고침"));
    live.hear(&change(18, 17, Kind::React, "이웃", 7, "👍"));
    assert_eq!((body(&live, 1), body(&live, 3)), ("안녕 7", "고침"));
    assert_eq!(live.engine.rows()[1].folded.reactions.len(), 1);
}

/// A page that was opened at message 12, while the room has messages up to 30.
fn at_an_old_message() -> Harness {
    let mut history = folded_to(30, page(&[10, 12, 15], true));
    history.newer = true;
    let mut live = Harness::with(history, 30);
    live.event(Event::Start);
    live.go_live();
    live
}

#[test]
fn from_an_old_message_down_to_the_stream() {
    let mut live = at_an_old_message();
    assert_eq!(live.engine.newer(), Beyond::More);
    live.hear(&message(31, Some(30), "이웃", "a"));
    assert_eq!(live.offsets(), [10, 12, 15], "there is a hole before it");
    assert_eq!((live.changes[0].appended, live.changes[0].heard), (0, 1));
    live.hear(&change(32, 31, Kind::Edit, "이웃", 12, "고침"));
    assert_eq!(body(&live, 1), "고침");

    live.event(Event::LoadNewer);
    live.event(Event::LoadNewer);
    assert_eq!(live.fetches(), [PageRequest::Newer(position(15))], "once");
    let newer = |offsets: &[i64], more, head| {
        let mut page = folded_to(head, page(offsets, true));
        page.messages[0].prev = Some(15);
        page.more = more;
        page
    };
    live.event(Event::Fetched {
        request: PageRequest::Newer(position(15)),
        page: newer(&[18, 21], true, 32),
    });
    assert_eq!(live.offsets(), [10, 12, 15, 18, 21]);
    assert_eq!(live.engine.newer(), Beyond::More);
    live.event(Event::LoadNewer);
    let mut last = newer(&[25, 30], false, 30);
    last.messages[0].prev = Some(21);
    live.event(Event::Fetched {
        request: PageRequest::Newer(position(21)),
        page: last,
    });
    assert_eq!(
        live.offsets(),
        [10, 12, 15, 18, 21, 25, 30, 31],
        "with what came since the server read the page"
    );
    assert_eq!(live.engine.newer(), Beyond::None);
    live.hear(&message(33, Some(32), "이웃", "b"));
    assert_eq!(live.offsets().last(), Some(&33), "the stream is joined");
    assert_eq!(live.engine.rows().last().unwrap().folded.above, Some(31));
}

#[test]
fn a_newer_page_that_does_not_follow_on_is_refused() {
    let mut live = at_an_old_message();
    live.event(Event::LoadNewer);
    live.event(Event::Fetched {
        request: PageRequest::Newer(position(15)),
        page: folded_to(30, page(&[21, 30], true)),
    });
    assert_eq!(
        (live.offsets().len(), live.engine.newer()),
        (3, Beyond::Failed)
    );
    // A server that is ahead has rows that the stream still brings.
    live.event(Event::LoadNewer);
    let mut ahead = folded_to(34, page(&[30, 34], true));
    ahead.messages[0].prev = Some(15);
    live.event(Event::Fetched {
        request: PageRequest::Newer(position(15)),
        page: ahead,
    });
    assert_eq!(live.offsets(), [10, 12, 15, 30]);
    live.hear(&message(34, Some(30), "이웃", "a"));
    assert_eq!(live.offsets(), [10, 12, 15, 30, 34]);
}

#[test]
fn to_another_message_and_back_to_the_end() {
    let mut live = Harness::live();
    live.event(Event::GoTo(position(3)));
    let request = PageRequest::Around(position(3));
    assert_eq!(live.fetches(), [request]);
    live.event(Event::FetchFailed { request });
    assert!(live.changes.pop().unwrap().missed);
    assert_eq!(live.offsets(), [10, 12, 15], "what is shown stays");
    live.event(Event::GoTo(position(3)));
    let mut around = folded_to(15, page(&[1, 3, 5], false));
    around.newer = true;
    live.event(Event::Fetched {
        request,
        page: around,
    });
    assert_eq!(live.offsets(), [1, 3, 5]);
    assert!(live.changes.pop().unwrap().reset);
    assert_eq!(
        (live.engine.older(), live.engine.newer()),
        (Beyond::None, Beyond::More)
    );
    live.hear(&message(17, Some(15), "이웃", "a"));
    live.event(Event::GoToLatest);
    live.event(Event::Fetched {
        request: PageRequest::Latest,
        page: page(&[10, 12, 15], true),
    });
    assert_eq!(live.offsets(), [10, 12, 15, 17]);
    assert_eq!(live.engine.newer(), Beyond::None);
}

#[test]
fn rows_that_the_stream_has_yet_to_reach_are_not_shown_for_others() {
    let mut live = Harness::live();
    live.event(Event::GoToLatest);
    let mut ahead = page(&[21, 23], true);
    ahead.messages[0].folded.above = Some(15);
    live.event(Event::Fetched {
        request: PageRequest::Latest,
        page: folded_to(23, ahead),
    });
    assert!(live.changes.pop().unwrap().missed);
    live.hear(&change(18, 15, Kind::React, "이웃", 12, "👍"));
    live.hear(&message(21, Some(18), "이웃", "a"));
    assert_eq!(live.offsets(), [10, 12, 15, 21]);
    assert_eq!(live.engine.rows()[3].folded.above, Some(15));
}

#[test]
fn what_one_does_is_shown_at_once_and_taken_back_when_it_is_refused() {
    let mut own = page(&[10, 12, 15], true);
    own.messages[1] = message(12, Some(10), ME, "m");
    let mut live = Harness::with(own, 15);
    live.event(Event::Start);
    live.go_live();
    let edit = live.do_to(Action::Edit, Some(12), "고침");
    let react = live.do_to(Action::React, Some(15), "👍");
    assert_eq!(expected(&live), ["안녕 10", "고침", "안녕 15"]);
    assert_eq!(live.engine.expected(2..3)[0].folded.reactions[0].by, [ME]);
    assert_eq!(body(&live, 1), "안녕 12", "the room does not have it yet");
    assert_eq!(
        live.sends(),
        [edit.as_str()],
        "in the order of doing, one at a time"
    );
    live.receipt(&edit, 16);
    assert_eq!(
        expected(&live)[1],
        "고침",
        "no flicker between receipt and record"
    );
    let record = change(16, 15, Kind::Edit, ME, 12, "고침");
    live.hear(&protocol::Message { id: edit, ..record });
    assert_eq!(
        (expected(&live)[1].as_str(), body(&live, 1)),
        ("고침", "고침")
    );

    assert_eq!(live.sends(), [react.as_str()]);
    live.refusal(&react, "no-such-message", false, None);
    assert!(live.engine.expected(2..3)[0].folded.reactions.is_empty());
    let pending = &live.engine.pending()[0];
    assert!(matches!(
        pending.status,
        Status::Failed(Failure::Refused(_))
    ));
    assert_eq!(pending.changes(), Some(position(15)), "its row says why");
    live.event(Event::Discard { id: react });
    assert!(live.engine.pending().is_empty() && live.stored.is_empty());
}

#[test]
fn what_one_did_survives_the_page() {
    let mut before = Harness::new();
    let delete = before.do_to(Action::Delete, Some(12), "");
    let answer = before.do_to(Action::Send, Some(10), "그래요");
    let row = &before.engine.rows()[0];
    let quote = Some(folding::quote(row));
    assert_eq!(before.engine.pending()[1].quote, quote);
    let entries: Vec<Entry> = before.stored.values().cloned().collect();
    let mut entries: Vec<_> = entries
        .iter()
        .map(|entry| Entry::decode(&entry.encode()).unwrap())
        .collect();
    entries.sort_by_key(|entry| entry.rank);
    let mut after = Harness::new();
    after.stored = std::mem::take(&mut before.stored);
    after.event(Event::Adopted { entries });
    assert!(after.engine.expected(1..2)[0].folded.deleted);
    assert_eq!(after.engine.pending()[1].quote, quote);
    after.event(Event::Start);
    after.go_live_keeping_frames();
    let sent = after.sent.pop().unwrap();
    assert_eq!(
        sent.header("destination").unwrap(),
        "/app/rooms.general.delete"
    );
    assert_eq!(sent.header("ref").unwrap(), "5f2c9a01-3-12");
    assert_eq!(**sent.header("receipt").unwrap(), *delete);
    after.receipt(&delete, 15);
    assert_eq!(after.sends(), [answer.as_str()]);
}

#[test]
fn what_failed_and_has_no_row_to_say_so_does_not_stay_for_good() {
    let mut before = Harness::live();
    let there = before.do_to(Action::React, Some(12), "👍");
    before.refusal(&there, "forbidden", false, None);
    let nowhere = before.do_to(Action::React, Some(3), "👍");
    before.refusal(&nowhere, "no-such-message", false, None);
    let answer = before.do_to(Action::Send, Some(3), "그래요");
    before.refusal(&answer, "no-such-message", false, None);
    let waiting = before.do_to(Action::React, Some(3), "🎉");
    let entries = before.stored.values().cloned().collect();
    let mut after = Harness::new();
    after.stored = std::mem::take(&mut before.stored);
    after.event(Event::Adopted { entries });
    let pending = after.engine.pending().iter();
    let pending: Vec<&str> = pending.map(|item| item.id.as_str()).collect();
    assert_eq!(pending, [&there, &answer, &waiting]);
    assert!(!after.stored.contains_key(&nowhere), "not for a later page");
}
