//! P2, P3, P4: what a client gets is the room, each message once, in order, without a gap, over reconnects too.

use std::collections::HashMap;

use crate::history::{Client, Connection, Entry, Event, NOTHING, Offset, Room, Start, What};
use crate::report::Violation;
use crate::timeline::Timelines;

/// How far a client has come in a room.
struct Progress {
    /// The connection over which it follows the room; none between two connections.
    over: Option<Connection>,
    last: Offset,
}

pub(crate) fn check(history: &[Event], timelines: &Timelines, violations: &mut Vec<Violation>) {
    let mut followed: HashMap<(Client, Room), Progress> = HashMap::new();
    let mut rooms_of: HashMap<Client, Vec<Room>> = HashMap::new();
    for event in history {
        match event.what {
            What::Subscribed {
                client,
                connection,
                room,
                start,
            } => {
                let rooms = rooms_of.entry(client).or_default();
                if !rooms.contains(&room) {
                    rooms.push(room);
                }
                let known = followed.get(&(client, room)).map(|progress| progress.last);
                let last = match start {
                    Start::Live(from) | Start::NotRecovered(from) => from,
                    Start::Recovered(from) => {
                        if let Some(last) = known.filter(|last| *last != from) {
                            violations.push(Violation::RecoveredFromElsewhere {
                                client,
                                room,
                                last,
                                from,
                            });
                        }
                        known.unwrap_or(from)
                    }
                };
                let over = Some(connection);
                followed.insert((client, room), Progress { over, last });
            }
            What::Delivered {
                client,
                connection,
                room,
                entry,
            } => {
                let progress = followed.get_mut(&(client, room));
                let Some(progress) = progress.filter(|progress| progress.over == Some(connection))
                else {
                    let offset = entry.offset;
                    violations.push(Violation::Uninvited {
                        client,
                        connection,
                        room,
                        offset,
                    });
                    continue;
                };
                let wrong = delivery(client, connection, room, &entry, progress.last, timelines);
                violations.extend(wrong);
                progress.last = progress.last.max(entry.offset);
            }
            What::Closed { client, connection } => {
                for room in rooms_of.get(&client).into_iter().flatten() {
                    if let Some(progress) = followed.get_mut(&(client, *room))
                        && progress.over == Some(connection)
                    {
                        progress.over = None;
                    }
                }
            }
            What::Quiet => {
                for (&(client, room), progress) in &followed {
                    let end = timelines.of(room).end();
                    if progress.over.is_some() && progress.last < end {
                        let last = progress.last;
                        violations.push(Violation::EndMissing {
                            client,
                            room,
                            last,
                            end,
                        });
                    }
                }
            }
            _ => {}
        }
    }
}

/// What is wrong with a delivery to a client that has everything up to `last`: the first thing that is.
fn delivery(
    client: Client,
    connection: Connection,
    room: Room,
    entry: &Entry,
    last: Offset,
    timelines: &Timelines,
) -> Option<Violation> {
    let offset = entry.offset;
    if offset <= last {
        return Some(Violation::Repeated {
            client,
            connection,
            room,
            offset,
            last,
        });
    }
    let timeline = timelines.of(room);
    let stands = timeline.at(offset);
    let Some(truth) = stands.filter(|truth| truth.message == entry.message) else {
        return Some(Violation::SeenElsewhere {
            client,
            room,
            offset,
            saw: entry.message,
            stands: stands.map(|truth| truth.message),
        });
    };
    if truth.content != entry.content {
        return Some(Violation::Corrupted {
            room,
            message: entry.message,
            offset,
            sent: truth.content,
            found: entry.content,
        });
    }
    let missing = timeline.after(last).map_or(NOTHING, |next| next.offset);
    if missing != offset {
        return Some(Violation::Gap {
            client,
            connection,
            room,
            offset,
            last,
            missing,
        });
    }
    (truth.prev != entry.prev).then_some(Violation::ToldWrongPrev {
        client,
        room,
        offset,
        told: entry.prev,
        prev: truth.prev,
    })
}
