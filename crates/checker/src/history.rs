//! What a run writes down: events as its clients saw them, in memory and as lines of JSON.

use std::io::{BufRead, Write};

use serde::{Deserialize, Serialize};

/// Where a message stands within its room's partition.
pub type Offset = i64;

/// The offset before the first one.
pub const NOTHING: Offset = -1;

macro_rules! number {
    ($(#[$meta:meta])* $name:ident($inner:ty)) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);
    };
}

number!(
    /// A person's program; it may connect many times.
    Client(u32)
);
number!(
    /// One connection of a client; never used twice in a run.
    Connection(u32)
);
number!(
    /// A room.
    Room(u32)
);
number!(
    /// Somebody who reads a room's pages.
    Reader(u32)
);
number!(
    /// A message as its author named it: retries have the same number, no two messages have.
    MessageId(u64)
);
number!(
    /// A hash of a message's text.
    Content(u64)
);

/// A message where somebody saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Where it stands.
    pub offset: Offset,
    /// Where the message before it in the room stands, [`NOTHING`] for the first.
    pub prev: Offset,
    /// Which one it is.
    pub message: MessageId,
    /// What it says.
    pub content: Content,
}

/// From where a subscription gets messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// What comes after this offset, which the server named; what came before is not asked for.
    Live(Offset),
    /// What comes after this offset, which the client named and the server agreed to.
    Recovered(Offset),
    /// What comes after this offset, which the server named: it said that it cannot go on from the client's.
    NotRecovered(Offset),
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum What {
    /// An attempt to send begins. The first one of a message counts as its beginning.
    Send {
        /// Its author.
        client: Client,
        /// Where to.
        room: Room,
        /// Which one.
        message: MessageId,
        /// What it says.
        content: Content,
    },
    /// The author was told that it stands there for good.
    Acked {
        /// Which one.
        message: MessageId,
        /// Where.
        offset: Offset,
    },
    /// The author was told that it will never stand anywhere.
    Refused {
        /// Which one.
        message: MessageId,
    },
    /// A room is subscribed to.
    Subscribed {
        /// By whom.
        client: Client,
        /// Over which connection.
        connection: Connection,
        /// Which room.
        room: Room,
        /// From where on.
        start: Start,
    },
    /// A message arrived.
    Delivered {
        /// At whom.
        client: Client,
        /// Over which connection.
        connection: Connection,
        /// In which room.
        room: Room,
        /// What.
        entry: Entry,
    },
    /// A connection ended; its subscriptions ended with it.
    Closed {
        /// Whose.
        client: Client,
        /// Which one.
        connection: Connection,
    },
    /// A part of a room was read: consecutive messages.
    Page {
        /// By whom.
        reader: Reader,
        /// Which room.
        room: Room,
        /// What, in the order of the page.
        entries: Vec<Entry>,
    },
    /// After the run a room was read from its first to its last message. At least two readers do that, at two servers.
    Final {
        /// By whom.
        reader: Reader,
        /// Which room.
        room: Room,
        /// What.
        entries: Vec<Entry>,
    },
    /// All is quiet and was healed long ago: whoever is subscribed now has everything.
    Quiet,
    /// Something was broken, or mended.
    Fault {
        /// What, for the reader of the history.
        name: String,
    },
}

/// Something that happened, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Nanoseconds since the beginning of the run, on one clock that never goes back.
    pub at: u64,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// Why a history cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file or pipe failed.
    #[error("cannot read the history: {0}")]
    Unreadable(#[from] std::io::Error),
    /// A line is no event.
    #[error("line {line} of the history is no event: {source}")]
    NoEvent {
        /// Counted from 1.
        line: usize,
        /// Why.
        source: serde_json::Error,
    },
}

/// Reads a history: one event a line.
pub fn read(lines: impl BufRead) -> Result<Vec<Event>, ReadError> {
    lines
        .lines()
        .zip(1..)
        .map(|(text, line)| {
            serde_json::from_str(&text?).map_err(|source| ReadError::NoEvent { line, source })
        })
        .collect()
}

/// Writes a history: one event a line.
pub fn write(history: &[Event], mut to: impl Write) -> std::io::Result<()> {
    for event in history {
        serde_json::to_writer(&mut to, event)?;
        to.write_all(b"\n")?;
    }
    to.flush()
}
