//! The list of rooms: each with its latest row as it is now.

use std::cmp::Reverse;
use std::collections::HashMap;

use protocol::{Message, RoomName, RoomSummary, folding};

use super::moment::row_of_tail;
use super::{Rooms, lock};
use crate::fold::tail::Waiting;
use crate::history::{HistoryError, View};

/// How much of a row the list has, in characters: twice what the page shows of it.
const BEGINNING: usize = 200;

impl Rooms {
    /// The rooms with the beginnings of their latest rows, newest first. A reaction to the latest row changes nothing here.
    pub fn list(&self, limit: usize) -> Result<Vec<RoomSummary>, HistoryError> {
        // The tail first: what moves into the store in between is then seen twice, not missed.
        let mut tails: HashMap<RoomName, Vec<Waiting>> = HashMap::new();
        for partition in &self.partitions {
            let state = lock(partition);
            let rooms = state.tail.rooms();
            tails.extend(
                rooms.map(|(id, room)| (room.clone(), state.tail.room(id).cloned().collect())),
            );
        }
        let mut rooms = self.pages.view(|view| self.stored(view, limit))?;
        for (room, tail) in tails {
            let last = rooms.remove(&room);
            let stored = last.as_ref().map_or(-1, |(head, _)| *head);
            if let Some(last) = latest(last.map(|(_, last)| last), stored, &tail) {
                rooms.insert(room, (stored, last));
            }
        }
        let mut list: Vec<_> = rooms
            .into_iter()
            .map(|(room, (_, last))| RoomSummary {
                room,
                last: beginning(last),
                unread: 0,
                mentions: 0,
            })
            .collect();
        list.sort_unstable_by_key(|summary| Reverse((summary.last.ts, summary.last.position)));
        list.truncate(limit);
        Ok(list)
    }

    /// A room's latest row as the list has it.
    pub fn latest(&self, room: &RoomName) -> Result<Option<Message>, HistoryError> {
        Ok(self.last_page(room, 1)?.messages.pop().map(beginning))
    }

    /// Rooms, at most `limit`, that have records after the offsets that are `known` of them.
    pub fn moved(&self, known: &HashMap<RoomName, i64>, limit: usize) -> Vec<RoomName> {
        let mut moved = Vec::new();
        for partition in &self.partitions {
            let state = lock(partition);
            let heads = state.heads.iter();
            let new = heads
                .filter(|(room, head)| known.get(*room).is_none_or(|known| *known < head.offset));
            moved.extend(new.take(limit - moved.len()).map(|(room, _)| room.clone()));
        }
        moved
    }

    /// The latest rooms of the store, each with the offset of its last record and its latest row.
    fn stored(
        &self,
        view: &View<'_>,
        limit: usize,
    ) -> Result<HashMap<RoomName, (i64, Message)>, HistoryError> {
        let mut rooms = HashMap::new();
        for room in view.rooms(limit)? {
            let last = view.row(self.place(room.id, room.partition), room.row)?;
            let last = last.ok_or_else(|| {
                let name = &room.name;
                HistoryError::Damaged(format!("the latest row of room {name} is missing"))
            })?;
            rooms.insert(room.name, (room.head, last));
        }
        Ok(rooms)
    }
}

/// What the list has of a row. Whole rows of all rooms would make frames that fit into no queue.
fn beginning(mut row: Message) -> Message {
    if let Some((end, _)) = row.body.char_indices().nth(BEGINNING) {
        row.body.truncate(end);
    }
    row.other.clear();
    row.folded.above = None;
    row.folded.quote = None;
    row.folded.reactions.clear();
    row
}

/// A room's latest row after the records of its tail that come after the offset `stored`. Without a row there is none: what changes a
/// row that is not here does not bring its room into the list.
fn latest(last: Option<Message>, stored: i64, tail: &[Waiting]) -> Option<Message> {
    let mut last = last;
    let new = |record: &&Waiting| record.message.position.offset > stored;
    for record in tail.iter().filter(new) {
        match (row_of_tail(record), &mut last) {
            (Some(row), _) => last = Some(row),
            (None, Some(last)) => {
                folding::fold(last, &record.message);
            }
            (None, None) => {}
        }
    }
    last
}
