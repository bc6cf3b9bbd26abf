//! Forms that work without JavaScript: choosing a nickname, opening a room.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use protocol::room::RoomNameError;
use protocol::{Language, Sender};
use serde::{Deserialize, Serialize};

use super::access::{Origin, Site};
use super::{Web, identity, language, pages};
use crate::keys;
use crate::names::{self, NicknameError};

/// Why a form was refused; travels in the address of the page that shows the form again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Notice {
    /// No nickname was given.
    NicknameEmpty,
    /// The nickname is too long.
    NicknameTooLong,
    /// The nickname has characters that cannot be seen.
    NicknameInvisible,
    /// No room name was given.
    RoomEmpty,
    /// The room name is too long.
    RoomTooLong,
    /// The room name has other characters than letters, digits and `-`.
    RoomCharacter,
}

impl Notice {
    /// The sentence for people.
    pub fn sentence(self, language: Language) -> &'static str {
        match (language, self) {
            (Language::Ko, Self::NicknameEmpty) => "별명을 한 글자 이상 적어 주세요.",
            (Language::En, Self::NicknameEmpty) => {
                "Please write a nickname of at least one character."
            }
            (Language::Ko, Self::NicknameTooLong) => "별명은 20자까지 쓸 수 있습니다.",
            (Language::En, Self::NicknameTooLong) => "A nickname has at most 20 characters.",
            (Language::Ko, Self::NicknameInvisible) => {
                "별명에는 보이지 않는 글자를 쓸 수 없습니다."
            }
            (Language::En, Self::NicknameInvisible) => "A nickname has no invisible characters.",
            (Language::Ko, Self::RoomEmpty) => "방 이름을 한 글자 이상 적어 주세요.",
            (Language::En, Self::RoomEmpty) => {
                "Please write a room name with at least one letter or digit."
            }
            (Language::Ko, Self::RoomTooLong) => "방 이름은 40자까지 쓸 수 있습니다.",
            (Language::En, Self::RoomTooLong) => "A room name has at most 40 characters.",
            (Language::Ko, Self::RoomCharacter) => {
                "방 이름에는 글자, 숫자, -만 쓸 수 있습니다. 띄어쓰기 대신 -를 써 주세요."
            }
            (Language::En, Self::RoomCharacter) => {
                "A room name has letters, digits and - only. Write - instead of a space."
            }
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::NicknameEmpty => "nickname-empty",
            Self::NicknameTooLong => "nickname-too-long",
            Self::NicknameInvisible => "nickname-invisible",
            Self::RoomEmpty => "room-empty",
            Self::RoomTooLong => "room-too-long",
            Self::RoomCharacter => "room-character",
        }
    }
}

impl From<NicknameError> for Notice {
    fn from(error: NicknameError) -> Self {
        match error {
            NicknameError::Empty => Self::NicknameEmpty,
            NicknameError::TooLong => Self::NicknameTooLong,
            NicknameError::Invisible => Self::NicknameInvisible,
        }
    }
}

impl From<RoomNameError> for Notice {
    fn from(error: RoomNameError) -> Self {
        match error {
            RoomNameError::Empty | RoomNameError::NoLetter => Self::RoomEmpty,
            RoomNameError::TooLong => Self::RoomTooLong,
            RoomNameError::Character(_) | RoomNameError::UpperCase => Self::RoomCharacter,
        }
    }
}

/// The nickname form.
#[derive(Deserialize)]
pub struct NicknameForm {
    nickname: String,
    /// The path to go back to.
    #[serde(default, rename = "return")]
    back: String,
}

/// `POST /session`: the browser becomes a person with this nickname, or changes it.
pub async fn set_nickname(
    State(web): State<Arc<Web>>,
    Extension(site): Extension<Site>,
    headers: HeaderMap,
    Form(form): Form<NicknameForm>,
) -> Response {
    if let Some(refusal) = foreign(&web, &site, &headers) {
        return refusal;
    }
    let back = own_path(&form.back);
    let name = match names::nickname(&form.nickname) {
        Ok(name) => name,
        Err(error) => {
            return Redirect::to(&format!("{back}?notice={}", Notice::from(error).code()))
                .into_response();
        }
    };
    let uid = match identity::person(&headers, site.secure, &web.keys) {
        Some(person) => person.uid,
        None => match keys::random_uid() {
            Ok(uid) => uid,
            Err(error) => {
                return (
                    StatusCode::INTERNAL_SERVER_ERROR,
                    format!("The system gives no random numbers: {error}\n"),
                )
                    .into_response();
            }
        },
    };
    let cookie = identity::cookie(&Sender { uid, name }, site.secure, &web.keys);
    ([(header::SET_COOKIE, cookie)], Redirect::to(&back)).into_response()
}

/// The room form.
#[derive(Deserialize)]
pub struct RoomForm {
    room: String,
}

/// `POST /rooms`: leads to the room's page, whatever way its name was typed.
pub async fn open_room(
    State(web): State<Arc<Web>>,
    Extension(site): Extension<Site>,
    headers: HeaderMap,
    Form(form): Form<RoomForm>,
) -> Response {
    if let Some(refusal) = foreign(&web, &site, &headers) {
        return refusal;
    }
    // People write names with blanks; rooms have hyphens there.
    let typed = form.room.split_whitespace().collect::<Vec<_>>().join("-");
    let to = match names::room_name(&typed) {
        Ok(room) => pages::room_path(&room),
        Err(error) => format!("/?notice={}", Notice::from(error).code()),
    };
    Redirect::to(&to).into_response()
}

/// The answer to a form that was not sent by a page of this server.
fn foreign(web: &Web, site: &Site, headers: &HeaderMap) -> Option<Response> {
    if site.origin(headers) == Origin::Own {
        return None;
    }
    let language = language::choose(None, headers);
    let sentence = match language {
        Language::Ko => "이 양식은 이 서버의 페이지에서만 보낼 수 있습니다.",
        Language::En => "This form can be sent from this server's own pages only.",
    };
    Some(pages::message(
        web,
        site,
        StatusCode::FORBIDDEN,
        language,
        sentence,
    ))
}

/// The path of a page of this server, without what follows `?`; `/` for anything that could lead elsewhere.
fn own_path(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let own = path.starts_with('/')
        && !path.starts_with("//")
        && !path.contains(['\\', '\r', '\n', '\t']);
    // Paths with letters beyond ASCII are written as they travel in a header.
    let safe = percent_encoding::utf8_percent_encode(path, percent_encoding::CONTROLS).to_string();
    if own { safe } else { "/".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_stays_here() {
        for (path, expected) in [
            ("/rooms/a", "/rooms/a"),
            ("/rooms/%EC%9E%90", "/rooms/%EC%9E%90"),
            ("/rooms/자", "/rooms/%EC%9E%90"),
            ("/rooms/a?notice=room-empty", "/rooms/a"),
            ("", "/"),
            ("//evil.example", "/"),
            ("/\\evil.example", "/"),
            ("https://evil.example", "/"),
            ("/a\r\nSet-Cookie: x", "/"),
        ] {
            assert_eq!(own_path(path), expected, "{path}");
        }
    }

    #[test]
    fn notices_survive_the_address() {
        for notice in [
            Notice::NicknameEmpty,
            Notice::NicknameTooLong,
            Notice::NicknameInvisible,
            Notice::RoomEmpty,
            Notice::RoomTooLong,
            Notice::RoomCharacter,
        ] {
            assert_eq!(
                serde_json::from_str::<Notice>(&format!("{:?}", notice.code())).unwrap(),
                notice
            );
        }
    }
}
