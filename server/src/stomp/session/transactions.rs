//! BEGIN, COMMIT and ABORT: what a transaction gathers, and whether it may be carried out.

use std::collections::HashMap;
use std::time::Instant;

use ::stomp::{Frame, Headers};
use bytes::Bytes;
use bytestring::ByteString;

use super::acknowledgements::Settlement;
use super::pending::Sent;
use super::{Output, Session, Settings, detached, requested_receipt, send_receipt, sends};
use crate::stomp::destinations::{Destinations, SendRequest};
use crate::stomp::refusal::{Code, Refusal};

/// A frame that waits for COMMIT.
#[derive(Debug)]
pub(super) enum Action {
    /// SEND.
    Send(SendRequest, Sent),
    /// ACK or NACK, and the receipt that it asks for.
    Settle(Settlement, Option<ByteString>),
}

impl Action {
    /// A SEND in memory of its own: what it came in may be much larger, and transactions may stay open for long.
    pub(super) fn send(request: SendRequest, sent: Sent) -> Self {
        let mut headers = Headers::new();
        for (name, value) in request.headers.iter() {
            headers.push(detached(name), detached(value));
        }
        let request = SendRequest {
            destination: detached(&request.destination),
            headers,
            body: Bytes::copy_from_slice(&request.body),
            version: request.version,
        };
        Self::Send(request, sent)
    }

    /// About how much memory it takes.
    fn bytes(&self) -> usize {
        // Beside the texts: the action itself and the entries of its lists.
        const OVERHEAD: usize = 256;
        const ENTRY: usize = 64;
        OVERHEAD
            + match self {
                Self::Send(request, _) => {
                    let header = |(name, value): (&ByteString, &ByteString)| {
                        ENTRY + name.len() + value.len()
                    };
                    request.headers.iter().map(header).sum::<usize>() + request.body.len()
                }
                Self::Settle(settlement, receipt) => {
                    settlement.deliveries.len() * size_of::<u64>()
                        + settlement.subscription.len()
                        + receipt.as_ref().map_or(0, |receipt| receipt.len())
                }
            }
    }

    fn settlement(&self) -> Option<&Settlement> {
        match self {
            Self::Settle(settlement, _) => Some(settlement),
            Self::Send(..) => None,
        }
    }
}

/// The open transactions of a session.
#[derive(Debug)]
pub(super) struct Transactions {
    open: HashMap<ByteString, Vec<Action>>,
    bytes: usize,
    most: usize,
    most_frames: usize,
    most_bytes: usize,
}

impl Transactions {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            open: HashMap::new(),
            bytes: 0,
            most: settings.transactions,
            most_frames: settings.transaction_frames,
            most_bytes: settings.transaction_bytes,
        }
    }

    fn begin(&mut self, name: &ByteString) -> Result<(), Refusal> {
        if self.open.contains_key(name) {
            return Err(bad(format!("The transaction '{name}' has begun already.")));
        }
        if self.open.len() >= self.most {
            return Err(bad(format!(
                "A session may have {} open transactions. COMMIT or ABORT one first.",
                self.most
            )));
        }
        self.open.insert(detached(name), Vec::new());
        Ok(())
    }

    /// Adds a frame to an open transaction.
    pub(super) fn add(&mut self, name: &ByteString, action: Action) -> Result<(), Refusal> {
        let Some(actions) = self.open.get_mut(name) else {
            return Err(unknown(name));
        };
        if actions.len() >= self.most_frames {
            return Err(bad(format!(
                "A transaction may have {} frames. COMMIT earlier.",
                self.most_frames
            )));
        }
        let bytes = self.bytes + action.bytes();
        if bytes > self.most_bytes {
            return Err(bad(format!(
                "The open transactions of a session may hold {} bytes. COMMIT earlier.",
                self.most_bytes
            )));
        }
        self.bytes = bytes;
        actions.push(action);
        Ok(())
    }

    /// Ends a transaction: what it gathered.
    fn take(&mut self, name: &ByteString) -> Result<Vec<Action>, Refusal> {
        let actions = self.open.remove(name).ok_or_else(|| unknown(name))?;
        self.bytes -= actions.iter().map(Action::bytes).sum::<usize>();
        Ok(actions)
    }

    /// Forgets all of them.
    pub(super) fn clear(&mut self) {
        self.open.clear();
        self.bytes = 0;
    }

    /// How many bytes the open transactions hold.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl<D: Destinations> Session<D> {
    pub(super) fn begin(&mut self, frame: &Frame, out: &mut Vec<Output>) -> Result<(), Refusal> {
        self.transactions.begin(name(frame)?)?;
        send_receipt(frame.header("receipt"), &Headers::new(), out);
        Ok(())
    }

    pub(super) fn abort(&mut self, frame: &Frame, out: &mut Vec<Output>) -> Result<(), Refusal> {
        let actions = self.transactions.take(name(frame)?)?;
        self.give_back(&actions);
        send_receipt(frame.header("receipt"), &Headers::new(), out);
        Ok(())
    }

    /// Carries a transaction out, or nothing of it.
    pub(super) fn commit(
        &mut self,
        frame: &Frame,
        now: Instant,
        out: &mut Vec<Output>,
    ) -> Result<(), Refusal> {
        let actions = self.transactions.take(name(frame)?)?;
        for settlement in actions.iter().filter_map(Action::settlement) {
            self.check_settlement(settlement)?;
        }
        let receipt = requested_receipt(frame);
        if let Err((client_msg_id, refusal)) = self.check_sends(&actions, now) {
            self.give_back(&actions);
            let sent = Sent {
                receipt,
                client_msg_id,
            };
            self.refuse(&sent, &refusal, out);
            return Ok(());
        }
        self.carry_out_all(actions, receipt, now, out);
        Ok(())
    }

    /// Whether all SENDs would be taken now; else the id of the first that would not.
    fn check_sends(
        &mut self,
        actions: &[Action],
        now: Instant,
    ) -> Result<(), (Option<ByteString>, Refusal)> {
        let sends = || {
            actions.iter().filter_map(|action| match action {
                Action::Send(request, sent) => Some((request, sent)),
                Action::Settle(..) => None,
            })
        };
        if !self.pending.has_room_for(sends().count()) {
            return Err((None, sends::too_many()));
        }
        for (request, sent) in sends() {
            self.destinations
                .check(request, now)
                .map_err(|refusal| (sent.client_msg_id.clone(), refusal))?;
        }
        Ok(())
    }

    /// Makes what a transaction would have settled the client's to settle again.
    fn give_back(&mut self, actions: &[Action]) {
        for settlement in actions.iter().filter_map(Action::settlement) {
            self.mark(settlement, false);
        }
    }
}

/// The transaction that BEGIN, COMMIT or ABORT names.
fn name(frame: &Frame) -> Result<&ByteString, Refusal> {
    frame.header("transaction").ok_or_else(|| {
        let detail = format!("{} needs a 'transaction'.", frame.command.as_str());
        Refusal::new(Code::MissingHeader, "Missing transaction", detail)
    })
}

fn unknown(name: &str) -> Refusal {
    bad(format!("There is no open transaction '{name}'."))
}

fn bad(detail: String) -> Refusal {
    Refusal::new(Code::BadTransaction, "Bad transaction", detail)
}
