//! The history held against the log: everything is folded once more in memory, and every message has to be where the fold puts it.

use std::collections::HashMap;
use std::fmt;

use protocol::{Epoch, Message, Quote, RoomName, folding};

use super::MaintenanceError;
use crate::bridge;
use crate::fold::{Fingerprint, LogRecord, Lookup, Occurrence, Outcome, PartitionFold};
use crate::history::audit::Audit;
use crate::history::{Checkpoint, HistoryError, Place, RoomId};

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
    partitions: Vec<(PartitionFold, Earlier<'a>)>,
    matched: u64,
    compared: Compared,
    failed: Option<HistoryError>,
}

/// What was folded of one partition.
struct Earlier<'a> {
    history: &'a Audit,
    heads: HashMap<RoomName, (Place, i64)>,
    sent: HashMap<Fingerprint, Occurrence>,
    /// Rows that later records changed, by room and offset: as the fold has them now.
    changed: HashMap<(RoomName, i64), Message>,
}

impl Earlier<'_> {
    /// A row as it is after the records so far; what nothing has changed is as the history has it, which is compared with the log.
    fn row(&self, room: &RoomName, offset: i64) -> Result<Option<Message>, HistoryError> {
        if let Some(row) = self.changed.get(&(room.clone(), offset)) {
            return Ok(Some(row.clone()));
        }
        let Some((place, _)) = self.heads.get(room).filter(|(_, head)| offset <= *head) else {
            return Ok(None);
        };
        let stored = self.history.message(*place, offset)?;
        Ok(stored
            .map(|(record, _)| record)
            .filter(|record| record.kind.is_row()))
    }

    /// Folds a record that changes an earlier row.
    fn change(&mut self, room: &RoomName, record: &Message) -> Result<(), HistoryError> {
        let Some(reference) = record.reference.filter(|_| !record.kind.is_row()) else {
            return Ok(());
        };
        if let Some(mut row) = self.row(room, reference.offset)?
            && folding::fold(&mut row, record)
        {
            self.changed.insert((room.clone(), reference.offset), row);
        }
        Ok(())
    }
}

impl Lookup for Earlier<'_> {
    type Error = HistoryError;

    fn head(&self, room: &RoomName) -> Option<i64> {
        self.heads.get(room).map(|(_, head)| *head)
    }

    fn quote(&self, room: &RoomName, offset: i64) -> Result<Option<Quote>, HistoryError> {
        Ok(self.row(room, offset)?.as_ref().map(folding::quote))
    }

    fn occurrence(&self, copy: &Fingerprint, _: i64) -> Result<Option<Occurrence>, HistoryError> {
        Ok(self.sent.get(copy).copied())
    }
}

impl<'a> Folds<'a> {
    fn new(epoch: Epoch, partitions: i32, history: &'a Audit) -> Self {
        let saved = &history.saved;
        let fold = |partition| {
            (
                PartitionFold::new(epoch, partition, partitions),
                Earlier {
                    history,
                    heads: HashMap::new(),
                    sent: HashMap::new(),
                    changed: HashMap::new(),
                },
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
        if self.failed.is_none()
            && let Err(error) = self.fold(partition, record)
        {
            self.failed = Some(error);
        }
    }

    fn fold(&mut self, partition: i32, record: &LogRecord<'_>) -> Result<(), HistoryError> {
        // What lies behind the checkpoint is read at the next start.
        let Some(checkpoint) = self
            .checkpoints
            .get(&partition)
            .filter(|checkpoint| record.offset < checkpoint.next)
        else {
            return Ok(());
        };
        let Some((fold, earlier)) = usize::try_from(partition)
            .ok()
            .and_then(|index| self.partitions.get_mut(index))
        else {
            return Ok(());
        };
        let outcome = fold.apply(record, earlier)?;
        if checkpoint.next == record.offset + 1 && checkpoint.hash != record.hash() {
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
            return Ok(());
        };
        let at = Occurrence {
            offset: record.offset,
            at: fold.clock,
        };
        earlier.sent.insert(copy, at);
        if earlier.sent.len().is_multiple_of(TIDY) {
            earlier
                .sent
                .retain(|_, occurrence| occurrence.counts_at(fold.clock));
        }
        let Some(id) = self.rooms.get(&room) else {
            self.compared.missing += 1;
            self.concern(&room);
            return Ok(());
        };
        let place = Place {
            id: *id,
            epoch: fold.epoch,
            partition,
        };
        earlier.heads.insert(room.clone(), (place, record.offset));
        if let Some((stored, _)) = self.history.message(place, record.offset)? {
            self.matched += 1;
            if stored != *message {
                self.compared.different += 1;
                self.concern(&room);
            }
        } else {
            self.compared.missing += 1;
            self.concern(&room);
        }
        // The borrow of the partition ended with the concerns.
        match self.partitions.get_mut(partition.unsigned_abs() as usize) {
            Some((_, earlier)) => earlier.change(&room, &message),
            None => Ok(()),
        }
    }

    /// What later records made of rows is held against the history as well.
    fn compare_changed(&mut self) -> Result<(), HistoryError> {
        let mut concerned = Vec::new();
        for (_, earlier) in &self.partitions {
            for ((room, offset), row) in &earlier.changed {
                let Some((place, _)) = earlier.heads.get(room) else {
                    continue;
                };
                let stored = self.history.message(*place, *offset)?;
                let same = stored.is_none_or(|(_, now)| {
                    (now.body, now.folded.edited, now.folded.deleted)
                        == (row.body.clone(), row.folded.edited, row.folded.deleted)
                        && now.folded.reactions == row.folded.reactions
                });
                if !same {
                    concerned.push(room.clone());
                }
            }
        }
        for room in concerned {
            self.compared.different += 1;
            self.concern(&room);
        }
        Ok(())
    }

    fn concern(&mut self, room: &RoomName) {
        let concerned = &mut self.compared.concerned;
        if concerned.len() < 20 && !concerned.iter().any(|known| known == room.as_str()) {
            concerned.push(room.to_string());
        }
    }

    fn finish(mut self, begun: Compared) -> Result<Compared, MaintenanceError> {
        if let Some(error) = self.failed {
            return Err(error.into());
        }
        self.compare_changed()?;
        Ok(Compared {
            messages: begun.messages,
            rooms: begun.rooms,
            extra: begun.messages.saturating_sub(self.matched),
            ..self.compared
        })
    }
}
