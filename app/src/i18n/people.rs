//! Sentences about people: who is here, who types, who came and went, who has read what.

use protocol::{Language, Sender};

use super::capped;
use crate::chat::Moves;

/// How many people are in the room, in the header. The number is written already.
pub fn online(language: Language, count: &str) -> String {
    match language {
        Language::Ko => format!("{count}명 온라인"),
        Language::En => format!("{count} online"),
    }
}

/// Heading of the list of people.
pub fn people(language: Language, count: usize) -> String {
    match (language, count) {
        (Language::Ko, _) => format!("대화 상대 {count}명"),
        (Language::En, 1) => "1 person here".to_owned(),
        (Language::En, _) => format!("{count} people here"),
    }
}

/// How many members have not read a message.
pub fn not_read_by(language: Language, count: usize) -> String {
    match language {
        Language::Ko => format!("{count}명이 아직 읽지 않았습니다"),
        Language::En => format!("Not read by {count}"),
    }
}

/// What the badge of a room says to screen readers.
pub fn unread(language: Language, count: usize, mentions: usize) -> String {
    let count = capped(count);
    match (language, mentions) {
        (Language::Ko, 0) => format!("읽지 않은 메시지 {count}개"),
        (Language::Ko, _) => format!("읽지 않은 메시지 {count}개, 나를 부른 메시지 있음"),
        (Language::En, 0) => format!("{count} unread"),
        (Language::En, _) => format!("{count} unread, with mentions"),
    }
}

/// Who types: one or two by name.
pub fn typing(language: Language, names: &[&str]) -> String {
    match (language, names) {
        (_, []) => String::new(),
        (Language::Ko, [name]) => format!("{name}님이 입력하고 있습니다…"),
        (Language::Ko, [one, other]) => format!("{one}님, {other}님이 입력하고 있습니다…"),
        (Language::Ko, [name, others @ ..]) => {
            format!("{name}님 외 {}명이 입력하고 있습니다…", others.len())
        }
        (Language::En, [name]) => format!("{name} is typing…"),
        (Language::En, [one, other]) => format!("{one} and {other} are typing…"),
        (Language::En, [name, others @ ..]) => {
            format!("{name} and {} others are typing…", others.len())
        }
    }
}

/// Who came and who went just now.
pub fn moves(language: Language, moves: &Moves) -> String {
    let (came, went) = match language {
        Language::Ko => ("들어왔습니다", "나갔습니다"),
        Language::En => ("joined", "left"),
    };
    let told = [(&moves.came, came), (&moves.went, went)].map(|(people, what)| {
        let [Sender { name, .. }, others @ ..] = people.as_slice() else {
            return String::new();
        };
        match (language, others.len()) {
            (Language::Ko, 0) => format!("{name}님이 {what}"),
            (Language::Ko, others) => format!("{name}님 외 {others}명이 {what}"),
            (Language::En, 0) => format!("{name} {what}"),
            (Language::En, 1) => format!("{name} and 1 other {what}"),
            (Language::En, others) => format!("{name} and {others} others {what}"),
        }
    });
    let [came, went] = &told;
    let between = if came.is_empty() || went.is_empty() {
        ""
    } else {
        " · "
    };
    told.join(between)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_in_words() {
        let people = |names: &[&str]| -> Vec<_> {
            let sender = |name: &&str| Sender {
                uid: String::new(),
                name: (*name).to_owned(),
            };
            names.iter().map(sender).collect()
        };
        let moved = |came: &[&str], went: &[&str]| Moves {
            came: people(came),
            went: people(went),
        };
        for (told, korean, english) in [
            (moved(&[], &[]), "", ""),
            (
                moved(&["지우"], &[]),
                "지우님이 들어왔습니다",
                "지우 joined",
            ),
            (
                moved(&["지우", "a", "b", "c"], &[]),
                "지우님 외 3명이 들어왔습니다",
                "지우 and 3 others joined",
            ),
            (
                moved(&["지우"], &["민준", "a"]),
                "지우님이 들어왔습니다 · 민준님 외 1명이 나갔습니다",
                "지우 joined · 민준 and 1 other left",
            ),
        ] {
            assert_eq!(moves(Language::Ko, &told), korean);
            assert_eq!(moves(Language::En, &told), english);
        }
        assert_eq!(
            typing(Language::Ko, &["지우"]),
            "지우님이 입력하고 있습니다…"
        );
        assert_eq!(
            typing(Language::Ko, &["지우", "민준", "나연"]),
            "지우님 외 2명이 입력하고 있습니다…"
        );
        assert_eq!(
            typing(Language::En, &["Ana", "Omar"]),
            "Ana and Omar are typing…"
        );
        assert_eq!(online(Language::Ko, "3"), "3명 온라인");
        assert_eq!(unread(Language::Ko, 100, 0), "읽지 않은 메시지 99+개");
    }
}
