//! Pages of history over HTTP.

use gloo_net::http::Request;
use protocol::{HistoryPage, RoomName, limits};
use web_sys::AbortSignal;

use super::json;
use crate::chat::PageRequest;
use crate::json::history_page;

/// How long the answer may take, in milliseconds.
const PATIENCE_MS: u32 = 10_000;

/// Gets a page; nothing if that failed for whatever reason, which the reader is told in one sentence.
pub(super) async fn fetch(room: &RoomName, request: PageRequest) -> Option<HistoryPage> {
    let url = format!("/api/rooms/{room}/messages?limit={}", limits::PAGE);
    let url = match request {
        PageRequest::Latest => url,
        PageRequest::Before(position) => format!("{url}&before={position}"),
        PageRequest::Newer(position) => format!("{url}&newer={position}"),
        PageRequest::Around(position) => format!("{url}&around={position}"),
    };
    let signal = AbortSignal::timeout_with_u32(PATIENCE_MS);
    let response = Request::get(&url)
        .abort_signal(Some(&signal))
        .send()
        .await
        .ok()?;
    if !response.ok() {
        return None;
    }
    history_page(&json::parse(&response.text().await.ok()?)?).ok()
}
