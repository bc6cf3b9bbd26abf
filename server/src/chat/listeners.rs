//! Who on this server learns what the log decided: followers of the room, and whoever waits for a receipt.

use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::{Message, Position, RoomName};

use super::receipts::{Key, Outcome, Receipts};
use crate::bridge::{DeliveryFailure, DeliveryFailures};
use crate::fold::Observer;
use crate::hub::Hub;
use crate::people::People;
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
    /// People, who have not read it yet.
    pub people: Arc<People>,
}

impl Listeners {
    /// Ends the wait of SENDs that the log has not answered in time.
    pub fn expire(&self, now: Instant) {
        self.receipts
            .expire(now, PATIENCE, &Outcome::Refused(unconfirmed()));
    }
}

impl Observer for Listeners {
    fn visible(&self, room: &RoomName, message: &Arc<Message>) {
        self.hub.publish(room, message);
        self.people.news(room, message);
        let key = Key {
            room: room.clone(),
            uid: message.sender.uid.clone(),
            id: message.id.clone(),
        };
        self.receipts.complete(
            &key,
            &Outcome::Stored {
                position: message.position,
                duplicate: false,
            },
        );
    }

    fn duplicate(&self, room: &RoomName, uid: &str, id: &str, first: Position) {
        let key = Key {
            room: room.clone(),
            uid: uid.to_owned(),
            id: id.to_owned(),
        };
        self.receipts.complete(
            &key,
            &Outcome::Stored {
                position: first,
                duplicate: true,
            },
        );
    }
}

impl DeliveryFailures for Listeners {
    fn failed(&self, room: &RoomName, uid: &str, id: &str, failure: DeliveryFailure) {
        let refusal = match failure {
            DeliveryFailure::Unknown => unconfirmed(),
            DeliveryFailure::Refused(reason) => {
                Refusal::new(Code::InvalidMessage, "Message refused", reason)
            }
        };
        let key = Key {
            room: room.clone(),
            uid: uid.to_owned(),
            id: id.to_owned(),
        };
        self.receipts.complete(&key, &Outcome::Refused(refusal));
    }
}

fn unconfirmed() -> Refusal {
    let detail = "the room log has not confirmed the message in time; send it again with the same client-msg-id: it will not be doubled";
    Refusal {
        retry_after: Some(Duration::from_secs(1)),
        ..Refusal::new(Code::Unconfirmed, "Not confirmed", detail)
    }
}
