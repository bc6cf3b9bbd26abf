//! The rule of the fold for one partition, without I/O and without a clock: every server that reads the same records
//! comes to the same messages (decisions 2, 3 and 9).

use std::sync::Arc;

use protocol::{Epoch, Folded, Kind, Message, Position, Quote, Record, RoomName};
use sha2::{Digest, Sha256};

use super::form::{self, SkipReason};

/// For how many milliseconds of the fold clock a repeat of an id is dropped: seven days.
pub const WINDOW: i64 = 7 * 24 * 60 * 60 * 1000;

/// A record as it lies in a partition of `maru.messages`.
#[derive(Clone, Copy, Debug)]
pub struct LogRecord<'a> {
    /// Its offset.
    pub offset: i64,
    /// When the log took it, in Unix milliseconds.
    pub timestamp: Option<i64>,
    /// Its key, which is the room.
    pub key: Option<&'a [u8]>,
    /// Its value, which is documented JSON.
    pub value: Option<&'a [u8]>,
}

impl LogRecord<'_> {
    /// A checksum over everything in the record: two lives of the log do not have the same record at the same offset.
    pub fn hash(&self) -> u32 {
        let mut hash = crc32c::crc32c(&self.offset.to_le_bytes());
        hash = crc32c::crc32c_append(hash, &self.timestamp.unwrap_or(-1).to_le_bytes());
        for part in [self.key, self.value] {
            let length = part.map_or(u64::MAX, |bytes| bytes.len() as u64);
            hash = crc32c::crc32c_append(hash, &length.to_le_bytes());
            hash = crc32c::crc32c_append(hash, part.unwrap_or_default());
        }
        hash
    }
}

/// Names one message by who sent it, where, and the sender's own id of it: 128 bits of SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 16]);

impl Fingerprint {
    /// The fingerprint of (room, uid, client-msg-id).
    pub fn of(room: &RoomName, uid: &str, id: &str) -> Self {
        let mut digest = Sha256::new();
        for part in [room.as_str(), uid, id] {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        let mut fingerprint = [0; 16];
        fingerprint.copy_from_slice(&digest.finalize()[..16]);
        Self(fingerprint)
    }
}

/// Where and when a message became visible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// Its offset in the partition.
    pub offset: i64,
    /// The fold clock at that record, in Unix milliseconds.
    pub at: i64,
}

impl Occurrence {
    /// Whether this occurrence makes another copy a repeat when the fold clock shows `clock`.
    pub fn counts_at(&self, clock: i64) -> bool {
        clock.saturating_sub(self.at) <= WINDOW
    }
}

/// What the fold knows of a partition's earlier records.
pub trait Lookup {
    /// Why it could not be looked up.
    type Error;

    /// The offset of a room's latest visible message.
    fn head(&self, room: &RoomName) -> Option<i64>;

    /// What a message that answers the room's row at `offset` shows of it; `None` where there is no such row.
    fn quote(&self, room: &RoomName, offset: i64) -> Result<Option<Quote>, Self::Error>;

    /// The visible copy of a message that counts when the fold clock shows `clock`.
    fn occurrence(&self, copy: &Fingerprint, clock: i64)
    -> Result<Option<Occurrence>, Self::Error>;
}

/// What became of a record.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It is a message of its room.
    Visible {
        /// The message in its place.
        message: Arc<Message>,
        /// Its room.
        room: RoomName,
        /// Its name in the dedupe index.
        copy: Fingerprint,
    },
    /// It repeats an earlier message and is dropped.
    Duplicate {
        /// Its room.
        room: RoomName,
        /// Its sender.
        uid: String,
        /// The sender's own id of the message.
        id: String,
        /// The copy that counts.
        first: Position,
    },
    /// It is no message.
    Skipped(SkipReason),
    /// It had been folded before.
    Passed,
}

/// How far the fold of one partition has come: all of its state that is not in a [`Lookup`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionFold {
    /// The life of the log.
    pub epoch: Epoch,
    /// Which partition this is.
    pub partition: i32,
    /// How many there are.
    pub partitions: i32,
    /// The offset that is expected next.
    pub next: i64,
    /// The fold clock: the latest timestamp so far, in Unix milliseconds.
    pub clock: i64,
}

impl PartitionFold {
    /// The fold of a partition of which nothing has been read.
    pub fn new(epoch: Epoch, partition: i32, partitions: i32) -> Self {
        Self {
            epoch,
            partition,
            partitions,
            next: 0,
            clock: 0,
        }
    }

    /// Folds one record. After an error nothing has changed, so the same record can be given again.
    pub fn apply<L: Lookup>(
        &mut self,
        record: &LogRecord<'_>,
        lookup: &L,
    ) -> Result<Outcome, L::Error> {
        if record.offset < self.next {
            return Ok(Outcome::Passed);
        }
        let clock = self.clock.max(record.timestamp.unwrap_or(0));
        let outcome = match form::read(record, self.partition, self.partitions) {
            Err(reason) => Outcome::Skipped(reason),
            Ok(form) => {
                let copy = Fingerprint::of(&form.room, &form.sender.uid, &form.id);
                match lookup
                    .occurrence(&copy, clock)?
                    .filter(|first| first.counts_at(clock))
                {
                    Some(first) => Outcome::Duplicate {
                        room: form.room,
                        uid: form.sender.uid,
                        id: form.id,
                        first: self.position(first.offset),
                    },
                    None => Outcome::Visible {
                        room: form.room.clone(),
                        message: Arc::new(self.message(record, clock, form, lookup)?),
                        copy,
                    },
                }
            }
        };
        self.next = record.offset + 1;
        self.clock = clock;
        Ok(outcome)
    }

    /// A record as its room has it.
    fn message<L: Lookup>(
        &self,
        record: &LogRecord<'_>,
        clock: i64,
        form: Record,
        lookup: &L,
    ) -> Result<Message, L::Error> {
        // What a record names was there before it, at the same offset in whatever life of the log it was written.
        let reference = form
            .reference
            .filter(|named| named.partition == self.partition && named.offset < record.offset)
            .map(|named| self.position(named.offset));
        let quote = match reference {
            Some(answered) if form.kind == Kind::Message => {
                lookup.quote(&form.room, answered.offset)?.map(Box::new)
            }
            _ => None,
        };
        Ok(Message {
            position: self.position(record.offset),
            prev: lookup.head(&form.room),
            ts: record.timestamp.unwrap_or(clock),
            kind: form.kind,
            id: form.id,
            sender: form.sender,
            reference,
            body: form.body,
            folded: Folded {
                quote,
                ..Folded::default()
            },
            other: form.other,
        })
    }

    /// The position of an offset in this partition.
    pub fn position(&self, offset: i64) -> Position {
        Position {
            epoch: self.epoch,
            partition: self.partition,
            offset,
        }
    }
}
