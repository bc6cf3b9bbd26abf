//! The timeline, and the button that leads back to its end.

#![expect(
    unreachable_pub,
    reason = "the component macro declares more than the component that it is given"
)]

use leptos::prelude::*;
use protocol::RoomName;

use super::feed::Feed;
use super::row::row;
use crate::chat::Beyond;
use crate::i18n::{self, Text};
use crate::markup::{Maker, Markup};
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
            <section
                class="timeline"
                role="log"
                aria-live="off"
                aria-label=label
                tabindex="0"
                node_ref=feed.timeline
            >
                {move || is_empty.get().then(|| view! { <EmptyRoom feed name=name.clone() /> })}
                <ol>
                    {move || beyond(feed, feed.older.get(), &OLDER)}
                    <For
                        each=move || feed.rows.get()
                        key=|row| row.key.clone()
                        children=move |shown| move || row(&shown.state.get(), feed)
                    />
                    {move || beyond(feed, feed.newer.get(), &NEWER)}
                </ol>
            </section>
            {move || jump(feed)}
            <p class="toast" role="status">
                {move || feed.toast.get().map(|text| text.to(feed.language))}
            </p>
        </div>
    }
}

/// What is said where the rows end and there may be more.
struct Words {
    act: &'static str,
    loading: Text,
    failed: Text,
    load: Text,
}

const OLDER: Words = Words {
    act: "older",
    loading: Text::LoadingOlder,
    failed: Text::OlderFailed,
    load: Text::LoadOlder,
};

const NEWER: Words = Words {
    act: "newer",
    loading: Text::LoadingNewer,
    failed: Text::NewerFailed,
    load: Text::LoadNewer,
};

/// What stands above the first row, and below the last one of old rows.
fn beyond(feed: Feed, state: Beyond, words: &Words) -> Markup {
    let mut item = Maker::new("li");
    item.class("top");
    // More comes by itself as the reader comes near: a button would go from under the focus that has just reached it.
    let said = match state {
        Beyond::None => None,
        Beyond::More | Beyond::Loading => Some(words.loading),
        Beyond::Failed => Some(words.failed),
    };
    if let Some(said) = said {
        item.open("span").text(said.to(feed.language)).close();
    }
    if state == Beyond::Failed {
        item.button(words.act).text(words.load.to(feed.language));
    }
    item.finish()
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
                {Text::CopyInvitation.to(feed.language)}
            </button>
        </div>
    }
}

/// Leads to the newest message and says how many arrived out of sight; empty if the reader is there.
fn jump(feed: Feed) -> Markup {
    let mut slot = Maker::new("div");
    if feed.is_away.get() {
        let label = match feed.unseen.get() {
            0 => Text::JumpToLatest.to(feed.language).to_owned(),
            count => i18n::new_messages(feed.language, count),
        };
        slot.button("latest")
            .class("jump")
            .icon("M12 5v14m-6-6 6 6 6-6");
        slot.open("span").text(&label);
    }
    slot.finish()
}
