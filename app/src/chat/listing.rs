//! All rooms, the most recently active first: their latest messages, and what the person has not read.

use std::cmp::Reverse;

use protocol::{Message, RoomName, RoomSummary, RoomUpdate};

/// The list of rooms.
#[derive(Debug, Default)]
pub(super) struct Listing {
    rooms: Vec<RoomSummary>,
    changed: bool,
}

impl Listing {
    /// What the server rendered.
    pub(super) fn new(rooms: Vec<RoomSummary>) -> Self {
        Self {
            rooms,
            changed: false,
        }
    }

    /// The rooms in their order.
    pub(super) fn rooms(&self) -> &[RoomSummary] {
        &self.rooms
    }

    /// The server told how some rooms stand.
    pub(super) fn take(&mut self, updates: Vec<RoomUpdate>) {
        for update in updates {
            self.set(&update.room, update.last, |known| {
                (known.unread, known.mentions) = (update.unread, update.mentions);
            });
        }
    }

    /// A message of the open room arrived: the list need not wait for the server's next word.
    pub(super) fn heard(&mut self, room: &RoomName, message: &Message) {
        if message.kind.is_row() {
            self.set(room, message.clone(), |_| {});
        }
    }

    /// Whether anything changed since the call before.
    pub(super) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    fn set(&mut self, room: &RoomName, last: Message, counts: impl FnOnce(&mut RoomSummary)) {
        let index = self.rooms.iter().position(|known| known.room == *room);
        let index = index.unwrap_or_else(|| {
            self.rooms.push(RoomSummary {
                room: room.clone(),
                last: last.clone(),
                unread: 0,
                mentions: 0,
            });
            self.rooms.len() - 1
        });
        let known = &mut self.rooms[index];
        counts(known);
        // The open room's own messages come faster than the server's word on all rooms.
        let (new, old) = (last.position, known.last.position);
        if new.epoch != old.epoch || new.offset >= old.offset {
            known.last = last;
        }
        self.rooms.sort_by_key(|known| Reverse(known.last.ts));
        self.changed = true;
    }
}
