//! STOMP destinations of the chat: where clients send and what they may subscribe to.

use std::fmt;
use std::str::FromStr;

use crate::message::Kind;
use crate::room::{RoomName, RoomNameError};

/// A destination that Maru's chat knows (`docs/PROTOCOL.md`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Destination {
    /// `/app/rooms.{room}.{action}`: clients send there.
    ToRoom(RoomName, Action),
    /// `/topic/rooms.{room}`: clients subscribe to a room's messages there.
    Room(RoomName),
    /// `/topic/rooms.{room}.events`: clients subscribe to who is there, who types and how far people have read.
    RoomEvents(RoomName),
    /// `/user/queue/replies`: refusals and notices for this session alone.
    Replies,
    /// `/user/queue/rooms`: the rooms' latest messages and what this person has not read.
    Rooms,
}

/// What a SEND to a room asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Say something; with the header `ref` it answers that message.
    Send,
    /// Change the text of one's own message, named by the header `ref`.
    Edit,
    /// Take one's own message away, named by the header `ref`.
    Delete,
    /// React with the emoji in the body to the message named by the header `ref`.
    React,
    /// Take such a reaction back.
    Unreact,
    /// Tell that one is typing: shown for a moment and kept nowhere.
    Typing,
    /// Tell that one has read everything up to the message named by the header `ref`.
    Read,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 7] = [
        Self::Send,
        Self::Edit,
        Self::Delete,
        Self::React,
        Self::Unreact,
        Self::Typing,
        Self::Read,
    ];

    /// The last word of the destination.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Edit => "edit",
            Self::Delete => "delete",
            Self::React => "react",
            Self::Unreact => "unreact",
            Self::Typing => "typing",
            Self::Read => "read",
        }
    }

    /// The kind of record that it makes; nothing for what the room's log does not keep.
    pub fn kind(self) -> Option<Kind> {
        match self {
            Self::Send => Some(Kind::Message),
            Self::Edit => Some(Kind::Edit),
            Self::Delete => Some(Kind::Delete),
            Self::React => Some(Kind::React),
            Self::Unreact => Some(Kind::Unreact),
            Self::Typing | Self::Read => None,
        }
    }
}

/// Why a text is no destination of the chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DestinationError {
    /// Not one of the known forms.
    #[error(
        "known destinations are /app/rooms.ROOM.ACTION (send, edit, delete, react, unreact, typing, read), /topic/rooms.ROOM, /topic/rooms.ROOM.events, /user/queue/replies and /user/queue/rooms"
    )]
    Unknown,
    /// A known form with an invalid room name.
    #[error("{0}")]
    Room(#[from] RoomNameError),
}

impl fmt::Display for Destination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ToRoom(room, action) => {
                write!(formatter, "/app/rooms.{room}.{}", action.as_str())
            }
            Self::Room(room) => write!(formatter, "/topic/rooms.{room}"),
            Self::RoomEvents(room) => write!(formatter, "/topic/rooms.{room}.events"),
            Self::Replies => formatter.write_str("/user/queue/replies"),
            Self::Rooms => formatter.write_str("/user/queue/rooms"),
        }
    }
}

impl FromStr for Destination {
    type Err = DestinationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "/user/queue/replies" => return Ok(Self::Replies),
            "/user/queue/rooms" => return Ok(Self::Rooms),
            _ => {}
        }
        if let Some((room, word)) = text
            .strip_prefix("/app/rooms.")
            .and_then(|rest| rest.rsplit_once('.'))
        {
            let action = Action::ALL
                .into_iter()
                .find(|action| action.as_str() == word)
                .ok_or(DestinationError::Unknown)?;
            return Ok(Self::ToRoom(room.parse()?, action));
        }
        let Some(room) = text.strip_prefix("/topic/rooms.") else {
            return Err(DestinationError::Unknown);
        };
        // `.` is a separator, so what follows it tells another form, not a room with a bad name.
        match room.split_once('.') {
            None => Ok(Self::Room(room.parse()?)),
            Some((room, "events")) => Ok(Self::RoomEvents(room.parse()?)),
            Some(_) => Err(DestinationError::Unknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_and_read_again() {
        for text in [
            "/app/rooms.자유게시판.send",
            "/app/rooms.a.edit",
            "/app/rooms.a.delete",
            "/app/rooms.a.react",
            "/app/rooms.a.unreact",
            "/app/rooms.a.typing",
            "/app/rooms.a.read",
            "/topic/rooms.general",
            "/topic/rooms.자유게시판.events",
            "/user/queue/replies",
            "/user/queue/rooms",
        ] {
            assert_eq!(text.parse::<Destination>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn others_are_refused() {
        for text in [
            "",
            "/queue/a",
            "/topic/general",
            "/topic/rooms.a.other",
            "/topic/rooms.a.b.events",
            "/app/rooms.a.shout",
            "/user/queue/other",
        ] {
            assert_eq!(
                text.parse::<Destination>(),
                Err(DestinationError::Unknown),
                "{text}"
            );
        }
        for text in [
            "/topic/rooms.",
            "/topic/rooms.a b",
            "/app/rooms..send",
            "/topic/rooms.A",
            "/topic/rooms..events",
        ] {
            assert!(
                matches!(text.parse::<Destination>(), Err(DestinationError::Room(_))),
                "{text}"
            );
        }
    }
}
