//! The SENDs whose outcome is not known yet, and the order in which they are answered.

use std::collections::BTreeMap;

use ::stomp::{Frame, Headers};
use bytestring::ByteString;
use protocol::header;

use super::{detached, requested_receipt};
use crate::stomp::destinations::Ticket;

/// What the answer to a SEND needs of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Sent {
    pub(super) receipt: Option<ByteString>,
    pub(super) client_msg_id: Option<ByteString>,
}

impl Sent {
    pub(super) fn of(frame: &Frame) -> Self {
        Self {
            receipt: requested_receipt(frame),
            client_msg_id: frame.header(header::CLIENT_MSG_ID).map(detached),
        }
    }
}

/// Whom the outcome of a SEND concerns.
#[derive(Debug)]
pub(super) enum Asker {
    /// The client that sent it.
    Client(Sent),
    /// A transaction that is being carried out.
    Commit {
        /// Which one.
        number: u64,
        /// Which of its frames.
        place: usize,
        /// The id that the client gave the message.
        client_msg_id: Option<ByteString>,
    },
}

#[derive(Debug)]
struct Waiting {
    destination: ByteString,
    asker: Asker,
    /// Set once it is carried out, but an earlier SEND to the same destination is not.
    done: Option<Headers>,
}

/// The SENDs that are not answered yet. Those to one destination are answered in their order (decision 10).
#[derive(Debug)]
pub(super) struct PendingSends {
    by_ticket: BTreeMap<Ticket, Waiting>,
    limit: usize,
    issued: u64,
}

impl PendingSends {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            by_ticket: BTreeMap::new(),
            limit,
            issued: 0,
        }
    }

    /// Whether so many more may be on their way.
    pub(super) fn has_room_for(&self, count: usize) -> bool {
        self.by_ticket.len().saturating_add(count) <= self.limit
    }

    /// A ticket that was never given before.
    pub(super) fn next_ticket(&mut self) -> Ticket {
        self.issued += 1;
        Ticket(self.issued)
    }

    pub(super) fn insert(&mut self, ticket: Ticket, destination: ByteString, asker: Asker) {
        let waiting = Waiting {
            destination,
            asker,
            done: None,
        };
        self.by_ticket.insert(ticket, waiting);
    }

    /// Notes that a SEND was carried out. Its destination, if the ticket is known.
    pub(super) fn done(&mut self, ticket: Ticket, extra: Headers) -> Option<ByteString> {
        let waiting = self.by_ticket.get_mut(&ticket)?;
        waiting.done.get_or_insert(extra);
        Some(waiting.destination.clone())
    }

    /// Takes out a SEND that failed: whom it concerns, and its destination. One that was carried out cannot fail any more.
    pub(super) fn failed(&mut self, ticket: Ticket) -> Option<(Asker, ByteString)> {
        self.by_ticket
            .get(&ticket)
            .filter(|waiting| waiting.done.is_none())?;
        let waiting = self.by_ticket.remove(&ticket)?;
        Some((waiting.asker, waiting.destination))
    }

    /// The oldest SEND to this destination, if it has been carried out.
    pub(super) fn next_done(&mut self, destination: &ByteString) -> Option<(Asker, Headers)> {
        let (ticket, oldest) = self
            .by_ticket
            .iter()
            .find(|(_, waiting)| waiting.destination == *destination)?;
        oldest.done.as_ref()?;
        let ticket = *ticket;
        let waiting = self.by_ticket.remove(&ticket)?;
        Some((waiting.asker, waiting.done.unwrap_or_default()))
    }

    /// Takes out the SENDs of the client that were carried out, but wait for an earlier one to be answered; oldest first.
    pub(super) fn take_held_back(&mut self) -> Vec<(Sent, Headers)> {
        let held_back =
            |waiting: &Waiting| waiting.done.is_some() && matches!(waiting.asker, Asker::Client(_));
        let taken = self
            .by_ticket
            .extract_if(.., |_, waiting| held_back(waiting));
        taken
            .filter_map(|(_, waiting)| match waiting.asker {
                Asker::Client(sent) => Some((sent, waiting.done?)),
                Asker::Commit { .. } => None,
            })
            .collect()
    }

    pub(super) fn clear(&mut self) {
        self.by_ticket.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.by_ticket.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_ticket.is_empty()
    }
}
