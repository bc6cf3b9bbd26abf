//! `/`: the rooms. Links and forms only, so nothing of it is hydrated.

use leptos::prelude::*;
use protocol::LobbyState;

use crate::clock::Clock;
use crate::i18n::Text;
use crate::rooms::Rooms;

/// The list of rooms, and on a desktop an invitation beside it.
#[component]
pub(crate) fn LobbyPage(state: LobbyState) -> impl IntoView {
    let LobbyState { viewer, rooms, notice } = state;
    let language = viewer.language;
    view! {
        <div class="app in-lobby">
            <Rooms viewer rooms current=None latest=None notice clock=Clock::new(language) />
            <main class="lobby">
                <img class="emblem" src="/icon.svg" alt="" width="64" height="64" />
                <h1>{Text::LobbyTitle.to(language)}</h1>
                <p>{Text::LobbyInvitation.to(language)}</p>
            </main>
        </div>
    }
}
