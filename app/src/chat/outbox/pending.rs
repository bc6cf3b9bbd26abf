//! One message that was composed and is not in the room yet.

use protocol::{Action, Folded, Kind, Message, Position, Quote, RoomName, Sender};
use serde_json::Map;
use stomp::Frame;

use super::{Entry, Place};
use crate::chat::event::Refusal;
use crate::chat::wire;

/// What somebody wants the room to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Composition {
    /// What it does.
    pub action: Action,
    /// The message that it answers or changes.
    pub target: Option<Position>,
    /// The text, or the emoji of a reaction; empty for what needs none.
    pub text: String,
}

impl Composition {
    /// Something to be said.
    pub fn message(text: impl Into<String>) -> Self {
        Self {
            action: Action::Send,
            target: None,
            text: text.into(),
        }
    }

    /// The message that it changes; nothing for one of its own.
    pub(in crate::chat) fn changes(&self) -> Option<Position> {
        self.target.filter(|_| self.action != Action::Send)
    }
}

/// What was composed here and is not part of the room yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Its `client-msg-id`, the same in every attempt.
    pub id: String,
    /// What it is.
    pub composition: Composition,
    /// The beginning of the message that it answers, if that is known.
    pub quote: Option<Quote>,
    /// When it was composed, in Unix milliseconds of the page's clock.
    pub composed_at: u64,
    /// How far it has come.
    pub status: Status,
    /// Where it is to be said.
    pub(in crate::chat) room: RoomName,
    /// Its place in the order of sending.
    pub(super) rank: u64,
    /// What the storage has of it.
    pub(super) kept: Kept,
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

/// What the browser's storage has of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// Not its latest state, or nothing yet.
    Stale,
    /// All.
    Whole,
    /// There was no room for it.
    NoRoom,
    /// Nothing, and it need not: a later page will find the message in the log.
    Needless,
}

/// Where the present attempt stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    /// To be sent from this time on.
    Due(u64),
    /// Sent on this connection, and not answered yet.
    Awaiting {
        /// When to find out whether the connection takes anything at all: once.
        doubt_at: Option<u64>,
        /// When to send it again.
        again_at: u64,
    },
    /// The receipt came: the message stands there, and will be in the timeline once that has come so far.
    Stored(Option<Place>),
}

impl Attempt {
    /// When it is to be sent.
    pub(super) fn due(self) -> Option<u64> {
        match self {
            Self::Due(due) => Some(due),
            Self::Awaiting { again_at, .. } => Some(again_at),
            Self::Stored(_) => None,
        }
    }

    /// When something is to be done about it.
    pub(super) fn deadline(self) -> Option<u64> {
        match self {
            Self::Awaiting {
                doubt_at: Some(doubt_at),
                ..
            } => Some(doubt_at),
            _ => self.due(),
        }
    }
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
    /// What came out of the storage. `now` is the engine's time at the page's time `page_time`.
    pub(super) fn revive(entry: Entry, now: u64, page_time: u64) -> Self {
        // A clock that was set back since then says as little about the age as one that was set forward.
        let age = page_time.abs_diff(entry.asked_at);
        let asked_at = now.saturating_sub(age);
        Self {
            id: entry.id,
            composition: entry.composition,
            quote: None,
            composed_at: entry.composed_at,
            status: match (entry.failure, entry.attempted) {
                (Some(failure), _) => Status::Failed(failure),
                (None, true) => Status::Sending,
                (None, false) => Status::Queued,
            },
            room: entry.room,
            rank: entry.rank,
            kept: Kept::Whole,
            since: if entry.attempted { asked_at } else { now },
            asked_at,
            sent: entry.attempted,
            attempt: Attempt::Due(now),
            refusals: 0,
        }
    }

    /// What the storage keeps. `page_time` leads from the engine's time to the page's.
    pub(super) fn entry(&self, page_time: impl Fn(u64) -> u64) -> Entry {
        Entry {
            id: self.id.clone(),
            room: self.room.clone(),
            composition: self.composition.clone(),
            composed_at: self.composed_at,
            asked_at: page_time(self.asked_at),
            rank: self.rank,
            attempted: self.sent,
            failure: match &self.status {
                Status::Failed(failure) => Some(failure.clone()),
                _ => None,
            },
        }
    }

    /// The SEND.
    pub(in crate::chat) fn frame(&self) -> Frame {
        wire::send(&self.room, &self.id, &self.composition)
    }

    /// The message that it changes; nothing for one of its own.
    pub fn changes(&self) -> Option<Position> {
        self.composition.changes()
    }

    /// What the log will have of a change that is not refused.
    pub(in crate::chat) fn record(&self, me: &Sender) -> Option<Message> {
        let target = self.changes()?;
        let failed = matches!(self.status, Status::Failed(_));
        (!failed).then(|| self.message(me, target))
    }

    /// What it will be in the room. `place` stands in for the position, which is not known yet.
    pub fn message(&self, me: &Sender, place: Position) -> Message {
        Message {
            position: place,
            prev: None,
            ts: i64::try_from(self.composed_at).unwrap_or_default(),
            kind: self.composition.action.kind().unwrap_or(Kind::Unsupported),
            id: self.id.clone(),
            sender: me.clone(),
            reference: self.composition.target,
            body: self.composition.text.clone(),
            folded: Folded {
                quote: self.quote.clone().map(Box::new),
                ..Folded::default()
            },
            other: Map::new(),
        }
    }

    /// It is not tried again by itself.
    pub(super) fn fail(&mut self, failure: Failure) {
        self.status = Status::Failed(failure);
        self.kept = Kept::Stale;
    }

    /// Whether it outlives the page: not if the browser has no room for it, or no storage.
    pub fn is_kept(&self) -> bool {
        self.kept != Kept::NoRoom
    }

    /// Whether it still has to be sent, or answered.
    pub(super) fn is_open(&self) -> bool {
        matches!(
            self.status,
            Status::Queued | Status::Sending | Status::Unconfirmed
        )
    }
}
