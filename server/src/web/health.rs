//! Whether this server lives, and whether it should get requests.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::Web;
use crate::bridge::Stage;

/// `/healthz/live`: the program answers.
pub async fn live() -> &'static str {
    "alive\n"
}

/// `/healthz/ready`: the log has been caught up with, and the server is not going down.
pub async fn ready(State(web): State<Arc<Web>>) -> Response {
    if web.closing.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "going down\n").into_response();
    }
    let stage = web.stage.borrow().clone();
    match stage {
        Stage::Ready if web.service().is_some() => "ready\n".into_response(),
        Stage::Ready => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the history store does not keep up with the room log\n",
        )
            .into_response(),
        Stage::Connecting => (
            StatusCode::SERVICE_UNAVAILABLE,
            "connecting to the room log\n",
        )
            .into_response(),
        Stage::CatchingUp { done, total } => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("catching up with the room log: {done} of {total} records\n"),
        )
            .into_response(),
        Stage::Failed(reason) => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response()
        }
    }
}
