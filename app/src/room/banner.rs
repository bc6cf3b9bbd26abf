//! What the page says about its connection.

#![expect(
    unreachable_pub,
    reason = "the component macro declares more than the component that it is given"
)]

use leptos::prelude::*;

use super::feed::{Banner, Feed};
use crate::chat::{Connection, Event};
use crate::i18n::{self, Text};

/// The quiet line below the room's name.
#[component]
pub(crate) fn ConnectionLine(feed: Feed) -> impl IntoView {
    let text = move || {
        let count = feed.company.count.get();
        let text = feed.connection.with(|connection| match connection {
            Connection::Connecting => Text::Connecting,
            Connection::Live => Text::Live,
            Connection::Waiting { .. } | Connection::Offline | Connection::Refused(_) => {
                Text::Disconnected
            }
        });
        if text == Text::Live && count > 0 {
            i18n::online(feed.language, &feed.clock.count(count))
        } else {
            text.to(feed.language).to_owned()
        }
    };
    view! {
        <p class="connection">
            <span class="dot" aria-hidden="true"></span>
            {text}
        </p>
    }
}

/// The bar that appears when a lost connection does not come back within a second.
#[component]
pub(crate) fn BannerSlot(feed: Feed) -> impl IntoView {
    let language = feed.language;
    // The countdown changes the text alone: the button stays where it is, and screen readers are not told each second.
    let kind = Memo::new(move |_| match feed.banner.get() {
        Banner::Waiting(_) => Banner::Waiting(0),
        other => other,
    });
    let text = move || match feed.banner.get() {
        Banner::Waiting(seconds) if seconds > 0 => i18n::reconnecting_in(language, seconds),
        Banner::Waiting(_) | Banner::Reconnecting => Text::Reconnecting.to(language).to_owned(),
        other => sentence(other, feed).unwrap_or_default(),
    };
    let bar = move || {
        let kind = kind.get();
        if kind == Banner::None {
            return None;
        }
        let spins = matches!(kind, Banner::Reconnecting | Banner::Waiting(_));
        let waits = matches!(kind, Banner::Waiting(_) | Banner::Offline | Banner::Refused);
        Some(view! {
            <div class="banner" class:good=kind == Banner::Back>
                {spins.then(|| view! { <span class="spinner" aria-hidden="true"></span> })}
                <span>{text}</span>
                {waits
                    .then(|| {
                        view! {
                            <button type="button" on:click=move |_| feed.tell(Event::ReconnectNow)>
                                {Text::ConnectNow.to(language)}
                            </button>
                        }
                    })}
            </div>
        })
    };
    view! {
        <div class="banner-slot">{bar}</div>
        <p class="hidden" role="status">
            {move || sentence(kind.get(), feed)}
        </p>
    }
}

/// What is said about the connection, without the seconds.
fn sentence(banner: Banner, feed: Feed) -> Option<String> {
    let language = feed.language;
    let text = match banner {
        Banner::None => return None,
        Banner::Reconnecting | Banner::Waiting(_) => Text::Disconnected,
        Banner::Offline => Text::Offline,
        Banner::Back => Text::Back,
        Banner::Refused => {
            return feed.connection.with(|connection| match connection {
                Connection::Refused(refusal) => {
                    Some(i18n::refusal(language, &refusal.code, &refusal.sentence).to_owned())
                }
                _ => None,
            });
        }
    };
    Some(text.to(language).to_owned())
}
