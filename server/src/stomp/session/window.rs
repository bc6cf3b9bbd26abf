//! What was handed out to a subscription and waits for the client's ACK or NACK.

use std::collections::BTreeMap;

use bytestring::ByteString;

use crate::stomp::destinations::{AckMode, Tag};

/// Names a delivery: unique within the session, and increasing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DeliveryNumber(pub(super) u64);

#[derive(Debug)]
struct Delivery {
    tag: Tag,
    /// What the client names it by before STOMP 1.2; later its number does.
    message_id: Option<ByteString>,
    /// Whether an open transaction holds the client's word on it.
    claimed: bool,
}

/// The messages of a subscription that the client has not settled, oldest first.
#[derive(Debug)]
pub(super) struct Window {
    mode: AckMode,
    size: usize,
    unacked: BTreeMap<DeliveryNumber, Delivery>,
    /// Whether the destination may have more.
    more: bool,
}

/// Why a delivery cannot be settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotSettled {
    /// It was never handed out, or has been settled.
    Unknown,
    /// A transaction holds the client's word on it.
    Claimed,
}

impl Window {
    /// An empty window for a subscription in another mode than `auto`.
    pub(super) fn new(mode: AckMode, size: usize) -> Self {
        Self {
            mode,
            size,
            unacked: BTreeMap::new(),
            more: true,
        }
    }

    /// Notes that the destination may have more.
    pub(super) fn nudge(&mut self) {
        self.more = true;
    }

    /// Notes that the destination has nothing more for now.
    pub(super) fn exhausted(&mut self) {
        self.more = false;
    }

    /// How many messages are to be asked for; 0 when the window is full or nothing is there.
    pub(super) fn room(&self) -> usize {
        if self.more {
            self.size.saturating_sub(self.unacked.len())
        } else {
            0
        }
    }

    pub(super) fn len(&self) -> usize {
        self.unacked.len()
    }

    /// Notes that a message was handed out. The number must be higher than those before.
    pub(super) fn insert(
        &mut self,
        number: DeliveryNumber,
        tag: Tag,
        message_id: Option<ByteString>,
    ) {
        let delivery = Delivery {
            tag,
            message_id,
            claimed: false,
        };
        self.unacked.insert(number, delivery);
    }

    pub(super) fn contains(&self, number: DeliveryNumber) -> bool {
        self.unacked.contains_key(&number)
    }

    /// The oldest unsettled delivery of the message with this id, one without a claim first.
    pub(super) fn find(&self, message_id: &str) -> Option<DeliveryNumber> {
        let same = |delivery: &Delivery| {
            delivery
                .message_id
                .as_ref()
                .is_some_and(|id| *id == message_id)
        };
        let mut found = self.unacked.iter().filter(|(_, delivery)| same(delivery));
        let first = found.clone().next();
        found
            .find(|(_, delivery)| !delivery.claimed)
            .or(first)
            .map(|(number, _)| *number)
    }

    /// What an acknowledgement of this delivery covers (checklist items 51 and 52). Earlier ones on which a transaction
    /// holds the client's word stay with it.
    pub(super) fn covered(
        &self,
        number: DeliveryNumber,
    ) -> Result<Vec<DeliveryNumber>, NotSettled> {
        match self.unacked.get(&number) {
            None => Err(NotSettled::Unknown),
            Some(delivery) if delivery.claimed => Err(NotSettled::Claimed),
            Some(_) if self.mode == AckMode::Client => {
                let up_to = self.unacked.range(..=number);
                Ok(up_to
                    .filter(|(_, delivery)| !delivery.claimed)
                    .map(|(number, _)| *number)
                    .collect())
            }
            Some(_) => Ok(vec![number]),
        }
    }

    /// Leaves the word on a delivery to a transaction, or takes it back.
    pub(super) fn claim(&mut self, number: DeliveryNumber, claimed: bool) {
        if let Some(delivery) = self.unacked.get_mut(&number) {
            delivery.claimed = claimed;
        }
    }

    /// Takes a delivery out; none where it is gone.
    pub(super) fn settle(&mut self, number: DeliveryNumber) -> Option<Tag> {
        self.unacked.remove(&number).map(|delivery| delivery.tag)
    }
}
