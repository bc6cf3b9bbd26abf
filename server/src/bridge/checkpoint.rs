//! Whether the store's checkpoints belong to the log that is there (decision 4).

use std::collections::HashMap;
use std::ops::ControlFlow;

use rdkafka::consumer::BaseConsumer;

use super::Stopped;
use super::link::Quiet;
use super::scan::{Found, scan};
use super::trouble::Trouble;
use crate::history::Checkpoint;

/// What the comparison of checkpoints and log says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// The store can go on from its checkpoints.
    Fits,
    /// It is the same log, but it has forgotten records that the store never saw: the store would have a hole.
    Hole(String),
    /// It is another log.
    Another(String),
}

/// Compares checkpoints with the watermarks (low, high) of their partitions and with the records before them.
pub(super) fn check(
    consumer: &BaseConsumer<Quiet>,
    topic: &str,
    checkpoints: &[Checkpoint],
    watermarks: &[(i64, i64)],
    stopped: &Stopped,
) -> Result<Fit, Trouble> {
    let mut last_records = HashMap::new();
    for checkpoint in checkpoints {
        match bounds(checkpoint, watermarks) {
            Bounds::Verdict(Fit::Fits) => {}
            Bounds::Verdict(verdict) => return Ok(verdict),
            Bounds::LastRecord(offset) => {
                last_records.insert(checkpoint.partition, (offset, checkpoint.hash));
            }
        }
    }
    if last_records.is_empty() {
        return Ok(Fit::Fits);
    }
    let from: Vec<_> = last_records
        .iter()
        .map(|(partition, (offset, _))| (*partition, *offset))
        .collect();
    let mut fit = Fit::Fits;
    scan(consumer, topic, from, stopped, |found| {
        let (partition, same) = match &found {
            Found::Record(partition, record) => (
                *partition,
                last_records
                    .get(partition)
                    .is_none_or(|last| *last == (record.offset, record.hash())),
            ),
            // The end was reached without the record having been seen.
            Found::End(partition) => (*partition, !last_records.contains_key(partition)),
        };
        if !same {
            fit = Fit::Another(format!(
                "partition {partition} has another record where the checkpoint stands"
            ));
            return ControlFlow::Break(());
        }
        last_records.remove(&partition);
        if last_records.is_empty() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })?;
    Ok(fit)
}

enum Bounds {
    Verdict(Fit),
    /// The record at this offset decides.
    LastRecord(i64),
}

fn bounds(checkpoint: &Checkpoint, watermarks: &[(i64, i64)]) -> Bounds {
    let Checkpoint {
        partition, next, ..
    } = *checkpoint;
    let watermark = usize::try_from(partition)
        .ok()
        .and_then(|index| watermarks.get(index));
    match watermark {
        None => Bounds::Verdict(Fit::Another(format!("there is no partition {partition}"))),
        Some((_, high)) if next > *high => Bounds::Verdict(Fit::Another(format!(
            "partition {partition} ends at {high}, before the checkpoint {next}"
        ))),
        Some((low, _)) if next < *low => Bounds::Verdict(Fit::Hole(format!(
            "partition {partition} begins at {low}, after the checkpoint {next}"
        ))),
        // Retention has taken the record before the checkpoint, so there is nothing to compare.
        Some((low, _)) if next == *low => Bounds::Verdict(Fit::Fits),
        Some(_) => Bounds::LastRecord(next - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn watermarks_decide_what_they_can() {
        let of = |next, low, high| {
            bounds(
                &Checkpoint {
                    partition: 0,
                    next,
                    hash: 0,
                    clock: 0,
                },
                &[(low, high)],
            )
        };
        assert!(
            matches!(of(5, 0, 4), Bounds::Verdict(Fit::Another(_))),
            "the log is shorter"
        );
        assert!(
            matches!(of(5, 6, 9), Bounds::Verdict(Fit::Hole(_))),
            "the log begins later"
        );
        assert!(
            matches!(of(5, 5, 9), Bounds::Verdict(Fit::Fits)),
            "the record before is gone"
        );
        assert!(matches!(of(5, 0, 5), Bounds::LastRecord(4)));
        assert!(matches!(
            bounds(
                &Checkpoint {
                    partition: 1,
                    next: 1,
                    hash: 0,
                    clock: 0
                },
                &[(0, 1)]
            ),
            Bounds::Verdict(Fit::Another(_))
        ));
    }
}
