//! The seam between a session and what its destinations stand for (the chat; later the conformance profile).
//!
//! What a request carries may share the memory of the frame it came in, up to a frame's size: copy what is to be kept
//! for long. The `id` and `destination` of a [`SubscribeRequest`] are such copies already.

use std::fmt;
use std::time::Instant;

use ::stomp::{Frame, Headers};
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
    /// The `host` header: the virtual host that the client wants to talk to.
    pub host: Option<ByteString>,
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
    /// The session's version, which decides how MESSAGE frames are escaped: a SEND may start a subscription to its replies.
    pub version: ::stomp::Version,
}

/// Names a message that was handed out by [`Destinations::pull`] until it is settled; unique within its subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(pub u64);

/// A message that was handed out and waits for the client's word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulled {
    /// Its name.
    pub tag: Tag,
    /// The MESSAGE, without `subscription` and `ack`, which the session adds.
    pub message: Frame,
}

/// What the client said of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// ACK: it has been dealt with.
    Ack,
    /// NACK: the client cannot deal with it.
    Nack,
}

/// How the messages of a subscription are acknowledged (the `ack` header of SUBSCRIBE).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AckMode {
    /// By being sent.
    #[default]
    Auto,
    /// ACK covers every earlier message of the subscription.
    Client,
    /// ACK covers one message.
    ClientIndividual,
}

/// Whether subscriptions still have to be brought up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CatchUp {
    /// All follow live.
    Done,
    /// Ask again in a moment: the client has seen more, through another server, than this one.
    Wait,
    /// Ask again when what was queued has been written.
    More,
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
    /// How its messages are acknowledged. In mode `auto` destinations put them into the connection's queue by themselves;
    /// in the others the session asks for them by [`Destinations::pull`].
    pub ack: AckMode,
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

    /// Ends a subscription: nothing is delivered to it after this call, and what was handed out to it and not settled is
    /// as good as never handed out. The session calls it for known ids only.
    fn unsubscribe(&mut self, id: &ByteString);

    /// Whether this SEND would be taken now. Asked for every SEND of a transaction before the first of them is carried out.
    fn check(&mut self, request: &SendRequest, now: Instant) -> Result<(), Refusal>;

    /// Puts what subscriptions in mode `auto` have to catch up with into the connection's queue, as far as it has room. Asked
    /// after every frame, and when destinations nudge the connection's queue. A refusal ends the session.
    fn catch_up(&mut self) -> Result<CatchUp, Refusal>;

    /// Hands out the next messages, at most `limit`, of a subscription in another mode than `auto`. When there are more
    /// later, destinations nudge the connection's queue (`Outbox::nudge`), and the session asks again. A refusal ends the
    /// session.
    fn pull(&mut self, id: &ByteString, limit: usize) -> Result<Vec<Pulled>, Refusal>;

    /// Learns what the client said of a message that was handed out.
    fn settle(&mut self, id: &ByteString, tag: Tag, verdict: Verdict);

    /// The id of the subscription that takes soft refusals (`/user/queue/replies`), if the client has one.
    fn replies(&self) -> Option<ByteString>;
}
