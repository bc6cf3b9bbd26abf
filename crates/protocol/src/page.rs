//! What a page is rendered from: the server writes it into the first HTML once, the browser reads it from there.

use serde::{Deserialize, Serialize};

use crate::message::{Message, Sender};
use crate::position::{Epoch, Position};
use crate::room::RoomName;

/// One page of a room's history, oldest first (`GET /api/rooms/{room}/messages`).
///
/// A page (`before`, `newer`, `around`, or the latest) has rows only, with what later records made of them folded in; the stream
/// (`after`) has every record as it came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryPage {
    /// The messages in the order of the log.
    pub messages: Vec<Message>,
    /// Whether there are more in the direction that was asked for: later ones for `after` and `newer`, earlier ones otherwise.
    pub more: bool,
    /// In a page `around` a message: whether there are later ones, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub newer: bool,
    /// Offset of the room's last record that is folded into the page, or -1: what comes later is still to be applied to it.
    #[serde(default = "nothing")]
    pub head: i64,
}

fn nothing() -> i64 {
    -1
}

/// A room in the list of rooms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoomSummary {
    /// Its name.
    pub room: RoomName,
    /// Its latest row, as it is now.
    pub last: Message,
    /// How many messages of others the viewer has not read, counted up to 100; 0 in rooms they have never read.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unread: usize,
    /// How many of those mention the viewer by name.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub mentions: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_zero(count: &usize) -> bool {
    *count == 0
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
    /// The colours of the page.
    #[serde(default)]
    pub theme: Theme,
}

/// The colours that the viewer chose, remembered by a cookie so that the first HTML has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// As the browser prefers.
    #[default]
    Auto,
    /// Always light.
    Light,
    /// Always dark.
    Dark,
}

impl Theme {
    /// Every choice.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Light, Self::Dark];

    /// The word in cookie, form and `data-theme`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The choice that a word names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.as_str() == word)
    }
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
    /// The latest messages, or those around [`RoomState::focus`], oldest first.
    pub history: HistoryPage,
    /// The message that the page was opened at by a permalink or a date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub focus: Option<Position>,
    /// Offset up to which the viewer has read the room; absent if they never did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<i64>,
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
