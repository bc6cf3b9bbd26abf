//! The latest records of the stream: what brings a page up to date that a lagging server folded.

use std::sync::Arc;

use protocol::Message;

/// How many are remembered at least, and at most twice as many. A server that lags further behind is asked again.
const LEAST: usize = 500;

/// The latest records, in the order of the log, without a hole.
#[derive(Debug)]
pub(super) struct Recent {
    records: Vec<Arc<Message>>,
    /// Everything behind this offset is remembered.
    since: i64,
}

impl Recent {
    /// Nothing behind this offset yet.
    pub(super) fn new(since: i64) -> Self {
        Self {
            records: Vec::new(),
            since,
        }
    }

    /// Remembers a record, and forgets the earlier half if there are too many.
    pub(super) fn push(&mut self, record: Arc<Message>) {
        if self.records.len() == 2 * LEAST {
            self.since = self.records[LEAST - 1].position.offset;
            self.records.drain(..LEAST);
        }
        self.records.push(record);
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
