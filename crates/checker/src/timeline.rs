//! What the final readers say each room holds: the measure of everything else.

use std::collections::{HashMap, HashSet};

use crate::history::{Entry, Event, MessageId, NOTHING, Offset, Reader, Room, What};
use crate::report::Violation;

/// A room's messages in their order.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    entries: Vec<Entry>,
    by_message: HashMap<MessageId, usize>,
}

impl Timeline {
    fn read(room: Room, entries: &[Entry], violations: &mut Vec<Violation>) -> Self {
        let mut by_message: HashMap<MessageId, usize> = HashMap::with_capacity(entries.len());
        let mut before = NOTHING;
        for (index, entry) in entries.iter().enumerate() {
            let Entry {
                offset,
                prev,
                message,
                ..
            } = *entry;
            if offset <= before {
                violations.push(Violation::Unordered {
                    room,
                    before,
                    offset,
                });
            }
            if prev != before {
                violations.push(Violation::ChainBroken {
                    room,
                    offset,
                    prev,
                    before,
                });
            }
            match by_message.get(&message) {
                Some(&first) => violations.push(Violation::Doubled {
                    room,
                    message,
                    first: entries[first].offset,
                    second: offset,
                }),
                None => drop(by_message.insert(message, index)),
            }
            before = offset;
        }
        Self {
            entries: entries.to_vec(),
            by_message,
        }
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(crate) fn of_message(&self, message: MessageId) -> Option<&Entry> {
        self.by_message
            .get(&message)
            .map(|&index| &self.entries[index])
    }

    pub(crate) fn at(&self, offset: Offset) -> Option<&Entry> {
        let index = self
            .entries
            .binary_search_by_key(&offset, |entry| entry.offset)
            .ok()?;
        self.entries.get(index)
    }

    /// The first message after this offset.
    pub(crate) fn after(&self, offset: Offset) -> Option<&Entry> {
        let index = self.entries.partition_point(|entry| entry.offset <= offset);
        self.entries.get(index)
    }

    /// The offset of the last message.
    pub(crate) fn end(&self) -> Offset {
        self.entries.last().map_or(NOTHING, |entry| entry.offset)
    }
}

/// All rooms.
#[derive(Debug)]
pub(crate) struct Timelines {
    by_room: HashMap<Room, Timeline>,
    empty: Timeline,
}

impl Timelines {
    /// Takes what the first final reader of each room saw, and holds the other readers against it.
    pub(crate) fn read(history: &[Event], violations: &mut Vec<Violation>) -> Self {
        let mut first: HashMap<Room, (Reader, &[Entry])> = HashMap::new();
        let mut confirmed = HashSet::new();
        let mut used = Vec::new();
        for event in history {
            match &event.what {
                What::Final {
                    reader,
                    room,
                    entries,
                } => match first.get(room) {
                    None => drop(first.insert(*room, (*reader, entries))),
                    Some(&(one, seen)) => {
                        confirmed.insert(*room);
                        if let Some(from) = difference(seen, entries) {
                            let (room, other) = (*room, *reader);
                            violations.push(Violation::ReadersDiffer {
                                room,
                                one,
                                other,
                                from,
                            });
                        }
                    }
                },
                What::Send { room, .. } | What::Delivered { room, .. } => used.push(*room),
                _ => {}
            }
        }
        used.sort_unstable();
        used.dedup();
        let unread = used.into_iter().filter(|room| !confirmed.contains(room));
        violations.extend(unread.map(|room| Violation::NotRead { room }));
        let by_room = first
            .into_iter()
            .map(|(room, (_, entries))| (room, Timeline::read(room, entries, violations)))
            .collect();
        Self {
            by_room,
            empty: Timeline::default(),
        }
    }

    pub(crate) fn of(&self, room: Room) -> &Timeline {
        self.by_room.get(&room).unwrap_or(&self.empty)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Room, &Timeline)> {
        self.by_room
            .iter()
            .map(|(room, timeline)| (*room, timeline))
    }
}

/// The first offset at which two readings differ.
fn difference(one: &[Entry], other: &[Entry]) -> Option<Offset> {
    let common = one
        .iter()
        .zip(other)
        .take_while(|(one, other)| one == other)
        .count();
    let offset = |entries: &[Entry]| entries.get(common).map(|entry| entry.offset);
    [offset(one), offset(other)].into_iter().flatten().min()
}
