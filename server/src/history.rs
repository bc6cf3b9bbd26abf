//! The local store of history: rows and checkpoints in one SQLite file that can always be rebuilt from the log.
//!
//! # Layout
//!
//! - `audit`: reading everything, for whoever checks it
//! - `store`: opening the file, setting a damaged one aside, telling what it holds
//! - `rows`: columns and checksums
//! - `writer`: batches of rows with their checkpoints, in one transaction
//! - `reader`: pages, heads of rooms and the dedupe index
//!
//! Architecture invariant: nothing outside this module names SQLite, and a row whose checksum does not fit is never served.

pub mod audit;
mod reader;
mod rows;
mod store;
mod writer;

use std::sync::Arc;

use protocol::{Message, RoomName};

use crate::fold::{Fingerprint, WINDOW};

pub use reader::{Place, Reader};
pub use store::{Saved, SavedRoom, Store};
pub use writer::Writer;

/// The version of SQLite that is built in.
pub fn sqlite_version() -> &'static str {
    rusqlite::version()
}

/// Why the history could not be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HistoryError {
    /// The file holds something that was not written so. It is set aside and rebuilt from the log at the next start.
    #[error(
        "the history store is damaged ({0}); restart the server to have it rebuilt from the log"
    )]
    Damaged(String),
    /// The file cannot be read or written now; the same call may work later.
    #[error("the history store cannot be used now: {0}")]
    Unavailable(String),
}

/// The store's own number for a room.
pub type RoomId = i64;

/// A visible message on its way into the store.
#[derive(Clone, Debug)]
pub struct Row {
    /// The number of its room.
    pub id: RoomId,
    /// Its room.
    pub room: RoomName,
    /// The message.
    pub message: Arc<Message>,
    /// Its name in the dedupe index.
    pub copy: Fingerprint,
    /// The fold clock at this record, in Unix milliseconds.
    pub at: i64,
}

/// How far a partition has been folded into the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which partition.
    pub partition: i32,
    /// The offset after the last record that is accounted for.
    pub next: i64,
    /// The hash of that last record.
    pub hash: u32,
    /// The fold clock after it, in Unix milliseconds.
    pub clock: i64,
}

/// What is committed together: visible messages, and how far their partitions have come with them.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The messages.
    pub rows: Vec<Row>,
    /// One for each partition that moved.
    pub checkpoints: Vec<Checkpoint>,
}

/// The part of the dedupe index that an occurrence at `at` lies in. A part is as wide as the window, so a lookup asks two.
fn bucket(at: i64) -> i64 {
    at.div_euclid(WINDOW)
}
