//! Every queue of the server, behind one lock.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ::stomp::Frame;
use bytestring::ByteString;

use super::message::{cost, detached};
use super::queue::{Consumer, Queue, Subscriber};
use crate::stomp::{CatchUp, Code, Pulled, Refusal, Tag, Verdict};

/// How much is kept at most.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of all messages together, with what keeping them costs.
    pub bytes: usize,
    /// Messages in one queue, handed out and not settled ones included.
    pub queue_messages: usize,
    /// Messages that one subscription to a topic, or one temporary queue, may be behind.
    pub backlog_messages: usize,
    /// Bytes of them.
    pub backlog_bytes: usize,
    /// The same two for what a transaction may need: it is refused as a whole where this much does not fit any more.
    pub transaction_messages: usize,
    /// Bytes of them.
    pub transaction_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 64 << 20,
            queue_messages: 100_000,
            backlog_messages: 10_000,
            backlog_bytes: 4 << 20,
            transaction_messages: 256,
            transaction_bytes: 16 << 20,
        }
    }
}

/// Names a queue.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Place {
    /// A `/queue/…`, by its whole destination.
    Shared(ByteString),
    /// What one subscription to a `/topic/…` is to get.
    Topic {
        topic: ByteString,
        subscriber: Subscriber,
    },
    /// A `/reply-queue/…`, by its whole destination.
    Reply(ByteString),
}

