//! Which messages are shown as one run, under one name and picture.

use protocol::{Kind, Message};

/// The longest pause within a run, in milliseconds.
const PAUSE_MS: u64 = 5 * 60 * 1000;

/// Whether `message` continues the run of `before`, the row just before it in the order of the log: the same author
/// under the same name, no more than five minutes later.
pub fn continues(before: &Message, message: &Message) -> bool {
    before.kind == Kind::Message
        && message.kind == Kind::Message
        && before.sender == message.sender
        && before.ts.abs_diff(message.ts) <= PAUSE_MS
}

#[cfg(test)]
mod tests {
    use protocol::{Epoch, Position, Sender};

    use super::*;
    use protocol::Folded;

    fn message(uid: &str, name: &str, ts: i64) -> Message {
        Message {
            reference: None,
            folded: Folded::default(),
            position: Position {
                epoch: Epoch(1),
                partition: 0,
                offset: 0,
            },
            prev: None,
            ts,
            kind: Kind::Message,
            id: String::new(),
            sender: Sender {
                uid: uid.to_owned(),
                name: name.to_owned(),
            },
            body: "안녕".to_owned(),
            other: serde_json::Map::new(),
        }
    }

    #[test]
    fn one_author_within_five_minutes() {
        let first = message("u1", "지우", 1_000_000);
        for (uid, name, ts, expected) in [
            ("u1", "지우", 1_000_000, true),
            ("u1", "지우", 1_300_000, true),
            ("u1", "지우", 1_300_001, false),
            // Clocks of log and brokers may step back: close is close.
            ("u1", "지우", 999_000, true),
            ("u1", "지우", i64::MIN, false),
            // Names need not be unique, and a new name must be seen.
            ("u2", "지우", 1_000_000, false),
            ("u1", "민준", 1_000_000, false),
        ] {
            assert_eq!(
                continues(&first, &message(uid, name, ts)),
                expected,
                "{uid} {name} {ts}"
            );
        }
    }

    #[test]
    fn only_messages_make_runs() {
        let spoken = message("u1", "지우", 0);
        let system = Message {
            kind: Kind::System,
            ..spoken.clone()
        };
        assert!(!continues(&spoken, &system));
        assert!(!continues(&system, &spoken));
        assert!(!continues(&system, &system));
    }
}
