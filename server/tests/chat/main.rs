//! STOMP clients chat through the real program on the embedded log.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that fails may panic"
)]

mod acknowledging;
mod changing;
mod committing;
mod counting;
mod exporting;
mod finding;
mod leaving;
mod limits;
mod living;
mod recovering;
mod refusing;
mod speaking;
#[path = "../support/mod.rs"]
mod support;

use support::{Maru, header};

/// Settings without a limit on the rate.
const FAST: &[(&str, &str)] = &[
    ("MARU_RATE_PER_SECOND", "100000"),
    ("MARU_RATE_BURST", "100000"),
];

fn start(settings: &[(&str, &str)]) -> (tempfile::TempDir, Maru) {
    let data = tempfile::tempdir().unwrap();
    let maru = Maru::start(data.path(), settings);
    (data, maru)
}

fn offset(frame: &stomp::Frame) -> i64 {
    header(frame, "x-offset").parse().unwrap()
}

/// The present epoch, as any receipt tells it.
fn epoch(maru: &Maru) -> String {
    let (_, page) = maru.get("/rooms/a");
    let at = page.find("\"epoch\":\"").expect("the page says its epoch") + 9;
    page[at..at + 8].to_owned()
}
