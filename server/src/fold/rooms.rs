//! The rooms as this server has folded them: what the store has and the tail that it does not have yet, as one.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protocol::{Epoch, HistoryPage, Message, Position, RoomName, RoomSummary};

use super::Observer;
use super::backlog::{Backlog, Limits};
use super::partition::partition_of;
use super::rule::{Fingerprint, LogRecord, Lookup, Occurrence, Outcome, PartitionFold};
use super::tail::Tail;
use crate::history::{Batch, Checkpoint, HistoryError, Place, Reader, RoomId, Store};

/// Connections to the store for pages.
const PAGE_READERS: usize = 4;

/// How a subscription goes on catching up ([`Rooms::follow`]).
#[derive(Debug, PartialEq)]
pub enum Follow<R> {
    /// The next messages after the cursor; there may be more, so ask again from the last of them.
    Behind(Vec<Arc<Message>>),
    /// What `attach` gave, which took the last messages after the cursor: whatever comes later goes to the observer.
    Caught(R),
}

/// How many records came to which end since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages.
    pub visible: u64,
    /// Dropped repeats.
    pub duplicates: u64,
    /// Records that are no message.
    pub skipped: u64,
}

/// All rooms.
pub struct Rooms {
    epoch: Epoch,
    partitions: Vec<Mutex<Partition>>,
    pages: Reader,
    /// Of its own, so that readers of pages never delay the fold.
    lookups: Reader,
    next_room: AtomicI64,
    backlog: Backlog,
    observer: Arc<dyn Observer>,
    visible: AtomicU64,
    duplicates: AtomicU64,
    skipped: AtomicU64,
}

struct Partition {
    fold: PartitionFold,
    heads: HashMap<RoomName, Head>,
    tail: Tail,
}

#[derive(Clone, Copy)]
struct Head {
    id: RoomId,
    offset: i64,
}

/// What the fold of a partition may ask while it is locked.
struct Earlier<'a> {
    partition: i32,
    heads: &'a HashMap<RoomName, Head>,
    tail: &'a Tail,
    store: &'a Reader,
}

impl Lookup for Earlier<'_> {
    type Error = HistoryError;

    fn head(&self, room: &RoomName) -> Option<i64> {
        self.heads.get(room).map(|head| head.offset)
    }

    fn occurrence(
        &self,
        copy: &Fingerprint,
        clock: i64,
    ) -> Result<Option<Occurrence>, HistoryError> {
        match self.tail.occurrence(copy) {
            Some(occurrence) => Ok(Some(occurrence)),
            None => self.store.occurrence(self.partition, copy, clock),
        }
    }
}

impl Rooms {
    /// The rooms that a store holds, ready to fold on from its checkpoints. The store belongs to `epoch`.
    pub fn new(
        epoch: Epoch,
        partitions: i32,
        store: &Store,
        observer: Arc<dyn Observer>,
        limits: Limits,
    ) -> Result<Self, HistoryError> {
        let mut folds: Vec<_> = (0..partitions)
            .map(|partition| Partition {
                fold: PartitionFold::new(epoch, partition, partitions),
                heads: HashMap::new(),
                tail: Tail::default(),
            })
            .collect();
        let missing =
            |partition| HistoryError::Damaged(format!("there is no partition {partition}"));
        for checkpoint in &store.saved.checkpoints {
            let index = usize::try_from(checkpoint.partition).unwrap_or(usize::MAX);
            let fold = &mut folds
                .get_mut(index)
                .ok_or_else(|| missing(checkpoint.partition))?
                .fold;
            fold.next = checkpoint.next;
            fold.clock = checkpoint.clock;
        }
        for room in &store.saved.rooms {
            let index = usize::try_from(room.partition).unwrap_or(usize::MAX);
            let heads = &mut folds
                .get_mut(index)
                .ok_or_else(|| missing(room.partition))?
                .heads;
            heads.insert(
                room.name.clone(),
                Head {
                    id: room.id,
                    offset: room.head,
                },
            );
        }
        let last_room = store
            .saved
            .rooms
            .iter()
            .map(|room| room.id)
            .max()
            .unwrap_or(0);
        Ok(Self {
            epoch,
            partitions: folds.into_iter().map(Mutex::new).collect(),
            pages: store.reader(PAGE_READERS)?,
            lookups: store.reader(1)?,
            next_room: AtomicI64::new(last_room + 1),
            backlog: Backlog::new(limits),
            observer,
            visible: AtomicU64::new(0),
            duplicates: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
        })
    }

