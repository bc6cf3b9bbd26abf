//! The rooms as this server has folded them: what the store has and the tail that it does not have yet, as one.

mod pages;

pub use pages::Follow;

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protocol::{Epoch, RoomName};

use super::Observer;
use super::backlog::{Backlog, Limits};
use super::partition::partition_of;
use super::rule::{Fingerprint, LogRecord, Lookup, Occurrence, Outcome, PartitionFold};
use super::tail::Tail;
use crate::history::{Batch, Checkpoint, HistoryError, Reader, RoomId, Store};

/// Connections to the store for pages.
const PAGE_READERS: usize = 4;

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

    /// How many records are folded and not stored yet, and how many bytes they take.
    pub fn tail(&self) -> (usize, usize) {
        self.backlog.waits()
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
            Outcome::Skipped(reason) => {
                self.skipped.fetch_add(1, Ordering::Relaxed);
                self.observer.skipped(reason);
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
