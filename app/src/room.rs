//! `/rooms/{room}`: the list of rooms beside the room that is open.
//!
//! # Layout
//!
//! - [`feed`]: what the page shows of the room and can ask of it; the seam to `live`
//! - [`banner`]: what is said about the connection
//! - [`messages`]: the timeline, [`row`] one row of it, [`prose`] its text, [`panel`] what can be done with it, `window`
//!   which rows are on the page
//! - [`composer`]: where one writes, [`draft`] what was written before, [`naming`] whom one may mention

#![expect(
    unreachable_pub,
    reason = "the component macro declares more than the component that it is given"
)]

use leptos::either::Either;
use leptos::prelude::*;
use protocol::RoomState;

use crate::i18n::Text;
use crate::rooms::Rooms;
use crate::session::Introduction;

mod banner;
pub(crate) mod composer;
mod draft;
pub(crate) mod feed;
mod messages;
mod naming;
pub(crate) mod panel;
mod prose;
mod row;
#[cfg(any(feature = "hydrate", test))]
pub(crate) mod window;

use banner::{BannerSlot, ConnectionLine};
use composer::Composer;
use feed::Feed;
use messages::Messages;

/// The whole page below `<div id="maru">`.
#[component]
pub(crate) fn RoomPage(state: RoomState) -> impl IntoView {
    let feed = Feed::new(&state);
    #[cfg(feature = "hydrate")]
    crate::live::attach(feed, &state);
    let RoomState {
        viewer,
        room,
        rooms,
        notice,
        ..
    } = state;
    let language = viewer.language;
    let name = room.to_string();
    // Not `into_any`, here and elsewhere: it compiles a view a second time, as one that is hydrated bit by bit.
    let talk = if viewer.person.is_some() {
        Either::Left(view! { <Composer feed room=room.clone() notice /> })
    } else {
        let back = format!("/rooms/{room}");
        Either::Right(view! {
            <div class="entrance" id="composer">
                {notice.map(|notice| view! { <p class="notice" role="alert">{notice}</p> })}
                <Introduction language back />
            </div>
        })
    };
    view! {
        <a class="skip" href="#composer">
            {Text::SkipToComposer.to(language)}
        </a>
        <div class="app in-room" data-connection=move || feed.connection_word()>
            <nav class="rooms" aria-label=Text::Rooms.to(language)>
                <Rooms viewer rooms current=Some(room.clone()) latest=Some(feed.latest) notice=None clock=feed.clock />
            </nav>
            <main class="talk">
                <header class="room-head">
                    <a class="icon-button back" href="/" aria-label=Text::BackToRooms.to(language)>
                        <svg viewBox="0 0 24 24" aria-hidden="true">
                            <path d="m15 5-7 7 7 7" />
                        </svg>
                    </a>
                    <div class="room-title">
                        <h1 dir="auto">{name}</h1>
                        <ConnectionLine feed />
                    </div>
                </header>
                <BannerSlot feed />
                <Messages feed room />
                <div class="dock">{talk}</div>
                <p class="hidden" aria-live="polite">
                    {move || feed.announcement.get()}
                </p>
            </main>
        </div>
    }
}
