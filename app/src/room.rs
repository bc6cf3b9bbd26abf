//! `/rooms/{room}`: the list of rooms beside the room that is open.
//!
//! # Layout
//!
//! - [`feed`]: what the page shows of the room and can ask of it; the seam to `live`
//! - [`banner`]: what is said about the connection; [`company`]: the people and the other rooms
//! - [`messages`]: the timeline, [`row`] one row of it, [`prose`] its text, [`panel`] what can be done with it, `window`
//!   which rows are on the page
//! - [`composer`]: where one writes, [`draft`] what was written before, [`naming`] whom one may mention

#![expect(
    unreachable_pub,
    reason = "the component macro declares more than the component that it is given"
)]

use leptos::prelude::*;
use protocol::RoomName;

mod banner;
pub(crate) mod company;
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
use company::PeoplePanel;
use composer::Composer;
use feed::Feed;
use messages::Messages;

use crate::i18n::Text;

#[cfg(feature = "ssr")]
pub(crate) use page::RoomPage;

/// What the browser takes over of the room itself, the children of `#maru`; the list of rooms is another part.
#[component]
pub(crate) fn Talk(
    feed: Feed,
    room: RoomName,
    /// Whether the viewer has a nickname.
    writes: bool,
    /// Why the last form was refused.
    notice: Option<String>,
) -> impl IntoView {
    let name = room.to_string();
    let language = feed.language;
    let composer = writes.then(|| {
        let room = room.clone();
        view! {
            <div class="dock">
                <Composer feed room notice />
            </div>
        }
    });
    view! {
        <header class="room-head" data-connection=move || feed.connection_word()>
            <a class="icon-button back" href="/" aria-label=Text::BackToRooms.to(language)>
                <svg viewBox="0 0 24 24" aria-hidden="true">
                    <path d="m15 5-7 7 7 7" />
                </svg>
            </a>
            <div class="room-title">
                <h1 dir="auto">{name}</h1>
                <ConnectionLine feed />
            </div>
            <PeoplePanel feed />
        </header>
        <BannerSlot feed />
        <Messages feed room />
        <p class="aside" dir="auto">{move || feed.company.aside.get()}</p>
        <p class="hidden" aria-live="polite">
            {move || feed.announcement.get()}
        </p>
        {composer}
    }
}

/// The frame of the page, and what of it never changes.
#[cfg(feature = "ssr")]
mod page {
    use leptos::prelude::*;
    use protocol::RoomState;

    use super::Talk;
    use super::company::RoomList;
    use super::feed::Feed;
    use crate::i18n::Text;
    use crate::rooms::{Heading, RoomsHead};
    use crate::session::{Introduction, Me};

    /// The whole page. `#rooms` and `#maru` are taken over by the browser; nothing stands before their contents.
    #[component]
    pub fn RoomPage(state: RoomState) -> impl IntoView {
        let feed = Feed::new(&state);
        let RoomState {
            viewer,
            room,
            notice,
            ..
        } = state;
        let language = viewer.language;
        let writes = viewer.person.is_some();
        let entrance = (!writes).then(|| {
            let back = format!("/rooms/{room}");
            let notice = notice.clone();
            view! {
                <div class="dock">
                    <div class="entrance" id="composer">
                        {notice.map(|notice| view! { <p class="notice" role="alert">{notice}</p> })}
                        <Introduction language back />
                    </div>
                </div>
            }
        });
        let current = room.clone();
        view! {
            <a class="skip" href="#composer">
                {Text::SkipToComposer.to(language)}
            </a>
            <div class="app in-room">
                <nav class="rooms" aria-label=Text::Rooms.to(language)>
                    <RoomsHead language heading=Heading::Part current=Some(room.clone()) notice=None />
                    <div id="rooms">
                        <RoomList feed current />
                    </div>
                    <Me viewer current=Some(room.clone()) />
                </nav>
                <main class="talk" id="maru">
                    <Talk feed room writes notice />
                    {entrance}
                </main>
            </div>
        }
    }
}
