//! Who the viewer is and how they want the page: forms that work without JavaScript. Rendered on the server alone.

#![expect(
    unreachable_pub,
    reason = "the component macro declares more than the component that it is given"
)]

use leptos::either::Either;
use leptos::prelude::*;
use protocol::{Language, RoomName, Sender, Theme, Viewer};

use crate::i18n::Text;
use crate::person::{hue_class, initial};

/// The foot of the list of rooms: the viewer, and what they can change.
#[component]
pub(crate) fn Me(viewer: Viewer, current: Option<RoomName>) -> impl IntoView {
    let Viewer {
        person,
        language,
        theme,
    } = viewer;
    let in_lobby = current.is_none();
    let back = current.map_or_else(|| "/".to_owned(), |room| format!("/rooms/{room}"));
    // In the lobby the form itself; in a room it stands where the composer will be, and one is enough.
    let invitation = (person.is_none() && in_lobby)
        .then(|| view! { <Introduction language back=back.clone() /> });
    let (summary, form) = if let Some(Sender { uid, name }) = person {
        let avatar = format!("avatar {}", hue_class(&uid));
        let summary = view! {
            <span class=avatar aria-hidden="true">
                {initial(&name)}
            </span>
            <bdi class="my-name">{name.clone()}</bdi>
        };
        let form =
            view! { <NicknameForm language back=back.clone() value=name action=Text::Save /> };
        (Either::Left(summary), Some(form))
    } else {
        let summary = view! { <span class="my-name nobody">{Text::NoNickname.to(language)}</span> };
        (Either::Right(summary), None)
    };
    view! {
        <footer class="rooms-foot">
            {invitation}
            <details class="me">
                <summary>
                    {summary}
                    <svg viewBox="0 0 24 24" aria-hidden="true">
                        <path d="M4 7h9m5 0h2M4 17h2m5 0h9" />
                        <circle cx="15.5" cy="7" r="2.5" />
                        <circle cx="8.5" cy="17" r="2.5" />
                    </svg>
                    <span class="hidden">{Text::Settings.to(language)}</span>
                </summary>
                <div class="settings">
                    {form}
                    <Settings language theme back />
                </div>
            </details>
        </footer>
    }
}

/// Colours, language and notifications. The last is the browser's own business, so its buttons are the page's script's.
#[component]
fn Settings(language: Language, theme: Theme, back: String) -> impl IntoView {
    let themes = [
        (Theme::Auto, Text::ThemeAuto),
        (Theme::Light, Text::ThemeLight),
        (Theme::Dark, Text::ThemeDark),
    ]
    .map(|(choice, text)| {
        let pressed = (choice == theme).to_string();
        view! {
            <button name="theme" value=choice.as_str() aria-pressed=pressed>
                {text.to(language)}
            </button>
        }
    });
    let languages = [(Language::Ko, "한국어"), (Language::En, "English")].map(|(choice, name)| {
        let pressed = (choice == language).to_string();
        view! {
            <button name="lang" value=choice.tag() lang=choice.tag() aria-pressed=pressed>
                {name}
            </button>
        }
    });
    let notices = [
        ("off", Text::NotifyOff),
        ("mentions", Text::NotifyMentions),
        ("all", Text::NotifyAll),
    ]
    .map(|(choice, text)| {
        view! {
            <button type="button" data-notify=choice aria-pressed="false">
                {text.to(language)}
            </button>
        }
    });
    view! {
        <form method="post" action="/settings">
            <input type="hidden" name="return" value=back />
            <fieldset class="setting">
                <legend>{Text::Theme.to(language)}</legend>
                {themes.collect_view()}
            </fieldset>
            <fieldset class="setting">
                <legend>{Text::Language.to(language)}</legend>
                {languages.collect_view()}
            </fieldset>
            <fieldset class="setting" hidden>
                <legend>{Text::Notifications.to(language)}</legend>
                {notices.collect_view()}
                <p class="blocked" role="status" hidden>
                    {Text::NotifyBlocked.to(language)}
                </p>
            </fieldset>
        </form>
    }
}

/// Asks for a nickname before the first message.
#[component]
pub(crate) fn Introduction(language: Language, back: String) -> impl IntoView {
    view! {
        <div class="introduction">
            <p>{Text::NicknameInvitation.to(language)}</p>
            <NicknameForm language back value=String::new() action=Text::StartChatting />
        </div>
    }
}

#[component]
fn NicknameForm(language: Language, back: String, value: String, action: Text) -> impl IntoView {
    view! {
        <form class="nickname-form" method="post" action="/session">
            <input type="hidden" name="return" value=back />
            <label class="hidden" for="nickname">{Text::Nickname.to(language)}</label>
            <input
                id="nickname"
                name="nickname"
                required
                autocomplete="nickname"
                spellcheck="false"
                dir="auto"
                value=value
                placeholder=Text::Nickname.to(language)
            />
            <button class="button" type="submit">{action.to(language)}</button>
        </form>
    }
}
