//! What authors are told, broken.

use checker::{Event, MessageId, Room, Violation, What};

use super::{acked, pick, readings, room_of};
use crate::runs::Random;

pub(super) fn ack_elsewhere(history: &mut Vec<Event>, random: &mut Random) -> Option<Violation> {
    let (index, (message, offset)) = pick(history, random, acked)?;
    let acked = offset + 1;
    history[index].what = What::Acked {
        message,
        offset: acked,
    };
    Some(Violation::AckedElsewhere {
        message,
        acked,
        offset,
    })
}

pub(super) fn refuse_acked(history: &mut Vec<Event>, random: &mut Random) -> Option<Violation> {
    let (index, (message, _)) = pick(history, random, acked)?;
    let at = history[index].at;
    let what = What::Refused { message };
    history.insert(index + 1, Event { at, what });
    Some(Violation::AckedAndRefused { message })
}

pub(super) fn refuse_stored(history: &mut Vec<Event>, random: &mut Random) -> Option<Violation> {
    let (index, (message, offset)) = pick(history, random, acked)?;
    let room = room_of(history, message)?;
    history[index].what = What::Refused { message };
    Some(Violation::RefusedYetStored {
        room,
        message,
        offset,
    })
}

fn unsent(
    history: &mut Vec<Event>,
    random: &mut Random,
    what: impl Fn(MessageId) -> What,
) -> Violation {
    let message = MessageId(u64::MAX);
    let index = random.below(history.len());
    let at = history[index].at;
    history.insert(
        index,
        Event {
            at,
            what: what(message),
        },
    );
    Violation::AnsweredUnsent { message }
}

pub(super) fn ack_unsent(history: &mut Vec<Event>, random: &mut Random) -> Option<Violation> {
    Some(unsent(history, random, |message| What::Acked {
        message,
        offset: 1,
    }))
}

pub(super) fn refuse_unsent(history: &mut Vec<Event>, random: &mut Random) -> Option<Violation> {
    Some(unsent(history, random, |message| What::Refused { message }))
}

pub(super) fn overtake(history: &mut Vec<Event>, random: &mut Random) -> Option<Violation> {
    let (_, (earlier, _)) = pick(history, random, acked)?;
    let room = room_of(history, earlier)?;
    let entries = readings(history, room).next()?;
    let place = entries.iter().position(|entry| entry.message == earlier)?;
    let later = entries.get(place.checked_sub(1)?)?.message;
    // What stands before it is now sent after everything was acknowledged up to it, and nothing beyond it was.
    let acked_at = history
        .iter()
        .find(|event| acked(&event.what).is_some_and(|(message, _)| message == earlier))?
        .at;
    for event in history.iter_mut() {
        if matches!(event.what, What::Send { message, .. } if message == later) {
            event.at = event.at.max(acked_at + 1);
        }
    }
    let beyond = highest_acked(history, room, acked_at)?;
    Some(Violation::Overtook {
        room,
        earlier: beyond,
        later,
    })
}

/// The message that stands last in the room of those acknowledged by then.
fn highest_acked(history: &[Event], room: Room, by: u64) -> Option<MessageId> {
    history
        .iter()
        .filter(|event| event.at <= by)
        .filter_map(|event| acked(&event.what))
        .filter(|(message, _)| room_of(history, *message) == Some(room))
        .max_by_key(|(_, offset)| *offset)
        .map(|(message, _)| message)
}
