//! What later records make of a message: the one rule by which every server and every browser folds a room.

use crate::limits;
use crate::message::{Kind, Message, Quote, Reaction};

/// Applies a record of the same room to the message that it changes; tells whether that changed anything.
///
/// Records are to be applied in the order of the log. One that names another message, that is a row of its own, or that changes what
/// is no [`Kind::Message`] or was deleted, changes nothing. The author is not looked at: who may write what is decided before a
/// record is in the log.
pub fn fold(target: &mut Message, record: &Message) -> bool {
    if target.kind != Kind::Message
        || target.folded.deleted
        || record.reference != Some(target.position)
    {
        return false;
    }
    match record.kind {
        Kind::Edit => {
            target.body.clone_from(&record.body);
            target.folded.edited = Some(record.ts);
            true
        }
        Kind::Delete => {
            // What clients sent along may say as much as the text.
            target.other.clear();
            target.body.clear();
            target.folded.reactions.clear();
            target.folded.deleted = true;
            true
        }
        Kind::React => react(
            &mut target.folded.reactions,
            &record.body,
            &record.sender.uid,
        ),
        Kind::Unreact => unreact(
            &mut target.folded.reactions,
            &record.body,
            &record.sender.uid,
        ),
        Kind::Message | Kind::System | Kind::Unsupported => false,
    }
}

/// Whether a text can stand as the emoji of a reaction. It is short and has neither blanks nor control characters; that it is an
/// emoji at all depends on the version of Unicode, so a server asks that of those who send, and nobody of what is in the log.
pub fn is_reaction(text: &str) -> bool {
    (1..=limits::EMOJI_BYTES).contains(&text.len())
        && !text
            .chars()
            .any(|letter| letter.is_control() || letter.is_whitespace())
}

/// What a message that answers `target` shows of it: its beginning on one line.
pub fn quote(target: &Message) -> Quote {
    let mut text = String::new();
    let mut left = limits::QUOTE_CHARS;
    for word in target.body.split_whitespace() {
        if !text.is_empty() {
            text.push(' ');
            left -= 1;
        }
        for letter in word.chars().take(left) {
            text.push(letter);
            left -= 1;
        }
        // A blank needs a letter after it.
        if left <= 1 {
            break;
        }
    }
    Quote {
        sender: target.sender.clone(),
        text,
        deleted: target.folded.deleted,
    }
}

fn react(reactions: &mut Vec<Reaction>, emoji: &str, uid: &str) -> bool {
    if let Some(known) = reactions.iter_mut().find(|known| known.emoji == emoji) {
        let new = known.by.len() < limits::REACTORS && !known.by.iter().any(|one| one == uid);
        if new {
            known.by.push(uid.to_owned());
        }
        return new;
    }
    let new = is_reaction(emoji) && reactions.len() < limits::REACTIONS;
    if new {
        reactions.push(Reaction {
            emoji: emoji.to_owned(),
            by: vec![uid.to_owned()],
        });
    }
    new
}

