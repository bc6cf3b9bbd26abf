//! The outbound queue of one connection: bounded by bytes, emptied by one writer in one go.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::extract::ws::Utf8Bytes;
use bytes::Bytes;
use tokio::sync::Notify;

/// Something that the connection's writer sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outgoing {
    /// An encoded STOMP frame.
    Frame(Utf8Bytes),
    /// An encoded STOMP frame that is not UTF-8.
    Binary(Bytes),
    /// A STOMP heart-beat: a single line end.
    HeartBeat,
    /// The WebSocket close handshake, after everything queued before it.
    Close {
        /// The close code.
        code: u16,
        /// A few words for whoever reads logs.
        reason: &'static str,
    },
}

impl Outgoing {
    fn bytes(&self) -> usize {
        // What an entry costs beside its text: the entry itself and the frame's head.
        const ENTRY: usize = 64;
        match self {
            Self::Frame(text) => ENTRY + text.len(),
            Self::Binary(bytes) => ENTRY + bytes.len(),
            Self::HeartBeat | Self::Close { .. } => ENTRY,
        }
    }
}

/// Everything that was queued.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// In the order in which it has to be sent.
    pub frames: Vec<Outgoing>,
    /// Since when the first of them waits.
    pub since: Option<Instant>,
    /// Whether something was dropped because the client reads too slowly: the connection must end.
    pub overflowed: bool,
    /// Whether the destinations are to be asked for messages.
    pub nudged: bool,
}

/// The outbound queue of one connection. Messages are never skipped: over the limit the queue is closed, and the client
/// comes back with its position.
pub struct Outbox {
    queue: Mutex<Queue>,
    wake: Notify,
    limit: usize,
}

#[derive(Default)]
struct Queue {
    batch: Batch,
    bytes: usize,
}

impl Outbox {
    /// An empty queue that holds up to `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            queue: Mutex::default(),
            wake: Notify::new(),
            limit,
        }
    }

    /// Queues something, or closes the queue when it would exceed its limit. What is larger than the limit by itself goes
    /// into an empty queue: a client that came back for it would meet it again.
    pub fn push(&self, outgoing: Outgoing) {
        let mut queue = self.queue();
        if queue.batch.overflowed {
            return;
        }
        let was_empty = queue.batch.frames.is_empty();
        queue.bytes += outgoing.bytes();
        if queue.bytes > self.limit && !was_empty {
            queue.batch = Batch {
                overflowed: true,
                ..Batch::default()
            };
        } else {
            if was_empty {
                queue.batch.since = Some(Instant::now());
            }
            queue.batch.frames.push(outgoing);
        }
        let wake = was_empty || queue.batch.overflowed;
        drop(queue);
        if wake {
            self.wake.notify_one();
        }
    }

    /// Queues something that may be left out, unless more than `most` bytes wait already; tells whether that is done. It
    /// never closes the queue. What is larger than the limit by itself is left out for good: there will never be room.
    pub fn offer(&self, outgoing: Outgoing, most: usize) -> bool {
        if outgoing.bytes() > self.limit {
            tracing::debug!("something said in passing is larger than a queue and is left out");
            return true;
        }
        let mut queue = self.queue();
        let bytes = queue.bytes + outgoing.bytes();
        if queue.batch.overflowed || queue.bytes > most || bytes > self.limit {
            return false;
        }
        let was_empty = queue.batch.frames.is_empty();
        if was_empty {
            queue.batch.since = Some(Instant::now());
        }
        queue.bytes = bytes;
        queue.batch.frames.push(outgoing);
        drop(queue);
        if was_empty {
            self.wake.notify_one();
        }
        true
    }

    /// Tells the connection that its destinations have messages to be asked for.
    pub fn nudge(&self) {
        let mut queue = self.queue();
        let wake = !queue.batch.nudged;
        queue.batch.nudged = true;
        drop(queue);
        if wake {
            self.wake.notify_one();
        }
    }

    /// Whether there is nothing to be taken.
    pub fn is_empty(&self) -> bool {
        let queue = self.queue();
        queue.batch.frames.is_empty() && !queue.batch.overflowed && !queue.batch.nudged
    }

    /// How many bytes are queued.
    pub fn bytes(&self) -> usize {
        self.queue().bytes
    }

    /// Takes everything that is queued. A queue that has overflowed stays so.
    pub fn take(&self) -> Batch {
        let mut queue = self.queue();
        queue.bytes = 0;
        let overflowed = queue.batch.overflowed;
        let left = Batch {
            overflowed,
            ..Batch::default()
        };
        std::mem::replace(&mut queue.batch, left)
    }

    /// Waits until something is queued.
    pub async fn filled(&self) {
        while self.is_empty() {
            self.wake.notified().await;
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Nothing between lock and unlock can leave the queue half changed.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(bytes: usize) -> Outgoing {
        Outgoing::Frame("x".repeat(bytes).into())
    }

    #[tokio::test]
    async fn everything_queued_comes_in_one_go_and_in_order() {
        let outbox = Outbox::new(10_000);
        outbox.push(frame(1));
        outbox.push(Outgoing::HeartBeat);
        outbox.push(frame(2));
        outbox.filled().await;
        assert_eq!(
            outbox.take().frames,
            [frame(1), Outgoing::HeartBeat, frame(2)]
        );
        assert!(outbox.is_empty());
    }

    #[tokio::test]
    async fn a_slow_reader_costs_no_more_than_the_limit() {
        let outbox = Outbox::new(1_000);
        for _ in 0..100 {
            outbox.push(frame(100));
        }
        outbox.filled().await;
        assert_eq!(
            outbox.take(),
            Batch {
                overflowed: true,
                ..Batch::default()
            }
        );
        outbox.push(frame(1));
        assert!(outbox.take().overflowed, "and stays closed");
    }

    #[tokio::test]
    async fn what_is_larger_than_the_limit_goes_alone() {
        let outbox = Outbox::new(1_000);
        outbox.push(frame(2_000));
        assert_eq!(outbox.take().frames, [frame(2_000)]);
        outbox.push(frame(1));
        outbox.push(frame(2_000));
        assert!(outbox.take().overflowed);
    }

    #[tokio::test]
    async fn what_may_be_left_out_closes_no_queue() {
        let outbox = Outbox::new(1_000);
        assert!(outbox.offer(frame(2_000), 500), "it never fits");
        assert!(outbox.is_empty());
        assert!(outbox.offer(frame(900), 500));
        outbox.take();
        assert!(outbox.offer(frame(400), 500));
        outbox.filled().await;
        assert!(outbox.offer(frame(100), 500), "there was room when it came");
        assert!(!outbox.offer(frame(1), 500));
        outbox.push(frame(100));
        assert_eq!(outbox.take().frames, [frame(400), frame(100), frame(100)]);
        assert!(outbox.offer(frame(1), 500));
        assert!(outbox.take().since.is_some());
    }

    #[tokio::test]
    async fn the_age_of_a_batch_is_that_of_its_oldest_entry() {
        let outbox = Outbox::new(10_000);
        let before = Instant::now();
        outbox.push(frame(1));
        let after = Instant::now();
        outbox.push(frame(1));
        let since = outbox.take().since.unwrap();
        assert!((before..=after).contains(&since));
        outbox.push(frame(1));
        assert!(outbox.take().since.unwrap() >= after, "another batch");
        outbox.nudge();
        let batch = outbox.take();
        assert!(batch.nudged && batch.since.is_none() && batch.frames.is_empty());
        assert!(outbox.is_empty());
    }
}
