//! Which tab looks after which messages.

use super::memory::Memory;
use super::*;
use crate::chat::Composition;

fn entry(id: &str, rank: u64) -> Entry {
    Entry {
        id: id.to_owned(),
        room: "general".parse().unwrap(),
        composition: Composition::message("안녕"),
        composed_at: 0,
        asked_at: 0,
        rank,
        attempted: false,
        failure: None,
    }
}

fn tab(memory: &Memory, name: &str) -> Store<Memory> {
    Store::new(memory.clone(), "나".to_owned(), name.to_owned())
}

fn adopted(tending: &Tending) -> Vec<&str> {
    let entries = tending.adopted.iter();
    entries.map(|entry| entry.id.as_str()).collect()
}

const NOW: u64 = 1_763_900_000_000;

#[test]
fn messages_stay_with_their_tab_as_long_as_it_looks_after_them() {
    let memory = Memory::default();
    let (mut first, mut second) = (tab(&memory, "1"), tab(&memory, "2"));
    assert!(first.keep(NOW, &entry("b", 2)) && first.keep(NOW, &entry("a", 1)));
    for round in 0..10 {
        let now = NOW + round * Store::<Memory>::TENDING_MS;
        assert_eq!(first.tend(now, None), Tending::default());
        assert_eq!(second.tend(now + 4_999, None), Tending::default());
    }
    let now = NOW + 9 * 5_000 + LEASE_MS;
    assert!(!first.has_lapsed(now - 1) && first.has_lapsed(now));
    assert_eq!(adopted(&second.tend(now - 1, None)), [] as [&str; 0]);
    assert_eq!(adopted(&second.tend(now, None)), ["a", "b"], "by rank");
    let woken = first.tend(now + 1, None);
    assert_eq!(woken.taken_over, ["b", "a"]);
    assert_eq!(adopted(&woken), [] as [&str; 0]);
    second.forget("a");
    second.forget("b");
    second.tend(now + 2, None);
    assert_eq!(memory.keys(), [] as [String; 0], "nothing is left behind");
}

#[test]
fn a_page_that_goes_away_leaves_its_messages_to_the_next() {
    let memory = Memory::default();
    let mut first = tab(&memory, "1");
    first.keep(NOW, &entry("a", 1));
    first.release();
    assert_eq!(adopted(&tab(&memory, "2").tend(NOW, None)), ["a"]);
    assert_eq!(
        adopted(&tab(&memory, "3").tend(NOW, None)),
        [] as [&str; 0],
        "the second has it"
    );
    assert_eq!(
        adopted(&tab(&memory, "4").tend(NOW, Some("2"))),
        ["a"],
        "it crashed in the same tab"
    );
    // The browser kept the first page and shows it again.
    assert!(first.has_lapsed(NOW));
    assert_eq!(first.tend(NOW, None).taken_over, ["a"]);
}

#[test]
fn a_clock_that_is_set_back_makes_no_lease_endless() {
    let memory = Memory::default();
    tab(&memory, "1").keep(NOW, &entry("a", 1));
    let mut other = tab(&memory, "2");
    assert_eq!(adopted(&other.tend(NOW - 3_600_000, None)), ["a"]);
}

#[test]
fn others_messages_and_what_is_no_message_are_left_alone() {
    let memory = Memory::default();
    let mut stranger = Store::new(memory.clone(), "너".to_owned(), "1".to_owned());
    stranger.keep(NOW, &entry("a", 1));
    stranger.release();
    memory.set("maru/outbox/나/9/b", "SOMETHING NEWER");
    memory.set("maru/draft/general", "안녕");
    let before = memory.keys();
    assert_eq!(tab(&memory, "2").tend(NOW, None), Tending::default());
    assert_eq!(memory.keys(), before);
}

#[test]
fn a_full_storage_is_said_and_loses_nothing() {
    let mut memory = Memory::default();
    tab(&memory, "1").keep(NOW, &entry("a", 1));
    let used = |memory: &Memory| -> usize {
        let texts = memory.texts.borrow();
        texts.iter().map(|(key, text)| key.len() + text.len()).sum()
    };
    // No room for two copies, only for another lease: the old one goes first.
    memory.quota = Some(used(&memory) + 40);
    let mut second = tab(&memory, "2");
    assert!(!second.keep(NOW, &entry("b", 2)));
    let now = NOW + LEASE_MS;
    let tending = second.tend(now, None);
    assert_eq!((adopted(&tending), tending.not_kept.len()), (vec!["a"], 0));
    assert_eq!(adopted(&tab(&memory, "3").tend(now, Some("2"))), ["a"]);

    memory.quota = Some(1);
    let tending = tab(&memory, "4").tend(now, Some("3"));
    assert_eq!(
        (adopted(&tending), &tending.not_kept[..]),
        (vec!["a"], &["a".to_owned()][..])
    );
}
