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
    limit: Option<String>,
}

/// Which messages are asked for.
enum Part {
    Latest,
    Before(Position),
    After(Position),
}

enum ApiError {
    Bad(String),
    /// The position belongs to an earlier life of the log.
    Gone,
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
    let part = match (&query.before, &query.after) {
        (None, None) => Part::Latest,
        (Some(before), None) => Part::Before(position(before)?),
        (None, Some(after)) => Part::After(position(after)?),
        (Some(_), Some(_)) => {
            return Err(ApiError::Bad("give before or after, not both".to_owned()));
        }
    };
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
    }
    .map_err(|error: HistoryError| {
        tracing::error!(%error, "history cannot be read");
        ApiError::Unavailable
    })
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
                let sentence = "this position belongs to an earlier log; ask for the latest page without before or after";
                (StatusCode::GONE, Json(json!({ "error": sentence }))).into_response()
            }
            Self::Unavailable => {
                let sentence = "the history cannot be read at the moment; try again later";
                let mut response = (
                    StatusCode::SERVICE_UNAVAILABLE,
                    Json(json!({ "error": sentence })),
                )
                    .into_response();
                response
                    .headers_mut()
                    .insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
                response
            }
        }
    }
}
