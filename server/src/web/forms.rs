//! Forms that work without JavaScript: choosing a nickname, opening a room.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use protocol::{Language, Sender};
use serde::Deserialize;

use super::access::{Origin, Site};
use super::notice::Notice;
use super::{Web, identity, language, pages};
use crate::keys;
use crate::names;

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
pub fn foreign(web: &Web, site: &Site, headers: &HeaderMap) -> Option<Response> {
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
pub fn own_path(path: &str) -> String {
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
}
