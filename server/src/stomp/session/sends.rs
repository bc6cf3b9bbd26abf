//! SEND: its form, and how the client learns what became of it.

use std::time::{Duration, Instant};

use ::stomp::{Frame, Headers, Version};
use bytestring::ByteString;

use super::pending::{Asker, Sent};
use super::subscriptions::Subscription;
use super::transactions::Action;
use super::{Output, Session, State, detached, outgoing, send_receipt};
use crate::stomp::destinations::{Destinations, Progress, SendRequest, Ticket};
use crate::stomp::refusal::{Code, Refusal};

impl<D: Destinations> Session<D> {
    /// Learns the outcome of a SEND for which [`Progress::Pending`] was answered. Unknown tickets are ignored: the
    /// session may have ended meanwhile.
    pub fn complete(
        &mut self,
        ticket: Ticket,
        outcome: Result<Headers, Refusal>,
        out: &mut Vec<Output>,
    ) {
        self.conclude(ticket, outcome, out);
        if matches!(self.state, State::Leaving { .. }) && self.pending.is_empty() {
            self.leave(out);
        }
    }

    pub(super) fn send(
        &mut self,
        frame: Frame,
        now: Instant,
        out: &mut Vec<Output>,
    ) -> Result<(), Refusal> {
        let transaction = frame.header("transaction").cloned();
        let sent = Sent::of(&frame);
        let request = read(frame, self.version)?;
        if let Some(name) = transaction {
            return self.transactions.add(&name, Action::send(request, sent));
        }
        if self.pending.has_room_for(1) {
            self.hand_over(request, Asker::Client(sent), now, out);
        } else {
            self.refuse(&sent, &too_many(), out);
        }
        Ok(())
    }

    /// Gives a SEND to the destinations. Whether they took it.
    pub(super) fn hand_over(
        &mut self,
        request: SendRequest,
        asker: Asker,
        now: Instant,
        out: &mut Vec<Output>,
    ) -> bool {
        let ticket = self.pending.next_ticket();
        self.pending
            .insert(ticket, detached(&request.destination), asker);
        match self.destinations.send(request, ticket, now) {
            Ok(Progress::Pending) => true,
            Ok(Progress::Done(extra)) => {
                self.conclude(ticket, Ok(extra), out);
                true
            }
            Err(refusal) => {
                self.conclude(ticket, Err(refusal), out);
                false
            }
        }
    }

    /// Answers this SEND, and those to the same destination that were carried out and had to wait for it.
    fn conclude(
        &mut self,
        ticket: Ticket,
        outcome: Result<Headers, Refusal>,
        out: &mut Vec<Output>,
    ) {
        let destination = match outcome {
            Ok(extra) => self.pending.done(ticket, extra),
            Err(refusal) => self.pending.failed(ticket).map(|(asker, destination)| {
                match asker {
                    Asker::Client(sent) => self.refuse(&sent, &refusal, out),
                    Asker::Commit {
                        number,
                        client_msg_id,
                        ..
                    } => self.commit_refused(number, client_msg_id, &refusal, out),
                }
                destination
            }),
        };
        let Some(destination) = destination else {
            return;
        };
        while let Some((asker, extra)) = self.pending.next_done(&destination) {
            match asker {
                Asker::Client(sent) => send_receipt(sent.receipt.as_ref(), &extra, out),
                Asker::Commit { number, place, .. } => {
                    self.commit_advanced(number, place, extra, out);
                }
            }
        }
    }

    /// Tells the client that a SEND is not carried out: by a MESSAGE where it subscribed to such, else by ERROR.
    pub(super) fn refuse(&mut self, sent: &Sent, refusal: &Refusal, out: &mut Vec<Output>) {
        let Some((id, subscription)) = self.replies() else {
            return self.close_with_error(refusal, sent.receipt.as_ref(), out);
        };
        tracing::debug!(session = %self.id, code = refusal.code.as_str(), detail = %refusal.detail, "SEND refused");
        let message_id = format!("{}-{}", self.id, self.notices);
        out.push(Output::Frame(outgoing::notice(
            refusal,
            sent,
            &message_id,
            &id,
            subscription,
        )));
        self.notices += 1;
        self.refused.push(refusal.code);
    }

    /// The subscription that takes refusals, if the client has one.
    fn replies(&self) -> Option<(ByteString, &Subscription)> {
        let id = self.destinations.replies()?;
        let subscription = self.subscriptions.get(&id)?;
        Some((id, subscription))
    }
}

/// Checks the form of a SEND (checklist items 36 and 39).
fn read(frame: Frame, version: Version) -> Result<SendRequest, Refusal> {
    let Some(destination) = frame.header("destination").cloned() else {
        return Err(Refusal::missing_destination(frame.command));
    };
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

/// Whether a header of MESSAGE is the session's word and so must not be forged.
fn is_reserved(name: &str) -> bool {
    matches!(name, "message-id" | "subscription" | "ack")
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
