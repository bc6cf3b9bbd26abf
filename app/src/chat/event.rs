//! The vocabulary of the seam between the engine and the page: what happened, and what is to be done.

use std::time::Duration;

use bytes::Bytes;
use protocol::{HistoryPage, Position, RoomEvent, RoomsUpdate};

use super::outbox::Entry;

/// Something that happened. Events of a socket carry the generation that [`Effect::Connect`] gave it; those of an
/// abandoned socket are ignored, so late ones do no harm.
#[derive(Clone, Debug)]
pub enum Event {
    /// The page is ready: connect.
    Start,
    /// The socket is open.
    Opened {
        /// Which socket.
        generation: u64,
    },
    /// The socket brought a text or binary message.
    Received {
        /// Which socket.
        generation: u64,
        /// Its bytes, as they came.
        bytes: Bytes,
    },
    /// The socket could not be opened, failed or was closed.
    Closed {
        /// Which socket.
        generation: u64,
    },
    /// An [`Effect::Fetch`] brought its page.
    Fetched {
        /// What was asked for.
        request: PageRequest,
        /// The answer.
        page: HistoryPage,
    },
    /// An [`Effect::Fetch`] failed, or took too long.
    FetchFailed {
        /// What was asked for.
        request: PageRequest,
    },
    /// The reader comes near the top: load the messages before the first row, if there are any.
    LoadOlder,
    /// The reader comes near the bottom: load the rows behind the last one, if there are any.
    LoadNewer,
    /// Show the latest rows in place of old ones.
    GoToLatest,
    /// Show the rows around this one, which is not among them.
    GoTo(Position),
    /// Send a failed message again.
    Retry {
        /// Its [`Pending::id`](super::Pending::id).
        id: String,
    },
    /// Forget a message that failed or was never sent.
    Discard {
        /// Its [`Pending::id`](super::Pending::id).
        id: String,
    },
    /// The storage held these of an earlier page or of a tab that is gone; they are this page's from now on.
    Adopted {
        /// In their order.
        entries: Vec<Entry>,
    },
    /// This page was asleep, and another tab has taken these over.
    TakenOver {
        /// Their [`Pending::id`](super::Pending::id)s.
        ids: Vec<String>,
    },
    /// An [`Effect::Store`] failed: the message will not outlive the page.
    NotKept {
        /// Its [`Pending::id`](super::Pending::id).
        id: String,
    },
    /// The page was hidden, frozen or asleep and is back (`visibilitychange` to visible, `pageshow`, a jump of the clock):
    /// the socket may be dead without having said so.
    Wake,
    /// The browser has a network again (`online`).
    Online,
    /// The browser says it has no network (`offline`). Only a hint: a server on this machine can still be reached.
    Offline,
    /// The person typed, and the field is not empty.
    Typed,
    /// The person has seen this message, and so all before it.
    Seen {
        /// Where it stands.
        position: Position,
    },
    /// The person does not want to wait for the next attempt.
    ReconnectNow,
    /// The time of the last [`Effect::WakeAfter`] is up.
    Tick,
}

/// Something to do, in the order given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Open a WebSocket with the subprotocol `v12.stomp`.
    Connect {
        /// The name of this socket in events and effects.
        generation: u64,
    },
    /// Drop the socket; nothing of it is listened to any more.
    Disconnect {
        /// Which socket.
        generation: u64,
    },
    /// Keep this in the browser's storage in place of what has the same id, before any effect behind this one.
    Store(Entry),
    /// Remove this from the browser's storage.
    Forget {
        /// The entry's id.
        id: String,
    },
    /// Send a text message on the socket.
    Transmit {
        /// Which socket.
        generation: u64,
        /// One STOMP frame.
        text: String,
    },
    /// Send [`Event::Tick`] after this time; replaces the wake-up before it.
    WakeAfter(Duration),
    /// Get a page of history over HTTP; answered by [`Event::Fetched`] or [`Event::FetchFailed`].
    Fetch(PageRequest),
    /// What the page shows has changed: at most once, at the end.
    Changed(Changes),
}

/// A page of the room's history (`GET /api/rooms/{room}/messages`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageRequest {
    /// The latest messages: without `before` and `after`.
    Latest,
    /// The messages before this one: `before={position}`.
    Before(Position),
    /// The messages after this one: `newer={position}`.
    Newer(Position),
    /// The messages before and after this one, and itself: `around={position}`.
    Around(Position),
}

/// What the server says in passing, as [`Setup::parse_passing`](super::Setup::parse_passing) reads it.
#[derive(Clone, Debug)]
pub enum Passing {
    /// About the people of the room.
    Room(RoomEvent),
    /// About all rooms.
    Rooms(RoomsUpdate),
}

/// What changed since the effects before, so that the page need not compare thousands of rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says of another part whether to look again"
)]
pub struct Changes {
    /// The rows are others than before: read all of them again. The two counts are then 0.
    pub reset: bool,
    /// How many rows are new at the end.
    pub appended: usize,
    /// How many rows came by the stream, the latest of [`Engine::heard`](super::Engine::heard); not all need be shown.
    pub heard: usize,
    /// Rows changed where they stand.
    pub changed: bool,
    /// How many rows are new at the start.
    pub prepended: usize,
    /// [`Engine::pending`](super::Engine::pending) changed.
    pub pending: bool,
    /// [`Engine::connection`](super::Engine::connection) changed.
    pub connection: bool,
    /// [`Engine::older`](super::Engine::older) or [`Engine::newer`](super::Engine::newer) changed.
    pub beyond: bool,
    /// The rows that the reader wanted to see could not be loaded.
    pub missed: bool,
    /// [`Engine::people`](super::Engine::people) changed.
    pub people: bool,
    /// [`Engine::rooms_listed`](super::Engine::rooms_listed) changed.
    pub rooms: bool,
}

/// Why the server refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The word for programs (`x-code`); empty if the server gave none. The page chooses its own wording by it.
    pub code: String,
    /// The server's sentence.
    pub sentence: String,
}
