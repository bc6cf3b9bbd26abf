//! What operators and their programs ask, at an address of its own (`MARU_ADMIN_LISTEN`).

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;

use super::{Web, health};
use crate::metrics;

/// The routes of the admin address.
pub fn router(web: Arc<Web>) -> Router {
    Router::new()
        .route("/metrics", get(text))
        .route("/healthz/live", get(health::live))
        .route("/healthz/ready", get(health::ready))
        .with_state(web)
}

/// `/metrics`: what this server has counted.
async fn text(State(web): State<Arc<Web>>) -> impl IntoResponse {
    web.look();
    (
        [(header::CONTENT_TYPE, metrics::CONTENT_TYPE)],
        web.metrics.text(),
    )
}