fn unreact(reactions: &mut Vec<Reaction>, emoji: &str, uid: &str) -> bool {
    let Some(index) = reactions.iter().position(|known| known.emoji == emoji) else {
        return false;
    };
    let by = &mut reactions[index].by;
    let before = by.len();
    by.retain(|one| one != uid);
    let gone = by.len() < before;
    if by.is_empty() {
        reactions.remove(index);
    }
    gone
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;
    use crate::message::{Folded, Sender};
    use crate::position::Position;

    fn at(offset: i64) -> Position {
        format!("5f2c9a01-3-{offset}").parse().unwrap()
    }

    fn record(offset: i64, kind: Kind, uid: &str, reference: Option<i64>, body: &str) -> Message {
        Message {
            position: at(offset),
            prev: None,
            ts: 1_000 + offset,
            kind,
            id: format!("m{offset}"),
            sender: Sender {
                uid: uid.to_owned(),
                name: "n".to_owned(),
            },
            reference: reference.map(at),
            body: body.to_owned(),
            folded: Folded::default(),
            other: Map::new(),
        }
    }

    fn reactions(message: &Message) -> Vec<(&str, Vec<&str>)> {
        assert!(
            message
                .folded
                .reactions
                .iter()
                .all(|one| !one.by.is_empty())
        );
        let all = message.folded.reactions.iter();
        all.map(|one| {
            (
                one.emoji.as_str(),
                one.by.iter().map(String::as_str).collect(),
            )
        })
        .collect()
    }

    #[test]
    fn an_edit_changes_the_text_and_a_deletion_is_final() {
        let mut target = record(5, Kind::Message, "u", None, "a");
        target.other.insert("headers".to_owned(), "x".into());
        assert!(fold(&mut target, &record(7, Kind::Edit, "u", Some(5), "b")));
        assert_eq!(
            (target.body.as_str(), target.folded.edited),
            ("b", Some(1_007))
        );
        assert!(fold(
            &mut target,
            &record(8, Kind::React, "v", Some(5), "👍")
        ));
        assert!(fold(
            &mut target,
            &record(9, Kind::Delete, "u", Some(5), "")
        ));
        let deleted = target.clone();
        assert!(target.folded.deleted && target.body.is_empty() && target.other.is_empty());
        assert_eq!(reactions(&target), []);
        for kind in Kind::KNOWN {
            assert!(!fold(&mut target, &record(10, kind, "u", Some(5), "👍")));
        }
        assert_eq!(target, deleted);
    }

    #[test]
    fn reactions_are_sets_in_the_order_of_their_first() {
        let mut target = record(5, Kind::Message, "u", None, "a");
        let mut say = |kind, uid, emoji| fold(&mut target, &record(9, kind, uid, Some(5), emoji));
        assert!(say(Kind::React, "a", "👍"));
        assert!(say(Kind::React, "a", "❤️"));
        assert!(say(Kind::React, "b", "👍"));
        assert!(!say(Kind::React, "b", "👍"), "once a person");
        assert!(!say(Kind::Unreact, "c", "👍") && !say(Kind::Unreact, "a", "😀"));
        assert!(say(Kind::Unreact, "a", "👍"));
        assert!(say(Kind::Unreact, "a", "❤️"));
        assert!(say(Kind::React, "a", "👍"));
        assert_eq!(reactions(&target), [("👍", vec!["b", "a"])]);
    }

    #[test]
    fn reactions_are_bounded() {
        let mut target = record(5, Kind::Message, "u", None, "a");
        let long = "x".repeat(limits::EMOJI_BYTES + 1);
        for emoji in ["", " ", "a\nb", long.as_str()] {
            assert!(!fold(
                &mut target,
                &record(6, Kind::React, "u", Some(5), emoji)
            ));
        }
        for number in 0..=limits::REACTIONS {
            let new = record(6, Kind::React, "u", Some(5), &format!(":{number}"));
            assert_eq!(fold(&mut target, &new), number < limits::REACTIONS);
        }
        assert!(fold(
            &mut target,
            &record(7, Kind::React, "v", Some(5), ":0")
        ));
    }

    #[test]
    fn people_with_the_same_reaction_are_bounded() {
        let mut target = record(5, Kind::Message, "u", None, "a");
        let mut say = |kind, uid: usize| {
            fold(
                &mut target,
                &record(9, kind, &uid.to_string(), Some(5), "👍"),
            )
        };
        for uid in 0..limits::REACTORS + 2 {
            assert_eq!(say(Kind::React, uid), uid < limits::REACTORS, "{uid}");
        }
        assert!(!say(Kind::Unreact, limits::REACTORS));
        assert!(say(Kind::Unreact, 0));
        assert!(say(Kind::React, limits::REACTORS + 1), "a place is free");
        assert!(!say(Kind::React, 0));
        let by = &target.folded.reactions[0].by;
        assert_eq!(by.len(), limits::REACTORS);
        assert_eq!(by.last(), Some(&(limits::REACTORS + 1).to_string()));
    }

    #[test]
    fn others_change_nothing() {
        for target in [Kind::System, Kind::Unsupported, Kind::Edit] {
            let mut target = record(5, target, "u", None, "a");
            assert!(!fold(
                &mut target,
                &record(6, Kind::Edit, "u", Some(5), "b")
            ));
        }
        let mut target = record(5, Kind::Message, "u", None, "a");
        for reference in [None, Some(4)] {
            assert!(!fold(
                &mut target,
                &record(6, Kind::Edit, "u", reference, "b")
            ));
        }
        for kind in [Kind::Message, Kind::System, Kind::Unsupported] {
            assert!(!fold(&mut target, &record(6, kind, "u", Some(5), "b")));
        }
        assert_eq!(target, record(5, Kind::Message, "u", None, "a"));
    }

    #[test]
    fn a_quote_is_a_beginning_on_one_line() {
        let of = |body: &str| quote(&record(5, Kind::Message, "u", None, body)).text;
        assert_eq!(of(" 하나\n\n둘\t 셋 "), "하나 둘 셋");
        assert_eq!(of(""), "");
        assert_eq!(of(&"가".repeat(200)), "가".repeat(limits::QUOTE_CHARS));
        for (word, length) in [("a ", 99), ("ab ", 100), ("abcd ", 99)] {
            let words = of(&word.repeat(100));
            assert_eq!(words.chars().count(), length, "{words:?}");
            assert!(!words.ends_with(' '), "{words:?}");
        }
    }
}
