//! The pages: rendered on the server in one go, complete without JavaScript.

use std::sync::Arc;

use app::i18n::status_title;
use app::shell::{self, DocumentOptions, MessageState};
use axum::Extension;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use protocol::{Language, LobbyState, RoomName, RoomState, RoomSummary, Viewer, limits};
use serde::Deserialize;

use super::access::Site;
use super::notice::Notice;
use super::{Web, identity, language};
use crate::bridge::Stage;
use crate::chat::Chat;
use crate::history::HistoryError;
use crate::names;

/// Most rooms in a list.
const ROOMS: usize = 200;
/// After how many seconds a page that is not ready is asked for again.
const ASK_AGAIN: u32 = 2;

/// What may follow the `?` of a page. What cannot be read is passed over.
#[derive(Default, Deserialize)]
pub struct PageQuery {
    lang: Option<String>,
    notice: Option<Notice>,
}

/// `/`: the rooms.
pub async fn lobby(
    State(web): State<Arc<Web>>,
    Extension(site): Extension<Site>,
    query: Result<Query<PageQuery>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let query = query.map(|Query(query)| query).unwrap_or_default();
    let language = language::choose(query.lang.as_deref(), &headers);
    let Some(chat) = web.chat() else {
        return not_ready(&web, &site, language);
    };
    let viewer = viewer(&web, &site, &headers, language);
    match tokio::task::spawn_blocking(move || rooms(&chat)).await {
        Ok(Ok(rooms)) => {
            let notice = query
                .notice
                .map(|notice| notice.sentence(language).to_owned());
            let state = LobbyState {
                viewer,
                rooms,
                notice,
            };
            document(&web, &site, StatusCode::OK, language, |options| {
                shell::lobby_document(state, options)
            })
        }
        failed => broken(
            &web,
            &site,
            language,
            failed.err().map(|error| error.to_string()),
        ),
    }
}

/// `/rooms/{room}`: a room with its latest messages.
pub async fn room(
    State(web): State<Arc<Web>>,
    Extension(site): Extension<Site>,
    typed: Result<Path<String>, PathRejection>,
    query: Result<Query<PageQuery>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let query = query.map(|Query(query)| query).unwrap_or_default();
    let language = language::choose(query.lang.as_deref(), &headers);
    let no_room = |notice: Notice| {
        let sentence = notice.sentence(language);
        message(&web, &site, StatusCode::NOT_FOUND, language, sentence)
    };
    let Ok(Path(typed)) = typed else {
        // Percent-encoded bytes that are not UTF-8.
        return no_room(Notice::RoomCharacter);
    };
    let room = match names::room_name(&typed) {
        Ok(room) if room.as_str() == typed => room,
        Ok(room) => return Redirect::permanent(&room_path(&room)).into_response(),
        Err(error) => return no_room(Notice::from(error)),
    };
    let Some(chat) = web.chat() else {
        return not_ready(&web, &site, language);
    };
    let viewer = viewer(&web, &site, &headers, language);
    let notice = query
        .notice
        .map(|notice| notice.sentence(language).to_owned());
    match tokio::task::spawn_blocking(move || room_state(&chat, viewer, room, notice)).await {
        Ok(Ok(state)) => document(&web, &site, StatusCode::OK, language, |options| {
            shell::room_document(state, options)
        }),
        failed => broken(
            &web,
            &site,
            language,
            failed.err().map(|error| error.to_string()),
        ),
    }
}

fn room_state(
    chat: &Chat,
    viewer: Viewer,
    room: RoomName,
    notice: Option<String>,
) -> Result<RoomState, HistoryError> {
    let history = chat.rooms.last_page(&room, limits::PAGE)?;
    // The page ends where it was read, so what comes later is what the browser subscribes to.
    let head = history
        .messages
        .last()
        .map_or(-1, |last| last.position.offset);
    Ok(RoomState {
        viewer,
        rooms: rooms(chat)?,
        epoch: chat.rooms.epoch(),
        room,
        head,
        history,
        notice,
    })
}

fn rooms(chat: &Chat) -> Result<Vec<RoomSummary>, HistoryError> {
    chat.rooms.list(ROOMS)
}

fn viewer(web: &Web, site: &Site, headers: &HeaderMap, language: Language) -> Viewer {
    Viewer {
        person: identity::person(headers, site.secure, &web.keys),
        language,
    }
}