/// Where a message goes, by its whole destination, which may share the memory of a frame.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target<'a> {
    Queue(&'a ByteString),
    Topic(&'a ByteString),
    Reply(&'a ByteString),
}

/// The queues and topics of a server. They exist as long as somebody subscribes to them or something waits in them.
pub struct Broker {
    limits: Limits,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    queues: HashMap<Place, Queue>,
    /// The subscriptions to each topic.
    topics: HashMap<ByteString, Vec<Place>>,
    bytes: usize,
    sequence: u64,
}

impl Default for Broker {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl Broker {
    /// A broker without queues.
    pub fn new(limits: Limits) -> Self {
        let state = Mutex::default();
        Self { limits, state }
    }

    /// How many bytes are kept, and in how many queues: those of topic subscriptions and temporary ones included.
    pub fn usage(&self) -> (usize, usize) {
        let state = self.state();
        (state.bytes, state.queues.len())
    }

    /// Puts a message where it belongs.
    pub(super) fn publish(&self, target: Target<'_>, message: Frame) -> Result<(), Refusal> {
        let mut state = self.state();
        match target {
            Target::Queue(name) => {
                let place = Place::Shared(detached(name));
                self.check_room(&state, &place, 1, cost(&message))?;
                state.put(place, message);
            }
            Target::Topic(topic) => {
                for place in state.topics.get(topic).cloned().unwrap_or_default() {
                    self.offer(&mut state, place, message.clone());
                }
            }
            Target::Reply(name) => {
                let place = Place::Reply(name.clone());
                // Whoever asked may have left; the one who answers has done nothing wrong.
                if state.queues.contains_key(&place) {
                    self.offer(&mut state, place, message);
                }
            }
        }
        Ok(())
    }

    /// Whether the largest transaction still fits where this SEND goes to.
    pub(super) fn check(&self, target: Target<'_>) -> Result<(), Refusal> {
        let Target::Queue(name) = target else {
            return Ok(());
        };
        let (messages, bytes) = (
            self.limits.transaction_messages,
            self.limits.transaction_bytes,
        );
        self.check_room(&self.state(), &Place::Shared(name.clone()), messages, bytes)
    }

    /// Starts a subscription.
    pub(super) fn attach(&self, place: Place, consumer: Consumer) {
        let mut state = self.state();
        if let Place::Topic { topic, .. } = &place {
            let places = state.topics.entry(topic.clone()).or_default();
            places.push(place.clone());
        }
        state.queues.entry(place).or_default().attach(consumer);
    }

    /// Ends a subscription.
    pub(super) fn detach(&self, place: &Place, who: &Subscriber) {
        let mut state = self.state();
        match place {
            Place::Shared(_) => {
                state.with(place, |queue| queue.detach(who));
            }
            Place::Topic { .. } | Place::Reply(_) => state.remove(place),
        }
    }

    /// Fills the outbox of a subscription in mode `auto`.
    pub(super) fn fill(&self, place: &Place, who: &Subscriber) -> Result<CatchUp, Refusal> {
        let filled = self.state().with(place, |queue| queue.fill(who));
        filled.ok_or_else(too_far_behind)
    }

    /// Hands out messages of a subscription in another mode.
    pub(super) fn pull(
        &self,
        place: &Place,
        who: &Subscriber,
        limit: usize,
    ) -> Result<Vec<Pulled>, Refusal> {
        let pulled = self.state().with(place, |queue| queue.pull(who, limit));
        pulled.ok_or_else(too_far_behind)
    }

    /// Takes a client's word on a message.
    pub(super) fn settle(&self, place: &Place, who: &Subscriber, tag: Tag, verdict: Verdict) {
        self.state()
            .with(place, |queue| queue.settle(who, tag, verdict));
    }

    fn check_room(
        &self,
        state: &State,
        place: &Place,
        messages: usize,
        bytes: usize,
    ) -> Result<(), Refusal> {
        let kept = state.queues.get(place).map_or(0, Queue::messages);
        if kept + messages <= self.limits.queue_messages && state.bytes + bytes <= self.limits.bytes
        {
            return Ok(());
        }
        Err(Refusal::new(
            Code::Unavailable,
            "Queue full",
            format!(
                "A queue keeps at most {} messages, and all queues together {} bytes. Let somebody subscribe and take some.",
                self.limits.queue_messages, self.limits.bytes
            ),
        ))
    }

    /// Puts a message into the queue of one subscription. One that is too far behind loses its queue, and learns of it
    /// when it next asks: the sender is not to suffer from it.
    fn offer(&self, state: &mut State, place: Place, message: Frame) {
        state.put(place.clone(), message);
        let Some(queue) = state.queues.get(&place) else {
            return;
        };
        let too_much = queue.messages() > self.limits.backlog_messages
            || queue.bytes() > self.limits.backlog_bytes
            || (queue.messages() > 0 && state.bytes > self.limits.bytes);
        if too_much {
            queue.nudge();
            state.remove(&place);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What may panic between lock and unlock are failed allocations, which end the program.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn put(&mut self, place: Place, message: Frame) {
        self.sequence += 1;
        let sequence = self.sequence;
        self.queues.entry(place.clone()).or_default();
        self.with(&place, |queue| queue.put(sequence, message));
    }

    /// Works on a queue that exists, and keeps the sum and the list of queues right.
    fn with<R>(&mut self, place: &Place, work: impl FnOnce(&mut Queue) -> R) -> Option<R> {
        let queue = self.queues.get_mut(place)?;
        let before = queue.bytes();
        let result = work(queue);
        self.bytes = self.bytes - before + queue.bytes();
        if queue.is_idle() {
            self.queues.remove(place);
        }
        Some(result)
    }

    /// Drops a queue with all that is in it.
    fn remove(&mut self, place: &Place) {
        if let Some(queue) = self.queues.remove(place) {
            self.bytes -= queue.bytes();
        }
        if let Place::Topic { topic, .. } = place
            && let Some(places) = self.topics.get_mut(topic)
        {
            places.retain(|own| own != place);
            if places.is_empty() {
                self.topics.remove(topic);
            }
        }
    }
}

/// Why a subscription has no queue any more.
fn too_far_behind() -> Refusal {
    Refusal::new(
        Code::SlowConsumer,
        "Slow consumer",
        "You read, or acknowledge, more slowly than others send; connect again and take messages faster.",
    )
}
