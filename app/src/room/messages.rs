//! The timeline, and the button that leads back to its end.

#![expect(
    unreachable_pub,
    reason = "the component macro declares more than the component that it is given"
)]

use leptos::prelude::*;
use protocol::RoomName;

use super::feed::Feed;
use super::row::RowView;
use crate::chat::{Event, Older};
use crate::i18n::{self, Text};
use crate::person::{hue_class, initial};

/// The scrolling list of messages.
#[component]
pub(crate) fn Messages(feed: Feed, room: RoomName) -> impl IntoView {
    let language = feed.language;
    let name = room.to_string();
    let label = i18n::timeline_label(language, &name);
    let is_empty = Memo::new(move |_| feed.rows.with(Vec::is_empty));
    view! {
        <div class="stage">
            <section class="timeline" role="log" aria-live="off" aria-label=label tabindex="0" node_ref=feed.timeline>
                {move || is_empty.get().then(|| view! { <EmptyRoom feed name=name.clone() /> })}
                <ol>
                    <li class="top">{move || top(feed)}</li>
                    <For each=move || feed.rows.get() key=|row| row.key.clone() let(row)>
                        <RowView row feed />
                    </For>
                </ol>
            </section>
            {move || feed.is_away.get().then(|| view! { <Jump feed /> })}
        </div>
    }
}

/// What stands above the first row.
fn top(feed: Feed) -> Option<impl IntoView> {
    let language = feed.language;
    let older = feed.older.get();
    let text = match older {
        Older::None => return None,
        Older::More => None,
        Older::Loading => Some(Text::LoadingOlder),
        Older::Failed => Some(Text::OlderFailed),
    };
    let can_load = matches!(older, Older::More | Older::Failed);
    Some(view! {
        {text.map(|text| view! { <span>{text.to(language)}</span> })}
        {can_load
            .then(|| {
                view! {
                    <button type="button" on:click=move |_| feed.tell(Event::LoadOlder)>
                        {Text::LoadOlder.to(language)}
                    </button>
                }
            })}
    })
}

#[component]
fn EmptyRoom(feed: Feed, name: String) -> impl IntoView {
    let tile = format!("tile large {}", hue_class(&name));
    view! {
        <div class="empty">
            <span class=tile aria-hidden="true">
                {initial(&name)}
            </span>
            <h2>{Text::EmptyRoom.to(feed.language)}</h2>
            <p>{i18n::invitation(feed.language, &name)}</p>
            <button type="button" class="button" data-copy-address="">
                {Text::CopyLink.to(feed.language)}
            </button>
        </div>
    }
}

/// Leads to the newest message and says how many arrived out of sight.
#[component]
fn Jump(feed: Feed) -> impl IntoView {
    let label = move || match feed.unseen.get() {
        0 => Text::JumpToLatest.to(feed.language).to_owned(),
        count => i18n::new_messages(feed.language, count),
    };
    view! {
        <button type="button" class="jump" on:click=move |_| feed.jump_to_latest()>
            <svg viewBox="0 0 24 24" aria-hidden="true">
                <path d="M12 5v14m-6-6 6 6 6-6" />
            </svg>
            <span>{label}</span>
        </button>
    }
}
