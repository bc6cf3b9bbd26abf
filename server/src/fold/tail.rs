//! What one partition has folded but not yet committed to the store: in the order of the log, and by room.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use protocol::{Message, RoomName};

use super::rule::{Fingerprint, Occurrence};
use crate::history::{Batch, Checkpoint, RoomId, Row};

/// A record of a room as the tail has it.
#[derive(Clone)]
pub(super) struct Waiting {
    /// The record as the stream has it.
    pub(super) message: Arc<Message>,
    /// For a row: offset of the row above it, or -1.
    pub(super) above: Option<i64>,
}

/// What a record costs in memory beside its own bytes, roughly.
const OVERHEAD: usize = 512;

/// One folded record; only visible ones carry a row for the store, the others move the checkpoint.
struct Entry {
    checkpoint: Checkpoint,
    bytes: usize,
    visible: Option<Row>,
}

/// The tail of one partition.
#[derive(Default)]
pub(super) struct Tail {
    entries: VecDeque<Entry>,
    rooms: HashMap<RoomId, VecDeque<Waiting>>,
    sent: HashMap<Fingerprint, Occurrence>,
}

impl Tail {
    /// Adds a record that is no message; tells how many bytes it costs.
    pub(super) fn pass(&mut self, checkpoint: Checkpoint) -> usize {
        self.entries.push_back(Entry {
            checkpoint,
            bytes: OVERHEAD,
            visible: None,
        });
        OVERHEAD
    }

    /// Adds a visible record of `size` bytes; tells how many bytes it costs.
    pub(super) fn push(&mut self, checkpoint: Checkpoint, row: Row, size: usize) -> usize {
        let bytes = OVERHEAD + size;
        self.rooms.entry(row.id).or_default().push_back(Waiting {
            message: Arc::clone(&row.message),
            above: row.above,
        });
        self.sent.insert(
            row.copy,
            Occurrence {
                offset: row.message.position.offset,
                at: row.at,
            },
        );
        self.entries.push_back(Entry {
            checkpoint,
            bytes,
            visible: Some(row),
        });
        bytes
    }

    /// How many records wait.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The records of a room, oldest first.
    pub(super) fn room(
        &self,
        id: RoomId,
    ) -> impl DoubleEndedIterator<Item = &Waiting> + ExactSizeIterator {
        self.rooms.get(&id).map(VecDeque::iter).unwrap_or_default()
    }

    /// The rooms that have any records here.
    pub(super) fn rooms(&self) -> impl Iterator<Item = (RoomId, &RoomName)> {
        let last_of_room = |row: &&Row| {
            let last = self.rooms.get(&row.id).and_then(VecDeque::back);
            last.is_some_and(|last| last.message.position == row.message.position)
        };
        let rows = self
            .entries
            .iter()
            .filter_map(|entry| entry.visible.as_ref());
        rows.filter(last_of_room).map(|row| (row.id, &row.room))
    }

    /// Where a message occurred, if that is here.
    pub(super) fn occurrence(&self, copy: &Fingerprint) -> Option<Occurrence> {
        self.sent.get(copy).copied()
    }

    /// Adds the oldest records, at most `limit`, to a batch for the store; tells how many. They stay until they are
    /// [released](Self::release).
    pub(super) fn collect(&self, batch: &mut Batch, limit: usize) -> usize {
        let taken = self.entries.len().min(limit);
        batch.rows.extend(
            self.entries
                .iter()
                .take(taken)
                .filter_map(|entry| entry.visible.clone()),
        );
        batch.checkpoints.extend(
            taken
                .checked_sub(1)
                .map(|last| self.entries[last].checkpoint),
        );
        taken
    }

    /// Lets go of the records below the offset `next`, which the store has now; tells how many and how many bytes.
    pub(super) fn release(&mut self, next: i64) -> (usize, usize) {
        let (mut records, mut bytes) = (0, 0);
        while let Some(entry) = self
            .entries
            .pop_front_if(|entry| entry.checkpoint.next <= next)
        {
            records += 1;
            bytes += entry.bytes;
            let Some(Row {
                id, message, copy, ..
            }) = entry.visible
            else {
                continue;
            };
            if let Some(room) = self.rooms.get_mut(&id) {
                room.pop_front();
                if room.is_empty() {
                    self.rooms.remove(&id);
                }
            }
            if self
                .sent
                .get(&copy)
                .is_some_and(|sent| sent.offset == message.position.offset)
            {
                self.sent.remove(&copy);
            }
        }
        (records, bytes)
    }
}
