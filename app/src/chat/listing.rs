//! All rooms, the most recently active first: their latest messages, and what the person has not read.

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
        let mut known = match self.rooms.iter().position(|known| known.room == *room) {
            Some(index) => self.rooms.remove(index),
            None => RoomSummary {
                room: room.clone(),
                last: last.clone(),
                unread: 0,
                mentions: 0,
            },
        };
        counts(&mut known);
        // The open room's own messages come faster than the server's word on all rooms.
        let (new, old) = (last.position, known.last.position);
        if new.epoch != old.epoch || new.offset >= old.offset {
            known.last = last;
        }
        // The others stand in their order; sorting all of them would cost the page 2 kB.
        let place = self.rooms.iter();
        let place = place.take_while(|other| other.last.ts > known.last.ts);
        let place = place.count();
        self.rooms.insert(place, known);
        self.changed = true;
    }
}
