//! One client's session: frames in, frames out, by the rules of STOMP 1.0 to 1.2 and of `docs/PROTOCOL.md`.
//!
//! # Layout
//!
//! - `login`: what CONNECT asks for and what is agreed
//! - `sends`: SEND, and how the client learns what became of it
//! - `pending`: the SENDs whose outcome is not known yet
//! - `subscriptions`: SUBSCRIBE, UNSUBSCRIBE, and what is subscribed
//! - `deliveries`: messages that the session asks its destinations for
//! - `window`: what was handed out to a subscription and waits for the client's word
//! - `acknowledgements`: that word, ACK or NACK
//! - `transactions`: BEGIN, COMMIT, ABORT, and what is gathered in between
//! - `commits`: transactions that are being carried out
//! - `liveness`: heart-beats of both sides
//! - `outgoing`: the frames that the server answers with
//!
//! Architecture invariant: no I/O and no clock. Every entry that depends on time is given the time, and everything to be
//! written is appended to a list of [`Output`]s, to be written in that order.

mod acknowledgements;
mod commits;
mod deliveries;
mod liveness;
mod login;
mod outgoing;
mod pending;
mod sends;
mod subscriptions;
#[cfg(test)]
mod tests;
mod transactions;
mod window;

use std::time::{Duration, Instant};

use ::stomp::{Command, DecodeError, Frame, Headers, Version};
use bytestring::ByteString;

use self::commits::Commits;
use self::liveness::Liveness;
use self::pending::PendingSends;
use self::subscriptions::Subscriptions;
use self::transactions::Transactions;
use super::destinations::{Destinations, Verdict};
use super::refusal::{Code, Refusal};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long a client may take until CONNECT.
    pub login_timeout: Duration,
    /// How long DISCONNECT waits for the outcome of earlier SENDs.
    pub farewell_timeout: Duration,
    /// Most subscriptions at a time.
    pub subscriptions: usize,
    /// Most SENDs whose outcome is not known.
    pub pending_sends: usize,
    /// Most messages that are sent to a subscription in another ack mode than `auto` and not acknowledged, where the client
    /// does not say `prefetch-count`.
    pub prefetch: usize,
    /// Most unacknowledged messages of all subscriptions together, whatever the client says.
    pub unacked: usize,
    /// Most messages that destinations are asked for at once.
    pub pull: usize,
    /// Most open transactions.
    pub transactions: usize,
    /// Most frames in one transaction.
    pub transaction_frames: usize,
    /// Most bytes in all open transactions together.
    pub transaction_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            login_timeout: Duration::from_secs(10),
            farewell_timeout: Duration::from_secs(5),
            subscriptions: 100,
            pending_sends: 1_024,
            prefetch: 256,
            unacked: 1_024,
            pull: 32,
            transactions: 16,
            transaction_frames: 256,
            transaction_bytes: 1024 * 1024,
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
    transactions: Transactions,
    commits: Commits,
    /// How many messages were handed out that have to be acknowledged.
    deliveries: u64,
    /// How many notices were sent.
    notices: u64,
    /// What was refused since [`Session::take_refusals`] was last called.
    refused: Vec<Code>,
    /// The refusal that ended the session.
    ended_by: Option<Code>,
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
            subscriptions: Subscriptions::new(&settings),
            pending: PendingSends::new(settings.pending_sends),
            transactions: Transactions::new(&settings),
            commits: Commits::default(),
            deliveries: 0,
            notices: 0,
            refused: Vec::new(),
            ended_by: None,
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

    /// The refusal that ended the session, if one did.
    pub fn ended_by(&self) -> Option<Code> {
        self.ended_by
    }

    /// What was refused since the last call, softly or not: for whoever counts.
    pub fn take_refusals(&mut self) -> Vec<Code> {
        std::mem::take(&mut self.refused)
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

    /// Ends the session for a reason that no frame gave, such as a queue that the client does not empty.
    pub fn fail(&mut self, refusal: Refusal, out: &mut Vec<Output>) {
        self.close_with_error(&refusal, None, out);
    }

    /// Ends the session because the server goes down; the client is asked to come back after the given time.
    pub fn shutdown(&mut self, retry_after: Duration, out: &mut Vec<Output>) {
        self.release_receipts(out);
        self.fail(Refusal::draining(retry_after), out);
    }

    /// Learns that bytes came from the client, whole frame or not, heart-beats included.
    pub fn heard(&mut self, now: Instant) {
        self.liveness.heard(now);
    }

    /// Learns that the client answered a WebSocket ping. The connection sends the first soon, then one every 25 s.
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
            Command::Ack => self.acknowledge(&frame, Verdict::Ack, out),
            Command::Nack => self.acknowledge(&frame, Verdict::Nack, out),
            Command::Begin => self.begin(&frame, out),
            Command::Commit => self.commit(&frame, now, out),
            Command::Abort => self.abort(&frame, out),
            Command::Connected | Command::Message | Command::Receipt | Command::Error => {
                Err(Refusal::bad_command(frame.command.as_str()))
            }
        }
    }

    fn subscribe(&mut self, frame: Frame, out: &mut Vec<Output>) -> Result<(), Refusal> {
        let receipt = requested_receipt(&frame);
        let (request, prefetch) = subscriptions::read(frame, self.version)?;
        self.subscriptions.check(&request)?;
        let subscription = self.subscriptions.prepare(&request, prefetch);
        let id = request.id.clone();
        let extra = self.destinations.subscribe(request)?;
        self.subscriptions.insert(id, subscription);
        send_receipt(receipt.as_ref(), &extra, out);
        Ok(())
    }

    fn unsubscribe(&mut self, frame: &Frame, out: &mut Vec<Output>) -> Result<(), Refusal> {
        let id = self.subscriptions.take(frame, self.version)?;
        self.destinations.unsubscribe(&id);
        send_receipt(frame.header("receipt"), &Headers::new(), out);
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
            self.release_receipts(out);
            send_receipt(receipt.as_ref(), &Headers::new(), out);
            out.push(Output::Close {
                code: 1000,
                reason: "",
            });
            self.forget();
        }
    }

    /// Sends the receipts that were held back for their order: what is missing between them by now never comes, and a
    /// client that is not told would send again what stands in the log.
    fn release_receipts(&mut self, out: &mut Vec<Output>) {
        for (sent, extra) in self.pending.take_held_back() {
            send_receipt(sent.receipt.as_ref(), &extra, out);
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
        self.refused.push(refusal.code);
        self.ended_by = Some(refusal.code);
        out.push(Output::Frame(outgoing::error(refusal, receipt)));
        out.push(Output::Close {
            code: refusal.code.close_code(),
            reason: refusal.code.as_str(),
        });
        self.state = State::Closed;
        self.forget();
    }

    /// Drops what nobody will be told about any more; open transactions end with the session (checklist item 60).
    fn forget(&mut self) {
        self.pending.clear();
        self.transactions.clear();
        self.commits.clear();
    }
}

/// Answers a frame that was carried out, if it asked for that.
fn send_receipt(receipt: Option<&ByteString>, extra: &Headers, out: &mut Vec<Output>) {
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
