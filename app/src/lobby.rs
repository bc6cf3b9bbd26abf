//! `/`: the rooms. Links and forms only, so nothing of it is hydrated.

#![expect(
    unreachable_pub,
    reason = "the component macro declares more than the component that it is given"
)]

use leptos::prelude::*;
use protocol::LobbyState;

use crate::clock::Clock;
use crate::i18n::Text;
use crate::rooms::Rooms;

/// The list of rooms, and on a desktop an invitation beside it.
#[component]
pub(crate) fn LobbyPage(state: LobbyState) -> impl IntoView {
    let LobbyState {
        viewer,
        rooms,
        notice,
    } = state;
    let language = viewer.language;
    view! {
        <div class="app in-lobby">
            <main class="rooms">
                <Rooms viewer rooms current=None latest=None notice clock=Clock::new(language) />
            </main>
            <aside class="lobby">
                <img class="emblem" src="/icon.svg" alt="" width="64" height="64" />
                <h2>{Text::LobbyTitle.to(language)}</h2>
                <p>{Text::LobbyInvitation.to(language)}</p>
            </aside>
        </div>
    }
}
