//! STOMP destinations of the chat: where clients send and what they may subscribe to.

use std::fmt;
use std::str::FromStr;

use crate::room::{RoomName, RoomNameError};

/// A destination that Maru's chat knows (`docs/PROTOCOL.md`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Destination {
    /// `/app/rooms.{room}.send`: clients send a message there.
    RoomSend(RoomName),
    /// `/topic/rooms.{room}`: clients subscribe to a room's messages there.
    Room(RoomName),
    /// `/topic/rooms.{room}.events`: clients subscribe to who is there and who types there. Nothing is sent yet.
    RoomEvents(RoomName),
    /// `/user/queue/replies`: refusals and notices for this session alone.
    Replies,
}

/// Why a text is no destination of the chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DestinationError {
    /// Not one of the known forms.
    #[error(
        "known destinations are /app/rooms.ROOM.send, /topic/rooms.ROOM, /topic/rooms.ROOM.events and /user/queue/replies"
    )]
    Unknown,
    /// A known form with an invalid room name.
    #[error("{0}")]
    Room(#[from] RoomNameError),
}

impl fmt::Display for Destination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RoomSend(room) => write!(formatter, "/app/rooms.{room}.send"),
            Self::Room(room) => write!(formatter, "/topic/rooms.{room}"),
            Self::RoomEvents(room) => write!(formatter, "/topic/rooms.{room}.events"),
            Self::Replies => formatter.write_str("/user/queue/replies"),
        }
    }
}

impl FromStr for Destination {
    type Err = DestinationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "/user/queue/replies" {
            return Ok(Self::Replies);
        }
        if let Some(room) = text
            .strip_prefix("/app/rooms.")
            .and_then(|rest| rest.strip_suffix(".send"))
        {
            return Ok(Self::RoomSend(room.parse()?));
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
            "/topic/rooms.general",
            "/topic/rooms.자유게시판.events",
            "/user/queue/replies",
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
            "/app/rooms.a.typing",
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
