//! What a search answers, and what its page is rendered from.

use serde::{Deserialize, Serialize};

use crate::message::Message;
use crate::page::Viewer;
use crate::position::Position;
use crate::room::RoomName;

/// The answer to `GET /api/search`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SearchHits {
    /// What was found, the newest first.
    pub hits: Vec<SearchHit>,
    /// Whether there are older ones: ask again with `before` and the position of the last hit.
    pub more: bool,
}

/// A message that was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SearchHit {
    /// Its room.
    pub room: RoomName,
    /// The message as it is now.
    pub message: Message,
    /// The part of its text around the first word that was found.
    pub excerpt: Vec<Piece>,
}

/// A piece of an excerpt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// The text.
    pub text: String,
    /// Whether it is what was looked for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub found: bool,
}

/// What `/search` is rendered from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SearchState {
    /// Who is looking.
    pub viewer: Viewer,
    /// What is looked for, as it was typed; empty before anything was.
    pub query: String,
    /// The room that is searched; all of them where there is none.
    pub room: Option<RoomName>,
    /// The position of the hit below which this page begins.
    pub before: Option<Position>,
    /// What was found.
    pub found: SearchHits,
}
