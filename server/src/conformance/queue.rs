//! One queue: messages in their order, and the consumers that compete for them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use ::stomp::Frame;
use bytestring::ByteString;

use super::message::cost;
use crate::hub::{ConnectionId, Form, Outbox, encode};
use crate::stomp::{CatchUp, Pulled, Tag, Verdict};

/// From how many bytes in a connection's outbox on a consumer in mode `auto` gets nothing more until it has read.
const OUTBOX_BYTES: usize = 256 * 1024;

/// Names a consumer: a subscription of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Subscriber {
    pub(super) connection: ConnectionId,
    /// The subscription's id.
    pub(super) id: ByteString,
}

/// A message in a queue. Its place in the order is its key wherever it is kept.
struct Entry {
    message: Frame,
    /// Whether it has been handed out before.
    redelivered: bool,
}

impl Entry {
    /// The MESSAGE for one delivery.
    fn deliver(&self, sequence: u64) -> Frame {
        let mut frame = self
            .message
            .clone()
            .with("message-id", sequence.to_string());
        if self.redelivered {
            frame.headers.push("redelivered", "true");
        }
        frame
    }
}

/// A subscription to a queue.
pub(super) struct Consumer {
    who: Subscriber,
    outbox: Arc<Outbox>,
    flow: Flow,
}

/// How messages reach a consumer.
enum Flow {
    /// They go into its outbox, and that is that.
    Push {
        form: Form,
        /// Whether it has asked for messages. Before, the RECEIPT of its SUBSCRIBE is on the way.
        open: bool,
    },
    /// It asks for them, and says what became of them.
    Pull {
        /// How many more it has asked for than it got.
        wanted: usize,
        /// Its share, which it has not fetched.
        assigned: BTreeMap<u64, Entry>,
        /// What it has fetched and not settled.
        unsettled: BTreeMap<u64, Entry>,
    },
}

impl Consumer {
    /// A consumer in mode `auto`.
    pub(super) fn pushed(who: Subscriber, outbox: Arc<Outbox>, form: Form) -> Self {
        let flow = Flow::Push { form, open: false };
        Self { who, outbox, flow }
    }

    /// A consumer in one of the other modes.
    pub(super) fn pulling(who: Subscriber, outbox: Arc<Outbox>) -> Self {
        let flow = Flow::Pull {
            wanted: 0,
            assigned: BTreeMap::new(),
            unsettled: BTreeMap::new(),
        };
        Self { who, outbox, flow }
    }

    fn has_room(&self) -> bool {
        match &self.flow {
            Flow::Push { open, .. } => *open && self.outbox.bytes() < OUTBOX_BYTES,
            Flow::Pull { wanted, .. } => *wanted > 0,
        }
    }

    /// Takes a message; gives its cost if it need not be kept any more.
    fn take(&mut self, sequence: u64, entry: Entry) -> Option<usize> {
        match &mut self.flow {
            Flow::Push { form, .. } => {
                let mut frame = entry.deliver(sequence);
                if let Some(id) = &form.subscription {
                    frame = frame.with("subscription", id.clone());
                }
                self.outbox.push(encode::outgoing(&frame, form.version));
                Some(cost(&entry.message))
            }
            Flow::Pull {
                wanted, assigned, ..
            } => {
                *wanted -= 1;
                assigned.insert(sequence, entry);
                self.outbox.nudge();
                None
            }
        }
    }
}

/// A queue. While a message waits in it, no consumer has asked for one and has room for it.
#[derive(Default)]
pub(super) struct Queue {
    ready: BTreeMap<u64, Entry>,
    /// The one whose turn it is comes first.
    consumers: VecDeque<Consumer>,
    messages: usize,
    bytes: usize,
}

impl Queue {
    /// How many messages it keeps: waiting, and handed out but not settled.
    pub(super) fn messages(&self) -> usize {
        self.messages
    }

    /// What they cost, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether there is nothing that it would have to be kept for.
    pub(super) fn is_idle(&self) -> bool {
        self.messages == 0 && self.consumers.is_empty()
    }

    /// Adds a message. The sequence number is higher than every one before.
    pub(super) fn put(&mut self, sequence: u64, message: Frame) {
        self.messages += 1;
        self.bytes += cost(&message);
        let entry = Entry {
            message,
            redelivered: false,
        };
        self.ready.insert(sequence, entry);
        self.dispatch();
        self.call_for_the_rest();
    }

