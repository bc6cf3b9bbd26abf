//! One row of the timeline: plain elements around text nodes, with as few moving parts as it can have.

#![expect(
    unreachable_pub,
    reason = "the component macro declares more than the component that it is given"
)]

use leptos::either::{Either, EitherOf4};
use leptos::prelude::*;
use protocol::{Kind, Message, Sender};

use super::company::Name;
use super::feed::{Content, Feed, ShownRow};
use crate::chat::{Event, Failure, Status};
use crate::civil::{self, Civil};
use crate::i18n::{self, Text};
use crate::person::{hue_class, initial};
use crate::timeline::{Key, Look};

/// A day, a message, or a sentence about one that cannot be shown.
#[component]
pub(crate) fn RowView(row: ShownRow, feed: Feed) -> impl IntoView {
    let ShownRow { key, content, look } = row;
    match content {
        Content::Day(day) => EitherOf4::A(view! { <Day day feed /> }),
        Content::Unread => EitherOf4::D(view! {
            <li class="unread">
                <span>{Text::ReadUpToHere.to(feed.language)}</span>
            </li>
        }),
        Content::Message(message) if message.kind != Kind::Message => {
            EitherOf4::B(view! { <Line message feed /> })
        }
        Content::Message(message) => {
            let author = (!feed.is_mine(&message))
                .then(|| (hue_class(&message.sender.uid), message.sender.clone()));
            EitherOf4::C(view! { <Bubble key author text=message.body.clone() look feed /> })
        }
        Content::Composed(text) => {
            EitherOf4::C(view! { <Bubble key author=None text=text.to_string() look feed /> })
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
fn Line(message: std::sync::Arc<Message>, feed: Feed) -> impl IntoView {
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
fn Bubble(
    key: Key,
    /// The colour and the author; nothing if the viewer wrote it.
    author: Option<(&'static str, Sender)>,
    text: String,
    look: ArcRwSignal<Look>,
    feed: Feed,
) -> impl IntoView {
    let own = author.is_none();
    let hue = author.as_ref().map_or("own", |(hue, _)| hue);
    let who = match author {
        Some((_, sender)) => Either::Left(view! {
            <span class="avatar" aria-hidden="true">
                {initial(&sender.name)}
            </span>
            <p class="author">
                <Name sender feed />
            </p>
        }),
        None => Either::Right(view! { <p class="author">{Text::Me.to(feed.language)}</p> }),
    };
    let class = {
        let look = look.clone();
        move || look.with(|look| class_of(look, hue))
    };
    let position = {
        let look = look.clone();
        move || look.with(|look| look.placed.map(|(position, _)| position.to_string()))
    };
    let trouble = own.then(|| view! { <Trouble key look=look.clone() feed /> });
    view! {
        <li class=class data-position=position>
            {who}
            <div class="said">
                <div class="bubble" dir="auto">
                    {text}
                </div>
                <div class="beside">{move || look.with(|look| beside(look, feed))}</div>
            </div>
            {trouble}
        </li>
    }
}

fn class_of(look: &Look, hue: &str) -> String {
    let mut class = format!("message {hue}");
    for (holds, name) in [
        (look.continues, " continues"),
        (look.shows_time, " timed"),
        (
            look.status.is_some() && look.failure().is_none(),
            " pending",
        ),
        (look.failure().is_some(), " failed"),
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

/// What can be done about a message that was refused.
#[component]
fn Trouble(key: Key, look: ArcRwSignal<Look>, feed: Feed) -> impl IntoView {
    let Key::Own(id) = key else { return None };
    let language = feed.language;
    Some(move || {
        let reason = look.with(|look| look.failure().map(|failure| reason(failure, feed)))?;
        let (retry, discard) = (id.clone(), id.clone());
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
    })
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
