//! One row of the timeline: plain elements around text nodes, with as few moving parts as it can have.

#![expect(
    unreachable_pub,
    reason = "the component macro declares more than the component that it is given"
)]

use std::sync::Arc;

use leptos::either::{Either, EitherOf4};
use leptos::prelude::*;
use protocol::{Folded, Kind, Message, Reaction};

use super::actions::panel_of;
use super::company::Name;
use super::feed::{Content, Feed, ShownRow};
use super::prose::prose;
use crate::chat::{Event, Failure, Status};
use crate::civil::{self, Civil};
use crate::i18n::{self, Text};
use crate::markdown::is_emoji_alone;
use crate::person::{hue_class, initial};
use crate::timeline::Look;

/// A day, a message, or a sentence about one that cannot be shown.
#[component]
pub(crate) fn RowView(row: ShownRow, feed: Feed) -> impl IntoView {
    match row.content.clone() {
        Content::Day(day) => EitherOf4::A(view! { <Day day feed /> }),
        Content::Unread => EitherOf4::D(view! {
            <li class="unread">
                <span>{Text::ReadUpToHere.to(feed.language)}</span>
            </li>
        }),
        Content::Message(said) => {
            let message = said.get_untracked();
            if message.kind == Kind::Message {
                EitherOf4::C(view! { <Bubble row said feed /> })
            } else {
                EitherOf4::B(view! { <Line message feed /> })
            }
        }
    }
}

#[component]
fn Day(day: Civil, feed: Feed) -> impl IntoView {
    view! {
        <li class="day">
            <time datetime=day.date()>{move || feed.clock.day(day)}</time>
        </li>
    }
}

/// What the house says, and what this version does not know.
#[component]
fn Line(message: Arc<Message>, feed: Feed) -> impl IntoView {
    let text = if message.kind == Kind::System {
        message.body.clone()
    } else {
        Text::Unsupported.to(feed.language).to_owned()
    };
    let unsupported = message.kind != Kind::System;
    view! {
        <li class="line" class:unsupported=unsupported data-position=message.position.to_string()>
            <span dir="auto">{text}</span>
        </li>
    }
}

#[component]
fn Bubble(row: ShownRow, said: ArcRwSignal<Arc<Message>>, feed: Feed) -> impl IntoView {
    let message = said.get_untracked();
    let own = feed.is_mine(&message);
    let hue = if own {
        "own"
    } else {
        hue_class(&message.sender.uid)
    };
    let who = if own {
        Either::Right(view! { <p class="author">{Text::Me.to(feed.language)}</p> })
    } else {
        let sender = message.sender.clone();
        Either::Left(view! {
            <span class="avatar" aria-hidden="true">
                {initial(&sender.name)}
            </span>
            <p class="author">
                <Name sender feed />
            </p>
        })
    };
    let ShownRow { look, panel, .. } = row;
    let class = {
        let look = look.clone();
        move || look.with(|look| class_of(look, hue))
    };
    let position = {
        let look = look.clone();
        move || look.with(|look| look.placed.map(|(position, _)| position.to_string()))
    };
    let trouble = view! { <Trouble look=look.clone() feed /> };
    let reactions = {
        let said = said.clone();
        move || said.with(|message| reactions(message, feed))
    };
    let content = move || said.with(|message| content(message, own, feed));
    view! {
        <li class=class data-position=position tabindex="-1">
            {who}
            <div class="said">
                {content} <div class="beside">{move || look.with(|look| beside(look, feed))}</div>
                {move || panel_of(panel.get(), own, feed)}
            </div>
            {reactions}
            {trouble}
        </li>
    }
}

/// What a message says, in its bubble.
fn content(message: &Message, own: bool, feed: Feed) -> impl IntoView + use<> {
    let language = feed.language;
    let Folded {
        deleted,
        edited,
        quote,
        ..
    } = &message.folded;
    let (said, mentioned) = prose(&message.body, feed);
    let class = if *deleted {
        "bubble gone"
    } else if quote.is_none() && is_emoji_alone(&message.body) {
        "bubble emoji"
    } else if mentioned && !own {
        "bubble named"
    } else {
        "bubble"
    };
    let target = message.reference.filter(|_| !deleted);
    let quote = quote.as_deref().zip(target).map(|(quote, target)| {
        let text = if quote.deleted {
            Text::Deleted.to(language).to_owned()
        } else {
            quote.text.clone()
        };
        let hue = format!("quote {}", hue_class(&quote.sender.uid));
        view! {
            <a class=hue href=format!("?at={target}") data-act="jump">
                <bdi>{quote.sender.name.clone()}</bdi>
                <span dir="auto">{text}</span>
            </a>
        }
    });
    let edited = (edited.is_some() && !deleted)
        .then(|| view! { <small class="edited">{Text::Edited.to(language)}</small> });
    view! {
        <div class=class dir="auto">
            {quote}
            {deleted.then(|| Text::Deleted.to(language))}
            {said}
        </div>
        {edited}
    }
}

