//! One row of the timeline, as data: its only moving part is the signal that it is made from.

use protocol::{Folded, Kind, Message, Reaction};

use super::company::name;
use super::feed::{Content, Feed, RowState};
use super::panel::panel_of;
use super::prose::prose;
use crate::chat::{Failure, Status};
use crate::civil;
use crate::i18n::{self, Text};
use crate::markdown::is_emoji_alone;
use crate::markup::{Maker, Markup};
use crate::person::{hue_class, initial};
use crate::timeline::Look;

/// A day, a message, or a sentence about one that cannot be shown.
pub(super) fn row(state: &RowState, feed: Feed) -> Markup {
    let mut row = Maker::new("li");
    match &state.content {
        Content::Day(day) => {
            row.class("day").open("time").attr("datetime", &day.date());
            row.text(&feed.clock.day(*day));
        }
        Content::Unread => {
            row.class("unread").open("span");
            row.text(Text::ReadUpToHere.to(feed.language));
        }
        Content::Message(message) if message.kind == Kind::Message => {
            bubble(&mut row, state, message, feed);
        }
        Content::Message(message) => line(&mut row, message, feed),
    }
    row.finish()
}

/// What the house says, and what this version does not know.
fn line(row: &mut Maker, message: &Message, feed: Feed) {
    let (class, text) = if message.kind == Kind::System {
        ("line", message.body.as_str())
    } else {
        ("line unsupported", Text::Unsupported.to(feed.language))
    };
    row.class(class)
        .attr("data-position", &message.position.to_string())
        .open("span")
        .attr("dir", "auto")
        .text(text);
}

fn bubble(row: &mut Maker, state: &RowState, message: &Message, feed: Feed) {
    let look = &state.look;
    let own = feed.is_mine(message);
    let hue = if own {
        "own"
    } else {
        hue_class(&message.sender.uid)
    };
    row.class(&class_of(look, hue)).attr("tabindex", "-1");
    if let Some((position, _)) = look.placed {
        row.attr("data-position", &position.to_string());
    }
    let author = "author";
    if own {
        row.open("p").class(author).text(Text::Me.to(feed.language));
    } else {
        let sender = &message.sender;
        row.open("span").class("avatar").attr("aria-hidden", "true");
        row.text(&initial(&sender.name)).close();
        row.open("p").class(author);
        name(row, sender, feed);
    }
    row.close().open("div").class("said");
    content(row, message, own, feed);
    panel_of(row, state.panel, own, feed);
    if message.folded.edited.is_some() && !message.folded.deleted {
        row.open("small").class("edited");
        row.text(Text::Edited.to(feed.language)).close();
    }
    beside(row, look, feed);
    row.close();
    reactions(row, &message.folded.reactions, feed);
    if let Some((id, failure)) = &look.trouble {
        trouble(row, id, failure, feed);
    }
}

fn class_of(look: &Look, hue: &str) -> String {
    let mut class = "message ".to_owned();
    class.push_str(hue);
    let is_pending = look.status.is_some();
    for (holds, name) in [
        (look.continues, " continues"),
        (look.shows_time, " timed"),
        (is_pending && look.trouble.is_none(), " pending"),
        (is_pending && look.trouble.is_some(), " failed"),
        (look.focused, " focused"),
    ] {
        if holds {
            class.push_str(name);
        }
    }
    class
}

/// What a message says, in its bubble.
fn content(row: &mut Maker, message: &Message, own: bool, feed: Feed) {
    let language = feed.language;
    let Folded { deleted, quote, .. } = &message.folded;
    row.open("div").attr("dir", "auto");
    if *deleted {
        let text = Text::Deleted.to(language);
        row.class("bubble gone").text(text).close();
        return;
    }
    if let (Some(quote), Some(target)) = (quote, message.reference) {
        let text = if quote.deleted {
            Text::Deleted.to(language)
        } else {
            &quote.text
        };
        row.open("a")
            .class(&("quote ".to_owned() + hue_class(&quote.sender.uid)))
            .attr("href", &("?at=".to_owned() + &target.to_string()))
            .attr("data-act", "jump");
        row.open("bdi").text(&quote.sender.name).close();
        row.open("span").attr("dir", "auto").text(text);
        row.close().close();
    }
    let mentioned = prose(row, &message.body, feed);
    row.class(if quote.is_none() && is_emoji_alone(&message.body) {
        "bubble emoji"
    } else if mentioned && !own {
        "bubble named"
    } else {
        "bubble"
    });
    row.close();
}

/// The time of a message in the room, or how far another one has come.
fn beside(row: &mut Maker, look: &Look, feed: Feed) {
    row.open("div").class("beside");
    if let Some((_, ts)) = look.placed {
        if look.lacking > 0 {
            row.open("b").class("lacking").attr("role", "img");
            row.attr(
                "aria-label",
                &i18n::not_read_by(feed.language, look.lacking),
            );
            row.text(&look.lacking.to_string()).close();
        }
        row.open("time").attr("datetime", &civil::utc_datetime(ts));
        row.text(&feed.clock.time(ts)).close();
    } else {
        let state = match look.status {
            Some(Status::Sending) => Some(("sending", Text::Sending)),
            Some(Status::Unconfirmed) => Some(("unconfirmed", Text::Unconfirmed)),
            Some(Status::Queued) => Some(("queued", Text::Queued)),
            Some(Status::Sent | Status::Failed(_)) | None => None,
        };
        let unkept = look.unkept.then_some(("unkept", Text::Unkept));
        for (class, text) in [state, unkept].into_iter().flatten() {
            row.open("span").class(class);
            row.text(text.to(feed.language)).close();
        }
    }
    row.close();
}

/// Who reacted how, one chip for each emoji.
fn reactions(row: &mut Maker, reactions: &[Reaction], feed: Feed) {
    if reactions.is_empty() {
        return;
    }
    let me = feed.me();
    row.open("div")
        .class("reactions")
        .attr("role", "group")
        .attr("aria-label", Text::Reactions.to(feed.language));
    for Reaction { emoji, by } in reactions {
        let own = me.as_ref().is_some_and(|me| by.contains(&me.uid));
        row.button("toggle")
            .attr("data-emoji", emoji)
            .attr("aria-pressed", if own { "true" } else { "false" })
            .text(emoji)
            .text(" ");
        row.open("span").text(&by.len().to_string()).close().close();
    }
    row.close();
}

/// What can be done about a message, or a change of one, that was refused.
fn trouble(row: &mut Maker, id: &str, failure: &Failure, feed: Feed) {
    let language = feed.language;
    let failed = Text::Failed.to(language);
    let reason = match failure {
        Failure::Refused(refusal) => i18n::refusal(language, &refusal.code, &refusal.sentence),
        Failure::TooOld => Text::TooOld.to(language),
    };
    row.open("div")
        .class("trouble")
        .attr("role", "group")
        .attr("aria-label", failed);
    row.open("span").attr("role", "alert");
    row.text(&i18n::with_reason(failed, reason)).close();
    row.open("span").class("choices");
    for (act, text) in [("retry", Text::Retry), ("discard", Text::Discard)] {
        row.button(act).attr("data-id", id);
        row.text(text.to(language)).close();
    }
    row.close().close();
}
