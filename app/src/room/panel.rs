//! What can be done with a message: the bar over its corner, the choice of emoji, and the question before it is deleted.

use std::sync::Arc;

use leptos::prelude::*;
use protocol::{Kind, Message};

use super::feed::{Content, Feed, Panel, ShownRow, Writing};
use crate::i18n::Text;
use crate::markup::Maker;

/// What is offered first to react with.
const EMOJI: [&str; 12] = [
    "👍", "❤️", "😂", "😮", "😢", "🙏", "👏", "🎉", "🔥", "👀", "✅", "💯",
];

/// The panel of a row. What its buttons do is in `live::actions`.
pub(super) fn panel_of(row: &mut Maker, panel: Panel, own: bool, feed: Feed) {
    if panel == Panel::None {
        return;
    }
    let language = feed.language;
    row.open("div").class("corner").open("div");
    row.class("actions")
        .attr("role", "group")
        .attr("aria-label", Text::Actions.to(language));
    match panel {
        Panel::None => {}
        Panel::Actions => actions(row, own, feed),
        Panel::Emoji => {
            for emoji in EMOJI {
                row.button("toggle").attr("data-emoji", emoji);
                row.text(emoji).close();
            }
            row.open("input")
                .class("any-emoji")
                .attr("maxlength", "16")
                .attr("placeholder", "+")
                .attr("aria-label", Text::AnyEmoji.to(language))
                .close();
        }
        Panel::Delete => {
            let question = Text::DeleteQuestion.to(language);
            row.open("span").text(question).close();
            for (act, text) in [("really-delete", Text::Discard), ("close", Text::Cancel)] {
                row.button(act).class("words");
                row.text(text.to(language)).close();
            }
        }
    }
    row.close().close();
}

fn actions(row: &mut Maker, own: bool, feed: Feed) {
    let writes = feed.me().is_some();
    for (offered, act, text, path) in [
        (
            writes,
            "react",
            Text::React,
            "M12 21a9 9 0 1 1 0-18 9 9 0 0 1 0 18m-4-7c2 3 6 3 8 0M9 9.5v.1m6-.1v.1",
        ),
        (
            writes,
            "answer",
            Text::Answer,
            "m9 6-5 5 5 5m-5-5h10a6 6 0 0 1 6 6v1",
        ),
        (true, "copy", Text::Copy, "M9 9h11v11H9zM5 15H4V4h11v1"),
        (
            true,
            "copy-link",
            Text::CopyLink,
            "M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1m2 4a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1",
        ),
        (
            own && writes,
            "edit",
            Text::Edit,
            "m4 20 1-4L16 5l3 3L8 19z",
        ),
        (
            own && writes,
            "delete",
            Text::Discard,
            "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
        ),
    ] {
        if offered {
            let label = text.to(feed.language);
            row.button(act)
                .attr("aria-label", label)
                .attr("title", label)
                .icon(path)
                .close();
        }
    }
}

/// The message of a row.
pub(crate) fn message(row: &ShownRow) -> Option<Arc<Message>> {
    match row.state.get_untracked().content {
        Content::Message(message) => Some(message),
        Content::Day(_) | Content::Unread => None,
    }
}

/// Nothing can be done with what the house says, or with a deleted message.
pub(crate) fn can_act(row: &ShownRow) -> bool {
    message(row).is_some_and(|message| message.kind == Kind::Message && !message.folded.deleted)
}

/// The viewer's last message, to be written anew. While it is not in the room yet nothing is: another one is not meant.
pub(super) fn edit_last(feed: Feed) -> bool {
    let is_own =
        |row: &ShownRow| can_act(row) && message(row).is_some_and(|message| feed.is_mine(&message));
    let own = feed.find(&is_own).and_then(|row| {
        let (position, _) = row.state.get_untracked().look.placed?;
        Some((position, message(&row)?))
    });
    let found = own.is_some();
    if let Some((position, message)) = own {
        feed.writing.set(Writing::Edit(position, message));
    }
    found
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;

    #[test]
    fn the_last_message_is_edited_and_no_other_while_it_is_under_way() {
        let owner = Owner::new_root(None);
        owner.set();
        let message = |offset| {
            format!(
                r#"{{"position":"00000007-0-{offset}","ts":0,"type":"message","id":"{offset}","sender":{{"uid":"me","name":"나"}},"body":"글"}}"#
            )
        };
        let text = format!(
            r#"{{"viewer":{{"person":{{"uid":"me","name":"나"}},"language":"ko"}},"room":"a","rooms":[],"epoch":"00000007",
            "head":9,"history":{{"messages":[{},{}],"more":false}},"read":null,"notice":null}}"#,
            message(3),
            message(4)
        );
        let feed = Feed::new(&serde_json::from_str(&text).unwrap());
        assert!(edit_last(feed));
        let writing = feed.writing.get_untracked();
        assert!(matches!(writing, Writing::Edit(place, _) if place.offset == 4));
        feed.writing.set(Writing::New);
        let last = feed.find(&|_| true).unwrap();
        last.state.update(|state| state.look.placed = None);
        assert!(!edit_last(feed));
        assert!(matches!(feed.writing.get_untracked(), Writing::New));
    }
}
