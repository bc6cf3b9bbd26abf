//! The idempotent producer's rule: which batch of a producer comes next in a partition, which is a repeat, which is refused.

use kafka_protocol::error::ResponseError;

/// How many batches of one producer are remembered, as in Kafka: the most that librdkafka has in flight.
pub(crate) const WINDOW: usize = 5;

/// Sequence numbers run from 0 to 2^31-1 and begin again.
const SPACE: i64 = 1 << 31;

/// A batch that was appended: its sequence numbers and what its producer was, or would have been, answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) first: i32,
    pub(crate) last: i32,
    pub(crate) base_offset: i64,
    pub(crate) time: i64,
}

/// The last batches of one producer in one partition, a ring whose slots are also the rows' keys in storage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Window {
    entries: [Entry; WINDOW],
    length: usize,
    newest: usize,
}

/// What to do with a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is the next one.
    Next,
    /// It was appended before: answer as then.
    Repeat(Entry),
    /// It must not be appended.
    Refuse(ResponseError),
}

impl Window {
    pub(crate) fn judge(&self, first: i32, last: i32) -> Verdict {
        if self.length == 0 {
            return if first == 0 {
                Verdict::Next
            } else {
                Verdict::Refuse(ResponseError::UnknownProducerId)
            };
        }
        if let Some(entry) = self.entries[..self.length]
            .iter()
            .find(|entry| (entry.first, entry.last) == (first, last))
        {
            return Verdict::Repeat(*entry);
        }
        let newest = self.entries[self.newest].last;
        if first == last_sequence(newest, 2) {
            Verdict::Next
        } else if not_after(first, newest) && not_after(last, newest) {
            Verdict::Refuse(ResponseError::DuplicateSequenceNumber)
        } else {
            Verdict::Refuse(ResponseError::OutOfOrderSequenceNumber)
        }
    }

    /// Remembers an appended batch and returns its slot.
    pub(crate) fn push(&mut self, entry: Entry) -> usize {
        let slot = if self.length == 0 {
            0
        } else {
            (self.newest + 1) % WINDOW
        };
        self.restore(slot, entry);
        slot
    }

    /// Puts an entry where storage had it; entries come in the order of their offsets. A slot out of range is ignored.
    pub(crate) fn restore(&mut self, slot: usize, entry: Entry) {
        if let Some(place) = self.entries.get_mut(slot) {
            *place = entry;
            self.newest = slot;
            self.length = self.length.max(slot + 1);
        }
    }

    /// Where the newest batch begins: tells which producer was quiet for longest.
    pub(crate) fn newest_offset(&self) -> i64 {
        self.entries[self.newest].base_offset
    }
}

/// The sequence number of the last of `count` records.
pub(crate) fn last_sequence(first: i32, count: i32) -> i32 {
    let last = (i64::from(first) + i64::from(count) - 1).rem_euclid(SPACE);
    // `rem_euclid` by 2^31 leaves 0..=i32::MAX.
    i32::try_from(last).unwrap_or(i32::MAX)
}

/// Whether `a` is `b` or lies in the half of the sequence space before it.
fn not_after(a: i32, b: i32) -> bool {
    (i64::from(b) - i64::from(a)).rem_euclid(SPACE) < SPACE / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(first: i32, last: i32, base_offset: i64) -> Entry {
        Entry {
            first,
            last,
            base_offset,
            time: 1,
        }
    }

    #[test]
    fn a_producer_begins_at_zero() {
        let window = Window::default();
        assert_eq!(window.judge(0, 9), Verdict::Next);
        assert_eq!(
            window.judge(1, 1),
            Verdict::Refuse(ResponseError::UnknownProducerId)
        );
    }

    #[test]
    fn the_last_five_are_repeats_and_older_ones_are_duplicates() {
        let mut window = Window::default();
        for i in 0..7 {
            let (first, last) = (i * 10, i * 10 + 9);
            assert_eq!(window.judge(first, last), Verdict::Next);
            assert_eq!(
                window.push(entry(first, last, i64::from(first))),
                usize::try_from(i).unwrap() % WINDOW
            );
        }
        assert_eq!(window.newest_offset(), 60);
        for first in [20, 30, 40, 50, 60] {
            assert_eq!(
                window.judge(first, first + 9),
                Verdict::Repeat(entry(first, first + 9, i64::from(first)))
            );
        }
        for first in [0, 10] {
            assert_eq!(
                window.judge(first, first + 9),
                Verdict::Refuse(ResponseError::DuplicateSequenceNumber)
            );
        }
        assert_eq!(window.judge(70, 70), Verdict::Next);
        assert_eq!(
            window.judge(71, 71),
            Verdict::Refuse(ResponseError::OutOfOrderSequenceNumber)
        );
        // Begins in the past and ends in the future: half of it would be lost if it were called a duplicate.
        assert_eq!(
            window.judge(65, 75),
            Verdict::Refuse(ResponseError::OutOfOrderSequenceNumber)
        );
    }

    #[test]
    fn sequences_wrap_after_the_largest_number() {
        let last = last_sequence(i32::MAX - 1, 4);
        assert_eq!(last, 1);
        let mut window = Window::default();
        window.push(entry(0, i32::MAX - 2, 0));
        assert_eq!(window.judge(i32::MAX - 1, last), Verdict::Next);
        window.push(entry(i32::MAX - 1, last, 50));
        assert_eq!(window.judge(2, 2), Verdict::Next);
        assert_eq!(
            window.judge(i32::MAX, i32::MAX),
            Verdict::Refuse(ResponseError::DuplicateSequenceNumber)
        );
        assert_eq!(
            window.judge(3, 3),
            Verdict::Refuse(ResponseError::OutOfOrderSequenceNumber)
        );
    }

    #[test]
    fn a_restored_window_goes_on_in_the_same_slots() {
        let mut window = Window::default();
        for i in 0..7 {
            window.push(entry(i, i, i64::from(i)));
        }
        let mut restored = Window::default();
        for i in 2..7_i32 {
            restored.restore(
                usize::try_from(i).unwrap() % WINDOW,
                entry(i, i, i64::from(i)),
            );
        }
        assert_eq!(restored, window);
        assert_eq!(restored.push(entry(7, 7, 7)), 2);
    }
}