    /// The life of the log that all offsets here belong to.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Where a room's latest message stands; `None` while it has none.
    pub fn head(&self, room: &RoomName) -> Option<Position> {
        let (partition, state) = self.home(room);
        let head = state.heads.get(room)?;
        Some(Position {
            epoch: self.epoch,
            partition,
            offset: head.offset,
        })
    }

    /// The latest messages of a room, oldest first; `more` says whether there are earlier ones.
    pub fn last_page(&self, room: &RoomName, limit: usize) -> Result<HistoryPage, HistoryError> {
        self.before(room, i64::MAX, limit)
    }

    /// The latest messages below `offset`, oldest first; `more` says whether there are earlier ones.
    pub fn before(
        &self,
        room: &RoomName,
        offset: i64,
        limit: usize,
    ) -> Result<HistoryPage, HistoryError> {
        // One more than asked for tells whether there are more.
        let wanted = limit.saturating_add(1);
        let (place, mut newest_first, stored_below) = {
            let (partition, state) = self.home(room);
            let Some(head) = state.heads.get(room) else {
                return Ok(HistoryPage {
                    messages: Vec::new(),
                    more: false,
                });
            };
            let below = |message: &&Arc<Message>| message.position.offset < offset;
            let tail: Vec<Message> = state
                .tail
                .room(head.id)
                .rev()
                .filter(below)
                .take(wanted)
                .map(|message| Message::clone(message))
                .collect();
            let oldest = state
                .tail
                .room(head.id)
                .next()
                .map(|message| message.position.offset);
            // What leaves the tail from now on is not looked for in the store: this page has it.
            let stored_below = oldest.map_or(head.offset + 1, |oldest| oldest).min(offset);
            (self.place(head.id, partition), tail, stored_below)
        };
        if newest_first.len() < wanted {
            let stored = self
                .pages
                .before(place, stored_below, wanted - newest_first.len())?;
            newest_first.extend(stored.into_iter().rev());
        }
        let more = newest_first.len() > limit;
        newest_first.truncate(limit);
        newest_first.reverse();
        Ok(HistoryPage {
            messages: newest_first,
            more,
        })
    }

    /// The first messages above `offset`, oldest first; `more` says whether there are later ones.
    pub fn after(
        &self,
        room: &RoomName,
        offset: i64,
        limit: usize,
    ) -> Result<HistoryPage, HistoryError> {
        let wanted = limit.saturating_add(1);
        let (place, tail, stored_through) = {
            let (partition, state) = self.home(room);
            let Some(head) = state.heads.get(room) else {
                return Ok(HistoryPage {
                    messages: Vec::new(),
                    more: false,
                });
            };
            let above = |message: &&Arc<Message>| message.position.offset > offset;
            let tail: Vec<_> = state
                .tail
                .room(head.id)
                .filter(above)
                .take(wanted)
                .map(Arc::clone)
                .collect();
            let oldest = state
                .tail
                .room(head.id)
                .next()
                .map(|message| message.position.offset);
            (
                self.place(head.id, partition),
                tail,
                oldest.map_or(head.offset, |oldest| oldest - 1),
            )
        };
        let mut messages = self.pages.after(place, offset, stored_through, wanted)?;
        messages.extend(
            tail.iter()
                .take(wanted - messages.len())
                .map(|message| Message::clone(message)),
        );
        let more = messages.len() > limit;
        messages.truncate(limit);
        Ok(HistoryPage { messages, more })
    }

    /// How many messages a room has above `offset` and up to `cut`; counting stops at `at_most`.
    pub fn count_after(
        &self,
        room: &RoomName,
        offset: i64,
        cut: i64,
        at_most: usize,
    ) -> Result<usize, HistoryError> {
        let (id, in_tail, stored_through) = {
            let (_, state) = self.home(room);
            let Some(head) = state.heads.get(room) else {
                return Ok(0);
            };
            let offsets = || {
                state
                    .tail
                    .room(head.id)
                    .map(|message| message.position.offset)
            };
            let in_tail = offsets()
                .filter(|found| (offset + 1..=cut).contains(found))
                .count();
            let stored_through = offsets()
                .next()
                .map_or(head.offset, |oldest| oldest - 1)
                .min(cut);
            (head.id, in_tail, stored_through)
        };
        let stored = self.pages.count(id, offset, stored_through, at_most)?;
        Ok((stored + in_tail).min(at_most))
    }

