//! P3: a message that was acknowledged before another one was sent stands before it.

use std::collections::{HashMap, HashSet};

use crate::history::{Event, MessageId, NOTHING, Offset, Room, What};
use crate::report::Violation;
use crate::timeline::Timelines;

pub(crate) fn check(history: &[Event], timelines: &Timelines, violations: &mut Vec<Violation>) {
    // Events of different clients may have been written down in another order than they happened in.
    let mut in_time: Vec<&Event> = history
        .iter()
        .filter(|event| matches!(event.what, What::Send { .. } | What::Acked { .. }))
        .collect();
    // At the same instant the send comes first: then nothing is claimed about the two.
    in_time.sort_by_key(|event| (event.at, matches!(event.what, What::Acked { .. })));
    let mut begun = HashSet::new();
    let mut room_of: HashMap<MessageId, Room> = HashMap::new();
    let mut latest: HashMap<Room, (Offset, MessageId)> = HashMap::new();
    for event in in_time {
        match event.what {
            What::Send { room, message, .. } => {
                if !begun.insert(message) {
                    continue;
                }
                room_of.insert(message, room);
                let stands = timelines
                    .of(room)
                    .of_message(message)
                    .map(|entry| entry.offset);
                if let (Some(offset), Some(&(acked, earlier))) = (stands, latest.get(&room))
                    && offset <= acked
                {
                    violations.push(Violation::Overtook {
                        room,
                        earlier,
                        later: message,
                    });
                }
            }
            What::Acked { message, .. } => {
                let Some(&room) = room_of.get(&message) else {
                    continue;
                };
                let Some(entry) = timelines.of(room).of_message(message) else {
                    continue;
                };
                let latest = latest.entry(room).or_insert((NOTHING, message));
                if entry.offset > latest.0 {
                    *latest = (entry.offset, message);
                }
            }
            _ => {}
        }
    }
}
