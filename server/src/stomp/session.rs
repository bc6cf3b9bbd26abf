//! One client's session: frames in, frames out, by the rules of STOMP 1.0 to 1.2 and of `docs/PROTOCOL.md`.
//!
//! # Layout
//!
//! - `login`: what CONNECT asks for and what is agreed
//! - `sends`: SEND, and those whose outcome is not known yet
//! - `subscriptions`: SUBSCRIBE, UNSUBSCRIBE, and what is subscribed
//! - `unsupported`: acknowledgements and transactions, which clients are refused
//! - `liveness`: heart-beats of both sides
//! - `outgoing`: the frames that the server answers with
//!
//! Architecture invariant: no I/O and no clock. Every entry that depends on time is given the time, and everything to be
//! written is appended to a list of [`Output`]s, to be written in that order.

mod liveness;
mod login;
mod outgoing;
mod sends;
mod subscriptions;
#[cfg(test)]
mod tests;
mod unsupported;

use std::time::{Duration, Instant};

use ::stomp::{Command, DecodeError, Frame, Headers, Version};
use bytestring::ByteString;

use self::liveness::Liveness;
use self::sends::{PendingSends, Sent};
use self::subscriptions::{Subscription, Subscriptions};
use super::destinations::{Destinations, Progress, Ticket};
use super::refusal::Refusal;

/// What the connection is to do, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Write this frame.
    Frame(Frame),
    /// Write a single line feed.
    HeartBeat,
    /// Write out everything queued before, then close the WebSocket. The last output of a session: whatever its
    /// destinations deliver after it is dropped, and so may the session be.
    Close {
        /// The WebSocket close code.
        code: u16,
        /// The close reason: the refusal's code, or empty after DISCONNECT.
        reason: &'static str,
    },
}

/// What an operator may set about sessions.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How long a client may take until CONNECT.
    pub login_timeout: Duration,
    /// How long DISCONNECT waits for the outcome of earlier SENDs.
    pub farewell_timeout: Duration,
    /// Most subscriptions at a time.
    pub subscriptions: usize,
    /// Most SENDs whose outcome is not known.
    pub pending_sends: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            login_timeout: Duration::from_secs(10),
            farewell_timeout: Duration::from_secs(5),
            subscriptions: 100,
            pending_sends: 1_024,
        }
    }
}

/// How far the conversation has come.
#[derive(Debug)]
enum State {
    /// Nothing but CONNECT is welcome, and only until then.
    Connecting { until: Instant },
    /// CONNECTED was sent.
    Open,
    /// DISCONNECT was received: earlier SENDs are waited for, nothing more is taken.
    Leaving {
        receipt: Option<ByteString>,
        until: Instant,
    },
    /// [`Output::Close`] was given: nothing comes any more.
    Closed,
}

/// The session of one connection.
#[derive(Debug)]
pub struct Session<D> {
    id: ByteString,
    destinations: D,
    settings: Settings,
    state: State,
    version: Version,
    liveness: Liveness,
    subscriptions: Subscriptions,
    pending: PendingSends,
    notices: u64,
}

impl<D: Destinations> Session<D> {
    /// A session that waits for CONNECT. The `id` is told to the client and must be unique among all servers, without
    /// line ends and colons, for ids of messages that the session itself makes are derived from it.
    pub fn new(
        id: impl Into<ByteString>,
        destinations: D,
        settings: Settings,
        now: Instant,
    ) -> Self {
        Self {
            id: id.into(),
            destinations,
            settings,
            state: State::Connecting {
                until: now + settings.login_timeout,
            },
            version: Version::V1_0,
            liveness: Liveness::new(now),
            subscriptions: Subscriptions::new(settings.subscriptions),
            pending: PendingSends::new(settings.pending_sends),
            notices: 0,
        }
    }

    /// The version agreed on. Before CONNECT it is 1.0, which escapes nothing: neither side knows yet what the other reads.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Whether the client has logged in and neither side has said goodbye.
    pub fn is_connected(&self) -> bool {
        matches!(self.state, State::Open)
    }

    /// Whether [`Output::Close`] was given.
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// How many SENDs wait for their outcome.
    pub fn pending_sends(&self) -> usize {
        self.pending.len()
    }

    /// What the session's destinations stand for.
    pub fn destinations(&self) -> &D {
        &self.destinations
    }

    /// The same, to be changed.
    pub fn destinations_mut(&mut self) -> &mut D {
        &mut self.destinations
    }

    /// Takes a frame from the client.
    pub fn receive(&mut self, frame: Frame, now: Instant, out: &mut Vec<Output>) {
        self.liveness.heard(now);
        let receipt = requested_receipt(&frame);
        let result = match self.state {
            State::Connecting { .. } => self.login(&frame, now, out),
            State::Open => self.process(frame, now, out),
            State::Leaving { .. } | State::Closed => return,
        };
        if let Err(refusal) = result {
            self.close_with_error(&refusal, receipt.as_ref(), out);
        }
    }

