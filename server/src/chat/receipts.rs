//! Who waits for which message to pass the fold.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use protocol::{Position, RoomName, header};
use stomp::Headers;
use tokio::sync::mpsc;

use crate::stomp::{Refusal, Ticket};

/// How a SEND ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The message stands in the log for good.
    Stored {
        /// Where the copy that counts stands.
        position: Position,
        /// Whether that is an earlier copy.
        duplicate: bool,
    },
    /// It was refused, or nobody knows.
    Refused(Refusal),
}

impl Outcome {
    /// What the session makes of it: the extra headers of the RECEIPT, or a refusal.
    fn answer(&self) -> Result<Headers, Refusal> {
        match self {
            Self::Stored {
                position,
                duplicate,
            } => Ok(receipt_headers(*position, *duplicate)),
            Self::Refused(refusal) => Err(refusal.clone()),
        }
    }
}

/// The extra headers of the RECEIPT for a SEND that ended well.
pub fn receipt_headers(position: Position, duplicate: bool) -> Headers {
    let mut headers = Headers::new()
        .with("message-id", position.to_string())
        .with(header::EPOCH, position.epoch.to_string())
        .with(header::OFFSET, position.offset.to_string());
    if duplicate {
        headers.push(header::DUPLICATE, "true");
    }
    headers
}

/// Tells a connection how one of its SENDs ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Completion {
    /// Which SEND.
    pub ticket: Ticket,
    /// The extra headers of its RECEIPT, or why it failed.
    pub outcome: Result<Headers, Refusal>,
}

/// What makes a message unique: room, sender, the sender's id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The room.
    pub room: RoomName,
    /// The sender's id.
    pub uid: String,
    /// The message's id.
    pub id: String,
}

/// Whether a message with this key is on its way already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flight {
    /// The caller is the first: it produces.
    First,
    /// A copy is under way: its outcome is this SEND's, too.
    UnderWay,
}

struct Waiter {
    ticket: Ticket,
    to: mpsc::Sender<Completion>,
}

struct Waiting {
    since: Instant,
    waiters: Vec<Waiter>,
}

/// Who waits for which message.
#[derive(Default)]
pub struct Receipts {
    waiting: Mutex<HashMap<Key, Waiting>>,
}

impl Receipts {
    /// Lets a SEND wait. `to` needs room for every ticket that its session may have open.
    pub fn wait(
        &self,
        key: Key,
        ticket: Ticket,
        to: mpsc::Sender<Completion>,
        now: Instant,
    ) -> Flight {
        let mut waiting = self.waiting();
        let flight = if waiting.contains_key(&key) {
            Flight::UnderWay
        } else {
            Flight::First
        };
        let entry = waiting.entry(key).or_insert_with(|| Waiting {
            since: now,
            waiters: Vec::new(),
        });
        entry.waiters.push(Waiter { ticket, to });
        flight
    }

    /// Ends the wait of everybody who waits for this message; tells whether anybody did.
    pub fn complete(&self, key: &Key, outcome: &Outcome) -> bool {
        let Some(entry) = self.waiting().remove(key) else {
            return false;
        };
        tell(entry, outcome);
        true
    }

    /// Ends the wait of everybody who waits for longer than `patience`; tells for how many messages.
    pub fn expire(&self, now: Instant, patience: Duration, outcome: &Outcome) -> usize {
        let mut waiting = self.waiting();
        let late: Vec<Key> = waiting
            .iter()
            .filter(|(_, entry)| now.saturating_duration_since(entry.since) >= patience)
            .map(|(key, _)| key.clone())
            .collect();
        for entry in late.iter().filter_map(|key| waiting.remove(key)) {
            tell(entry, outcome);
        }
        late.len()
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<Key, Waiting>> {
        // Every change is one insert or remove.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn tell(entry: Waiting, outcome: &Outcome) {
    for Waiter { ticket, to } in entry.waiters {
        // A connection that is gone has nobody to tell; one that is there has room for all its tickets.
        let _ = to.try_send(Completion {
            ticket,
            outcome: outcome.answer(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stomp::Code;

    fn key(id: &str) -> Key {
        Key {
            room: "a".parse().unwrap(),
            uid: "u".to_owned(),
            id: id.to_owned(),
        }
    }

    fn stored() -> Outcome {
        Outcome::Stored {
            position: "5f2c9a01-3-7".parse().unwrap(),
            duplicate: false,
        }
    }

    #[test]
    fn everybody_who_waits_is_told_once() {
        let (receipts, now) = (Receipts::default(), Instant::now());
        let (to, mut told) = mpsc::channel(8);
        assert_eq!(
            receipts.wait(key("1"), Ticket(1), to.clone(), now),
            Flight::First
        );
        assert_eq!(
            receipts.wait(key("1"), Ticket(2), to.clone(), now),
            Flight::UnderWay
        );
        assert_eq!(receipts.wait(key("2"), Ticket(3), to, now), Flight::First);
        receipts.complete(&key("1"), &stored());
        receipts.complete(&key("1"), &stored());
        assert_eq!(told.try_recv().unwrap().ticket, Ticket(1));
        assert_eq!(told.try_recv().unwrap().ticket, Ticket(2));
        assert!(told.try_recv().is_err());
    }

    #[test]
    fn patience_ends() {
        let (receipts, now) = (Receipts::default(), Instant::now());
        let (to, mut told) = mpsc::channel(8);
        receipts.wait(key("1"), Ticket(1), to, now);
        let outcome = Outcome::Refused(Refusal::new(
            Code::Unconfirmed,
            "not confirmed",
            "try again",
        ));
        receipts.expire(
            now + Duration::from_secs(59),
            Duration::from_secs(60),
            &outcome,
        );
        assert!(told.try_recv().is_err());
        receipts.expire(
            now + Duration::from_secs(60),
            Duration::from_secs(60),
            &outcome,
        );
        assert_eq!(told.try_recv().unwrap().outcome, outcome.answer());
    }
}
