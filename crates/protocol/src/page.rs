//! What a page is rendered from: the server writes it into the first HTML once, the browser reads it from there.

use serde::{Deserialize, Serialize};

use crate::message::{Message, Sender};
use crate::position::Epoch;
use crate::room::RoomName;

/// One page of a room's history, oldest first (`GET /api/rooms/{room}/messages`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryPage {
    /// The messages in the order of the log.
    pub messages: Vec<Message>,
    /// Whether there are more in the direction that was asked for.
    pub more: bool,
}

/// A room in the list of rooms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoomSummary {
    /// Its name.
    pub room: RoomName,
    /// Its latest message.
    pub last: Message,
}

/// A language that the pages are written in. The server chooses once per request; the browser never asks again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Korean.
    #[default]
    Ko,
    /// English.
    En,
}

impl Language {
    /// The tag for `<html lang>` and for asking the browser's `Intl` (BCP 47).
    pub fn tag(self) -> &'static str {
        match self {
            Self::Ko => "ko",
            Self::En => "en",
        }
    }

    /// The language that a BCP 47 tag such as `en-GB` asks for, if the pages have it.
    pub fn from_tag(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        [Self::Ko, Self::En]
            .into_iter()
            .find(|language| primary.eq_ignore_ascii_case(language.tag()))
    }
}

/// Who is looking at the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Viewer {
    /// The person, once there is a nickname.
    pub person: Option<Sender>,
    /// The language of the page.
    pub language: Language,
}

/// What `/` is rendered from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LobbyState {
    /// Who is looking.
    pub viewer: Viewer,
    /// The rooms, the most recently active first.
    pub rooms: Vec<RoomSummary>,
    /// Why the last form was refused, as a sentence in the viewer's language.
    pub notice: Option<String>,
}

/// What `/rooms/{room}` is rendered from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoomState {
    /// Who is looking.
    pub viewer: Viewer,
    /// The room that is open.
    pub room: RoomName,
    /// All rooms, the most recently active first.
    pub rooms: Vec<RoomSummary>,
    /// The life of the log that offsets belong to.
    pub epoch: Epoch,
    /// Offset of the room's latest message when the page was rendered, or -1 for an empty room: the browser subscribes from here.
    pub head: i64,
    /// The latest messages, oldest first.
    pub history: HistoryPage,
    /// Why the last form was refused, as a sentence in the viewer's language.
    pub notice: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_by_tag() {
        for (tag, language) in [
            ("ko", Some(Language::Ko)),
            ("KO-kr", Some(Language::Ko)),
            ("en_GB", Some(Language::En)),
            ("kok", None),
            ("", None),
        ] {
            assert_eq!(Language::from_tag(tag), language, "{tag}");
        }
        assert_eq!(serde_json::to_string(&Language::En).unwrap(), r#""en""#);
    }
}
