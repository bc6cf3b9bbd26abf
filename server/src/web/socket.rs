//! The WebSocket edge of a STOMP session: bytes in, frames to the session, everything queued out in one go.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Extension;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::SinkExt as _;
use stomp::{Decoder, Item, Limits};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::access::{Origin, Site};
use super::{Web, identity};
use crate::chat::destinations::{REPLAY_BYTES, Visitor};
use crate::chat::receipts::Completion;
use crate::chat::{Chat, ChatDestinations};
use crate::hub::{ConnectionId, Outbox, Outgoing, encode};
use crate::stomp::session::{Output, Session, Settings};
use crate::stomp::{CatchUp, Code, Destinations as _, Refusal};

/// Bytes that may wait for a client (decision 19).
const QUEUE_BYTES: usize = 1024 * 1024;
/// How long one write may take before the client counts as too slow (decision 19).
const WRITE_TIME: Duration = Duration::from_secs(10);
/// How long the client gets to answer the close handshake.
const CLOSE_TIME: Duration = Duration::from_secs(2);
/// Between two WebSocket pings, which tell live sockets from dead ones without the client's timers.
const PING_EVERY: Duration = Duration::from_secs(25);
/// Between two looks at the room while the client is ahead of this server.
const CATCH_UP_EVERY: Duration = Duration::from_millis(50);
/// After so long the client is better off elsewhere.
const CATCH_UP_TIME: Duration = Duration::from_secs(10);
/// How long messages that are on their way may take when the client has to go: their RECEIPTs come before the ERROR.
const LAST_RECEIPTS: Duration = Duration::from_secs(3);
/// Over this many milliseconds clients are asked to spread their return when the server goes down.
const RETURN_WINDOW_MS: u64 = 10_000;
/// Largest WebSocket message. Above STOMP's own limit, so that a too large frame gets an ERROR and not just a closed socket.
const WEBSOCKET_BYTES: usize = 4 * FRAME_BYTES;
/// Largest STOMP frame (decision 19).
const FRAME_BYTES: usize = 64 * 1024;
/// Largest STOMP frame before CONNECT.
const LOGIN_BYTES: usize = 16 * 1024;