/// The address of a room's page, as it is written in a header.
pub fn room_path(room: &RoomName) -> String {
    const LETTERS: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC.remove(b'-');
    format!(
        "/rooms/{}",
        percent_encoding::utf8_percent_encode(room.as_str(), LETTERS)
    )
}

/// The page for an address that leads nowhere.
pub fn not_found(web: &Web, headers: &HeaderMap, site: &Site) -> Response {
    let language = language::choose(None, headers);
    let sentence = match language {
        Language::Ko => "이 주소에는 아무것도 없습니다.",
        Language::En => "There is nothing at this address.",
    };
    message(web, site, StatusCode::NOT_FOUND, language, sentence)
}

/// A page with one sentence.
pub fn message(
    web: &Web,
    site: &Site,
    status: StatusCode,
    language: Language,
    sentence: &str,
) -> Response {
    let title = status_title(language, status.as_u16()).to_owned();
    let state = MessageState {
        language,
        title,
        sentence: sentence.to_owned(),
        reload_after: None,
    };
    document(web, site, status, language, |options| {
        shell::message_document(state, options)
    })
}

fn not_ready(web: &Web, site: &Site, language: Language) -> Response {
    let sentence = match (language, web.stage.borrow().clone()) {
        (Language::Ko, Stage::CatchingUp { done, total }) => {
            format!("지난 대화를 읽고 있습니다. {total}개 가운데 {done}개를 읽었습니다.")
        }
        (Language::En, Stage::CatchingUp { done, total }) => {
            format!("Reading earlier messages: {done} of {total}.")
        }
        (Language::Ko, _) => {
            "대화 기록에 연결하고 있습니다. 연결되면 이 페이지가 저절로 열립니다.".to_owned()
        }
        (Language::En, _) => {
            "Connecting to the room log. This page opens by itself as soon as that is done."
                .to_owned()
        }
    };
    let title = status_title(language, StatusCode::SERVICE_UNAVAILABLE.as_u16());
    let state = MessageState {
        language,
        title: title.to_owned(),
        sentence,
        reload_after: Some(ASK_AGAIN),
    };
    let mut response = document(
        web,
        site,
        StatusCode::SERVICE_UNAVAILABLE,
        language,
        |options| shell::message_document(state, options),
    );
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from(ASK_AGAIN));
    response
}

/// A page that could not be made; the log already says why when the history is to blame.
fn broken(web: &Web, site: &Site, language: Language, panicked: Option<String>) -> Response {
    tracing::error!(
        reason = panicked.as_deref().unwrap_or("the history cannot be read"),
        "a page could not be made"
    );
    let sentence = match language {
        Language::Ko => "지금은 대화 기록을 읽을 수 없습니다. 잠시 뒤에 다시 열어 주세요.",
        Language::En => {
            "The history cannot be read at the moment. Please open this page again later."
        }
    };
    message(
        web,
        site,
        StatusCode::INTERNAL_SERVER_ERROR,
        language,
        sentence,
    )
}

fn document(
    web: &Web,
    site: &Site,
    status: StatusCode,
    language: Language,
    render: impl FnOnce(DocumentOptions<'_>) -> String,
) -> Response {
    let mut random = [0; 16];
    if getrandom::fill(&mut random).is_err() {
        return (
            StatusCode::INTERNAL_SERVER_ERROR,
            "The system gives no random numbers.\n",
        )
            .into_response();
    }
    let nonce = STANDARD_NO_PAD.encode(random);
    let html = render(DocumentOptions {
        nonce: &nonce,
        assets: &web.assets,
    });
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
        (header::CONTENT_LANGUAGE, language.tag().to_owned()),
        (header::CACHE_CONTROL, "private, no-store".to_owned()),
        (
            header::CONTENT_SECURITY_POLICY,
            security_policy(web, site, &nonce),
        ),
    ];
    (status, headers, html).into_response()
}

/// What the browser may load and do for this page (security plan 5.4).
fn security_policy(web: &Web, site: &Site, nonce: &str) -> String {
    // `cargo leptos watch` tells the page over a socket of its own when to reload.
    let reload = web
        .config
        .reload_port
        .map(|port| format!(" ws://localhost:{port} ws://127.0.0.1:{port}"))
        .unwrap_or_default();
    format!(
        "default-src 'none'; script-src 'strict-dynamic' 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self' 'nonce-{nonce}'; \
         connect-src 'self' {socket}{reload}; img-src 'self' data:; manifest-src 'self'; worker-src 'self'; base-uri 'none'; \
         form-action 'self'; frame-ancestors 'none'",
        socket = site.socket_origin(),
    )
}