/// Who reacted how, one chip for each emoji.
fn reactions(message: &Message, feed: Feed) -> Option<impl IntoView + use<>> {
    let reactions = &message.folded.reactions;
    if reactions.is_empty() {
        return None;
    }
    let me = feed.me();
    let chips: Vec<_> = reactions
        .iter()
        .map(|Reaction { emoji, by }| {
            let own = me.as_ref().is_some_and(|me| by.contains(&me.uid));
            view! {
                <button type="button" data-act="toggle" data-emoji=emoji.clone() aria-pressed=own.to_string()>
                    {emoji.clone()}
                    " "
                    <span>{by.len()}</span>
                </button>
            }
        })
        .collect();
    Some(view! {
        <div class="reactions" role="group" aria-label=Text::Reactions.to(feed.language)>
            {chips}
        </div>
    })
}

fn class_of(look: &Look, hue: &str) -> String {
    let mut class = format!("message {hue}");
    for (holds, name) in [
        (look.continues, " continues"),
        (look.shows_time, " timed"),
        (look.status.is_some() && look.trouble.is_none(), " pending"),
        (look.trouble.is_some() && look.status.is_some(), " failed"),
        (look.focused, " focused"),
    ] {
        if holds {
            class.push_str(name);
        }
    }
    class
}

/// The time of a message in the room, or how far another one has come.
fn beside(look: &Look, feed: Feed) -> impl IntoView + use<> {
    if let Some((position, ts)) = look.placed {
        let lacking = move || {
            let count = feed.company.not_read_by(position.offset)?;
            let label = i18n::not_read_by(feed.language, count);
            Some(view! {
                <b class="lacking" role="img" aria-label=label>
                    {count}
                </b>
            })
        };
        return Some(Either::Left(view! {
            {lacking}
            <time datetime=civil::utc_datetime(ts)>{move || feed.clock.time(ts)}</time>
        }));
    }
    let state = match look.status {
        Some(Status::Sending) => Some(("sending", Text::Sending)),
        Some(Status::Unconfirmed) => Some(("unconfirmed", Text::Unconfirmed)),
        Some(Status::Queued) => Some(("queued", Text::Queued)),
        Some(Status::Sent | Status::Failed(_)) | None => None,
    };
    let unkept = look.unkept.then_some(("unkept", Text::Unkept));
    let notes = [state, unkept].map(|note| {
        note.map(|(class, text)| view! { <span class=class>{text.to(feed.language)}</span> })
    });
    Some(Either::Right(notes.collect_view()))
}

/// What can be done about a message, or a change of one, that was refused.
#[component]
fn Trouble(look: ArcRwSignal<Look>, feed: Feed) -> impl IntoView {
    let language = feed.language;
    move || {
        let (id, failure) = look.with(|look| look.trouble.clone())?;
        let reason = reason(&failure, feed);
        let (retry, discard) = (id.clone(), id);
        Some(view! {
            <div class="trouble" role="group" aria-label=Text::Failed.to(language)>
                <span role="alert">{reason}</span>
                <span class="choices">
                    <button type="button" on:click=move |_| feed.tell(Event::Retry { id: retry.clone() })>
                        {Text::Retry.to(language)}
                    </button>
                    <button type="button" on:click=move |_| feed.tell(Event::Discard { id: discard.clone() })>
                        {Text::Discard.to(language)}
                    </button>
                </span>
            </div>
        })
    }
}

fn reason(failure: &Failure, feed: Feed) -> String {
    let failed = Text::Failed.to(feed.language);
    match failure {
        Failure::Refused(refusal) => i18n::with_reason(
            failed,
            i18n::refusal(feed.language, &refusal.code, &refusal.sentence),
        ),
        Failure::TooOld => i18n::with_reason(failed, Text::TooOld.to(feed.language)),
    }
}
