//! Who on this server learns what the log decided: followers of the room, and whoever waits for a receipt.

use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::{Message, Position, RoomName};

use super::receipts::{Key, Outcome, Receipts};
use crate::bridge::{DeliveryFailure, DeliveryFailures};
use crate::fold::{Observer, SkipReason};
use crate::hub::Hub;
use crate::metrics::chat::{ChatMetrics, Confirmed, Folded};
use crate::stomp::{Code, Refusal};

/// How long a SEND waits for the log; then nobody knows (decision 13).
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Who on this server learns what the log decided.
#[derive(Default)]
pub struct Listeners {
    /// Followers of rooms.
    pub hub: Hub,
    /// Senders that wait.
    pub receipts: Receipts,
    /// What is counted.
    pub metrics: ChatMetrics,
}

impl Listeners {
    /// Listeners that count here.
    pub fn new(metrics: ChatMetrics) -> Self {
        Self {
            metrics,
            ..Self::default()
        }
    }

    /// Ends the wait of SENDs that the log has not answered in time.
    pub fn expire(&self, now: Instant) {
        let outcome = Outcome::Refused(unconfirmed());
        for _ in 0..self.receipts.expire(now, PATIENCE, &outcome) {
            self.metrics.outcomes.add(Confirmed::TooLate);
        }
    }

    /// Ends the wait of everybody who waits for this message.
    fn complete(&self, key: &Key, outcome: &Outcome, counts_as: Confirmed) {
        if self.receipts.complete(key, outcome) {
            self.metrics.outcomes.add(counts_as);
        }
    }
}

impl Observer for Listeners {
    fn visible(&self, room: &RoomName, message: &Arc<Message>) {
        self.metrics.records.add(Folded::Visible);
        self.hub.publish(room, message);
        let key = Key {
            room: room.clone(),
            uid: message.sender.uid.clone(),
            id: message.id.clone(),
        };
        let outcome = Outcome::Stored {
            position: message.position,
            duplicate: false,
        };
        self.complete(&key, &outcome, Confirmed::Stored);
    }

    fn duplicate(&self, room: &RoomName, uid: &str, id: &str, first: Position) {
        self.metrics.records.add(Folded::Duplicate);
        let key = Key {
            room: room.clone(),
            uid: uid.to_owned(),
            id: id.to_owned(),
        };
        let outcome = Outcome::Stored {
            position: first,
            duplicate: true,
        };
        self.complete(&key, &outcome, Confirmed::Duplicate);
    }

    fn skipped(&self, reason: &SkipReason) {
        self.metrics.records.add(match reason {
            SkipReason::Form(_) => Folded::Form,
            SkipReason::TooLarge { .. } => Folded::TooLarge,
            SkipReason::Key(_) => Folded::Key,
            SkipReason::Room(_) => Folded::Room,
            SkipReason::Partition { .. } => Folded::Partition,
        });
    }
}

impl DeliveryFailures for Listeners {
    fn failed(&self, room: &RoomName, uid: &str, id: &str, failure: DeliveryFailure) {
        let (refusal, counts_as) = match failure {
            DeliveryFailure::Unknown => (unconfirmed(), Confirmed::Unconfirmed),
            DeliveryFailure::Refused(reason) => (
                Refusal::new(Code::InvalidMessage, "Message refused", reason),
                Confirmed::Refused,
            ),
            DeliveryFailure::Unavailable => (unavailable(), Confirmed::Unavailable),
        };
        let key = Key {
            room: room.clone(),
            uid: uid.to_owned(),
            id: id.to_owned(),
        };
        self.complete(&key, &Outcome::Refused(refusal), counts_as);
    }
}

/// Nothing that the sender can change, and the message is not stored.
fn unavailable() -> Refusal {
    let detail = "the room log takes no messages from this server at the moment, and its operator has been told; send it again later with the same client-msg-id";
    Refusal {
        retry_after: Some(Duration::from_secs(5)),
        ..Refusal::new(Code::Unavailable, "Unavailable", detail)
    }
}

fn unconfirmed() -> Refusal {
    let detail = "the room log has not confirmed the message in time; send it again with the same client-msg-id: it will not be doubled";
    Refusal {
        retry_after: Some(Duration::from_secs(1)),
        ..Refusal::new(Code::Unconfirmed, "Not confirmed", detail)
    }
}
