//! What consumers see of a partition, and what of it is in memory.

use std::collections::VecDeque;

use super::Stored;

/// What a fetch at some offset finds in memory.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum View {
    /// Before the first offset, or beyond the end.
    OutOfRange,
    /// Whole batches from that offset on; none at the end of the log.
    Batches(Vec<Stored>),
    /// The batches are in storage only.
    Cold,
}

/// What consumers may see: only what is committed.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) start: i64,
    pub(crate) end: i64,
    /// The time of the last batch; of none, 0.
    pub(crate) last_time: i64,
    tail: VecDeque<Stored>,
    tail_bytes: usize,
}

impl Published {
    pub(super) fn new(start: i64, end: i64, last_time: i64) -> Self {
        Self {
            start,
            end,
            last_time,
            tail: VecDeque::new(),
            tail_bytes: 0,
        }
    }

    pub(super) fn push(&mut self, batch: Stored) {
        self.end = batch.end();
        self.last_time = batch.time;
        self.tail_bytes += batch.data.len();
        self.tail.push_back(batch);
    }

    /// Lets the oldest batches go until the tail has at most `limit` bytes. What is nowhere else is lost, and the log begins after it.
    pub(super) fn shrink(&mut self, limit: usize, is_stored: bool) {
        while self.tail_bytes > limit {
            let Some(oldest) = self.tail.pop_front() else {
                break;
            };
            self.tail_bytes -= oldest.data.len();
            if !is_stored {
                self.start = oldest.end();
            }
        }
    }

    /// Up to `limit` bytes of batches; with `oversize` the first is taken whatever its size.
    pub(crate) fn view(&self, offset: i64, limit: usize, oversize: bool) -> View {
        if offset < self.start || offset > self.end {
            return View::OutOfRange;
        }
        let first = self.tail.partition_point(|batch| batch.end() <= offset);
        if offset < self.end
            && self
                .tail
                .get(first)
                .is_none_or(|batch| batch.base_offset > offset)
        {
            return View::Cold;
        }
        let mut taken = Vec::new();
        let mut bytes = 0;
        for batch in self.tail.range(first..) {
            bytes += batch.data.len();
            if bytes > limit && !(oversize && taken.is_empty()) {
                break;
            }
            taken.push(batch.clone());
        }
        View::Batches(taken)
    }

    /// The first batch of the tail whose time is not before `time`; complete only for a memory topic, which has nothing but its tail.
    pub(crate) fn first_since(&self, time: i64) -> Option<&Stored> {
        self.tail
            .get(self.tail.partition_point(|batch| batch.time < time))
    }
}
