//! Who the viewer is: the forms that choose and change the nickname. They work without JavaScript.

#![expect(
    unreachable_pub,
    reason = "the component macro declares more than the component that it is given"
)]

use leptos::either::Either;
use leptos::prelude::*;
use protocol::{Language, RoomName, Sender, Viewer};

use crate::i18n::Text;
use crate::person::{hue_class, initial};

/// The foot of the list of rooms: the viewer, and the form that changes the nickname.
#[component]
pub(crate) fn Me(viewer: Viewer, current: Option<RoomName>) -> impl IntoView {
    let language = viewer.language;
    let in_lobby = current.is_none();
    let back = current.map_or_else(|| "/".to_owned(), |room| format!("/rooms/{room}"));
    let person = viewer.person.map(|Sender { uid, name }| {
        let avatar = format!("avatar {}", hue_class(&uid));
        let initial = initial(&name);
        let shown = name.clone();
        view! {
            <details class="me">
                <summary>
                    <span class=avatar aria-hidden="true">
                        {initial}
                    </span>
                    <bdi class="my-name">{shown}</bdi>
                    <span class="me-action">{Text::ChangeNickname.to(language)}</span>
                </summary>
                <NicknameForm language back=back.clone() value=name action=Text::Save />
            </details>
        }
    });
    let nobody = viewer_is_nobody(person.is_none(), in_lobby, language, &back);
    view! { <footer class="rooms-foot">{person} {nobody}</footer> }
}

/// In the lobby the form itself; in a room it stands where the composer will be, and one is enough.
fn viewer_is_nobody(
    is_nobody: bool,
    in_lobby: bool,
    language: Language,
    back: &str,
) -> Option<impl IntoView + use<>> {
    let back = back.to_owned();
    is_nobody.then(move || {
        if in_lobby {
            Either::Left(view! { <Introduction language back /> })
        } else {
            Either::Right(view! { <p class="nobody">{Text::NoNickname.to(language)}</p> })
        }
    })
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
