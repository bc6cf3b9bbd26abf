//! Search: as JSON for programs, and as a page of links that needs no JavaScript.

use std::sync::Arc;

use app::shell;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use protocol::search::{SearchHits, SearchState};
use protocol::{Language, Position, RoomName};
use serde::Deserialize;

use super::access::Site;
use super::api::ApiError;
use super::{Web, language, pages};
use crate::chat::Chat;
use crate::names;
use crate::search::{self, SearchError};

/// Hits of one answer when nobody says how many, and at most.
const HITS: usize = 20;
const HITS_MAX: usize = 50;

/// What may follow the `?`.
#[derive(Default, Deserialize)]
pub struct SearchQuery {
    lang: Option<String>,
    q: Option<String>,
    room: Option<String>,
    before: Option<String>,
    limit: Option<String>,
}

/// What is looked for, read.
struct Asked {
    query: Option<search::Query>,
    room: Option<RoomName>,
    before: Option<Position>,
    limit: usize,
}

impl Asked {
    fn of(asked: &SearchQuery) -> Result<Self, ApiError> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let bad = |sentence: String| ApiError::Bad(sentence);
        let room = given(&asked.room)
            .map(|room| names::room_name(&room))
            .transpose();
        let before = given(&asked.before)
            .map(|before| before.parse())
            .transpose();
        let limit = match asked.limit.as_deref().map(str::parse) {
            None => HITS,
            Some(Ok(limit @ 1..=HITS_MAX)) => limit,
            Some(_) => return Err(bad(format!("limit is a number from 1 to {HITS_MAX}"))),
        };
        Ok(Self {
            query: search::Query::of(asked.q.as_deref().unwrap_or_default()),
            room: room.map_err(|error| bad(error.to_string()))?,
            before: before
                .map_err(|error: protocol::position::PositionError| bad(error.to_string()))?,
            limit,
        })
    }
}

/// `GET /api/search`.
pub async fn api(
    State(web): State<Arc<Web>>,
    query: Result<Query<SearchQuery>, QueryRejection>,
) -> Response {
    let asked = match query {
        Ok(Query(query)) => Asked::of(&query),
        Err(error) => Err(ApiError::Bad(error.body_text())),
    };
    let asked = match asked {
        Ok(asked) if asked.query.is_some() => asked,
        Ok(_) => {
            return ApiError::Bad("q has at least one letter or digit".to_owned()).into_response();
        }
        Err(error) => return error.into_response(),
    };
    let Some(chat) = web.chat() else {
        return ApiError::Unavailable.into_response();
    };
    match find(chat, asked).await {
        Ok(found) => ([(header::CACHE_CONTROL, "private, no-store")], Json(found)).into_response(),
        Err(error) => error.into_response(),
    }
}

/// `/search`: a form and what it found. What cannot be read is passed over.
pub async fn page(
    State(web): State<Arc<Web>>,
    Extension(site): Extension<Site>,
    query: Result<Query<SearchQuery>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let query = query.map(|Query(query)| query).unwrap_or_default();
    let language = language::choose(query.lang.as_deref(), &headers);
    let Some(chat) = web.chat() else {
        return pages::not_ready(&web, &site, language);
    };
    let asked = Asked::of(&query).unwrap_or(Asked {
        query: search::Query::of(query.q.as_deref().unwrap_or_default()),
        room: None,
        before: None,
        limit: HITS,
    });
    let (room, before) = (asked.room.clone(), asked.before);
    let found = match find(chat, asked).await {
        Ok(found) => found,
        // An old link: its message is gone.
        Err(ApiError::Bad(_)) => SearchHits::default(),
        Err(ApiError::Busy(_)) => {
            let sentence = match language {
                Language::Ko => "검색이 너무 오래 걸렸습니다. 더 긴 낱말로 찾아 주세요.",
                Language::En => "The search took too long. Please use longer words.",
            };
            let status = StatusCode::SERVICE_UNAVAILABLE;
            return pages::message(&web, &site, status, language, sentence);
        }
        Err(_) => return pages::broken(&web, &site, language, None),
    };
    let state = SearchState {
        viewer: pages::viewer(&web, &site, &headers, language),
        query: query.q.unwrap_or_default(),
        room,
        before,
        found,
    };
    pages::document(&web, &site, StatusCode::OK, language, |options| {
        shell::search_document(state, options)
    })
}

async fn find(chat: Arc<Chat>, asked: Asked) -> Result<SearchHits, ApiError> {
    let Some(query) = asked.query else {
        return Ok(SearchHits::default());
    };
    let turn = Arc::clone(&chat.search.turns).acquire_owned().await;
    let work = move || {
        // The work goes on when the client has gone, so the turn goes along with it.
        let _turn = turn;
        chat.search
            .find(&query, asked.room.as_ref(), asked.before, asked.limit)
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error @ SearchError::Before)) => Err(ApiError::Bad(error.to_string())),
        Ok(Err(error @ SearchError::TooLong)) => Err(ApiError::Busy(error.to_string())),
        Ok(Err(error)) => {
            tracing::error!(%error, "nothing can be searched");
            Err(ApiError::Unavailable)
        }
        Err(_) => Err(ApiError::Unavailable),
    }
}
