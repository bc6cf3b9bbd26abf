//! Holds what clients saw in a run against what Maru promises: a pure function from a history to its violations.
//!
//! The harness that ran the clients writes down [`Event`]s; [`check`] knows nothing of servers, sockets or faults. Each
//! [`Violation`] names the smallest set of events that proves it.
//!
//! # Layout
//!
//! - [`history`]: what a run writes down, in memory and as lines of JSON
//! - [`report`]: what can be wrong, and how it reads
//! - `timeline`: what the final readers say each room holds; the measure of everything else
//! - `rules`: one file a promise

pub mod history;
pub mod report;
mod rules;
mod timeline;

pub use history::{
    Client, Connection, Content, Entry, Event, MessageId, NOTHING, Offset, Reader, Room, Start,
    What,
};
pub use report::{Report, Violation};

use timeline::Timelines;

/// Checks a history. Events of one client have to be in the order in which it saw them; all events are on one clock. Takes
/// time in O(n log n) of the number of events.
pub fn check(history: &[Event]) -> Report {
    let mut violations = Vec::new();
    let timelines = Timelines::read(history, &mut violations);
    rules::sent::check(history, &timelines, &mut violations);
    rules::deliveries::check(history, &timelines, &mut violations);
    rules::pages::check(history, &timelines, &mut violations);
    rules::real_time::check(history, &timelines, &mut violations);
    Report {
        statistics: report::Statistics::of(history),
        violations,
    }
}