    /// Learns that the client's bytes are no frame.
    pub fn malformed(&mut self, error: &DecodeError, out: &mut Vec<Output>) {
        // After DISCONNECT nothing is processed, nonsense neither.
        if !matches!(self.state, State::Leaving { .. }) {
            self.fail(Refusal::from(error), out);
        }
    }

    /// Learns the outcome of a SEND for which [`Progress::Pending`] was answered. Unknown tickets are ignored: the
    /// session may have ended meanwhile.
    pub fn complete(
        &mut self,
        ticket: Ticket,
        outcome: Result<Headers, Refusal>,
        out: &mut Vec<Output>,
    ) {
        let Some(sent) = self.pending.take(ticket) else {
            return;
        };
        self.settle(&sent, outcome, out);
        if matches!(self.state, State::Leaving { .. }) && self.pending.is_empty() {
            self.leave(out);
        }
    }

    /// Ends the session for a reason that no frame gave, such as a queue that the client does not empty.
    pub fn fail(&mut self, refusal: Refusal, out: &mut Vec<Output>) {
        self.close_with_error(&refusal, None, out);
    }

    /// Ends the session because the server goes down; the client is asked to come back after the given time.
    pub fn shutdown(&mut self, retry_after: Duration, out: &mut Vec<Output>) {
        self.fail(Refusal::draining(retry_after), out);
    }

    /// Learns that bytes came from the client, whole frame or not, heart-beats included.
    pub fn heard(&mut self, now: Instant) {
        self.liveness.heard(now);
    }

    /// Learns that the client answered a WebSocket ping. The connection sends one every 25 s.
    pub fn pong(&mut self, now: Instant) {
        self.liveness.pong(now);
    }

    /// Learns that something was written to the socket, so that no heart-beat is due for a while.
    pub fn wrote(&mut self, now: Instant) {
        self.liveness.wrote(now);
    }

    /// When [`Self::tick`] must be called at the latest; none after the end.
    pub fn next_deadline(&self) -> Option<Instant> {
        let own = match self.state {
            State::Connecting { until } => return Some(until),
            State::Open => self.liveness.silent_at(),
            State::Leaving { until, .. } => until,
            State::Closed => return None,
        };
        Some(self.liveness.beat_at().map_or(own, |beat| beat.min(own)))
    }

    /// Does what is due by now.
    pub fn tick(&mut self, now: Instant, out: &mut Vec<Output>) {
        match self.state {
            State::Connecting { until } if now >= until => self.fail(login::timed_out(), out),
            State::Open if now >= self.liveness.silent_at() => self.fail(liveness::silent(), out),
            State::Leaving { until, .. } if now >= until => self.leave(out),
            State::Open | State::Leaving { .. } if self.liveness.beat_if_due(now) => {
                out.push(Output::HeartBeat);
            }
            _ => {}
        }
    }

    fn login(&mut self, frame: &Frame, now: Instant, out: &mut Vec<Output>) -> Result<(), Refusal> {
        let request = login::read(frame)?;
        let extra = self.destinations.connect(request.credentials)?;
        out.push(Output::Frame(outgoing::connected(
            &self.id,
            request.version,
            request.heartbeat,
            &extra,
        )));
        self.version = request.version;
        self.liveness.agree(request.agreement, now);
        self.state = State::Open;
        Ok(())
    }

    /// A frame of a client that has logged in. An error ends the session.
    fn process(
        &mut self,
        frame: Frame,
        now: Instant,
        out: &mut Vec<Output>,
    ) -> Result<(), Refusal> {
        match frame.command {
            Command::Send => self.send(frame, now, out),
            Command::Subscribe => self.subscribe(frame, out),
            Command::Unsubscribe => self.unsubscribe(&frame, out),
            Command::Disconnect => {
                self.disconnect(&frame, now, out);
                Ok(())
            }
            Command::Connect | Command::Stomp => Err(login::repeated()),
            // NACK came with STOMP 1.1.
            Command::Nack if self.version == Version::V1_0 => {
                Err(Refusal::bad_command(frame.command.as_str()))
            }
            Command::Ack | Command::Nack => Err(unsupported::acknowledgement(frame.command)),
            Command::Begin | Command::Commit | Command::Abort => {
                Err(unsupported::transaction(frame.command))
            }
            Command::Connected | Command::Message | Command::Receipt | Command::Error => {
                Err(Refusal::bad_command(frame.command.as_str()))
            }
        }
    }

