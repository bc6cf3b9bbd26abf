//! The name of a room, which is also its key in the log.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

use crate::limits;

/// A valid room name: 1 to 40 letters, digits or `-` of any script, in the one spelling that the server chose.
///
/// Parsing checks the length, ASCII and what cannot be part of any word. Which letters of other scripts a name may have, and
/// how what people type is brought into one spelling, the server alone decides (its module `names`): those tables are too
/// large for the browser.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct RoomName(String);

/// Why a text is no room name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RoomNameError {
    /// Nothing was given.
    #[error("a room name has at least one letter or digit")]
    Empty,
    /// More than [`limits::ROOM_CHARS`] characters.
    #[error("a room name has at most 40 characters")]
    TooLong,
    /// A character that is neither letter, digit nor `-`.
    #[error("a room name has letters, digits and - only, not {0:?}")]
    Character(char),
    /// Only hyphens.
    #[error("a room name has at least one letter or digit")]
    NoLetter,
    /// Upper case, which would be a second spelling of the same room.
    #[error("a room name is written in lower case")]
    UpperCase,
}

impl RoomName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RoomName {
    type Err = RoomNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(RoomNameError::Empty);
        }
        if text.chars().count() > limits::ROOM_CHARS {
            return Err(RoomNameError::TooLong);
        }
        if let Some(other) = text.chars().find(|letter| !may_be_in_a_name(*letter)) {
            return Err(RoomNameError::Character(other));
        }
        if text.chars().all(|letter| letter == '-') {
            return Err(RoomNameError::NoLetter);
        }
        if text.chars().any(char::is_uppercase) {
            return Err(RoomNameError::UpperCase);
        }
        Ok(Self(text.to_owned()))
    }
}

fn may_be_in_a_name(letter: char) -> bool {
    letter == '-'
        || letter.is_ascii_alphanumeric()
        || !(letter.is_ascii() || letter.is_control() || letter.is_whitespace())
}

impl fmt::Display for RoomName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl AsRef<str> for RoomName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for RoomName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_script_is_welcome() {
        for name in [
            "자유게시판",
            "general",
            "launch-2026",
            "مرحبا",
            "日本語",
            "ñandú",
        ] {
            assert!(name.parse::<RoomName>().is_ok(), "{name}");
        }
    }

    #[test]
    fn refused_with_the_reason() {
        for (name, reason) in [
            ("", RoomNameError::Empty),
            ("--", RoomNameError::NoLetter),
            ("a b", RoomNameError::Character(' ')),
            ("a.b", RoomNameError::Character('.')),
            ("a/b", RoomNameError::Character('/')),
            ("a\u{2003}b", RoomNameError::Character('\u{2003}')),
            ("General", RoomNameError::UpperCase),
        ] {
            assert_eq!(name.parse::<RoomName>(), Err(reason), "{name}");
        }
        assert!("가".repeat(40).parse::<RoomName>().is_ok());
        assert_eq!(
            "가".repeat(41).parse::<RoomName>(),
            Err(RoomNameError::TooLong)
        );
    }
}
