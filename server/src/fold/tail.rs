//! What one partition has folded but not yet committed to the store: in the order of the log, and by room.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use protocol::{Message, RoomName};

use super::rule::{Fingerprint, Occurrence};
use crate::history::{Batch, Checkpoint, RoomId, Row};

/// What a record costs in memory beside its own bytes, roughly.
const OVERHEAD: usize = 512;

/// One folded record; only visible ones carry a message, the others move the checkpoint.
struct Entry {
    checkpoint: Checkpoint,
    bytes: usize,
    visible: Option<(RoomId, RoomName, Arc<Message>, Fingerprint)>,
}

/// The tail of one partition.
#[derive(Default)]
pub(super) struct Tail {
    entries: VecDeque<Entry>,
    rooms: HashMap<RoomId, VecDeque<Arc<Message>>>,
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

    /// Adds a message; tells how many bytes it costs.
    pub(super) fn push(
        &mut self,
        checkpoint: Checkpoint,
        (id, room): (RoomId, &RoomName),
        message: &Arc<Message>,
        copy: Fingerprint,
        size: usize,
    ) -> usize {
        let bytes = OVERHEAD + size;
        let visible = Some((id, room.clone(), Arc::clone(message), copy));
        self.entries.push_back(Entry {
            checkpoint,
            bytes,
            visible,
        });
        self.rooms
            .entry(id)
            .or_default()
            .push_back(Arc::clone(message));
        self.sent.insert(
            copy,
            Occurrence {
                offset: message.position.offset,
                at: checkpoint.clock,
            },
        );
        bytes
    }

    /// How many records wait.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The messages of a room, oldest first.
    pub(super) fn room(
        &self,
        id: RoomId,
    ) -> impl DoubleEndedIterator<Item = &Arc<Message>> + ExactSizeIterator {
        self.rooms.get(&id).map(VecDeque::iter).unwrap_or_default()
    }

    /// The latest message of each room that has any here.
    pub(super) fn latest(&self) -> impl Iterator<Item = (&RoomName, &Arc<Message>)> {
        let names = self
            .entries
            .iter()
            .filter_map(|entry| entry.visible.as_ref());
        names.filter_map(|(id, name, message, _)| {
            let last = self.rooms.get(id)?.back()?;
            (last.position == message.position).then_some((name, last))
        })
    }

    /// Where a message occurred, if that is here.
    pub(super) fn occurrence(&self, copy: &Fingerprint) -> Option<Occurrence> {
        self.sent.get(copy).copied()
    }

    /// Adds the oldest records, at most `limit`, to a batch for the store; tells how many. They stay until they are
    /// [released](Self::release).
    pub(super) fn collect(&self, batch: &mut Batch, limit: usize) -> usize {
        let taken = self.entries.len().min(limit);
        batch
            .rows
            .extend(self.entries.iter().take(taken).filter_map(|entry| {
                let (id, room, message, copy) = entry.visible.as_ref()?;
                let (room, message) = (room.clone(), Arc::clone(message));
                Some(Row {
                    id: *id,
                    room,
                    message,
                    copy: *copy,
                    at: entry.checkpoint.clock,
                })
            }));
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
            let Some((id, _, message, copy)) = entry.visible else {
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
