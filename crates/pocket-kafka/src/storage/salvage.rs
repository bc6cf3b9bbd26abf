//! Writing a new log from what a damaged one still has.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rusqlite::Connection;

use super::inspect::{Gaps, Inspection, PartitionState, Source};
use super::open::{self, Place, Refusal};
use super::{batch_checksum, checksum};
use crate::batch;
use crate::directory::Directory;
use crate::error::StartError;
use crate::partition::{PartitionId, Stored};

/// Batches in one transaction.
const GROUP: usize = 500;

/// Copies what is whole from one directory to another that has no log; see [`crate::salvage`].
pub(crate) fn salvage(
    from: &Path,
    to: &Path,
    expected: &[(String, i32)],
) -> Result<Inspection, StartError> {
    let mut source = Source::open(from)?;
    let directory = Directory::open(to)?;
    let file = directory.database();
    let write = |source: &mut Source| -> Result<Inspection, Refusal> {
        let connection = Connection::open(&file)?;
        open::prepare(&connection)?;
        let inspection = copy(source, &connection, expected)?;
        // One file without a write-ahead log, whole on the disk.
        connection.pragma_update(None, "wal_checkpoint", "TRUNCATE")?;
        Ok(inspection)
    };
    write(&mut source).map_err(|refusal| refusal.of(file.clone()))
}

fn copy(
    source: &mut Source,
    target: &Connection,
    expected: &[(String, i32)],
) -> Result<Inspection, Refusal> {
    let whole = source.places();
    let mut inspection = Inspection::default();
    let names = names(&whole, &source.partitions_with_batches(), expected);
    for (id, (topic, number)) in names {
        let mut gaps = Gaps::new(&topic, number);
        let mut writer = Batches {
            target,
            partition: PartitionId(id),
            waiting: Vec::new(),
        };
        source.batches(PartitionId(id), |stored| {
            let time = gaps.time.unwrap_or(stored.time);
            if stored.base_offset < gaps.next {
                return Ok(());
            }
            if let Some(lost) = gaps.next(&stored) {
                writer.fill(lost.first, lost.end, time)?;
                inspection.lost.push(lost);
            }
            inspection.batches += 1;
            inspection.bytes += stored.data.len() as u64;
            writer.put(stored)
        })?;
        writer.flush()?;
        // Lost offsets at the end are given out again, as nothing may stand behind the last record that a reader can get.
        inspection
            .lost
            .extend(whole.get(&id).and_then(|place| gaps.end(place.next_offset)));
        let (end, time) = (gaps.next, gaps.time.unwrap_or(0));
        let sum = checksum(&[id, i64::from(number), 0, end, time], topic.as_bytes());
        target.execute(
            "INSERT INTO partitions VALUES (?1, ?2, ?3, 0, ?4, ?5, ?6)",
            (id, &topic, number, end, time, sum),
        )?;
        inspection.partitions.push(PartitionState {
            topic,
            number,
            start: 0,
            end,
        });
    }
    inspection.damage.append(&mut source.damage);
    Ok(inspection)
}

/// Which partition each id is: as its row says, or, where that is damaged, what is missing between its neighbours or of the expected topics.
fn names(
    whole: &BTreeMap<i64, Place>,
    with_batches: &[i64],
    expected: &[(String, i32)],
) -> BTreeMap<i64, (String, i32)> {
    let mut names: BTreeMap<i64, (String, i32)> = whole
        .iter()
        .map(|(id, place)| (*id, (place.topic.clone(), place.number)))
        .collect();
    for (topic, partitions) in expected {
        let known: BTreeMap<i32, i64> = names
            .iter()
            .filter(|(_, name)| name.0 == *topic)
            .map(|(id, name)| (name.1, *id))
            .collect();
        // The partitions of a topic have consecutive ids; of one that is wholly unknown, the first that nobody has.
        let first = match known.iter().next() {
            Some((number, id)) => id - i64::from(*number),
            None => free(&names, with_batches, *partitions),
        };
        for number in 0..*partitions {
            names
                .entry(first + i64::from(number))
                .or_insert_with(|| (topic.clone(), number));
        }
    }
    names
}

/// The first of so many consecutive ids that no known partition has: those with the most batches that nobody owns.
fn free(names: &BTreeMap<i64, (String, i32)>, with_batches: &[i64], count: i32) -> i64 {
    let orphans: BTreeSet<i64> = with_batches
        .iter()
        .copied()
        .filter(|id| !names.contains_key(id))
        .collect();
    let block = |first: i64| first..first + i64::from(count);
    let behind = names.keys().next_back().map_or(0, |last| last + 1);
    let begins = [0, behind]
        .into_iter()
        .chain(names.keys().map(|id| id + 1))
        .chain(orphans.iter().copied());
    begins
        .filter(|first| block(*first).all(|id| !names.contains_key(&id)))
        .max_by_key(|first| (orphans.range(block(*first)).count(), -first))
        .unwrap_or(behind)
}

/// Writes batches of one partition, a group at a time.
struct Batches<'a> {
    target: &'a Connection,
    partition: PartitionId,
    waiting: Vec<Stored>,
}

impl Batches<'_> {
    fn put(&mut self, batch: Stored) -> rusqlite::Result<()> {
        self.waiting.push(batch);
        if self.waiting.len() >= GROUP {
            self.flush()
        } else {
            Ok(())
        }
    }

    /// Puts batches without records in the place of lost ones, so that offsets go on without a gap and none is given out twice.
    fn fill(&mut self, first: i64, end: i64, time: i64) -> rusqlite::Result<()> {
        let mut base_offset = first;
        while base_offset < end {
            let count = i32::try_from(end - base_offset).unwrap_or(i32::MAX);
            self.put(Stored {
                base_offset,
                count,
                time,
                data: batch::empty(base_offset, count, time),
            })?;
            base_offset += i64::from(count);
        }
        Ok(())
    }

    fn flush(&mut self) -> rusqlite::Result<()> {
        let transaction = self.target.unchecked_transaction()?;
        for batch in self.waiting.drain(..) {
            let row = self.partition.row(batch.base_offset);
            let sum = batch_checksum(row, batch.count, batch.time, &batch.data);
            transaction
                .prepare_cached("INSERT INTO batches VALUES (?1, ?2, ?3, ?4, ?5)")?
                .execute((row, batch.count, batch.time, sum, &batch.data[..]))?;
        }
        transaction.commit()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_whose_rows_are_damaged_are_known_by_their_neighbours_or_their_topic() {
        let place = |id, topic: &str, number| Place {
            id: PartitionId(id),
            topic: topic.to_owned(),
            number,
            start_offset: 0,
            next_offset: 0,
            last_time: 0,
        };
        let expected = [("state".to_owned(), 1), ("messages".to_owned(), 3)];
        let all = [
            place(0, "state", 0),
            place(1, "messages", 0),
            place(2, "messages", 1),
            place(3, "messages", 2),
        ];
        for lost in 0..4_i64 {
            let whole = all.iter().filter(|place| place.id.0 != lost);
            let whole = whole
                .map(|place| {
                    (
                        place.id.0,
                        Place {
                            topic: place.topic.clone(),
                            ..*place
                        },
                    )
                })
                .collect();
            let names = names(&whole, &[0, 1, 2, 3], &expected);
            let found: Vec<_> = names
                .iter()
                .map(|(id, (topic, number))| (*id, topic.as_str(), *number))
                .collect();
            let right: Vec<_> = all
                .iter()
                .map(|place| (place.id.0, place.topic.as_str(), place.number))
                .collect();
            assert_eq!(found, right, "without {lost}");
        }
    }
}
