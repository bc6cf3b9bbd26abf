//! SEND: its form, and the SENDs whose outcome is not known yet.

use std::collections::HashMap;
use std::time::Duration;

use ::stomp::{Frame, Version};
use bytestring::ByteString;
use protocol::header;

use super::{detached, requested_receipt, unsupported};
use crate::stomp::destinations::{SendRequest, Ticket};
use crate::stomp::refusal::{Code, Refusal};

/// What the answer to a SEND needs of it.
#[derive(Debug)]
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

/// Checks the form of a SEND (checklist items 36, 39; decision 16).
pub(super) fn read(frame: Frame, version: Version) -> Result<SendRequest, Refusal> {
    let Some(destination) = frame.header("destination").cloned() else {
        return Err(Refusal::missing_destination(frame.command));
    };
    if frame.header("transaction").is_some() {
        return Err(unsupported::transaction(frame.command));
    }
    if let Some((name, _)) = frame.headers.iter().find(|(name, _)| is_reserved(name)) {
        return Err(Refusal::invalid_header(format!(
            "'{name}' is not allowed on 'SEND': the server sets it."
        )));
    }
    Ok(SendRequest {
        destination,
        headers: frame.headers,
        body: frame.body,
        version,
    })
}

/// Whether a header of MESSAGE is the server's word and so must not be forged.
fn is_reserved(name: &str) -> bool {
    matches!(name, "message-id" | "subscription" | "ack") || name.starts_with("x-")
}

/// Why a SEND is not even tried.
pub(super) fn too_many() -> Refusal {
    Refusal::new(
        Code::RateLimited,
        "Too many messages",
        "Too many messages of yours are on their way. Wait for receipts before you send more.",
    )
    .after(Duration::from_secs(1))
}

/// The SENDs that wait for `Session::complete`.
#[derive(Debug)]
pub(super) struct PendingSends {
    by_ticket: HashMap<Ticket, Sent>,
    limit: usize,
    issued: u64,
}

impl PendingSends {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            by_ticket: HashMap::new(),
            limit,
            issued: 0,
        }
    }

    /// A ticket that was never given before; none when as many are pending as may be.
    pub(super) fn next_ticket(&mut self) -> Option<Ticket> {
        if self.by_ticket.len() >= self.limit {
            return None;
        }
        self.issued += 1;
        Some(Ticket(self.issued))
    }

    pub(super) fn insert(&mut self, ticket: Ticket, sent: Sent) {
        self.by_ticket.insert(ticket, sent);
    }

    pub(super) fn take(&mut self, ticket: Ticket) -> Option<Sent> {
        self.by_ticket.remove(&ticket)
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
