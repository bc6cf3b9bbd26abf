//! The seam between a session and what its destinations stand for (the chat; later the conformance profile).
//!
//! What a request carries may share the memory of the frame it came in, up to a frame's size: copy what is to be kept
//! for long. The `id` and `destination` of a [`SubscribeRequest`] are such copies already.

use std::fmt;
use std::time::Instant;

use ::stomp::Headers;
use bytes::Bytes;
use bytestring::ByteString;

use super::refusal::Refusal;

/// What a client says of itself in CONNECT.
#[derive(Clone, Default)]
pub struct Credentials {
    /// The `login` header.
    pub login: Option<ByteString>,
    /// The `passcode` header.
    pub passcode: Option<ByteString>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Credentials")
            .field("login", &self.login)
            .finish_non_exhaustive()
    }
}

/// Names a SEND whose outcome is not known yet; unique within the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// A SEND after the session has checked its form.
#[derive(Clone, Debug)]
pub struct SendRequest {
    /// Where to.
    pub destination: ByteString,
    /// Every header of the frame, the standard ones included.
    pub headers: Headers,
    /// What.
    pub body: Bytes,
}

/// A SUBSCRIBE after the session has checked its form.
#[derive(Clone, Debug)]
pub struct SubscribeRequest {
    /// The client's name for the subscription, unique within the session. STOMP 1.0 lets clients leave it out: then it is
    /// the destination and `named` is false.
    pub id: ByteString,
    /// Whether MESSAGE frames carry the id in `subscription` (false only for STOMP 1.0 without an id).
    pub named: bool,
    /// What to receive from.
    pub destination: ByteString,
    /// Every header of the frame, the standard ones included.
    pub headers: Headers,
    /// Whether the frame asked for a RECEIPT.
    pub receipt: bool,
    /// The session's version, which decides how MESSAGE frames are escaped.
    pub version: ::stomp::Version,
}

/// How far a SEND has come.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// Carried out; the RECEIPT gets these extra headers.
    Done(Headers),
    /// On its way; `Session::complete` is called later with the ticket.
    Pending,
}

/// What a session's destinations stand for. Calls never block on the network; what takes longer is [`Progress::Pending`].
pub trait Destinations {
    /// Lets a client in, or not. The headers are added to CONNECTED, which cannot express line ends: they must hold none.
    fn connect(&mut self, credentials: Credentials) -> Result<Headers, Refusal>;

    /// Takes a SEND. A refusal reaches the client as a MESSAGE where [`Self::replies`] has a subscription for it, and
    /// ends the session where not.
    fn send(
        &mut self,
        request: SendRequest,
        ticket: Ticket,
        now: Instant,
    ) -> Result<Progress, Refusal>;

    /// Starts a subscription. A refusal ends the session. The headers are added to the RECEIPT, if one was asked for. A replay starts only after the
    /// RECEIPT has been queued, so implementations hand it out when they are next asked for messages.
    fn subscribe(&mut self, request: SubscribeRequest) -> Result<Headers, Refusal>;

    /// Ends a subscription: nothing is delivered to it after this call. The session calls it for known ids only.
    fn unsubscribe(&mut self, id: &ByteString);

    /// The id of the subscription that takes soft refusals (`/user/queue/replies`), if the client has one.
    fn replies(&self) -> Option<ByteString>;
}
