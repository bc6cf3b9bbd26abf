//! The history held against the log: everything is folded once more in memory, and every message has to be where the fold puts it.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;

use protocol::{Epoch, RoomName};

use super::MaintenanceError;
use crate::bridge;
use crate::fold::{Fingerprint, LogRecord, Lookup, Occurrence, Outcome, PartitionFold};
use crate::history::audit::Audit;
use crate::history::{Checkpoint, HistoryError, RoomId};

/// So many messages are remembered before those that have left the window are let go.
const TIDY: usize = 100_000;

/// What the comparison found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Compared {
    messages: u64,
    rooms: usize,
    /// Messages of the log that the history should have and does not have.
    missing: u64,
    /// Messages that the history has otherwise than the log.
    different: u64,
    /// Messages that the history has and the log does not.
    extra: u64,
    /// Rooms with missing or different messages, the first few.
    concerned: Vec<String>,
    /// What does not fit between the two as a whole.
    misfits: Vec<String>,
}

impl Compared {
    pub(super) fn is_same(&self) -> bool {
        (self.missing, self.different, self.extra) == (0, 0, 0) && self.misfits.is_empty()
    }
}

impl fmt::Display for Compared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            messages,
            rooms,
            missing,
            different,
            extra,
            concerned,
            misfits,
        } = self;
        writeln!(
            formatter,
            "The history: {messages} whole messages in {rooms} rooms."
        )?;
        for misfit in misfits {
            writeln!(formatter, "  not of this log: {misfit}")?;
        }
        for (count, what) in [
            (missing, "messages of the log are missing"),
            (different, "messages are different from those in the log"),
            (extra, "messages are not in the log"),
        ] {
            if *count > 0 {
                writeln!(formatter, "  {what}: {count}")?;
            }
        }
        if !concerned.is_empty() {
            writeln!(formatter, "  rooms: {}", concerned.join(", "))?;
        }
        Ok(())
    }
}

/// Compares. `messages` is how many the history has.
pub(super) fn compare(
    log: &bridge::Audit,
    history: &Audit,
    messages: u64,
    partitions: i32,
) -> Result<Compared, MaintenanceError> {
    let mut compared = Compared {
        messages,
        rooms: history.saved.rooms.len(),
        ..Compared::default()
    };
    let epoch = log.epoch()?;
    if epoch != history.saved.epoch {
        let name =
            |epoch: Option<Epoch>| epoch.map_or("none".to_owned(), |epoch| epoch.to_string());
        let (theirs, own) = (name(epoch), name(history.saved.epoch));
        compared
            .misfits
            .push(format!("its epoch is {own}, the log's is {theirs}"));
        return Ok(compared);
    }
    let Some(epoch) = epoch else {
        return Ok(compared);
    };
    let watermarks = log.watermarks()?;
    for checkpoint in &history.saved.checkpoints {
        let end = usize::try_from(checkpoint.partition)
            .ok()
            .and_then(|index| watermarks.get(index));
        let end = end.map_or(0, |(_, end)| *end);
        if checkpoint.next > end {
            let Checkpoint {
                partition, next, ..
            } = checkpoint;
            compared.misfits.push(format!(
                "partition {partition} ends at offset {end} and the history has read up to {next}: {} record(s) were lost behind the end",
                next - end
            ));
        }
    }
    if !compared.misfits.is_empty() {
        return Ok(compared);
    }
    let mut fold = Folds::new(epoch, partitions, history);
    log.read(&watermarks, |partition, record| {
        fold.take(partition, record);
    })?;
    fold.finish(compared)
}

/// The partitions as they are folded once more.
struct Folds<'a> {
    history: &'a Audit,
    checkpoints: HashMap<i32, Checkpoint>,
    rooms: HashMap<RoomName, RoomId>,
    partitions: Vec<(PartitionFold, Earlier)>,
    matched: u64,
    compared: Compared,
    failed: Option<HistoryError>,
}

/// What was folded of one partition.
#[derive(Default)]
struct Earlier {
    heads: HashMap<RoomName, i64>,
    sent: HashMap<Fingerprint, Occurrence>,
}

impl Lookup for Earlier {
    type Error = Infallible;

    fn head(&self, room: &RoomName) -> Option<i64> {
        self.heads.get(room).copied()
    }

    fn occurrence(&self, copy: &Fingerprint, _: i64) -> Result<Option<Occurrence>, Infallible> {
        Ok(self.sent.get(copy).copied())
    }
}

impl<'a> Folds<'a> {
    fn new(epoch: Epoch, partitions: i32, history: &'a Audit) -> Self {
        let saved = &history.saved;
        let fold = |partition| {
            (
                PartitionFold::new(epoch, partition, partitions),
                Earlier::default(),
            )
        };
        Self {
            history,
            checkpoints: saved
                .checkpoints
                .iter()
                .map(|one| (one.partition, *one))
                .collect(),
            rooms: saved
                .rooms
                .iter()
                .map(|room| (room.name.clone(), room.id))
                .collect(),
            partitions: (0..partitions).map(fold).collect(),
            matched: 0,
            compared: Compared::default(),
            failed: None,
        }
    }

    fn take(&mut self, partition: i32, record: &LogRecord<'_>) {
        let Some((fold, earlier)) = usize::try_from(partition)
            .ok()
            .and_then(|index| self.partitions.get_mut(index))
        else {
            return;
        };
        let Ok(outcome) = fold.apply(record, earlier);
        let checkpoint = self.checkpoints.get(&partition);
        if let Some(checkpoint) =
            checkpoint.filter(|checkpoint| checkpoint.next == record.offset + 1)
            && checkpoint.hash != record.hash()
        {
            let misfit = format!(
                "partition {partition} has another record at offset {}",
                record.offset
            );
            self.compared.misfits.push(misfit);
        }
        let Outcome::Visible {
            message,
            room,
            copy,
        } = outcome
        else {
            return;
        };
        earlier.heads.insert(room.clone(), record.offset);
        earlier.sent.insert(
            copy,
            Occurrence {
                offset: record.offset,
                at: fold.clock,
            },
        );
        if earlier.sent.len().is_multiple_of(TIDY) {
            earlier
                .sent
                .retain(|_, occurrence| occurrence.counts_at(fold.clock));
        }
        // What lies behind the checkpoint is read at the next start.
        if checkpoint.is_none_or(|checkpoint| record.offset >= checkpoint.next) {
            return;
        }
        let stored = match self.rooms.get(&room) {
            Some(id) => self.history.message(*id, message.position),
            None => Ok(None),
        };
        match stored {
            Ok(Some(stored)) if stored == *message => self.matched += 1,
            Ok(Some(_)) => {
                self.matched += 1;
                self.compared.different += 1;
                self.concern(&room);
            }
            Ok(None) => {
                self.compared.missing += 1;
                self.concern(&room);
            }
            Err(error) => drop(self.failed.get_or_insert(error)),
        }
    }

    fn concern(&mut self, room: &RoomName) {
        let concerned = &mut self.compared.concerned;
        if concerned.len() < 20 && !concerned.iter().any(|known| known == room.as_str()) {
            concerned.push(room.to_string());
        }
    }

    fn finish(self, begun: Compared) -> Result<Compared, MaintenanceError> {
        if let Some(error) = self.failed {
            return Err(error.into());
        }
        Ok(Compared {
            messages: begun.messages,
            rooms: begun.rooms,
            extra: begun.messages.saturating_sub(self.matched),
            ..self.compared
        })
    }
}