/// `GET /ws`: the door to the STOMP session.
pub async fn upgrade(
    State(web): State<Arc<Web>>,
    Extension(site): Extension<Site>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let visitor = match site.origin(&headers) {
        Origin::Foreign => {
            let sentence = "Only this server's own pages may connect; its operator can add other addresses with MARU_PUBLIC_ORIGINS.\n";
            return (StatusCode::FORBIDDEN, sentence).into_response();
        }
        Origin::Own => Visitor::Browser(identity::person(&headers, site.secure, &web.keys)),
        Origin::Absent => Visitor::Program,
    };
    let Some(chat) = web.chat().cloned() else {
        return retry_later("This server is still reading the room log; try again in a moment.\n");
    };
    let Some(place) = web.door.enter(address.ip()) else {
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
    let (closing, sockets) = (web.farewell(), web.sockets.clone());
    upgrade
        .max_message_size(WEBSOCKET_BYTES)
        .max_frame_size(WEBSOCKET_BYTES)
        .read_buffer_size(4 * 1024)
        .write_buffer_size(16 * 1024)
        .max_write_buffer_size(QUEUE_BYTES + WEBSOCKET_BYTES)
        .on_upgrade(move |socket| {
            sockets.track_future(async move {
                Connection::new(socket, chat, visitor).run(closing).await;
                drop(place);
            })
        })
}

fn retry_later(sentence: &'static str) -> Response {
    (
        StatusCode::SERVICE_UNAVAILABLE,
        [(header::RETRY_AFTER, HeaderValue::from_static("2"))],
        sentence,
    )
        .into_response()
}

/// One client's socket with its session.
struct Connection {
    id: ConnectionId,
    socket: WebSocket,
    session: Session<ChatDestinations>,
    decoder: Decoder,
    outbox: Arc<Outbox>,
    completions: mpsc::Receiver<Completion>,
    /// The client speaks in binary messages, so it is answered in binary messages.
    binary: bool,
}

/// Why a connection needs no more care.
enum End {
    /// The close handshake is under way.
    Closing,
    /// The socket is gone, or the client does not read.
    Gone,
}

impl Connection {
    fn new(socket: WebSocket, chat: Arc<Chat>, visitor: Visitor) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = ConnectionId(NEXT.fetch_add(1, Ordering::Relaxed));
        let now = Instant::now();
        let outbox = Arc::new(Outbox::new(QUEUE_BYTES));
        let settings = Settings::default();
        let (completed, completions) = mpsc::channel(settings.pending_sends);
        let session_id = format!("{:08x}-{}", chat.incarnation, id.0);
        let destinations =
            ChatDestinations::new(chat, id, visitor, Arc::clone(&outbox), completed, now);
        let session = Session::new(session_id, destinations, settings, now);
        let decoder = Decoder::new(Limits {
            frame: LOGIN_BYTES,
            ..Limits::default()
        });
        Self {
            id,
            socket,
            session,
            decoder,
            outbox,
            completions,
            binary: false,
        }
    }

    async fn run(mut self, closing: CancellationToken) {
        tracing::debug!(connection = self.id.0, "a client connected");
        let end = self.converse(closing).await;
        let Self {
            id,
            mut socket,
            session,
            ..
        } = self;
        // Nothing may be delivered to a client that has said goodbye.
        drop(session);
        if matches!(end, End::Closing) {
            let answered = async { while let Some(Ok(_)) = socket.recv().await {} };
            if tokio::time::timeout(CLOSE_TIME, answered).await.is_err() {
                tracing::debug!(
                    connection = id.0,
                    "the client did not answer the close handshake"
                );
            }
        }
        tracing::debug!(connection = id.0, "a client left");
    }

    async fn converse(&mut self, closing: CancellationToken) -> End {
        let mut out = Vec::new();
        let mut ping_at = tokio::time::Instant::now() + PING_EVERY;
        let mut catch_up = CatchUp::Done;
        let mut look_at = None;
        let mut ahead_since = None;
        let mut leave_at = None;
        loop {
            let deadline = self
                .session
                .next_deadline()
                .map(tokio::time::Instant::from_std);
            tokio::select! {
                received = self.socket.recv() => {
                    let Some(Ok(message)) = received else { return self.lost(received, &mut out).await };
                    if matches!(message, Message::Close(_)) {
                        return End::Closing;
                    }
                    catch_up = CatchUp::More;
                    self.hear(message, &mut out);
                }
                Some(Completion { ticket, outcome }) = self.completions.recv() => {
                    self.session.complete(ticket, outcome, &mut out);
                }
                () = self.outbox.filled() => {
                    if let Err(end) = self.write(&mut out).await {
                        return end;
                    }
                }
                () = sleep_until(deadline) => self.session.tick(Instant::now(), &mut out),
                () = tokio::time::sleep_until(ping_at) => {
                    ping_at = tokio::time::Instant::now() + PING_EVERY;
                    if !self.send_in_time([Message::Ping(Bytes::new())]).await {
                        return End::Gone;
                    }
                }
                () = sleep_until(look_at), if catch_up == CatchUp::Wait => catch_up = CatchUp::More,
                () = closing.cancelled(), if leave_at.is_none() => {
                    leave_at = Some(tokio::time::Instant::now() + LAST_RECEIPTS);
                }
                () = sleep_until(leave_at), if !self.session.is_closed() => {}
            }
            if let Some(at) = leave_at {
                self.leave(at, &mut out);
            }
            self.queue(&mut out);
            if catch_up == CatchUp::More && self.outbox.bytes() < REPLAY_BYTES {
                catch_up = self.catch_up(&mut out);
                let now = tokio::time::Instant::now();
                look_at = Some(now + CATCH_UP_EVERY);
                ahead_since = (catch_up == CatchUp::Wait).then(|| ahead_since.unwrap_or(now));
                if ahead_since.is_some_and(|since| now - since >= CATCH_UP_TIME) {
                    let detail = "you have seen more than this server; connect again, to another one if you can";
                    self.session.fail(
                        Refusal::new(Code::Unavailable, "Unavailable", detail),
                        &mut out,
                    );
                }
                self.queue(&mut out);
            }
            while self.session.wants_messages() && self.outbox.bytes() < REPLAY_BYTES {
                tokio::task::block_in_place(|| self.session.deliver(&mut out));
                self.queue(&mut out);
            }
        }
    }

    /// Sends the client away as soon as it has its RECEIPTs, or at this time.
    fn leave(&mut self, at: tokio::time::Instant, out: &mut Vec<Output>) {
        if self.session.pending_sends() == 0 || tokio::time::Instant::now() >= at {
            let spread = self.id.0.wrapping_mul(7_919) % RETURN_WINDOW_MS;
            self.session.shutdown(Duration::from_millis(spread), out);
        }
    }

    /// Takes a WebSocket message: a piece of a stream of frames, wherever it was cut.
    fn hear(&mut self, message: Message, out: &mut Vec<Output>) {
        let now = Instant::now();
        match message {
            Message::Text(text) => self.feed(Bytes::from(text), now, out),
            Message::Binary(bytes) => {
                self.binary |= !self.session.is_connected();
                self.feed(bytes, now, out);
            }
            Message::Pong(_) => self.session.pong(now),
            Message::Ping(_) | Message::Close(_) => {}
        }
    }

    fn feed(&mut self, bytes: Bytes, now: Instant, out: &mut Vec<Output>) {
        self.session.heard(now);
        self.decoder.push(bytes);
        loop {
            match self.decoder.next() {
                Ok(Some(Item::Frame(frame))) => {
                    // Destinations look into the local store; that is brief, but other tasks need not wait for it.
                    tokio::task::block_in_place(|| self.session.receive(frame, now, out));
                    self.learn_version();
                }
                Ok(Some(Item::HeartBeat)) => {}
                Ok(None) => return,
                Err(error) => return self.session.malformed(&error, out),
            }
            if self.session.is_closed() {
                return;
            }
        }
    }

    /// From CONNECT on, the decoder follows the version that was agreed on, and larger frames are welcome.
    fn learn_version(&mut self) {
        if self.session.is_connected() {
            self.decoder.set_version(self.session.version());
            self.decoder.set_limits(Limits {
                frame: FRAME_BYTES,
                ..Limits::default()
            });
        }
    }

    fn catch_up(&mut self, out: &mut Vec<Output>) -> CatchUp {
        match tokio::task::block_in_place(|| self.session.destinations_mut().catch_up()) {
            Ok(state) => state,
            Err(refusal) => {
                self.session.fail(refusal, out);
                CatchUp::Done
            }
        }
    }

    /// Moves what the session says into the queue that live messages go through, too.
    fn queue(&mut self, out: &mut Vec<Output>) {
        let version = self.session.version();
        for output in out.drain(..) {
            self.outbox.push(match output {
                Output::Frame(frame) => encode::outgoing(&frame, version),
                Output::HeartBeat => Outgoing::HeartBeat,
                Output::Close { code, reason } => Outgoing::Close { code, reason },
            });
        }
    }

    /// Sends everything that is queued in one go.
    async fn write(&mut self, out: &mut Vec<Output>) -> Result<(), End> {
        let batch = self.outbox.take();
        if batch.overflowed {
            return Err(self.cut_off(out).await);
        }
        if batch.nudged {
            self.session.nudge();
        }
        let last = batch
            .frames
            .iter()
            .position(|outgoing| matches!(outgoing, Outgoing::Close { .. }));
        let binary = self.binary;
        let sent = batch
            .frames
            .into_iter()
            .take(last.map_or(usize::MAX, |last| last + 1));
        if !self
            .send_in_time(sent.map(|outgoing| message(outgoing, binary)))
            .await
        {
            tracing::debug!(
                connection = self.id.0,
                "the client went away or reads too slowly"
            );
            return Err(End::Gone);
        }
        self.session.wrote(Instant::now());
        if last.is_some() {
            Err(End::Closing)
        } else {
            Ok(())
        }
    }

    /// Ends a connection whose queue ran over: what it missed it gets when it comes back with its position.
    async fn cut_off(&mut self, out: &mut Vec<Output>) -> End {
        tracing::info!(
            connection = self.id.0,
            "a client reads too slowly and is cut off"
        );
        let detail = "you read more slowly than the rooms talk; connect again with your position to get what you missed";
        out.clear();
        self.session.fail(
            Refusal::new(Code::SlowConsumer, "Slow consumer", detail),
            out,
        );
        self.say_last(out).await
    }

    /// The socket ended, or broke a WebSocket rule that clients run into by mistake: then the client is told before the end.
    async fn lost(
        &mut self,
        received: Option<Result<Message, axum::Error>>,
        out: &mut Vec<Output>,
    ) -> End {
        let Some(Err(error)) = received else {
            return End::Gone;
        };
        tracing::debug!(connection = self.id.0, %error, "the socket broke");
        // axum hides the kind of error.
        let kind = error.to_string();
        let refusal = if kind.contains("too long") {
            let detail = format!("a frame has at most {FRAME_BYTES} bytes; send less at once");
            Refusal::new(Code::FrameTooLarge, "Frame too large", detail)
        } else if kind.contains("UTF-8") {
            let detail = "a WebSocket text message is UTF-8; encode it as UTF-8";
            Refusal::new(Code::MalformedFrame, "Malformed frame", detail)
        } else {
            return End::Gone;
        };
        self.session.fail(refusal, out);
        if let End::Gone = self.say_last(out).await {
            return End::Gone;
        }
        // Nothing more can be read, and to close a socket with unread bytes in it takes back what was written last.
        tokio::time::sleep(CLOSE_TIME).await;
        End::Gone
    }

    /// Sends the session's last words past the queue.
    async fn say_last(&mut self, out: &mut Vec<Output>) -> End {
        let version = self.session.version();
        let binary = self.binary;
        let words = out.drain(..).map(|output| match output {
            Output::Frame(frame) => message(encode::outgoing(&frame, version), binary),
            Output::HeartBeat => message(Outgoing::HeartBeat, binary),
            Output::Close { code, reason } => message(Outgoing::Close { code, reason }, binary),
        });
        if self.send_in_time(words.collect::<Vec<_>>()).await {
            End::Closing
        } else {
            End::Gone
        }
    }

    /// Whether everything went out before the client counted as too slow.
    async fn send_in_time(&mut self, messages: impl IntoIterator<Item = Message>) -> bool {
        let socket = &mut self.socket;
        let sending = async {
            for message in messages {
                socket.feed(message).await?;
            }
            socket.flush().await
        };
        matches!(tokio::time::timeout(WRITE_TIME, sending).await, Ok(Ok(())))
    }
}

fn message(outgoing: Outgoing, binary: bool) -> Message {
    match outgoing {
        Outgoing::Frame(text) if binary => Message::Binary(Bytes::from(text)),
        Outgoing::Frame(text) => Message::Text(text),
        Outgoing::Binary(bytes) => Message::Binary(bytes),
        Outgoing::HeartBeat if binary => Message::Binary(Bytes::from_static(b"\n")),
        Outgoing::HeartBeat => Message::Text("\n".into()),
        Outgoing::Close { code, reason } => Message::Close(Some(CloseFrame {
            code,
            reason: reason.into(),
        })),
    }
}

async fn sleep_until(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
