//! The history API: pages of a room's messages as JSON (decision 27).

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use protocol::{HistoryPage, Position, RoomName, limits};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::Web;
use crate::chat::Chat;
use crate::history::HistoryError;
use crate::metrics::chat::Page;
use crate::names;

/// What may follow the `?`.
#[derive(Deserialize)]
pub struct PageQuery {
    before: Option<String>,
    after: Option<String>,
    newer: Option<String>,
    around: Option<String>,
    at: Option<String>,
    limit: Option<String>,
}

/// Which messages are asked for.
enum Part {
    Latest,
    Before(Position),
    After(Position),
    Newer(Position),
    Around(Position),
    /// Unix milliseconds.
    At(i64),
}

pub(super) enum ApiError {
    Bad(String),
    /// The position belongs to an earlier life of the log.
    Gone,
    /// Too much is asked at the moment; the sentence says of what.
    Busy(String),
    Unavailable,
}

/// `GET /api/rooms/{room}/messages`.
pub async fn messages(
    State(web): State<Arc<Web>>,
    room: Result<Path<String>, PathRejection>,
    query: Result<Query<PageQuery>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let (room, query) = match (room, query) {
        (Ok(Path(room)), Ok(Query(query))) => (room, query),
        (Err(error), _) => return ApiError::Bad(error.body_text()).into_response(),
        (_, Err(error)) => return ApiError::Bad(error.body_text()).into_response(),
    };
    let Some(chat) = web.chat() else {
        return ApiError::Unavailable.into_response();
    };
    let (room, part, limit) = match parse(&room, &query) {
        Ok(parsed) => parsed,
        Err(error) => return error.into_response(),
    };
    chat.listeners.metrics.pages.add(match part {
        Part::Latest => Page::Latest,
        Part::Before(_) => Page::Before,
        Part::Newer(_) => Page::Newer,
        Part::Around(_) | Part::At(_) => Page::Around,
        Part::After(_) => Page::After,
    });
    match tokio::task::spawn_blocking(move || read(&chat, &room, &part, limit)).await {
        Ok(Ok(page)) => tagged(&page, &headers),
        Ok(Err(error)) => error.into_response(),
        Err(_) => ApiError::Unavailable.into_response(),
    }
}

fn parse(room: &str, query: &PageQuery) -> Result<(RoomName, Part, usize), ApiError> {
    let room = names::room_name(room).map_err(|error| ApiError::Bad(error.to_string()))?;
    let position = |text: &String| {
        text.parse::<Position>()
            .map_err(|error| ApiError::Bad(error.to_string()))
    };
    let parts = [
        query
            .before
            .as_ref()
            .map(|text| position(text).map(Part::Before)),
        query
            .after
            .as_ref()
            .map(|text| position(text).map(Part::After)),
        query
            .newer
            .as_ref()
            .map(|text| position(text).map(Part::Newer)),
        query
            .around
            .as_ref()
            .map(|text| position(text).map(Part::Around)),
        query.at.as_ref().map(|text| match text.parse() {
            Ok(time) => Ok(Part::At(time)),
            Err(_) => Err(ApiError::Bad(
                "at is a time in Unix milliseconds".to_owned(),
            )),
        }),
    ];
    let mut parts = parts.into_iter().flatten();
    let part = parts.next().unwrap_or(Ok(Part::Latest))?;
    if parts.next().is_some() {
        let sentence = "give one of before, after, newer, around and at, not several";
        return Err(ApiError::Bad(sentence.to_owned()));
    }
    let limit = match query.limit.as_deref().map(str::parse) {
        None => limits::PAGE,
        Some(Ok(limit @ 1..=limits::PAGE_MAX)) => limit,
        Some(_) => {
            return Err(ApiError::Bad(format!(
                "limit is a number from 1 to {}",
                limits::PAGE_MAX
            )));
        }
    };
    Ok((room, part, limit))
}

fn read(chat: &Chat, room: &RoomName, part: &Part, limit: usize) -> Result<HistoryPage, ApiError> {
    let rooms = &chat.rooms;
    let known = |position: &Position| {
        if position.epoch == rooms.epoch() {
            Ok(position.offset)
        } else {
            Err(ApiError::Gone)
        }
    };
    match part {
        Part::Latest => rooms.last_page(room, limit),
        Part::Before(position) => rooms.before(room, known(position)?, limit),
        Part::After(position) => rooms.after(room, known(position)?, limit),
        Part::Newer(position) => rooms.newer(room, known(position)?, limit),
        Part::Around(position) => rooms.around(room, known(position)?, limit),
        Part::At(time) => rooms.since(room, *time, limit).map(|(page, _)| page),
    }
    .map_err(unavailable)
}

pub(super) fn unavailable(error: HistoryError) -> ApiError {
    tracing::error!(%error, "history cannot be read");
    ApiError::Unavailable
}

/// The page with a tag by which the browser can ask whether it changed.
fn tagged(page: &HistoryPage, headers: &HeaderMap) -> Response {
    let Ok(body) = serde_json::to_vec(page) else {
        return ApiError::Unavailable.into_response();
    };
    let digest = Sha256::digest(&body);
    let tag = format!(
        "\"{:x}\"",
        u128::from_be_bytes(std::array::from_fn(|index| digest[index]))
    );
    let cache = [
        (header::CACHE_CONTROL, "private, no-cache".to_owned()),
        (header::ETAG, tag.clone()),
    ];
    let known = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok());
    // Compression may have marked the tag as weak; the page is the same.
    if known.is_some_and(|known| {
        known
            .split(',')
            .map(str::trim)
            .any(|one| one == "*" || one.trim_start_matches("W/") == tag)
    }) {
        return (StatusCode::NOT_MODIFIED, cache).into_response();
    }
    (cache, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        match self {
            Self::Bad(sentence) => {
                (StatusCode::BAD_REQUEST, Json(json!({ "error": sentence }))).into_response()
            }
            Self::Gone => {
                let sentence = "this position belongs to an earlier log; ask for the latest page, without a position";
                (StatusCode::GONE, Json(json!({ "error": sentence }))).into_response()
            }
            Self::Busy(sentence) => later(&sentence),
            Self::Unavailable => later("the history cannot be read at the moment; try again later"),
        }
    }
}

fn later(sentence: &str) -> Response {
    let status = StatusCode::SERVICE_UNAVAILABLE;
    let retry = [(header::RETRY_AFTER, HeaderValue::from_static("2"))];
    (status, retry, Json(json!({ "error": sentence }))).into_response()
}