    /// The rooms with the latest messages, newest first.
    pub fn list(&self, limit: usize) -> Result<Vec<RoomSummary>, HistoryError> {
        // The tail first: what moves into the store in between is then seen twice, not missed.
        let mut rooms: HashMap<RoomName, Message> = HashMap::new();
        for partition in &self.partitions {
            let state = lock(partition);
            rooms.extend(
                state
                    .tail
                    .latest()
                    .map(|(room, last)| (room.clone(), Message::clone(last))),
            );
        }
        for (room, last) in self.pages.latest(self.epoch, limit)? {
            let newest = rooms.entry(room).or_insert_with(|| last.clone());
            if newest.position.offset < last.position.offset {
                *newest = last;
            }
        }
        let mut list: Vec<_> = rooms
            .into_iter()
            .map(|(room, last)| RoomSummary { room, last })
            .collect();
        list.sort_unstable_by_key(|summary| {
            std::cmp::Reverse((summary.last.ts, summary.last.position))
        });
        list.truncate(limit);
        Ok(list)
    }

    /// Where the copy of a message stands that counts today, if it was sent within the window of seven days (decision 9).
    pub fn first_position(
        &self,
        room: &RoomName,
        uid: &str,
        id: &str,
    ) -> Result<Option<Position>, HistoryError> {
        let copy = Fingerprint::of(room, uid, id);
        let (partition, clock, in_tail) = {
            let (partition, state) = self.home(room);
            (partition, state.fold.clock, state.tail.occurrence(&copy))
        };
        let found = match in_tail {
            Some(occurrence) => Some(occurrence),
            None => self.pages.occurrence(partition, &copy, clock)?,
        };
        let counted = found.filter(|occurrence| occurrence.counts_at(clock));
        Ok(counted.map(|occurrence| Position {
            epoch: self.epoch,
            partition,
            offset: occurrence.offset,
        }))
    }

    /// What a subscription gets that has everything up to `after`: either the next messages, or the last ones, which
    /// `attach` takes under the partition's lock: everything later reaches the observer after it, so there is no gap and
    /// no repeat. At most `limit` messages (at least one) are handed out.
    pub fn follow<R>(
        &self,
        room: &RoomName,
        after: i64,
        limit: usize,
        attach: impl FnOnce(&[Arc<Message>]) -> R,
    ) -> Result<Follow<R>, HistoryError> {
        let limit = limit.max(1);
        let mut cursor = after;
        let mut found: Vec<Arc<Message>> = Vec::new();
        loop {
            let (place, stored_through) = {
                let (partition, state) = self.home(room);
                let Some(head) = state.heads.get(room).filter(|head| head.offset > cursor) else {
                    return Ok(Follow::Caught(attach(&found)));
                };
                let mut rest = state
                    .tail
                    .room(head.id)
                    .filter(|message| message.position.offset > cursor)
                    .peekable();
                // The tail closes the gap when its first message follows one that the subscription has.
                if rest
                    .peek()
                    .is_some_and(|first| first.prev.is_none_or(|prev| prev <= cursor))
                {
                    found.extend(rest.by_ref().take(limit - found.len()).map(Arc::clone));
                    return Ok(match rest.next() {
                        None => Follow::Caught(attach(&found)),
                        Some(_) => Follow::Behind(found),
                    });
                }
                let stored_through = rest
                    .peek()
                    .and_then(|first| first.prev)
                    .unwrap_or(head.offset);
                (self.place(head.id, partition), stored_through)
            };
            let page = self
                .pages
                .after(place, cursor, stored_through, limit - found.len())?;
            let Some(last) = page.last() else {
                return Err(self.pages.damaged(format!(
                    "messages of {room} up to {stored_through} are missing"
                )));
            };
            cursor = last.position.offset;
            found.extend(page.into_iter().map(Arc::new));
            if found.len() >= limit {
                return Ok(Follow::Behind(found));
            }
        }
    }

    /// Whether the store keeps up: false when it has taken nothing for ten seconds or the tail has grown too large.
    pub fn healthy(&self) -> bool {
        self.backlog.healthy()
    }

