//! What subscribers get, broken.

use checker::{Content, Entry, Event, MessageId, Offset, Start, Violation, What};

use super::{Seen, delivered, pick, some_room};
use crate::runs::Random;

/// What the client had in the room before this delivery, over this connection.
fn before(history: &[Event], index: usize, (client, connection, room, _): Seen) -> Offset {
    let earlier = history[..index]
        .iter()
        .rev()
        .find_map(|event| match event.what {
            What::Delivered {
                client: c,
                connection: n,
                room: r,
                entry,
            } if (c, n, r) == (client, connection, room) => Some(entry.offset),
            What::Subscribed {
                client: c,
                connection: n,
                room: r,
                start,
            } if (c, n, r) == (client, connection, room) => {
                let (Start::Live(from) | Start::Recovered(from) | Start::NotRecovered(from)) =
                    start;
                Some(from)
            }
            _ => None,
        });
    earlier.unwrap()
}

pub(super) fn skip_delivery(history: &mut Vec<Event>, random: &mut Random) -> Option<Violation> {
    // One that is followed by another over the same connection: else nobody can know.
    let followed = |index: usize, (client, connection, room, entry): Seen| {
        history[index + 1..]
            .iter()
            .find_map(|event| match event.what {
                What::Delivered {
                    client: c,
                    connection: n,
                    room: r,
                    entry: next,
                } if (c, n, r) == (client, connection, room) && next.prev == entry.offset => {
                    Some(next.offset)
                }
                _ => None,
            })
    };
    let candidates: Vec<_> = (0..history.len())
        .filter_map(|index| {
            let seen = delivered(&history[index].what)?;
            Some((index, seen, followed(index, seen)?))
        })
        .collect();
    let (index, seen, offset) = *candidates.get(random.below(candidates.len().max(1)))?;
    let last = before(history, index, seen);
    history.remove(index);
    let (client, connection, room, entry) = seen;
    Some(Violation::Gap {
        client,
        connection,
        room,
        offset,
        last,
        missing: entry.offset,
    })
}

pub(super) fn skip_end(history: &mut Vec<Event>, random: &mut Random) -> Option<Violation> {
    let (_, entries) = some_room(history, random)?;
    let end = entries.last()?.offset;
    // The last event in which somebody got the end of the room, before all was quiet.
    let (index, seen) = history
        .iter()
        .enumerate()
        .rev()
        .find_map(|(index, event)| {
            let seen = delivered(&event.what)?;
            (seen.3.offset == end).then_some((index, seen))
        })?;
    let (client, connection, room, _) = seen;
    let closed = |event: &Event| event.what == What::Closed { client, connection };
    if history[index..].iter().any(closed) {
        return None;
    }
    let last = before(history, index, seen);
    history.remove(index);
    Some(Violation::EndMissing {
        client,
        room,
        last,
        end,
    })
}

pub(super) fn repeat_delivery(history: &mut Vec<Event>, random: &mut Random) -> Option<Violation> {
    let (index, (client, connection, room, entry)) = pick(history, random, delivered)?;
    history.insert(index + 1, history[index].clone());
    let offset = entry.offset;
    Some(Violation::Repeated {
        client,
        connection,
        room,
        offset,
        last: offset,
    })
}

pub(super) fn damage_delivery(history: &mut Vec<Event>, random: &mut Random) -> Option<Violation> {
    let (index, (client, connection, room, mut entry)) = pick(history, random, delivered)?;
    let (sent, found) = (entry.content, Content(entry.content.0 ^ 1));
    entry.content = found;
    history[index].what = What::Delivered {
        client,
        connection,
        room,
        entry,
    };
    let Entry {
        message, offset, ..
    } = entry;
    Some(Violation::Corrupted {
        room,
        message,
        offset,
        sent,
        found,
    })
}

pub(super) fn other_delivery(history: &mut Vec<Event>, random: &mut Random) -> Option<Violation> {
    let (index, (client, connection, room, mut entry)) = pick(history, random, delivered)?;
    let stands = Some(entry.message);
    let saw = MessageId(entry.message.0 + 1);
    entry.message = saw;
    history[index].what = What::Delivered {
        client,
        connection,
        room,
        entry,
    };
    Some(Violation::SeenElsewhere {
        client,
        room,
        offset: entry.offset,
        saw,
        stands,
    })
}

pub(super) fn wrong_link(history: &mut Vec<Event>, random: &mut Random) -> Option<Violation> {
    let (index, (client, connection, room, mut entry)) = pick(history, random, delivered)?;
    let (prev, told) = (entry.prev, entry.prev - 1);
    entry.prev = told;
    history[index].what = What::Delivered {
        client,
        connection,
        room,
        entry,
    };
    Some(Violation::ToldWrongPrev {
        client,
        room,
        offset: entry.offset,
        told,
        prev,
    })
}

pub(super) fn uninvited(history: &mut Vec<Event>, random: &mut Random) -> Option<Violation> {
    let (index, (client, connection)) = pick(history, random, |what| match what {
        What::Closed { client, connection } => Some((*client, *connection)),
        _ => None,
    })?;
    let (room, entries) = some_room(history, random)?;
    let entry = *entries.last()?;
    let at = history[index].at;
    let what = What::Delivered {
        client,
        connection,
        room,
        entry,
    };
    history.insert(index + 1, Event { at, what });
    Some(Violation::Uninvited {
        client,
        connection,
        room,
        offset: entry.offset,
    })
}

pub(super) fn recover_elsewhere(
    history: &mut Vec<Event>,
    random: &mut Random,
) -> Option<Violation> {
    let (index, (client, connection, room, last)) = pick(history, random, |what| match what {
        What::Subscribed {
            client,
            connection,
            room,
            start: Start::Recovered(from),
        } => Some((*client, *connection, *room, *from)),
        _ => None,
    })?;
    let from = last + 1;
    let start = Start::Recovered(from);
    history[index].what = What::Subscribed {
        client,
        connection,
        room,
        start,
    };
    Some(Violation::RecoveredFromElsewhere {
        client,
        room,
        last,
        from,
    })
}
