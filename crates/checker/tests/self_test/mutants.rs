//! Ways to break a good history, each with the violation that has to be found.

#![allow(
    clippy::ptr_arg,
    clippy::unnecessary_wraps,
    reason = "all mutations have one signature"
)]

mod answers;
mod deliveries;
mod stored;

use checker::{Client, Connection, Entry, Event, MessageId, Offset, Room, Violation, What};

use answers::{ack_elsewhere, ack_unsent, overtake, refuse_acked, refuse_stored, refuse_unsent};
use deliveries::{
    damage_delivery, other_delivery, recover_elsewhere, repeat_delivery, skip_delivery, skip_end,
    uninvited, wrong_link,
};
use stored::{
    break_chain, change_places, damage_stored, go_back, invent, lose_acked, one_reader, page_hole,
    reader_misses, store_twice,
};

use crate::runs::Random;

/// Breaks a history; none where it has no place for this.
type Mutation = fn(&mut Vec<Event>, &mut Random) -> Option<Violation>;

pub(crate) const MUTATIONS: [(&str, Mutation); 24] = [
    ("an acknowledged message is lost", lose_acked),
    ("one reader misses a message", reader_misses),
    ("a room is read by one reader only", one_reader),
    ("a message is stored twice", store_twice),
    ("two messages change places", change_places),
    ("a room goes back", go_back),
    ("a link is wrong in the room", break_chain),
    ("a stored message is damaged", damage_stored),
    ("a stored message was never sent", invent),
    ("an acknowledgement names another place", ack_elsewhere),
    ("an acknowledged message is refused, too", refuse_acked),
    ("a stored message was refused", refuse_stored),
    ("an unknown message is acknowledged", ack_unsent),
    ("an unknown message is refused", refuse_unsent),
    ("a delivery is left out", skip_delivery),
    ("the last deliveries are left out", skip_end),
    ("a delivery is repeated", repeat_delivery),
    ("a delivery is damaged", damage_delivery),
    ("a delivery shows another message", other_delivery),
    ("a delivery names a wrong link", wrong_link),
    ("a delivery comes over a closed connection", uninvited),
    ("a recovery goes on elsewhere", recover_elsewhere),
    ("a page has a hole", page_hole),
    ("a message overtakes", overtake),
];

/// A random event for which `choose` gives something, with its index.
fn pick<T>(
    history: &[Event],
    random: &mut Random,
    choose: impl Fn(&What) -> Option<T>,
) -> Option<(usize, T)> {
    let mut all: Vec<(usize, T)> = history
        .iter()
        .enumerate()
        .filter_map(|(index, event)| Some((index, choose(&event.what)?)))
        .collect();
    if all.is_empty() {
        return None;
    }
    let chosen = random.below(all.len());
    Some(all.swap_remove(chosen))
}

fn acked(what: &What) -> Option<(MessageId, Offset)> {
    match what {
        What::Acked { message, offset } => Some((*message, *offset)),
        _ => None,
    }
}

type Seen = (Client, Connection, Room, Entry);

fn delivered(what: &What) -> Option<Seen> {
    match what {
        What::Delivered {
            client,
            connection,
            room,
            entry,
        } => Some((*client, *connection, *room, *entry)),
        _ => None,
    }
}

/// What the final readers found in the room, to be changed.
fn readings(history: &mut [Event], of: Room) -> impl Iterator<Item = &mut Vec<Entry>> {
    history
        .iter_mut()
        .filter_map(move |event| match &mut event.what {
            What::Final { room, entries, .. } if *room == of => Some(entries),
            _ => None,
        })
}

/// A room that holds at least two messages.
fn some_room(history: &[Event], random: &mut Random) -> Option<(Room, Vec<Entry>)> {
    let chosen = pick(history, random, |what| match what {
        What::Final { room, entries, .. } if entries.len() >= 2 => Some((*room, entries.clone())),
        _ => None,
    });
    chosen.map(|(_, room)| room)
}

fn room_of(history: &[Event], wanted: MessageId) -> Option<Room> {
    history.iter().find_map(|event| match &event.what {
        What::Send { message, room, .. } if *message == wanted => Some(*room),
        _ => None,
    })
}