    /// Adds a consumer. It gets nothing before it asks.
    pub(super) fn attach(&mut self, consumer: Consumer) {
        if !self.ready.is_empty() {
            consumer.outbox.nudge();
        }
        self.consumers.push_back(consumer);
    }

    /// Removes a consumer. What it has not settled goes back to its old place in the order.
    pub(super) fn detach(&mut self, who: &Subscriber) {
        let Some(at) = self.position(who) else { return };
        if let Some(consumer) = self.consumers.remove(at)
            && let Flow::Pull {
                mut assigned,
                unsettled,
                ..
            } = consumer.flow
        {
            self.ready.append(&mut assigned);
            self.ready.extend(unsettled.into_iter().map(again));
            self.dispatch();
            self.call_for_the_rest();
        }
    }

    /// Fills the outbox of a consumer in mode `auto`, as far as it has room.
    pub(super) fn fill(&mut self, who: &Subscriber) -> CatchUp {
        let Some(at) = self.position(who) else {
            return CatchUp::Done;
        };
        if let Flow::Push { open, .. } = &mut self.consumers[at].flow {
            *open = true;
            self.dispatch();
            if !self.ready.is_empty() {
                return CatchUp::More;
            }
        }
        CatchUp::Done
    }

    /// Hands out messages, at most `limit`; what comes later is kept for this consumer up to the same limit.
    pub(super) fn pull(&mut self, who: &Subscriber, limit: usize) -> Vec<Pulled> {
        let mut pulled = Vec::new();
        if let Some(at) = self.position(who)
            && let Flow::Pull {
                wanted,
                assigned,
                unsettled,
            } = &mut self.consumers[at].flow
        {
            // What others have given back meanwhile may come before its share.
            let share = assigned.len();
            self.ready.append(assigned);
            while pulled.len() < limit
                && let Some((sequence, entry)) = self.ready.pop_first()
            {
                pulled.push(Pulled {
                    tag: Tag(sequence),
                    message: entry.deliver(sequence),
                });
                unsettled.insert(sequence, entry);
            }
            *wanted = limit - pulled.len();
            if share > pulled.len() {
                self.dispatch();
                self.call_for_the_rest();
            }
        }
        pulled
    }

    /// Takes a consumer's word on a message that was handed out to it.
    pub(super) fn settle(&mut self, who: &Subscriber, tag: Tag, verdict: Verdict) {
        let Some(at) = self.position(who) else { return };
        let Flow::Pull { unsettled, .. } = &mut self.consumers[at].flow else {
            return;
        };
        let Some(entry) = unsettled.remove(&tag.0) else {
            return;
        };
        match verdict {
            Verdict::Ack => self.forget(cost(&entry.message)),
            Verdict::Nack => {
                self.ready.extend([again((tag.0, entry))]);
                self.dispatch();
                self.call_for_the_rest();
            }
        }
    }

    /// Wakes the connections of all consumers.
    pub(super) fn nudge(&self) {
        for consumer in &self.consumers {
            consumer.outbox.nudge();
        }
    }

    /// Gives what waits to those who have room, in turn.
    fn dispatch(&mut self) {
        while !self.ready.is_empty()
            && let Some(turn) = self.consumers.iter().position(Consumer::has_room)
            && let Some(mut consumer) = self.consumers.remove(turn)
            && let Some((sequence, entry)) = self.ready.pop_first()
        {
            if let Some(cost) = consumer.take(sequence, entry) {
                self.forget(cost);
            }
            self.consumers.push_back(consumer);
        }
    }

    /// Tells everybody that something waits which nobody has room for: who has room by now, or asks for the first time,
    /// comes and takes it.
    fn call_for_the_rest(&self) {
        if !self.ready.is_empty() {
            self.nudge();
        }
    }

    fn forget(&mut self, cost: usize) {
        self.messages -= 1;
        self.bytes -= cost;
    }

    fn position(&self, who: &Subscriber) -> Option<usize> {
        self.consumers
            .iter()
            .position(|consumer| consumer.who == *who)
    }
}

/// A message that was handed out and comes back.
fn again((sequence, entry): (u64, Entry)) -> (u64, Entry) {
    let redelivered = true;
    (
        sequence,
        Entry {
            redelivered,
            ..entry
        },
    )
}
