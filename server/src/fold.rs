//! Records of the log into rooms: dedupe, `prev` links, the tail that the store does not have yet.

use std::sync::Arc;

use protocol::{Message, Position, RoomName};

/// Learns what the fold decided, in the order of the log. Called under the partition's lock: be brief, never block.
pub trait Observer: Send + Sync {
    /// A message became visible in its room.
    fn visible(&self, message: &Arc<Message>);

    /// A repeat of an earlier message was dropped; `first` is the copy that counts.
    fn duplicate(&self, room: &RoomName, uid: &str, id: &str, first: Position);
}
