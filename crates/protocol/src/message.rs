//! A message as people see it ([`Message`]) and as the log holds it ([`Record`]).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::position::Position;
use crate::room::RoomName;

/// The version of the record form that this program writes and fully understands.
pub const RECORD_VERSION: u32 = 1;

/// Who sent a message. Set by the server from the session, never taken from what a client wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sender {
    /// Stable id of the person or program.
    pub uid: String,
    /// The nickname at the time of sending.
    pub name: String,
}

/// What a record does to its room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Somebody said something.
    Message,
    /// The body of an earlier message changes.
    Edit,
    /// An earlier message goes.
    Delete,
    /// A reaction to an earlier message.
    React,
    /// A reaction is taken back.
    Unreact,
    /// The house itself says something.
    System,
    /// A kind that a newer version of Maru wrote; kept, and shown as unsupported.
    #[serde(other)]
    Unsupported,
}

impl Kind {
    /// Every kind that this version understands.
    pub const KNOWN: [Self; 6] = [
        Self::Message,
        Self::Edit,
        Self::Delete,
        Self::React,
        Self::Unreact,
        Self::System,
    ];

    /// The word used in the record's `type` and the `x-type` header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Edit => "edit",
            Self::Delete => "delete",
            Self::React => "react",
            Self::Unreact => "unreact",
            Self::System => "system",
            Self::Unsupported => "unsupported",
        }
    }

    /// The kind that a word names; an unknown word is [`Kind::Unsupported`].
    pub fn from_word(word: &str) -> Self {
        Self::KNOWN
            .into_iter()
            .find(|kind| kind.as_str() == word)
            .unwrap_or(Self::Unsupported)
    }
}

/// The value of a record in `maru.messages`: documented JSON that any Kafka client can read and write.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Version of this form; a higher one than [`RECORD_VERSION`] is stored and shown as unsupported.
    pub v: u32,
    /// What the record does.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// The sender's own id of the message (`client-msg-id`): unique per sender and room.
    pub id: String,
    /// The room, equal to the record's key.
    pub room: RoomName,
    /// Who sent it.
    pub sender: Sender,
    /// The message that this one answers, changes, takes away or reacts to.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Position>,
    /// The text, or the emoji of a reaction; empty for kinds that need none.
    #[serde(default)]
    pub body: String,
    /// Fields of newer versions and headers that clients added: kept as they came.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// A message in its place: what the history API, the page and STOMP's MESSAGE frames are made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Where it stands.
    pub position: Position,
    /// Offset of the message before it in the same room; absent for the room's first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev: Option<i64>,
    /// When the log took it, in Unix milliseconds. For display only: order is by position.
    pub ts: i64,
    /// What it does.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// The sender's own id of the message.
    pub id: String,
    /// Who sent it.
    pub sender: Sender,
    /// The message that this one answers, changes, takes away or reacts to.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Position>,
    /// The text, or the emoji of a reaction. In a page of history it is the text after the last edit.
    pub body: String,
    /// What later records made of it.
    #[serde(flatten)]
    pub folded: Folded,
    /// Fields of newer versions and headers that clients added: kept as they came.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// What a page of history says of a message beyond its record: what later records of the room made of it, and what it answers.
///
/// In the stream (live messages, replays, `?after=`) only [`Folded::quote`] can be there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folded {
    /// In a page: offset of the row above it in the room, where that is not `prev` (which may be a reaction); -1 where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub above: Option<i64>,
    /// What the message that it answers said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote: Option<Box<Quote>>,
    /// When it was last edited, in Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited: Option<i64>,
    /// Whether its author or a moderator took it away; the body is empty then.
    #[serde(default, skip_serializing_if = "is_false")]
    pub deleted: bool,
    /// Reactions in the order in which their first came.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reactions: Vec<Reaction>,
}

/// The beginning of a message that another one answers, as it was when this was written or read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// Who wrote it.
    pub sender: Sender,
    /// Its beginning on one line, at most [`crate::limits::QUOTE_CHARS`] characters; empty if it was deleted.
    pub text: String,
    /// Whether it was deleted.
    #[serde(default, skip_serializing_if = "is_false")]
    pub deleted: bool,
}

/// Everybody who reacted to a message with the same emoji.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reaction {
    /// The emoji.
    pub emoji: String,
    /// Ids of the people, in the order in which they reacted; never empty.
    pub by: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_false(value: &bool) -> bool {
    !value
}

impl Kind {
    /// Whether a record of this kind is a row of its own in the room; the others change an earlier row.
    pub fn is_row(self) -> bool {
        matches!(self, Self::Message | Self::System | Self::Unsupported)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_record_form() {
        let text = r#"{"v":1,"type":"message","id":"m-1","room":"자유게시판","sender":{"uid":"u","name":"지우"},"body":"안녕"}"#;
        let record: Record = serde_json::from_str(text).unwrap();
        assert_eq!(record.kind, Kind::Message);
        assert_eq!(serde_json::to_string(&record).unwrap(), text);
    }

    #[test]
    fn a_kind_is_known_by_the_word_that_records_have() {
        for kind in Kind::KNOWN {
            assert_eq!(Kind::from_word(kind.as_str()), kind);
            assert_eq!(
                serde_json::to_string(&kind).unwrap(),
                format!("{:?}", kind.as_str())
            );
        }
        assert_eq!(Kind::from_word("poll"), Kind::Unsupported);
    }

    #[test]
    fn unknown_fields_and_kinds_are_kept() {
        let text = r#"{"v":2,"type":"poll","id":"m","room":"a","sender":{"uid":"u","name":"n"},"choices":["x"]}"#;
        let record: Record = serde_json::from_str(text).unwrap();
        assert_eq!(record.kind, Kind::Unsupported);
        assert_eq!(record.other["choices"][0], "x");
    }
}
