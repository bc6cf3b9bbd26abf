//! The list of rooms: the left column of a room on a desktop, the whole lobby on a phone.

#![expect(
    unreachable_pub,
    reason = "the component macro declares more than the component that it is given"
)]

use leptos::either::Either;
use leptos::prelude::*;
use protocol::{Kind, Language, Message, RoomName, RoomSummary, Viewer};

use crate::clock::Clock;
use crate::i18n::Text;
use crate::person::{hue_class, initial};
use crate::session::Me;

/// How much of a message the list shows, in characters; the width of the column shows less.
pub(crate) const PREVIEW_CHARS: usize = 100;

/// The last message of a room as the list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Preview {
    name: String,
    text: String,
    ts: i64,
}

impl Preview {
    /// The beginning of a message.
    pub(crate) fn of(message: &Message, language: Language) -> Self {
        let text = match message.kind {
            Kind::Message | Kind::System => shortened(&message.body),
            _ => Text::Unsupported.to(language).to_owned(),
        };
        let name = if message.kind == Kind::Message {
            message.sender.name.clone()
        } else {
            String::new()
        };
        Self {
            name,
            text,
            ts: message.ts,
        }
    }
}

/// The beginning of a text, on one line.
pub(crate) fn shortened(text: &str) -> String {
    text.chars()
        .take(PREVIEW_CHARS)
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect()
}

/// What the column of rooms holds: the list, the form that opens another room, and who the viewer is. The landmark around
/// it is the page's business.
#[component]
pub(crate) fn Rooms(
    viewer: Viewer,
    rooms: Vec<RoomSummary>,
    /// The room that is open beside the list.
    current: Option<RoomName>,
    /// What changes about the open room's entry.
    latest: Option<RwSignal<Option<Preview>>>,
    /// Why the last form was refused.
    notice: Option<String>,
    clock: Clock,
) -> impl IntoView {
    let language = viewer.language;
    let in_lobby = current.is_none();
    let is_empty = rooms.is_empty() && in_lobby;
    // A room joins the list with its first message; until then its own page shows it on top.
    let unlisted = current
        .clone()
        .filter(|current| rooms.iter().all(|summary| summary.room != *current));
    let fixed = |preview: Option<Preview>| Signal::stored(preview);
    let entries: Vec<_> = unlisted
        .into_iter()
        .map(|room| (room, None))
        .chain(
            rooms
                .into_iter()
                .map(|summary| (summary.room, Some(Preview::of(&summary.last, language)))),
        )
        .map(|(room, preview)| {
            let is_current = current.as_ref() == Some(&room);
            let preview = latest
                .filter(|_| is_current)
                .map_or_else(|| fixed(preview), Signal::from);
            view! { <Entry room is_current preview clock /> }
        })
        .collect();
    let heading = Text::Rooms.to(language);
    let heading = if in_lobby {
        Either::Left(view! { <h1>{heading}</h1> })
    } else {
        Either::Right(view! { <h2>{heading}</h2> })
    };
    view! {
        <header class="rooms-head">{heading}</header>
        {notice.filter(|_| in_lobby).map(|notice| view! { <p class="notice" role="alert">{notice}</p> })}
        <NewRoom language open=in_lobby />
        <ul class="room-list">{entries}</ul>
        {is_empty.then(|| view! { <p class="no-rooms">{Text::NoRooms.to(language)}</p> })}
        <Me viewer current />
    }
}

#[component]
fn Entry(
    room: RoomName,
    is_current: bool,
    preview: Signal<Option<Preview>>,
    clock: Clock,
) -> impl IntoView {
    let name = room.to_string();
    let href = format!("/rooms/{room}");
    let tile = format!("tile {}", hue_class(&name));
    view! {
        <li>
            <a class="room" href=href aria-current=is_current.then_some("page")>
                <span class=tile aria-hidden="true">
                    {initial(&name)}
                </span>
                <b class="room-name" dir="auto">
                    {name}
                </b>
                {move || {
                    preview
                        .get()
                        .map(|Preview { name, text, ts }| {
                            let author = (!name.is_empty()).then(|| view! { <bdi>{name}</bdi> ": " });
                            view! {
                                <time datetime=crate::civil::utc_datetime(ts)>{move || clock.recent(ts)}</time>
                                <p class="preview" dir="auto">
                                    {author}
                                    <bdi>{text}</bdi>
                                </p>
                            }
                        })
                }}
            </a>
        </li>
    }
}

/// The form that makes or joins a room. Works without JavaScript.
#[component]
fn NewRoom(language: Language, open: bool) -> impl IntoView {
    view! {
        <details class="new-room" open=open>
            <summary class="icon-button">
                <svg viewBox="0 0 24 24" aria-hidden="true">
                    <path d="M12 5v14M5 12h14" />
                </svg>
                <span class="hidden">{Text::NewRoom.to(language)}</span>
            </summary>
            <form method="post" action="/rooms">
                <label class="hidden" for="new-room">{Text::RoomName.to(language)}</label>
                <input
                    id="new-room"
                    name="room"
                    required
                    autocomplete="off"
                    autocapitalize="none"
                    spellcheck="false"
                    dir="auto"
                    placeholder=Text::RoomName.to(language)
                    aria-describedby="new-room-hint"
                />
                <button class="button" type="submit">{Text::OpenRoom.to(language)}</button>
                <small id="new-room-hint">{Text::RoomNameHint.to(language)}</small>
            </form>
        </details>
    }
}
