//! The door to the STOMP session: who may open a WebSocket, and what their destinations stand for.
//!
//! # Layout
//!
//! - `connection`: bytes in, frames to the session, everything queued out in one go
//! - [`farewell`]: how a connection ends
//! - [`limits`]: what one connection may take

mod connection;
pub mod farewell;
pub mod limits;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Extension;
use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::mpsc;

use self::connection::{Birth, Connection};
use self::farewell::Farewell;
use super::access::{Origin, Site};
use super::{Service, Web, identity};
use crate::chat::ChatDestinations;
use crate::chat::destinations::Visitor;
use crate::conformance::ConformanceDestinations;
use crate::metrics::connections::Accept;

/// `GET /ws`: the door to the STOMP session.
pub async fn upgrade(
    State(web): State<Arc<Web>>,
    Extension(site): Extension<Site>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let accepts = &web.metrics.connections.accepts;
    let visitor = match site.origin(&headers) {
        Origin::Foreign => {
            accepts.add(Accept::ForeignOrigin);
            let sentence = "Only this server's own pages may connect; its operator can add other addresses with MARU_PUBLIC_ORIGINS.\n";
            return (StatusCode::FORBIDDEN, sentence).into_response();
        }
        Origin::Own => Visitor::Browser(identity::person(&headers, site.secure, &web.keys)),
        Origin::Absent => Visitor::Program,
    };
    let Some(service) = web.service() else {
        accepts.add(Accept::NotReady);
        return retry_later("This server is still reading the room log; try again in a moment.\n");
    };
    let Some(place) = web.door.enter(address.ip()) else {
        accepts.add(Accept::Full);
        return retry_later(
            "This server has as many connections as it may have; try again later.\n",
        );
    };
    let offered = headers
        .get_all(header::SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let upgrade = match stomp::version::choose_subprotocol(offered) {
        Some(version) => upgrade.protocols([version.subprotocol()]),
        None => upgrade,
    };
    accepts.add(Accept::Accepted);
    let (farewell, sockets) = (web.farewell(), web.sockets.clone());
    let largest = web.limits.websocket_bytes();
    upgrade
        .max_message_size(largest)
        .max_frame_size(largest)
        .read_buffer_size(4 * 1024)
        .write_buffer_size(16 * 1024)
        .max_write_buffer_size(web.limits.queue_bytes + largest)
        .on_upgrade(move |socket| {
            sockets.track_future(async move {
                converse(&web, service, socket, visitor, farewell).await;
                drop(place);
            })
        })
}

/// Serves a client. The only place where the profile decides what destinations stand for.
async fn converse(
    web: &Web,
    service: Service,
    socket: WebSocket,
    visitor: Visitor,
    farewell: Farewell,
) {
    let birth = Birth::new(web.incarnation, web.limits, &web.metrics.connections);
    let (completed, completions) = mpsc::channel(web.limits.session.pending_sends);
    match service {
        Service::Chat(chat) => {
            let outbox = Arc::clone(&birth.outbox);
            let destinations =
                ChatDestinations::new(chat, birth.id, visitor, outbox, completed, birth.now);
            let connection = Connection::new(birth, socket, destinations, completions);
            connection.run(farewell).await;
        }
        Service::Conformance(broker) => {
            let outbox = Arc::clone(&birth.outbox);
            let destinations = ConformanceDestinations::new(broker, birth.id, outbox);
            let connection = Connection::new(birth, socket, destinations, completions);
            connection.run(farewell).await;
        }
    }
}

fn retry_later(sentence: &'static str) -> Response {
    (
        StatusCode::SERVICE_UNAVAILABLE,
        [(header::RETRY_AFTER, HeaderValue::from_static("2"))],
        sentence,
    )
        .into_response()
}
