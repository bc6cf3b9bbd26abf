//! The idempotent producer's rule: which batch of a producer comes next in a partition, which is a repeat, which is refused.

use kafka_protocol::error::ResponseError;

/// How many batches of one producer are remembered, as in Kafka: the most that librdkafka has in flight.
pub(crate) const WINDOW: usize = 5;

/// Sequence numbers run from 0 to 2^31-1 and begin again.
const SPACE: i64 = 1 << 31;

/// What an idempotent producer says of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sequenced {
    pub(crate) producer: i64,
    pub(crate) epoch: i16,
    pub(crate) first: i32,
}

/// A batch that was appended: its sequence numbers and what its producer was, or would have been, answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) first: i32,
    pub(crate) last: i32,
    pub(crate) base_offset: i64,
    pub(crate) time: i64,
}

/// The last batches of one producer in one partition, a ring whose slots are also the rows' keys in storage.
///
/// An empty window is of a producer whose first batches could not be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Window {
    epoch: i16,
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

/// Judges a batch of `count` records by what is known of its producer.
///
/// The producer raises its own epoch, and begins again at 0 in every partition, after a message expired or a batch that followed a failed one was
/// refused.
pub(crate) fn judge(known: Option<&Window>, batch: Sequenced, count: i32) -> Verdict {
    let Some(window) = known else {
        // Nothing else tells librdkafka that its producer is forgotten, so that it can begin again by itself.
        return if batch.first == 0 {
            Verdict::Next
        } else {
            Verdict::Refuse(ResponseError::UnknownProducerId)
        };
    };
    let last = last_sequence(batch.first, count);
    if batch.epoch < window.epoch {
        return Verdict::Refuse(ResponseError::InvalidProducerEpoch);
    }
    if batch.epoch > window.epoch || window.length == 0 {
        return if batch.first == 0 {
            Verdict::Next
        } else {
            Verdict::Refuse(ResponseError::OutOfOrderSequenceNumber)
        };
    }
    let repeated = window.entries[..window.length]
        .iter()
        .find(|entry| (entry.first, entry.last) == (batch.first, last));
    if let Some(entry) = repeated {
        return Verdict::Repeat(*entry);
    }
    let newest = window.entries[window.newest].last;
    if batch.first == last_sequence(newest, 2) {
        Verdict::Next
    } else if not_after(batch.first, newest) && not_after(last, newest) {
        Verdict::Refuse(ResponseError::DuplicateSequenceNumber)
    } else {
        Verdict::Refuse(ResponseError::OutOfOrderSequenceNumber)
    }
}

impl Window {
    /// Remembers an appended batch and returns its slot.
    pub(crate) fn push(&mut self, epoch: i16, entry: Entry) -> usize {
        let slot = if self.length == 0 || epoch > self.epoch {
            0
        } else {
            (self.newest + 1) % WINDOW
        };
        self.restore(epoch, slot, entry);
        slot
    }

