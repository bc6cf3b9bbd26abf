//! Everything that is spoken over HTTP: pages, history, health, the page's files, and the door to the STOMP socket.

pub mod access;
pub mod admin;
pub mod api;
pub mod assets;
mod date;
pub mod door;
pub mod export;
pub mod forms;
pub mod health;
pub mod healthcheck;
pub mod identity;
pub mod language;
pub mod notice;
pub mod pages;
pub mod search;
pub mod serve;
pub mod settings;
pub mod socket;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use app::shell::Assets;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;

use crate::bridge::Stage;
use crate::chat::Chat;
use crate::config::{Config, Profile};
use crate::conformance::Broker;
use crate::keys::Keys;
use crate::metrics::Metrics;
use access::Site;
use socket::farewell::Farewell;
use socket::limits::Limits;

/// Largest body of a form: a nickname or a room name.
const FORM_BYTES: usize = 8 * 1024;
/// Longest time for an answer; upgraded sockets are not bound by it.
const ANSWER: Duration = Duration::from_secs(30);

/// What this server serves, by its profile.
#[derive(Clone)]
pub enum Service {
    /// Rooms.
    Chat(Arc<Chat>),
    /// Queues and topics for the tests of STOMP clients.
    Conformance(Arc<Broker>),
}

/// What every request handler may use.
pub struct Web {
    /// What the operator decided.
    pub config: Config,
    /// Secrets.
    pub keys: Arc<Keys>,
    /// Addresses of the page's files.
    pub assets: Assets,
    /// Whether those addresses change with the files' content, so that browsers may keep them for ever.
    pub hashed_files: bool,
    /// How far the log has been caught up with.
    pub stage: watch::Receiver<Stage>,
    /// What this server serves, once the log has been caught up with.
    pub service: RwLock<Option<Service>>,
    /// A random number of this run of the server, which makes session ids unique among all servers.
    pub incarnation: u32,
    /// What one connection may take.
    pub limits: Limits,
    /// Who may come in.
    pub door: Arc<door::Door>,
    /// Cancelled when the server is going down.
    pub closing: CancellationToken,
    /// Said when the sockets that are open now have to go.
    pub farewell: RwLock<Farewell>,
    /// The open sockets.
    pub sockets: TaskTracker,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

impl Web {
    /// Lets clients in.
    pub fn serve(&self, service: Service) {
        *self.service.write().unwrap_or_else(PoisonError::into_inner) = Some(service);
    }

    /// What this server serves, if it may be used now.
    fn service(&self) -> Option<Service> {
        let service = {
            let service = self.service.read().unwrap_or_else(PoisonError::into_inner);
            service.clone()?
        };
        let healthy = match &service {
            Service::Chat(chat) => chat.rooms.healthy(),
            Service::Conformance(_) => true,
        };
        let ready =
            matches!(*self.stage.borrow(), Stage::Ready) && healthy && !self.closing.is_cancelled();
        ready.then_some(service)
    }

    /// The chat, if it may be used now.
    fn chat(&self) -> Option<Arc<Chat>> {
        match self.service()? {
            Service::Chat(chat) => Some(chat),
            Service::Conformance(_) => None,
        }
    }

    /// Tells a socket that opens now when it has to go.
    fn farewell(&self) -> Farewell {
        let farewell = self.farewell.read().unwrap_or_else(PoisonError::into_inner);
        farewell.clone()
    }

    /// Sends the open sockets to other servers when this one cannot serve at the moment (decision 11).
    pub fn send_away_if_not_ready(&self) {
        if self.service().is_some() || self.closing.is_cancelled() {
            return;
        }
        if !self.sockets.is_empty() {
            tracing::warn!("not ready any more: clients are sent away");
        }
        self.send_away();
    }

    /// Takes nobody in until the next [`serve`](Self::serve), and sends everybody away.
    pub fn stop_serving(&self) {
        *self.service.write().unwrap_or_else(PoisonError::into_inner) = None;
        self.send_away();
    }

    /// Takes nobody in any more and sends everybody away, whoever is just coming in too.
    pub fn close(&self) {
        self.closing.cancel();
        self.farewell().say(self.sockets.len());
    }

    fn send_away(&self) {
        let mut farewell = self
            .farewell
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *farewell).say(self.sockets.len());
    }

    /// Does what has to be done once a second: tells senders whose time is up that nobody knows, and looks whether clients
    /// are still well off here.
    pub fn tend(&self, now: Instant) {
        let service = {
            let service = self.service.read().unwrap_or_else(PoisonError::into_inner);
            service.clone()
        };
        if let Some(Service::Chat(chat)) = service {
            chat.listeners.expire(now);
        }
        self.send_away_if_not_ready();
    }

    /// Looks at what is not counted as it happens, for whoever reads the metrics.
    fn look(&self) {
        let service = self.service();
        self.metrics.ready.set(service.is_some().into());
        self.metrics.connections.look();
        if let Some(Service::Chat(chat)) = service {
            let (records, bytes) = chat.rooms.tail();
            let log = &self.metrics.log;
            log.tail_records
                .set(i64::try_from(records).unwrap_or(i64::MAX));
            log.tail_bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
        }
    }
}

/// The routes, and the only place that says in which order a request passes the layers.
pub fn router(web: Arc<Web>) -> Router {
    let pages = Router::new()
        .route("/", get(pages::lobby))
        .route("/rooms", post(forms::open_room))
        .route("/rooms/{room}", get(pages::room))
        .route("/search", get(search::page))
        .route("/session", post(forms::set_nickname))
        .route("/api/rooms/{room}/export.ndjson", get(export::export))
        .route("/settings", post(settings::change))
        .route("/build", get(pages::build))
        .route("/offline", get(pages::offline))
        .route("/api/rooms/{room}/messages", get(api::messages))
        .route("/api/search", get(search::api))
        .layer(RequestBodyLimitLayer::new(FORM_BYTES))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            ANSWER,
        ))
        // One step above the library's own choice: a page is a tenth smaller, and takes no longer.
        .layer(CompressionLayer::new().quality(CompressionLevel::Precise(5)));
    let site = match web.config.profile {
        Profile::Chat | Profile::Bench => pages.fallback_service(assets::service(&web)),
        Profile::Conformance => Router::new().fallback(no_pages),
    };
    site.route("/ws", get(socket::upgrade))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&web),
            own_site_only,
        ))
        // Balancers ask for health under any name.
        .route("/healthz/live", get(health::live))
        .route("/healthz/ready", get(health::ready))
        .layer(middleware::from_fn(harden))
        .with_state(web)
}

/// Refuses requests that name another host, and remembers the site for the handlers.
async fn own_site_only(State(web): State<Arc<Web>>, mut request: Request, next: Next) -> Response {
    let Some(site) = Site::of(request.headers(), &web.config.public_origins) else {
        let sentence = "This server does not know itself under the name in your address bar. Its operator can allow the name with MARU_PUBLIC_ORIGINS.\n";
        return (StatusCode::FORBIDDEN, sentence).into_response();
    };
    request.extensions_mut().insert(site);
    next.run(request).await
}

/// What there is to see in the conformance profile.
async fn no_pages() -> (StatusCode, &'static str) {
    let sentence =
        "This server tests STOMP clients (profile conformance) and has no pages: connect to /ws.\n";
    (StatusCode::NOT_FOUND, sentence)
}

/// Headers that every answer carries.
async fn harden(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("same-origin"),
    );
    response
}
