//! The latest records of the stream: what brings a page up to date that a lagging server folded.

use std::collections::VecDeque;
use std::sync::Arc;

use protocol::Message;

/// How many are remembered. A server that lags further behind is asked again.
const MOST: usize = 1_000;

/// The latest records, in the order of the log, without a hole.
#[derive(Debug)]
pub(super) struct Recent {
    records: VecDeque<Arc<Message>>,
    /// Everything behind this offset is remembered.
    since: i64,
}

impl Recent {
    /// Nothing behind this offset yet.
    pub(super) fn new(since: i64) -> Self {
        Self {
            records: VecDeque::new(),
            since,
        }
    }

    /// Remembers a record, and forgets the earliest if there are too many.
    pub(super) fn push(&mut self, record: Arc<Message>) {
        if self.records.len() == MOST
            && let Some(earliest) = self.records.pop_front()
        {
            self.since = earliest.position.offset;
        }
        self.records.push_back(record);
    }

    /// All of them.
    pub(super) fn records(&self) -> impl DoubleEndedIterator<Item = &Arc<Message>> {
        self.records.iter()
    }

    /// Those behind an offset; nothing if some of these are forgotten.
    pub(super) fn after(&self, offset: i64) -> Option<impl Iterator<Item = &Arc<Message>>> {
        let is_later = move |record: &&Arc<Message>| record.position.offset > offset;
        (offset >= self.since).then(|| self.records.iter().filter(is_later))
    }
}