    /// Puts an entry where storage had it; entries come in the order of their offsets, so those of an older epoch come first and are dropped.
    /// A slot out of range is ignored.
    pub(crate) fn restore(&mut self, epoch: i16, slot: usize, entry: Entry) {
        if epoch > self.epoch {
            *self = Self {
                epoch,
                ..Self::default()
            };
        }
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

    const NEXT: Verdict = Verdict::Next;
    const GAP: Verdict = Verdict::Refuse(ResponseError::OutOfOrderSequenceNumber);
    const DUPLICATE: Verdict = Verdict::Refuse(ResponseError::DuplicateSequenceNumber);

    fn entry(first: i32, last: i32, base_offset: i64) -> Entry {
        Entry {
            first,
            last,
            base_offset,
            time: 1,
        }
    }

    fn judge_in(window: &Window, epoch: i16, first: i32, count: i32) -> Verdict {
        judge(
            Some(window),
            Sequenced {
                producer: 1,
                epoch,
                first,
            },
            count,
        )
    }

    #[test]
    fn an_unknown_producer_begins_at_zero() {
        let batch = |epoch, first| Sequenced {
            producer: 1,
            epoch,
            first,
        };
        assert_eq!(judge(None, batch(0, 0), 9), NEXT);
        assert_eq!(judge(None, batch(3, 0), 9), NEXT);
        assert_eq!(
            judge(None, batch(0, 1), 1),
            Verdict::Refuse(ResponseError::UnknownProducerId)
        );
    }

    #[test]
    fn a_producer_whose_first_batch_failed_has_a_gap_and_is_not_unknown() {
        assert_eq!(judge_in(&Window::default(), 0, 1, 1), GAP);
        assert_eq!(judge_in(&Window::default(), 0, 0, 1), NEXT);
    }

    #[test]
    fn the_last_five_are_repeats_and_older_ones_are_duplicates() {
        let mut window = Window::default();
        for i in 0..7 {
            let first = i * 10;
            assert_eq!(judge_in(&window, 0, first, 10), NEXT);
            let slot = window.push(0, entry(first, first + 9, i64::from(first)));
            assert_eq!(slot, usize::try_from(i).unwrap() % WINDOW);
        }
        assert_eq!(window.newest_offset(), 60);
        for first in [20, 30, 40, 50, 60] {
            let repeat = Verdict::Repeat(entry(first, first + 9, i64::from(first)));
            assert_eq!(judge_in(&window, 0, first, 10), repeat);
        }
        for first in [0, 10] {
            assert_eq!(judge_in(&window, 0, first, 10), DUPLICATE);
        }
        assert_eq!(judge_in(&window, 0, 70, 1), NEXT);
        assert_eq!(judge_in(&window, 0, 71, 1), GAP);
        // Begins in the past and ends in the future: half of it would be lost if it were called a duplicate.
        assert_eq!(judge_in(&window, 0, 65, 11), GAP);
    }

    #[test]
    fn a_new_epoch_begins_at_zero_and_ends_the_old_one() {
        let mut window = Window::default();
        for i in 0..3 {
            window.push(0, entry(i, i, i64::from(i)));
        }
        assert_eq!(judge_in(&window, 1, 3, 1), GAP);
        assert_eq!(judge_in(&window, 1, 0, 1), NEXT);
        assert_eq!(window.push(1, entry(0, 0, 3)), 0);
        assert_eq!(judge_in(&window, 1, 0, 1), Verdict::Repeat(entry(0, 0, 3)));
        assert_eq!(judge_in(&window, 1, 1, 1), NEXT);
        assert_eq!(
            judge_in(&window, 0, 3, 1),
            Verdict::Refuse(ResponseError::InvalidProducerEpoch)
        );
    }

    #[test]
    fn sequences_wrap_after_the_largest_number() {
        let last = last_sequence(i32::MAX - 1, 4);
        assert_eq!(last, 1);
        let mut window = Window::default();
        window.push(0, entry(0, i32::MAX - 2, 0));
        assert_eq!(judge_in(&window, 0, i32::MAX - 1, 4), NEXT);
        window.push(0, entry(i32::MAX - 1, last, 50));
        assert_eq!(judge_in(&window, 0, 2, 1), NEXT);
        assert_eq!(judge_in(&window, 0, i32::MAX, 1), DUPLICATE);
        assert_eq!(judge_in(&window, 0, 3, 1), GAP);
    }

    #[test]
    fn a_restored_window_goes_on_in_the_same_slots() {
        let mut window = Window::default();
        for i in 0..5 {
            window.push(0, entry(i, i, i64::from(i)));
        }
        for i in 0..2 {
            window.push(1, entry(i, i, i64::from(i) + 5));
        }
        let mut restored = Window::default();
        // As in storage, where the second epoch has taken the first two slots.
        for (epoch, slot, sequence, offset) in [
            (0, 2, 2, 2),
            (0, 3, 3, 3),
            (0, 4, 4, 4),
            (1, 0, 0, 5),
            (1, 1, 1, 6),
        ] {
            restored.restore(epoch, slot, entry(sequence, sequence, offset));
        }
        assert_eq!(judge_in(&restored, 1, 1, 1), judge_in(&window, 1, 1, 1));
        assert_eq!(judge_in(&restored, 1, 2, 1), NEXT);
        assert_eq!(judge_in(&restored, 1, 4, 1), GAP);
        assert_eq!(restored.push(1, entry(2, 2, 7)), 2);
        assert_eq!(window.push(1, entry(2, 2, 7)), 2);
        assert_eq!(restored, window);
    }
}