    fn send(&mut self, frame: Frame, now: Instant, out: &mut Vec<Output>) -> Result<(), Refusal> {
        let sent = Sent::of(&frame);
        let request = sends::read(frame, self.version)?;
        let outcome = match self.pending.next_ticket() {
            Some(ticket) => match self.destinations.send(request, ticket, now) {
                Ok(Progress::Pending) => {
                    self.pending.insert(ticket, sent);
                    return Ok(());
                }
                Ok(Progress::Done(extra)) => Ok(extra),
                Err(refusal) => Err(refusal),
            },
            None => Err(sends::too_many()),
        };
        self.settle(&sent, outcome, out);
        Ok(())
    }

    /// Tells the client how a SEND ended: RECEIPT; or a notice where the client subscribed to such; or ERROR.
    fn settle(&mut self, sent: &Sent, outcome: Result<Headers, Refusal>, out: &mut Vec<Output>) {
        let refusal = match outcome {
            Ok(extra) => return acknowledge(sent.receipt.as_ref(), &extra, out),
            Err(refusal) => refusal,
        };
        match self.replies() {
            Some((id, subscription)) => {
                tracing::debug!(session = %self.id, code = refusal.code.as_str(), detail = %refusal.detail, "SEND refused");
                let message_id = format!("{}-{}", self.id, self.notices);
                out.push(Output::Frame(outgoing::notice(
                    &refusal,
                    sent,
                    &message_id,
                    &id,
                    subscription,
                )));
                self.notices += 1;
            }
            None => self.close_with_error(&refusal, sent.receipt.as_ref(), out),
        }
    }

    /// The subscription that takes refusals, if the client has one.
    fn replies(&self) -> Option<(ByteString, &Subscription)> {
        let id = self.destinations.replies()?;
        let subscription = self.subscriptions.get(&id)?;
        Some((id, subscription))
    }

    fn subscribe(&mut self, frame: Frame, out: &mut Vec<Output>) -> Result<(), Refusal> {
        let receipt = requested_receipt(&frame);
        let request = subscriptions::read(frame, self.version)?;
        self.subscriptions.check(&request)?;
        let (id, subscription) = (request.id.clone(), Subscription::of(&request));
        let extra = self.destinations.subscribe(request)?;
        self.subscriptions.insert(id, subscription);
        acknowledge(receipt.as_ref(), &extra, out);
        Ok(())
    }

    fn unsubscribe(&mut self, frame: &Frame, out: &mut Vec<Output>) -> Result<(), Refusal> {
        let id = self.subscriptions.take(frame, self.version)?;
        self.destinations.unsubscribe(&id);
        acknowledge(frame.header("receipt"), &Headers::new(), out);
        Ok(())
    }

    fn disconnect(&mut self, frame: &Frame, now: Instant, out: &mut Vec<Output>) {
        self.state = State::Leaving {
            receipt: requested_receipt(frame),
            until: now + self.settings.farewell_timeout,
        };
        if self.pending.is_empty() {
            self.leave(out);
        }
    }

    /// Says goodbye to a client that sent DISCONNECT.
    fn leave(&mut self, out: &mut Vec<Output>) {
        if let State::Leaving { receipt, .. } = std::mem::replace(&mut self.state, State::Closed) {
            acknowledge(receipt.as_ref(), &Headers::new(), out);
            out.push(Output::Close {
                code: 1000,
                reason: "",
            });
            self.pending.clear();
        }
    }

    fn close_with_error(
        &mut self,
        refusal: &Refusal,
        receipt: Option<&ByteString>,
        out: &mut Vec<Output>,
    ) {
        if self.is_closed() {
            return;
        }
        tracing::debug!(session = %self.id, code = refusal.code.as_str(), detail = %refusal.detail, "session refused");
        out.push(Output::Frame(outgoing::error(refusal, receipt)));
        out.push(Output::Close {
            code: refusal.code.close_code(),
            reason: refusal.code.as_str(),
        });
        self.state = State::Closed;
        self.pending.clear();
    }
}

/// Answers a frame that was carried out, if it asked for that.
fn acknowledge(receipt: Option<&ByteString>, extra: &Headers, out: &mut Vec<Output>) {
    if let Some(id) = receipt {
        out.push(Output::Frame(outgoing::receipt(id, extra)));
    }
}

/// The receipt that a frame asks for. On CONNECT the header means nothing: CONNECTED is the answer.
fn requested_receipt(frame: &Frame) -> Option<ByteString> {
    let value = frame
        .header("receipt")
        .filter(|_| !frame.command.opens_session());
    value.map(detached)
}

/// A copy that does not keep the buffer alive that the frame was read into, for values that outlive the frame.
fn detached(value: &ByteString) -> ByteString {
    ByteString::from(&**value)
}
