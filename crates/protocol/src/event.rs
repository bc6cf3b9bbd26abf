//! What is said in passing, on `/topic/rooms.{room}.events` and `/user/queue/rooms`: kept nowhere and never replayed.

use serde::{Deserialize, Serialize};

use crate::message::{Message, Sender};
use crate::room::RoomName;

/// The body of a MESSAGE on `/topic/rooms.{room}.events`, told apart by `type`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum RoomEvent {
    /// Who is there: the first event of a subscription, and again when it is simpler than telling what changed.
    Presence {
        /// Everybody, in the order of their names; nobody is named in rooms of more than [`crate::limits::PEOPLE`].
        people: Vec<Sender>,
        /// How many there are.
        count: usize,
    },
    /// Who came and who went since the event before.
    Changed {
        /// Who came.
        joined: Vec<Sender>,
        /// Who went.
        left: Vec<Sender>,
        /// How many there are now.
        count: usize,
    },
    /// Somebody types: to be shown for six seconds, or until a message of theirs arrives.
    Typing {
        /// Who.
        sender: Sender,
    },
    /// How far the room's members have read, at most once a second and only in rooms of up to 100 members.
    Read {
        /// For every member, the offset of the last message read, ascending. A message is not yet read by as many as have a
        /// lower offset here.
        offsets: Vec<i64>,
    },
}

/// The body of a MESSAGE on `/user/queue/rooms`, at most one a second: the first is whole, later ones hold what changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RoomsUpdate {
    /// The rooms.
    pub rooms: Vec<RoomUpdate>,
}

/// How a room stands with one person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoomUpdate {
    /// The room.
    pub room: RoomName,
    /// Its latest row, as it is now.
    pub last: Message,
    /// How many messages of others the person has not read, counted up to 100; 0 in rooms they have never read.
    pub unread: usize,
    /// How many of those mention the person by name.
    pub mentions: usize,
    /// The offset up to which the person has read; absent in rooms they have never read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_form() {
        let sender = || Sender {
            uid: "u".to_owned(),
            name: "지우".to_owned(),
        };
        for (event, text) in [
            (
                RoomEvent::Presence {
                    people: vec![sender()],
                    count: 1,
                },
                r#"{"type":"presence","people":[{"uid":"u","name":"지우"}],"count":1}"#,
            ),
            (
                RoomEvent::Changed {
                    joined: vec![],
                    left: vec![sender()],
                    count: 0,
                },
                r#"{"type":"changed","joined":[],"left":[{"uid":"u","name":"지우"}],"count":0}"#,
            ),
            (
                RoomEvent::Typing { sender: sender() },
                r#"{"type":"typing","sender":{"uid":"u","name":"지우"}}"#,
            ),
            (
                RoomEvent::Read {
                    offsets: vec![3, 18],
                },
                r#"{"type":"read","offsets":[3,18]}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&event).unwrap(), text);
            assert_eq!(serde_json::from_str::<RoomEvent>(text).unwrap(), event);
        }
    }
}
