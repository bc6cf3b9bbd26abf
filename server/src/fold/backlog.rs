//! How much of the fold waits for the store: wakes the committer, holds the consumer back, tells when it is too much.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How much may wait for the store, and for how long (decision 11).
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The tail is too large from here on, in bytes: the server is not healthy and reads no further.
    pub tail: usize,
    /// The tail at which catching up waits for the store, in bytes.
    pub catch_up: usize,
    /// For how long the store may fail to take what waits.
    pub stalled: Duration,
    /// For how long records are gathered before they are committed.
    pub gather: Duration,
    /// How many records end the gathering.
    pub enough: usize,
    /// How many records one commit takes at most.
    pub batch: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            tail: 64 << 20,
            catch_up: 32 << 20,
            stalled: Duration::from_secs(10),
            gather: Duration::from_millis(20),
            enough: 1_000,
            batch: 20_000,
        }
    }
}

/// The count of what waits.
pub(super) struct Backlog {
    limits: Limits,
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    records: usize,
    bytes: usize,
    /// When the oldest record came, or when the store last took something.
    since: Option<Instant>,
    closed: bool,
}

impl Backlog {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            waiting: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    pub(super) fn limits(&self) -> Limits {
        self.limits
    }

    /// A record was folded.
    pub(super) fn add(&self, bytes: usize) {
        let mut waiting = self.waiting();
        waiting.records += 1;
        waiting.bytes += bytes;
        waiting.since.get_or_insert_with(Instant::now);
        if waiting.records == 1 || waiting.records == self.limits.enough {
            self.changed.notify_all();
        }
    }

    /// The store has taken records.
    pub(super) fn remove(&self, records: usize, bytes: usize) {
        let mut waiting = self.waiting();
        waiting.records = waiting.records.saturating_sub(records);
        waiting.bytes = waiting.bytes.saturating_sub(bytes);
        waiting.since = (waiting.records > 0).then(Instant::now);
        self.changed.notify_all();
    }

    /// Waits until a batch is worth committing; false when there will be nothing more.
    pub(super) fn gather(&self) -> bool {
        let idle = |waiting: &mut Waiting| waiting.records == 0 && !waiting.closed;
        let waiting = self
            .changed
            .wait_while(self.waiting(), idle)
            .unwrap_or_else(PoisonError::into_inner);
        let few = |waiting: &mut Waiting| waiting.records < self.limits.enough && !waiting.closed;
        let waiting = self
            .changed
            .wait_timeout_while(waiting, self.limits.gather, few);
        waiting.unwrap_or_else(PoisonError::into_inner).0.records > 0
    }

    /// Waits at most `pause` until there is space in the tail; tells whether there is.
    pub(super) fn space(&self, catching_up: bool, pause: Duration) -> bool {
        let limit = if catching_up {
            self.limits.catch_up
        } else {
            self.limits.tail
        };
        let waiting = self
            .changed
            .wait_timeout_while(self.waiting(), pause, |waiting| waiting.bytes >= limit);
        waiting.unwrap_or_else(PoisonError::into_inner).0.bytes < limit
    }

    /// Nothing more will be folded: what waits is committed at once.
    pub(super) fn close(&self) {
        self.waiting().closed = true;
        self.changed.notify_all();
    }

    pub(super) fn closed(&self) -> bool {
        self.waiting().closed
    }

    /// Waits for `pause`, or until [`close`](Self::close).
    pub(super) fn pause(&self, pause: Duration) {
        let closed = |waiting: &mut Waiting| !waiting.closed;
        drop(
            self.changed
                .wait_timeout_while(self.waiting(), pause, closed),
        );
    }

    /// How many records wait, and how many bytes they take.
    pub(super) fn waits(&self) -> (usize, usize) {
        let waiting = self.waiting();
        (waiting.records, waiting.bytes)
    }

    pub(super) fn healthy(&self) -> bool {
        let waiting = self.waiting();
        waiting.bytes < self.limits.tail
            && waiting
                .since
                .is_none_or(|since| since.elapsed() < self.limits.stalled)
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unhealthy_when_too_much_waits_or_too_long() {
        let limits = Limits {
            tail: 100,
            catch_up: 50,
            stalled: Duration::ZERO,
            ..Limits::default()
        };
        let backlog = Backlog::new(limits);
        assert!(backlog.healthy(), "nothing waits");
        backlog.add(10);
        assert!(
            !backlog.healthy(),
            "one record waits, and no time is allowed"
        );

        let backlog = Backlog::new(Limits {
            stalled: Duration::from_mins(10),
            ..limits
        });
        backlog.add(60);
        assert!(
            backlog.healthy()
                && backlog.space(false, Duration::ZERO)
                && !backlog.space(true, Duration::ZERO)
        );
        backlog.add(60);
        assert!(!backlog.healthy() && !backlog.space(false, Duration::ZERO));
        backlog.remove(2, 120);
        assert!(backlog.healthy() && backlog.space(true, Duration::ZERO));
    }

    #[test]
    fn what_is_left_is_gathered_at_the_end() {
        let backlog = Backlog::new(Limits {
            gather: Duration::from_mins(10),
            ..Limits::default()
        });
        backlog.add(1);
        backlog.close();
        assert!(backlog.gather());
        backlog.remove(1, 1);
        assert!(!backlog.gather());
    }
}
