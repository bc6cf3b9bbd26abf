//! P3: a page is a piece of the room, without holes.

use crate::history::{Event, What};
use crate::report::Violation;
use crate::timeline::Timelines;

pub(crate) fn check(history: &[Event], timelines: &Timelines, violations: &mut Vec<Violation>) {
    for event in history {
        let What::Page {
            reader,
            room,
            entries,
        } = &event.what
        else {
            continue;
        };
        let Some(first) = entries.first() else {
            continue;
        };
        let truth = timelines.of(*room).entries();
        let begin = truth.partition_point(|entry| entry.offset < first.offset);
        let wrong = entries
            .iter()
            .zip(0..)
            .find(|(entry, index)| truth.get(begin + index) != Some(*entry));
        violations.extend(wrong.map(|(entry, _)| Violation::PageWrong {
            reader: *reader,
            room: *room,
            from: entry.offset,
        }));
    }
}
