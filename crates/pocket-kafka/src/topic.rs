//! The topics of the log: their names, their partitions, and what every part of the program shares about them.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::Notify;

use crate::{
    partition::{Partition, PartitionId},
    storage::ReadError,
};

/// After this many different unreadable places the list of reported ones starts anew.
const REPORTED: usize = 1000;

/// A failed attempt that is older says nothing: producers that wait try again more often than that.
const FRESH: Duration = Duration::from_secs(1);

/// Why nothing is taken at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The disk has too little free space.
    Full,
    /// The disk fails to write or to sync.
    Failing,
}

/// Tells whether the log takes anything; for as long as it runs and after.
#[derive(Clone, Debug)]
pub struct Health(pub(crate) Arc<Log>);

impl Health {
    /// What went wrong in the last second when something was to be written. Nothing is known while nothing is written, so a
    /// caller that holds writes back because of this must let one through when it is gone.
    pub fn trouble(&self) -> Option<Trouble> {
        self.0.trouble()
    }
}

#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) partitions: Vec<Arc<Partition>>,
}

impl Topic {
    pub(crate) fn partition(&self, number: i32) -> Option<&Arc<Partition>> {
        self.partitions.get(usize::try_from(number).ok()?)
    }
}

/// What connections and the commit thread share.
#[derive(Debug, Default)]
pub(crate) struct Log {
    topics: RwLock<BTreeMap<String, Arc<Topic>>>,
    /// Wakes waiting fetches after a commit. One for all partitions: a woken fetch looks at its partitions in microseconds.
    pub(crate) appended: Notify,
    storage_errors: AtomicU64,
    /// The latest failed attempt to write, until one succeeds.
    trouble: Mutex<Option<(Instant, Trouble)>>,
    reported: Mutex<HashSet<(PartitionId, i64)>>,
}

impl Log {
    pub(crate) fn topic(&self, name: &str) -> Option<Arc<Topic>> {
        self.topics
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .cloned()
    }

    pub(crate) fn partition(&self, topic: &str, number: i32) -> Option<Arc<Partition>> {
        self.topic(topic)?.partition(number).cloned()
    }

    /// All topics in the order of their names.
    pub(crate) fn topics(&self) -> Vec<(String, Arc<Topic>)> {
        self.topics
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .map(|(name, topic)| (name.clone(), Arc::clone(topic)))
            .collect()
    }

    pub(crate) fn insert(&self, name: String, topic: Topic) {
        self.topics
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name, Arc::new(topic));
    }

    pub(crate) fn storage_errors(&self) -> u64 {
        self.storage_errors.load(Ordering::Relaxed)
    }

    pub(crate) fn count_storage_error(&self) {
        self.storage_errors.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes note of how the latest attempt to write ended.
    pub(crate) fn set_trouble(&self, trouble: Option<Trouble>) {
        let mut latest = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        *latest = trouble.map(|trouble| (Instant::now(), trouble));
    }

    fn trouble(&self) -> Option<Trouble> {
        let latest = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, trouble) = (*latest)?;
        (at.elapsed() < FRESH).then_some(trouble)
    }

    /// Counts a failed read and writes one line per place: consumers come back to it again and again.
    pub(crate) fn report_unreadable(
        &self,
        topic: &str,
        partition: &Partition,
        offset: i64,
        error: &ReadError,
    ) {
        self.count_storage_error();
        let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        if reported.len() >= REPORTED {
            reported.clear();
        }
        if reported.insert((partition.id, offset)) {
            let partition = partition.number;
            tracing::error!(
                topic,
                partition,
                offset,
                "the log cannot be read here and is not served from here on: {error}"
            );
        }
    }
}

/// Kafka's rule for topic names.
pub(crate) fn is_valid_name(name: &str) -> bool {
    (1..=249).contains(&name.len())
        && name != "."
        && name != ".."
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topic_names_follow_kafka() {
        assert!(
            is_valid_name("maru.messages")
                && is_valid_name("A_b-9")
                && is_valid_name(&"x".repeat(249))
        );
        for bad in ["", ".", "..", "a b", "a/b", "한글", "a\0", &"x".repeat(250)] {
            assert!(!is_valid_name(bad), "{bad:?}");
        }
    }
}
