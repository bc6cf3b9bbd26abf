//! The list of rooms: the left column of a room on a desktop, the whole lobby on a phone.

use protocol::{Kind, Language, Message, RoomName, RoomSummary};

use crate::civil;
use crate::clock::Clock;
use crate::i18n::{self, Text};
use crate::markup::{Maker, Markup};
use crate::person::{hue_class, initial};

/// How much of a message the list shows, in characters; the width of the column shows less.
pub(crate) const PREVIEW_CHARS: usize = 100;

/// A room as the list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    room: String,
    /// Nothing for a room without messages.
    last: Option<Preview>,
    unread: usize,
    mentions: usize,
}

/// The last message of a room.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Preview {
    /// Where it stands, for the page's script.
    row: String,
    name: String,
    text: String,
    ts: i64,
}

impl Preview {
    /// The beginning of a message.
    fn of(message: &Message, language: Language) -> Self {
        let text = match message.kind {
            Kind::Message if message.folded.deleted => Text::Deleted.to(language).to_owned(),
            Kind::Message | Kind::System => shortened(&message.body),
            _ => Text::Unsupported.to(language).to_owned(),
        };
        let name = if message.kind == Kind::Message {
            message.sender.name.clone()
        } else {
            String::new()
        };
        Self {
            row: message.position.to_string(),
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

/// The rooms as the list shows them. A room joins the list with its first message; until then its own page shows it on top.
pub(crate) fn listed(
    rooms: &[RoomSummary],
    current: Option<&RoomName>,
    language: Language,
) -> Vec<Listed> {
    let unlisted = current.filter(|current| rooms.iter().all(|summary| summary.room != **current));
    let unlisted = unlisted.map(|room| Listed {
        room: room.to_string(),
        last: None,
        unread: 0,
        mentions: 0,
    });
    let rooms = rooms.iter().map(|summary| Listed {
        room: summary.room.to_string(),
        last: Some(Preview::of(&summary.last, language)),
        unread: summary.unread,
        mentions: summary.mentions,
    });
    unlisted.into_iter().chain(rooms).collect()
}

/// The list itself.
pub(crate) fn list(
    rooms: &[Listed],
    current: Option<&str>,
    clock: Clock,
    language: Language,
) -> Markup {
    let mut list = Maker::new("ul");
    list.class("room-list");
    for listed in rooms {
        list.open("li");
        entry(&mut list, listed, current, clock, language);
        list.close();
    }
    list.finish()
}

fn entry(
    list: &mut Maker,
    listed: &Listed,
    current: Option<&str>,
    clock: Clock,
    language: Language,
) {
    let Listed {
        room,
        last,
        unread,
        mentions,
    } = listed;
    list.open("a")
        .class("room")
        .attr("href", &("/rooms/".to_owned() + room));
    if current == Some(room.as_str()) {
        list.attr("aria-current", "page");
    }
    if let Some(last) = last {
        list.attr("data-row", &last.row);
    }
    for (name, count) in [("data-unread", unread), ("data-mentions", mentions)] {
        if *count > 0 {
            list.attr(name, &count.to_string());
        }
    }
    list.open("span")
        .class(&("tile ".to_owned() + hue_class(room)))
        .attr("aria-hidden", "true");
    list.text(&initial(room)).close();
    list.open("b").class("room-name").attr("dir", "auto");
    list.text(room).close();
    if let Some(Preview { name, text, ts, .. }) = last {
        list.open("time")
            .attr("datetime", &civil::utc_datetime(*ts));
        list.text(&clock.recent(*ts)).close();
        list.open("p").class("preview").attr("dir", "auto");
        if !name.is_empty() {
            list.open("bdi").text(name).close().text(": ");
        }
        list.open("bdi").text(text).close().close();
    }
    if *unread > 0 {
        list.open("span").class("badge");
        list.open("span").attr("aria-hidden", "true");
        if *mentions > 0 {
            list.open("b").text("@").close().text(" ");
        }
        list.text(&i18n::capped(*unread)).close();
        list.open("span").class("hidden");
        list.text(&i18n::unread(language, *unread, *mentions));
        list.close().close();
    }
    list.close();
}

#[cfg(feature = "ssr")]
pub(crate) use still::{Heading, RoomsHead};

/// The parts of the column that never change, and so are rendered on the server alone.
#[cfg(feature = "ssr")]
mod still {
    #![expect(
        unreachable_pub,
        reason = "the component macro declares more than the component that it is given"
    )]

    use leptos::either::Either;
    use leptos::prelude::*;
    use protocol::{Language, RoomName};

    use crate::i18n::Text;

    /// How important the heading of the list is on its page.
    #[derive(Clone, Copy, PartialEq, Eq)]
    pub enum Heading {
        /// The list is the page.
        Page,
        /// The list stands beside a room.
        Part,
    }

    /// What stands above the list: its heading, the field that filters it, and the form that opens another room.
    #[component]
    pub fn RoomsHead(
        language: Language,
        heading: Heading,
        /// The room that is open.
        current: Option<RoomName>,
        /// Why the last form was refused.
        notice: Option<String>,
    ) -> impl IntoView {
        let text = Text::Rooms.to(language);
        let search = current.map_or_else(
            || "/search".to_owned(),
            |room| format!("/search?room={room}"),
        );
        view! {
            <header class="rooms-head">
                {match heading {
                    Heading::Page => Either::Left(view! { <h1>{text}</h1> }),
                    Heading::Part => Either::Right(view! { <h2>{text}</h2> }),
                }}
                <a class="icon-button" href=search aria-label=Text::Search.to(language)>
                    <svg viewBox="0 0 24 24" aria-hidden="true">
                        <path d="m20 20-4.5-4.5" />
                        <circle cx="11" cy="11" r="6" />
                    </svg>
                </a>
            </header>
            {notice.map(|notice| view! { <p class="notice" role="alert">{notice}</p> })}
            <NewRoom language open=heading == Heading::Page />
            // Without JavaScript, Enter opens the room of this name.
            <form class="filter" method="post" action="/rooms" role="search">
                <svg viewBox="0 0 24 24" aria-hidden="true">
                    <path d="M4 7h16M7 12h10M10 17h4" />
                </svg>
                <label class="hidden" for="filter">{Text::FindRoom.to(language)}</label>
                <input
                    id="filter"
                    name="room"
                    type="search"
                    required
                    autocomplete="off"
                    autocapitalize="none"
                    spellcheck="false"
                    dir="auto"
                    placeholder=Text::FindRoom.to(language)
                    aria-keyshortcuts="Control+K Meta+K"
                />
                <kbd aria-hidden="true">"Ctrl K"</kbd>
            </form>
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
}
