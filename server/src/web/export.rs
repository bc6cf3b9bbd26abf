//! A room as a file: one message a line, read from the history as it is sent.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use protocol::{RoomName, limits};
use serde::Deserialize;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::Web;
use super::api::{ApiError, unavailable};
use crate::chat::Chat;
use crate::names;

/// Exports that run at a time; each reads a whole room.
const AT_A_TIME: usize = 4;
static TURNS: Semaphore = Semaphore::const_new(AT_A_TIME);

/// What may follow the `?`.
#[derive(Deserialize)]
pub struct ExportQuery {
    #[serde(default)]
    rows: bool,
}

/// `GET /api/rooms/{room}/export.ndjson`: every record of the room as it came, or, with `rows=true`, its rows as they are.
///
/// A file that could not be finished ends without the end that HTTP gives to answers, so that programs know.
pub async fn export(
    State(web): State<Arc<Web>>,
    room: Result<Path<String>, PathRejection>,
    query: Result<Query<ExportQuery>, QueryRejection>,
) -> Response {
    let (room, rows) = match (room, query) {
        (Ok(Path(room)), Ok(Query(query))) => (room, query.rows),
        (Err(error), _) => return ApiError::Bad(error.body_text()).into_response(),
        (_, Err(error)) => return ApiError::Bad(error.body_text()).into_response(),
    };
    let Some(chat) = web.chat() else {
        return ApiError::Unavailable.into_response();
    };
    let room = match names::room_name(&room) {
        Ok(room) => room,
        Err(error) => return ApiError::Bad(error.to_string()).into_response(),
    };
    let Ok(turn) = TURNS.try_acquire() else {
        let sentence = format!("{AT_A_TIME} exports are running; try again when one has ended");
        return ApiError::Busy(sentence).into_response();
    };
    let name = utf8_percent_encode(room.as_str(), NON_ALPHANUMERIC);
    let headers = [
        (header::CONTENT_TYPE, "application/x-ndjson".to_owned()),
        (header::CACHE_CONTROL, "private, no-store".to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename*=UTF-8''{name}.ndjson"),
        ),
    ];
    let part = move |(after, turn): (Option<i64>, SemaphorePermit<'static>)| {
        let (chat, room) = (Arc::clone(&chat), room.clone());
        async move {
            let Some(after) = after else {
                return Ok(None);
            };
            let read = move || lines(&chat, &room, rows, after);
            match tokio::task::spawn_blocking(read).await {
                Ok(Ok((part, next))) => Ok(Some((part, (next, turn)))),
                _ => Err("the history cannot be read"),
            }
        }
    };
    let body = Body::from_stream(stream::try_unfold((Some(-1), turn), part));
    (headers, body).into_response()
}

/// The next lines after an offset, and from where to go on, if there is more.
fn lines(
    chat: &Chat,
    room: &RoomName,
    rows: bool,
    after: i64,
) -> Result<(Bytes, Option<i64>), ApiError> {
    let page = if rows {
        chat.rooms.newer(room, after, limits::PAGE_MAX)
    } else {
        chat.rooms.after(room, after, limits::PAGE_MAX)
    };
    let page = page.map_err(unavailable)?;
    let mut lines = Vec::new();
    for message in &page.messages {
        serde_json::to_writer(&mut lines, message).map_err(|_| ApiError::Unavailable)?;
        lines.push(b'\n');
    }
    let last = page.messages.last().map(|last| last.position.offset);
    Ok((Bytes::from(lines), last.filter(|_| page.more)))
}