    /// What became of the records since the start.
    pub fn counts(&self) -> Counts {
        Counts {
            visible: self.visible.load(Ordering::Relaxed),
            duplicates: self.duplicates.load(Ordering::Relaxed),
            skipped: self.skipped.load(Ordering::Relaxed),
        }
    }

    /// The offset that a partition expects next.
    pub fn next(&self, partition: i32) -> i64 {
        self.partition(partition).fold.next
    }

    /// Waits at most `pause` until the tail has space for more; tells whether it has.
    pub fn space(&self, catching_up: bool, pause: Duration) -> bool {
        self.backlog.space(catching_up, pause)
    }

    /// Folds one record of a partition and tells the observer. After an error the same record can be given again.
    pub fn apply(&self, partition: i32, record: &LogRecord<'_>) -> Result<Outcome, HistoryError> {
        let mut state = self.partition(partition);
        let Partition { fold, heads, tail } = &mut *state;
        let outcome = fold.apply(
            record,
            &Earlier {
                partition,
                heads,
                tail,
                store: &self.lookups,
            },
        )?;
        let checkpoint = Checkpoint {
            partition,
            next: fold.next,
            hash: record.hash(),
            clock: fold.clock,
        };
        let bytes = match &outcome {
            Outcome::Passed => return Ok(outcome),
            Outcome::Visible {
                message,
                room,
                copy,
            } => {
                let offset = message.position.offset;
                let new = || Head {
                    id: self.next_room.fetch_add(1, Ordering::Relaxed),
                    offset,
                };
                let head = heads.entry(room.clone()).or_insert_with(new);
                head.offset = offset;
                let size = record.value.map_or(0, <[u8]>::len);
                let bytes = tail.push(checkpoint, (head.id, room), message, *copy, size);
                self.visible.fetch_add(1, Ordering::Relaxed);
                self.observer.visible(room, message);
                bytes
            }
            Outcome::Duplicate {
                room,
                uid,
                id,
                first,
            } => {
                self.duplicates.fetch_add(1, Ordering::Relaxed);
                self.observer.duplicate(room, uid, id, *first);
                tail.pass(checkpoint)
            }
            Outcome::Skipped(_) => {
                self.skipped.fetch_add(1, Ordering::Relaxed);
                tail.pass(checkpoint)
            }
        };
        // Under the lock: what is counted as waiting can be collected.
        self.backlog.add(bytes);
        Ok(outcome)
    }

    pub(super) fn backlog(&self) -> &Backlog {
        &self.backlog
    }

    /// The oldest records of all tails, for the store: at most `limit`, shared out evenly.
    pub(super) fn collect(&self, limit: usize) -> Batch {
        let mut waiting: Vec<_> = self
            .partitions
            .iter()
            .map(|partition| (lock(partition).tail.len(), partition))
            .collect();
        // From the shortest on, so that what a short tail leaves of its share goes to the longer ones.
        waiting.sort_unstable_by_key(|(length, _)| *length);
        let mut batch = Batch::default();
        let mut left = limit;
        for (done, (_, partition)) in waiting.iter().enumerate() {
            left -= lock(partition)
                .tail
                .collect(&mut batch, left / (waiting.len() - done));
        }
        batch
    }

    /// Lets go of what the store has taken.
    pub(super) fn release(&self, batch: &Batch) {
        for checkpoint in &batch.checkpoints {
            let (records, bytes) = self
                .partition(checkpoint.partition)
                .tail
                .release(checkpoint.next);
            self.backlog.remove(records, bytes);
        }
        for row in &batch.rows {
            tracing::debug!(room = %row.room, position = %row.message.position, id = row.message.id, "stored");
        }
    }

    fn place(&self, id: RoomId, partition: i32) -> Place {
        Place {
            id,
            epoch: self.epoch,
            partition,
        }
    }

    /// The locked partition of a room, and its number.
    fn home(&self, room: &RoomName) -> (i32, MutexGuard<'_, Partition>) {
        let partition = partition_of(
            room,
            i32::try_from(self.partitions.len()).unwrap_or(i32::MAX),
        );
        (partition, self.partition(partition))
    }

    fn partition(&self, partition: i32) -> MutexGuard<'_, Partition> {
        lock(&self.partitions[usize::try_from(partition).unwrap_or_default()])
    }
}

fn lock(partition: &Mutex<Partition>) -> MutexGuard<'_, Partition> {
    partition.lock().unwrap_or_else(PoisonError::into_inner)
}
