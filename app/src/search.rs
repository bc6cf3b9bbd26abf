//! `/search`: a form and what it found. Links only, so nothing of it is hydrated.

#![expect(
    unreachable_pub,
    reason = "the component macro declares more than the component that it is given"
)]

use leptos::prelude::*;
use protocol::Language;
use protocol::search::{SearchHit, SearchState};

use crate::clock::Clock;
use crate::i18n::Text;
use crate::person::{hue_class, initial};

/// The form, and the messages that were found, the newest first.
#[component]
pub(crate) fn SearchPage(state: SearchState) -> impl IntoView {
    let SearchState {
        viewer,
        query,
        room,
        found,
        ..
    } = state;
    let language = viewer.language;
    let older = found.hits.last().filter(|_| found.more).map(|last| {
        let mut pairs = vec![
            ("q", query.clone()),
            ("before", last.message.position.to_string()),
        ];
        pairs.extend(room.iter().map(|room| ("room", room.to_string())));
        format!("/search?{}", form_encoded(&pairs))
    });
    let nothing =
        (found.hits.is_empty() && !query.is_empty()).then(|| Text::NothingFound.to(language));
    let clock = Clock::new(language);
    let hits: Vec<_> = found
        .hits
        .into_iter()
        .map(|hit| view! { <Hit hit language clock /> })
        .collect();
    let back = room
        .as_ref()
        .map_or_else(|| "/".to_owned(), |room| format!("/rooms/{room}"));
    let back_to = if room.is_some() {
        Text::BackToRoom
    } else {
        Text::BackToRooms
    };
    let only = room.map(|room| {
        let name = room.to_string();
        view! {
            <label>
                <input type="checkbox" name="room" value=name.clone() checked=true />
                <span>{Text::OnlyInRoom.to(language)} " " <bdi>{name}</bdi></span>
            </label>
        }
    });
    view! {
        <main class="search-page">
            <header>
                <a class="icon-button" href=back aria-label=back_to.to(language)>
                    <svg viewBox="0 0 24 24" aria-hidden="true">
                        <path d="m15 5-7 7 7 7" />
                    </svg>
                </a>
                <h1>{Text::Search.to(language)}</h1>
            </header>
            <form role="search" action="/search">
                <label class="hidden" for="search-query">{Text::SearchFor.to(language)}</label>
                <input
                    id="search-query"
                    type="search"
                    name="q"
                    value=query
                    maxlength="100"
                    autocomplete="off"
                    dir="auto"
                    placeholder=Text::SearchFor.to(language)
                />
                <button class="button" type="submit">{Text::Search.to(language)}</button>
                {only}
            </form>
            {nothing.map(|sentence| view! { <p role="status">{sentence}</p> })}
            <ol class="hits">{hits}</ol>
            {older.map(|href| view! { <a class="older" href=href rel="next">{Text::OlderHits.to(language)}</a> })}
        </main>
    }
}

#[component]
fn Hit(hit: SearchHit, language: Language, clock: Clock) -> impl IntoView {
    let SearchHit {
        room,
        message,
        excerpt,
    } = hit;
    let href = format!("/rooms/{room}?at={}", message.position);
    let tile = format!("tile {}", hue_class(room.as_str()));
    let ts = message.ts;
    let pieces: Vec<_> = excerpt
        .into_iter()
        .map(|piece| {
            if piece.found {
                view! { <mark>{piece.text}</mark> }.into_any()
            } else {
                piece.text.into_any()
            }
        })
        .collect();
    view! {
        <li>
            <a class="hit" href=href lang=language.tag()>
                <span class=tile aria-hidden="true">
                    {initial(room.as_str())}
                </span>
                <span class="where">
                    <b dir="auto">{room.to_string()}</b>
                    " "
                    <bdi>{message.sender.name}</bdi>
                </span>
                " "
                <time datetime=crate::civil::utc_datetime(ts)>{clock.recent(ts)}</time>
                <p dir="auto">{pieces}</p>
            </a>
        </li>
    }
}

/// A query string of names and values.
fn form_encoded(pairs: &[(&str, String)]) -> String {
    let mut encoded = String::new();
    for (name, value) in pairs {
        if !encoded.is_empty() {
            encoded.push('&');
        }
        encoded.push_str(name);
        encoded.push('=');
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() || byte == b'-' {
                encoded.push(char::from(byte));
            } else {
                encoded.extend(['%', hex(byte >> 4), hex(byte & 15)]);
            }
        }
    }
    encoded
}

fn hex(digit: u8) -> char {
    char::from_digit(digit.into(), 16)
        .unwrap_or('0')
        .to_ascii_uppercase()
}
