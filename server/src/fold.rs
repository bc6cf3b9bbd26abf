//! Records of the log into rooms: dedupe, `prev` links, the tail that the store does not have yet.
//!
//! # Layout
//!
//! - `rule`: the rule for one partition, pure
//! - `form`: the documented form of a record
//! - `partition`: which partition a room lives in
//! - `tail`: what is folded but not yet committed to the store
//! - `rooms`: the rooms as this server has folded them, tail and store together
//! - `backlog`: how much waits for the store, and whether it waits too long
//! - `committer`: the thread that moves the tail into the store

mod backlog;
mod committer;
mod form;
mod partition;
mod rooms;
mod rule;
mod tail;

use std::sync::Arc;

use protocol::{Message, Position, RoomName};

pub use backlog::Limits;
pub use committer::Committer;
pub use form::SkipReason;
pub use partition::partition_of;
pub use rooms::{Counts, Follow, Rooms};
pub use rule::{Fingerprint, LogRecord, Lookup, Occurrence, Outcome, PartitionFold, WINDOW};

/// Learns what the fold decided, in the order of the log. Called under the partition's lock: be brief, never block.
pub trait Observer: Send + Sync {
    /// A message became visible in its room, whose message before it is `message.prev`.
    fn visible(&self, room: &RoomName, message: &Arc<Message>);

    /// A repeat of an earlier message was dropped; `first` is the copy that counts.
    fn duplicate(&self, room: &RoomName, uid: &str, id: &str, first: Position);

    /// A record that is no message was skipped. Only counted, as a rule.
    fn skipped(&self, _reason: &SkipReason) {}
}
