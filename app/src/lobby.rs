//! `/`: the rooms. Links and forms only, so nothing of it is hydrated.

#![expect(
    unreachable_pub,
    reason = "the component macro declares more than the component that it is given"
)]

use leptos::prelude::*;
use protocol::LobbyState;

use crate::clock::Clock;
use crate::i18n::Text;
use crate::rooms::{Heading, RoomsHead, list, listed};
use crate::session::Me;

/// The list of rooms, and on a desktop an invitation beside it.
#[component]
pub(crate) fn LobbyPage(state: LobbyState) -> impl IntoView {
    let LobbyState {
        viewer,
        rooms,
        notice,
    } = state;
    let language = viewer.language;
    let clock = Clock::new(language);
    let list = list(&listed(&rooms, None, language), None, clock, language);
    let is_empty = rooms.is_empty();
    view! {
        <div class="app in-lobby">
            <main class="rooms">
                <RoomsHead language heading=Heading::Page current=None notice />
                {list}
                {is_empty.then(|| view! { <p class="no-rooms">{Text::NoRooms.to(language)}</p> })}
                <Me viewer current=None />
            </main>
            <aside class="lobby">
                <img class="emblem" src="/icon.svg" alt="" width="64" height="64" />
                <h2>{Text::LobbyTitle.to(language)}</h2>
                <p>{Text::LobbyInvitation.to(language)}</p>
            </aside>
        </div>
    }
}
