//! The wire table: bytes in, frames and close code out, against the real program over real sockets.
//!
//! The rows are in the `.wire` files beside this one, a file for each chapter of the checklist in the protocol's design;
//! `table` says how to read them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that fails may panic"
)]

mod peer;
mod row;
#[path = "../support/mod.rs"]
mod support;
mod table;
mod text;

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use support::Maru;
use table::{Profile, Row};

/// The chapters.
const TABLES: [(&str, Profile, &str); 9] = [
    (
        "framing",
        Profile::Conformance,
        include_str!("framing.wire"),
    ),
    (
        "connecting",
        Profile::Conformance,
        include_str!("connecting.wire"),
    ),
    (
        "sending",
        Profile::Conformance,
        include_str!("sending.wire"),
    ),
    (
        "subscribing",
        Profile::Conformance,
        include_str!("subscribing.wire"),
    ),
    (
        "acknowledging",
        Profile::Conformance,
        include_str!("acknowledging.wire"),
    ),
    (
        "transactions",
        Profile::Conformance,
        include_str!("transactions.wire"),
    ),
    (
        "leaving",
        Profile::Conformance,
        include_str!("leaving.wire"),
    ),
    (
        "websocket",
        Profile::Conformance,
        include_str!("websocket.wire"),
    ),
    ("chat", Profile::Chat, include_str!("chat.wire")),
];

/// The items of the checklist.
const ITEMS: std::ops::RangeInclusive<u32> = 1..=85;

/// Items that bytes in and out cannot show, and what shows them instead.
const ELSEWHERE: [(u32, &str); 2] = [
    (
        33,
        "the login timeout takes seconds for which every other row would have to hurry: tests/chat/limits.rs",
    ),
    (
        73,
        "how late a heart-beat may come is a matter of clocks: src/stomp/session/tests/beating.rs",
    ),
];

/// How many rows run at a time.
const AT_ONCE: usize = 24;

fn rows() -> Vec<Row> {
    TABLES
        .into_iter()
        .flat_map(|(chapter, profile, text)| table::parse(chapter, profile, text))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_of_the_table_holds() {
    let directories = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let rate = [
        ("MARU_RATE_PER_SECOND", "100000"),
        ("MARU_RATE_BURST", "100000"),
    ];
    let servers = Arc::new([
        Maru::start(directories[0].path(), &[("MARU_PROFILE", "conformance")]),
        Maru::start(directories[1].path(), &rate),
    ]);
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = JoinSet::new();
    for (number, row) in rows().into_iter().enumerate() {
        for version in row.versions.clone() {
            let (row, servers, places) = (row.clone(), Arc::clone(&servers), Arc::clone(&places));
            running.spawn(async move {
                let _place = places.acquire_owned().await.unwrap();
                let maru = &servers[usize::from(row.profile == Profile::Chat)];
                let own = format!("r{number}-{}", version.as_str().replace('.', ""));
                let outcome = row::run(&row, version, maru, &own).await;
                outcome.map_err(|problem| format!("{row} in {version}:\n    {problem}"))
            });
        }
    }
    let mut problems: Vec<_> = running
        .join_all()
        .await
        .into_iter()
        .filter_map(Result::err)
        .collect();
    problems.sort();
    assert!(
        problems.is_empty(),
        "{}\n{} do not hold",
        problems.join("\n"),
        problems.len()
    );
}

#[test]
fn every_item_of_the_checklist_has_a_row_or_a_reason() {
    let rows = rows();
    assert!(rows.len() >= 150, "{} rows", rows.len());
    let names: BTreeSet<_> = rows.iter().map(|row| (row.chapter, &row.name)).collect();
    assert_eq!(names.len(), rows.len(), "two rows have one name");
    let here: BTreeSet<_> = rows
        .iter()
        .flat_map(|row| row.items.iter().copied())
        .collect();
    let elsewhere: BTreeSet<_> = ELSEWHERE.iter().map(|(item, _)| *item).collect();
    assert!(
        here.is_disjoint(&elsewhere),
        "these have rows by now: {elsewhere:?}"
    );
    let missing: Vec<_> = ITEMS
        .filter(|item| !here.contains(item) && !elsewhere.contains(item))
        .collect();
    assert!(missing.is_empty(), "no row for {missing:?}");
    assert!(here.iter().all(|item| ITEMS.contains(item)), "{here:?}");
}
