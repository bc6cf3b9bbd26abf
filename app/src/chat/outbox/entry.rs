//! What of a composed message outlives the page, as text for the browser's storage.
//!
//! The text is the SEND frame itself with the outbox's own headers, so there is one form to write and to read.

use protocol::RoomName;
use stomp::Frame;

use super::{Composition, Failure};
use crate::chat::event::Refusal;
use crate::chat::wire;

/// When the message was composed and when it was last asked for, in Unix milliseconds of the page's clock.
const COMPOSED_AT: &str = "composed-at";
const ASKED_AT: &str = "asked-at";
/// Its place in the order of sending.
const RANK: &str = "rank";
/// Whether a copy may have reached a server.
const ATTEMPTED: &str = "attempted";
/// Why it is not tried again: [`TOO_OLD`] or [`REFUSED`], and the server's word and sentence.
const FAILURE: &str = "failure";
const FAILURE_CODE: &str = "failure-code";
const FAILURE_SENTENCE: &str = "failure-sentence";
const TOO_OLD: &str = "too-old";
const REFUSED: &str = "refused";

/// A composed message as it is kept until the room has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its `client-msg-id`.
    pub id: String,
    /// Where it is to be said.
    pub room: RoomName,
    /// What is to be sent.
    pub composition: Composition,
    /// When it was composed, in Unix milliseconds of the page's clock.
    pub composed_at: u64,
    /// When it was composed or the person asked for it again: the start of the 24 hours.
    pub asked_at: u64,
    /// Its place in the order of sending: grows with time and from message to message.
    pub rank: u64,
    /// Whether a copy may have reached a server.
    pub attempted: bool,
    /// Why it is not tried again by itself, if so.
    pub failure: Option<Failure>,
}

impl Entry {
    /// As text.
    pub fn encode(&self) -> String {
        let frame = wire::send(&self.room, &self.id, &self.composition)
            .with(COMPOSED_AT, self.composed_at.to_string())
            .with(ASKED_AT, self.asked_at.to_string())
            .with(RANK, self.rank.to_string())
            .with(ATTEMPTED, self.attempted.to_string());
        let frame = match &self.failure {
            None => frame,
            Some(Failure::TooOld) => frame.with(FAILURE, TOO_OLD),
            Some(Failure::Refused(refusal)) => frame
                .with(FAILURE, REFUSED)
                .with(FAILURE_CODE, refusal.code.as_str())
                .with(FAILURE_SENTENCE, refusal.sentence.as_str()),
        };
        wire::encode(&frame)
    }

    /// Reads what [`encode`](Self::encode) wrote; nothing if it is something else.
    pub fn decode(text: &str) -> Option<Self> {
        let frame = wire::decode(text)?;
        let (room, id, composition) = wire::read_send(&frame)?;
        let failure = match wire::text(&frame, FAILURE) {
            None => None,
            Some(TOO_OLD) => Some(Failure::TooOld),
            Some(_) => Some(Failure::Refused(Refusal {
                code: field(&frame, FAILURE_CODE),
                sentence: field(&frame, FAILURE_SENTENCE),
            })),
        };
        Some(Self {
            id,
            room,
            composition,
            composed_at: wire::number(&frame, COMPOSED_AT)?,
            asked_at: wire::number(&frame, ASKED_AT)?,
            rank: wire::number(&frame, RANK)?,
            attempted: wire::text(&frame, ATTEMPTED) == Some("true"),
            failure,
        })
    }
}

fn field(frame: &Frame, name: &str) -> String {
    wire::text(frame, name).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        Entry {
            id: "0193b1c2-7d6e-7c41-9a52-0c6f2f6f8f11".to_owned(),
            room: "자유게시판".parse().unwrap(),
            composition: Composition::message("안녕\r\n: \\ \0 하세요\n\n"),
            composed_at: 1_763_900_000_000,
            asked_at: 1_763_900_000_001,
            rank: 1_763_900_000_002,
            attempted: false,
            failure: None,
        }
    }

    #[test]
    fn written_and_read_again() {
        let refusal = Refusal {
            code: "forbidden".to_owned(),
            sentence: "Not\nhere: never\\.".to_owned(),
        };
        for (attempted, failure) in [
            (false, None),
            (true, None),
            (true, Some(Failure::TooOld)),
            (true, Some(Failure::Refused(refusal))),
        ] {
            let entry = Entry {
                attempted,
                failure,
                ..entry()
            };
            assert_eq!(Entry::decode(&entry.encode()), Some(entry));
        }
    }

    #[test]
    fn what_is_something_else_is_passed_over() {
        let whole = entry().encode();
        for end in 0..whole.len() {
            if let Some(part) = whole.get(..end) {
                assert_eq!(Entry::decode(part), None, "{part:?}");
            }
        }
        for text in [
            whole.replacen("SEND", "MESSAGE", 1),
            whole.replacen("/app/", "/topic/", 1),
            whole.replacen("rank:", "rang:", 1),
            whole.replacen("rank:1", "rank:-1", 1),
            format!("{whole}{whole}"),
        ] {
            assert_eq!(Entry::decode(&text), None, "{text:?}");
        }
    }
}
