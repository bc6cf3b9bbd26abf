//! Which life of the log this is: a chain of records in `maru.state`, each superseding the one before (decision 4).
//!
//! Each has a key of its own, so compaction keeps the chain whole. Where servers race, the first record that supersedes
//! the current epoch wins, and every server reads the same.

use std::ops::ControlFlow;
use std::time::Duration;

use protocol::Epoch;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde::{Deserialize, Serialize};

use super::Stopped;
use super::link::Quiet;
use super::scan::{Found, scan};
use super::settings::LogSettings;
use super::trouble::{Trouble, setting};

const KEY: &str = "epoch/";

/// The value of an epoch's record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct EpochRecord {
    v: u32,
    epoch: Epoch,
    supersedes: Option<Epoch>,
}

/// The current epoch after one more record.
fn next(current: Option<Epoch>, record: &EpochRecord) -> Option<Epoch> {
    if record.supersedes == current {
        Some(record.epoch)
    } else {
        current
    }
}

/// Reads the current epoch; `None` in a log that never had one.
pub(super) fn read(
    consumer: &BaseConsumer<Quiet>,
    settings: &LogSettings,
    stopped: &Stopped,
) -> Result<Option<Epoch>, Trouble> {
    let topic = settings.state_topic();
    let (low, _) = consumer.fetch_watermarks(&topic, 0, Duration::from_secs(5))?;
    let mut current = None;
    scan(consumer, &topic, [(0, low)], stopped, |found| {
        let record = match found {
            Found::End(_) => return ControlFlow::Break(()),
            Found::Record(_, record) => record,
        };
        let (key, value) = (
            record.key.unwrap_or_default(),
            record.value.unwrap_or_default(),
        );
        if key.starts_with(KEY.as_bytes()) {
            match serde_json::from_slice(value) {
                Ok(record) => current = next(current, &record),
                Err(error) => {
                    tracing::warn!(offset = record.offset, %error, "an epoch's record cannot be read and is skipped");
                }
            }
        }
        ControlFlow::Continue(())
    })?;
    Ok(current)
}

/// Lets a new epoch supersede `old`, unless another server has just done it; gives the one that holds.
pub(super) fn supersede(
    consumer: &BaseConsumer<Quiet>,
    context: &Quiet,
    settings: &LogSettings,
    stopped: &Stopped,
    old: Option<Epoch>,
) -> Result<Epoch, Trouble> {
    let random = getrandom::u32()
        .map_err(|error| Trouble::Later(format!("no randomness for an epoch: {error}")))?;
    let record = EpochRecord {
        v: 1,
        epoch: Epoch(random),
        supersedes: old,
    };
    let value = serde_json::to_vec(&record).map_err(|error| Trouble::Later(error.to_string()))?;
    // Not the idempotent one: that first waits half a second for its id, and repeating this record changes nothing.
    let producer: BaseProducer<Quiet> =
        BaseProducer::from_config_and_context(&settings.admin(), context.clone())
            .map_err(setting)?;
    let key = format!("{KEY}{}", record.epoch);
    let topic = settings.state_topic();
    producer
        .send(
            BaseRecord::to(&topic)
                .partition(0)
                .key(&key)
                .payload(&value),
        )
        .map_err(|(error, _)| error)?;
    producer.flush(Duration::from_secs(10))?;
    match read(consumer, settings, stopped)? {
        Some(current) if Some(current) != old => Ok(current),
        _ => Err(Trouble::Later("the epoch could not be written".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last(records: &[(u32, Option<u32>)]) -> Option<Epoch> {
        records.iter().fold(None, |current, (epoch, supersedes)| {
            next(
                current,
                &EpochRecord {
                    v: 1,
                    epoch: Epoch(*epoch),
                    supersedes: supersedes.map(Epoch),
                },
            )
        })
    }

    #[test]
    fn the_first_record_that_supersedes_the_current_epoch_wins() {
        assert_eq!(last(&[]), None);
        assert_eq!(
            last(&[(1, None), (2, None)]),
            Some(Epoch(1)),
            "two servers began the log at once"
        );
        assert_eq!(
            last(&[(1, None), (2, Some(1)), (3, Some(1))]),
            Some(Epoch(2)),
            "two servers superseded at once"
        );
        assert_eq!(
            last(&[(1, None), (2, Some(1)), (3, Some(2)), (4, Some(1))]),
            Some(Epoch(3))
        );
    }

    #[test]
    fn the_documented_form() {
        let record = EpochRecord {
            v: 1,
            epoch: Epoch(0x5f2c_9a01),
            supersedes: None,
        };
        assert_eq!(
            serde_json::to_string(&record).unwrap(),
            r#"{"v":1,"epoch":"5f2c9a01","supersedes":null}"#
        );
    }
}
