//! Everything that is spoken over HTTP: pages, history, health, the page's files, and the door to the STOMP socket.

pub mod access;
pub mod api;
pub mod assets;
pub mod door;
pub mod forms;
pub mod health;
pub mod healthcheck;
pub mod identity;
pub mod language;
pub mod notice;
pub mod pages;
pub mod serve;
pub mod settings;
pub mod socket;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

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
use tower_http::compression::CompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;

use crate::bridge::Stage;
use crate::chat::Chat;
use crate::config::{Config, Profile};
use crate::conformance::Broker;
use crate::keys::Keys;
use access::Site;
use socket::limits::Limits;

/// Largest body of a form: a nickname or a room name.
const FORM_BYTES: usize = 8 * 1024;
/// Longest time for an answer; upgraded sockets are not bound by it.
const ANSWER: Duration = Duration::from_secs(30);

/// What this server serves, by its profile.
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
    pub service: OnceLock<Service>,
    /// A random number of this run of the server, which makes session ids unique among all servers.
    pub incarnation: u32,
    /// What one connection may take.
    pub limits: Limits,
    /// Who may come in.
    pub door: Arc<door::Door>,
    /// Cancelled when the server is going down.
    pub closing: CancellationToken,
    /// A child of `closing`, cancelled when the sockets that are open now have to go.
    pub farewell: Mutex<CancellationToken>,
    /// The open sockets.
    pub sockets: TaskTracker,
}

impl Web {
    /// Lets clients in.
    pub fn serve(&self, service: Service) {
        // The only call: a second one would be a bug, and the first service would stay.
        let _ = self.service.set(service);
    }

    /// What this server serves, if it may be used now.
    fn service(&self) -> Option<&Service> {
        let service = self.service.get()?;
        let healthy = match service {
            Service::Chat(chat) => chat.rooms.healthy(),
            Service::Conformance(_) => true,
        };
        let ready =
            matches!(*self.stage.borrow(), Stage::Ready) && healthy && !self.closing.is_cancelled();
        ready.then_some(service)
    }

    /// The chat, if it may be used now.
    fn chat(&self) -> Option<&Arc<Chat>> {
        match self.service()? {
            Service::Chat(chat) => Some(chat),
            Service::Conformance(_) => None,
        }
    }

    /// Tells a socket that opens now when it has to go.
    fn farewell(&self) -> CancellationToken {
        self.farewell_lock().clone()
    }

    /// Sends the open sockets to other servers when this one cannot serve at the moment (decision 11).
    pub fn send_away_if_not_ready(&self) {
        if self.service().is_some() || self.closing.is_cancelled() {
            return;
        }
        if !self.sockets.is_empty() {
            tracing::warn!("not ready any more: clients are sent away");
        }
        let later = self.closing.child_token();
        std::mem::replace(&mut *self.farewell_lock(), later).cancel();
    }

    fn farewell_lock(&self) -> MutexGuard<'_, CancellationToken> {
        // One token takes the place of another; nothing can be half done.
        self.farewell.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The routes, and the only place that says in which order a request passes the layers.
pub fn router(web: Arc<Web>) -> Router {
    let pages = Router::new()
        .route("/", get(pages::lobby))
        .route("/rooms", post(forms::open_room))
        .route("/rooms/{room}", get(pages::room))
        .route("/session", post(forms::set_nickname))
        .route("/settings", post(settings::change))
        .route("/build", get(pages::build))
        .route("/offline", get(pages::offline))
        .route("/api/rooms/{room}/messages", get(api::messages))
        .layer(RequestBodyLimitLayer::new(FORM_BYTES))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            ANSWER,
        ))
        .layer(CompressionLayer::new());
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
