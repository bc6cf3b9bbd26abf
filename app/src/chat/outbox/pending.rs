//! One message that was composed and is not in the room yet.

use super::Place;
use crate::chat::event::Refusal;

/// A message that was composed here and is not part of the room yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Its `client-msg-id`, the same in every attempt.
    pub id: String,
    /// The text.
    pub text: String,
    /// When it was composed, in Unix milliseconds of the page's clock.
    pub composed_at: u64,
    /// How far it has come.
    pub status: Status,
    /// When the present wait for a receipt began, for the person who looks at it.
    pub(super) since: u64,
    /// When it was composed or the person asked for it again: the start of the 24 hours.
    pub(super) asked_at: u64,
    /// Whether a copy may have reached a server.
    pub(super) sent: bool,
    /// Where the present attempt stands.
    pub(super) attempt: Attempt,
    /// Refusals in a row.
    pub(super) refusals: u32,
}

/// Where the present attempt stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    /// To be sent from this time on.
    Due(u64),
    /// Sent on this connection; sent again at this time if there is no answer.
    Awaiting(u64),
    /// The receipt came: the message stands there, and will be in the timeline once that has come so far.
    Stored(Option<Place>),
}

/// How far a pending message has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Waits for a connection; no server has seen it.
    Queued,
    /// On its way.
    Sending,
    /// On its way for more than ten seconds: it may or may not be in the room. Sent again by itself.
    Unconfirmed,
    /// Stored; it takes its place in the timeline in a moment.
    Sent,
    /// Not sent, and not tried again by itself.
    Failed(Failure),
}

/// Why a message is not tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The server refused it.
    Refused(Refusal),
    /// It waited for more than 24 hours.
    TooOld,
}

/// Why a text is not taken; it stays in the composer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComposeError {
    /// Nothing but white space.
    Empty,
    /// More than [`protocol::limits::TEXT_CHARS`] characters or [`protocol::limits::TEXT_BYTES`] bytes.
    TooLong,
    /// Too many messages are waiting already.
    Full,
}

impl Pending {
    /// Whether it still has to be sent, or answered.
    pub(super) fn is_open(&self) -> bool {
        matches!(
            self.status,
            Status::Queued | Status::Sending | Status::Unconfirmed
        )
    }
}
