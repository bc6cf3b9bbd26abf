//! One client's socket with its session: bytes in, frames to the session, everything queued out in one go.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use bytes::Bytes;
use futures_util::SinkExt as _;
use stomp::{Decoder, Item};
use tokio::sync::mpsc;

use super::farewell::{self, End, Farewell};
use super::limits::Limits;
use crate::chat::destinations::REPLAY_BYTES;
use crate::chat::receipts::Completion;
use crate::hub::{ConnectionId, Outbox, Outgoing, encode, outbox::Batch};
use crate::metrics::connections::{Close, ConnectionMetrics, Open};
use crate::stomp::session::{Output, Session};
use crate::stomp::{CatchUp, Destinations};

/// Between two WebSocket pings, which tell live sockets from dead ones without the client's timers.
const PING_EVERY: Duration = Duration::from_secs(25);
/// When the first one goes out: before a client that promises heart-beats every 5 s can have missed three of them, for then
/// only an answered ping excuses it.
const FIRST_PING: Duration = Duration::from_secs(4);
/// Between two looks at the room while the client is ahead of this server.
const CATCH_UP_EVERY: Duration = Duration::from_millis(50);
/// After so long the client is better off elsewhere.
const CATCH_UP_TIME: Duration = Duration::from_secs(10);
/// How long messages that are on their way may take when the client has to go: their RECEIPTs come before the ERROR.
const LAST_RECEIPTS: Duration = Duration::from_secs(3);

/// What a connection is born with.
pub(super) struct Birth {
    pub(super) id: ConnectionId,
    pub(super) outbox: Arc<Outbox>,
    pub(super) now: Instant,
    session_id: String,
    limits: Limits,
    metrics: ConnectionMetrics,
    open: Open,
}

impl Birth {
    /// For one more connection in this run of the server.
    pub(super) fn new(incarnation: u32, limits: Limits, metrics: &ConnectionMetrics) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = ConnectionId(NEXT.fetch_add(1, Ordering::Relaxed));
        let outbox = Arc::new(Outbox::new(limits.queue_bytes));
        Self {
            id,
            open: metrics.enter(id, &outbox),
            outbox,
            now: Instant::now(),
            session_id: format!("{incarnation:08x}-{}", id.0),
            limits,
            metrics: metrics.clone(),
        }
    }
}

/// One client's socket with its session.
pub(super) struct Connection<D> {
    pub(super) id: ConnectionId,
    pub(super) socket: WebSocket,
    pub(super) session: Session<D>,
    decoder: Decoder,
    outbox: Arc<Outbox>,
    completions: mpsc::Receiver<Completion>,
    /// The client speaks in binary messages, so it is answered in binary messages.
    pub(super) binary: bool,
    pub(super) limits: Limits,
    catch_up: CatchUp,
    /// When to look again while the client is ahead of this server, and since when it is.
    look_at: Option<tokio::time::Instant>,
    ahead_since: Option<tokio::time::Instant>,
    metrics: ConnectionMetrics,
    _open: Open,
}

impl<D: Destinations> Connection<D> {
    /// A connection whose destinations were made with the same [`Birth`].
    pub(super) fn new(
        birth: Birth,
        socket: WebSocket,
        destinations: D,
        completions: mpsc::Receiver<Completion>,
    ) -> Self {
        let Birth {
            id,
            outbox,
            now,
            session_id,
            limits,
            metrics,
            open,
        } = birth;
        Self {
            id,
            socket,
            session: Session::new(session_id, destinations, limits.session, now),
            decoder: Decoder::new(limits.before_login()),
            outbox,
            completions,
            binary: false,
            limits,
            catch_up: CatchUp::Done,
            look_at: None,
            ahead_since: None,
            metrics,
            _open: open,
        }
    }

    /// Serves the client until one of both has gone.
    pub(super) async fn run(mut self, farewell: Farewell) {
        tracing::debug!(connection = self.id.0, "a client connected");
        let end = self.converse(farewell).await;
        self.metrics.closes.add(self.reason(&end));
        let Self {
            id,
            socket,
            session,
            _open,
            ..
        } = self;
        // Nothing may be delivered to a client that has said goodbye.
        drop(session);
        if matches!(end, End::Closing) {
            farewell::close(id, socket).await;
        }
        tracing::debug!(connection = id.0, "a client left");
    }

    /// Why the connection ended, as operators count it.
    fn reason(&self, end: &End) -> Close {
        match (end, self.session.ended_by()) {
            (_, Some(code)) => Close::of(code),
            (End::Gone(reason), None) => *reason,
            (End::Closing, None) if self.session.is_closed() => Close::Disconnect,
            (End::Closing, None) => Close::Left,
        }
    }

    async fn converse(&mut self, farewell: Farewell) -> End {
        let mut out = Vec::new();
        let mut ping_at = tokio::time::Instant::now() + FIRST_PING;
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
                    self.hear(message, &mut out);
                }
                Some(Completion { ticket, outcome }) = self.completions.recv() => {
                    self.session.complete(ticket, outcome, &mut out);
                }
                () = self.outbox.filled() => {
                    let batch = self.outbox.take();
                    if batch.nudged {
                        self.session.nudge();
                        self.catch_up = CatchUp::More;
                    }
                    if let Err(end) = self.write(batch, &mut out).await {
                        return end;
                    }
                }
                () = sleep_until(deadline) => self.session.tick(Instant::now(), &mut out),
                () = tokio::time::sleep_until(ping_at) => {
                    ping_at = tokio::time::Instant::now() + PING_EVERY;
                    let in_time = Instant::now() + self.limits.queue_time;
                    if let Err(close) = self.send_until(in_time, [Message::Ping(Bytes::new())]).await {
                        return End::Gone(close);
                    }
                }
                () = sleep_until(self.look_at), if self.catch_up == CatchUp::Wait => self.catch_up = CatchUp::More,
                () = farewell.said(), if leave_at.is_none() => {
                    leave_at = Some(tokio::time::Instant::now() + LAST_RECEIPTS);
                }
                () = sleep_until(leave_at), if !self.session.is_closed() => {}
            }
            if let Some(at) = leave_at {
                self.leave(&farewell, at, &mut out);
            }
            self.queue_all(&mut out);
        }
    }

    /// Queues what the session says, then what its subscriptions have to get, as far as there is room.
    fn queue_all(&mut self, out: &mut Vec<Output>) {
        self.queue(out);
        if self.catch_up == CatchUp::More && self.outbox.bytes() < REPLAY_BYTES {
            self.bring_up_to_date(out);
            self.queue(out);
        }
        while self.session.wants_messages() && self.outbox.bytes() < REPLAY_BYTES {
            // As for frames: brief, but other tasks need not wait for it.
            tokio::task::block_in_place(|| self.session.deliver(out));
            self.queue(out);
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
                    // Not later: what the next frame brings about comes after all that this one does, however the client
                    // cuts its stream into WebSocket messages.
                    self.catch_up = CatchUp::More;
                    self.queue_all(out);
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
            self.decoder.set_limits(self.limits.after_login());
        }
    }

    fn bring_up_to_date(&mut self, out: &mut Vec<Output>) {
        let state = tokio::task::block_in_place(|| self.session.destinations_mut().catch_up());
        self.catch_up = state.unwrap_or_else(|refusal| {
            self.session.fail(refusal, out);
            CatchUp::Done
        });
        let now = tokio::time::Instant::now();
        self.look_at = Some(now + CATCH_UP_EVERY);
        self.ahead_since =
            (self.catch_up == CatchUp::Wait).then(|| self.ahead_since.unwrap_or(now));
        if self
            .ahead_since
            .is_some_and(|since| now - since >= CATCH_UP_TIME)
        {
            self.session.fail(farewell::behind(), out);
        }
    }

    /// Moves what the session says into the queue that live messages go through, too.
    fn queue(&mut self, out: &mut Vec<Output>) {
        self.count_refusals();
        let version = self.session.version();
        for output in out.drain(..) {
            self.outbox.push(outgoing(output, version));
        }
    }

    pub(super) fn count_refusals(&mut self) {
        for code in self.session.take_refusals() {
            self.metrics.refusals.add(code);
        }
    }

    /// Sends everything that was queued in one go.
    async fn write(&mut self, batch: Batch, out: &mut Vec<Output>) -> Result<(), End> {
        if batch.overflowed {
            return Err(self.cut_off(out).await);
        }
        let Some(since) = batch.since else {
            return Ok(());
        };
        let last = batch
            .frames
            .iter()
            .position(|outgoing| matches!(outgoing, Outgoing::Close { .. }));
        let binary = self.binary;
        self.metrics.count(&batch.frames);
        let sent = batch
            .frames
            .into_iter()
            .take(last.map_or(usize::MAX, |last| last + 1));
        let in_time = deadline(since, Instant::now(), self.limits.queue_time);
        let words = sent.map(|outgoing| message(outgoing, binary));
        if let Err(close) = self.send_until(in_time, words).await {
            tracing::info!(
                connection = self.id.0,
                "the client went away or reads too slowly"
            );
            return Err(End::Gone(close));
        }
        self.session.wrote(Instant::now());
        if last.is_some() {
            Err(End::Closing)
        } else {
            Ok(())
        }
    }

    /// Sends everything before the client counts as too slow, or says what it counts as.
    pub(super) async fn send_until(
        &mut self,
        in_time: Instant,
        messages: impl IntoIterator<Item = Message>,
    ) -> Result<(), Close> {
        let socket = &mut self.socket;
        let sending = async {
            for message in messages {
                socket.feed(message).await?;
            }
            socket.flush().await
        };
        match tokio::time::timeout_at(in_time.into(), sending).await {
            Ok(sent) => sent.map_err(|_| Close::Lost),
            Err(_) => Err(Close::Slow),
        }
    }
}

/// Until when what has been queued since then is to be written. A client that takes a little now and then does not get more
/// time than one that takes nothing; but when the server itself came late, its clients are not to pay for that.
fn deadline(since: Instant, now: Instant, queue_time: Duration) -> Instant {
    (since + queue_time).max(now + queue_time / 10)
}

/// What the session says, encoded.
pub(super) fn outgoing(output: Output, version: stomp::Version) -> Outgoing {
    match output {
        Output::Frame(frame) => encode::outgoing(&frame, version),
        Output::HeartBeat => Outgoing::HeartBeat,
        Output::Close { code, reason } => Outgoing::Close { code, reason },
    }
}

/// The WebSocket message that carries something encoded.
pub(super) fn message(outgoing: Outgoing, binary: bool) -> Message {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_entry_decides_how_long_a_write_may_take() {
        let now = Instant::now();
        for (waited, left) in [(0, 10_000), (4_000, 6_000), (9_500, 1_000), (60_000, 1_000)] {
            let since = now.checked_sub(Duration::from_millis(waited)).unwrap();
            let deadline = deadline(since, now, Duration::from_secs(10));
            assert_eq!(deadline - now, Duration::from_millis(left), "{waited}");
        }
    }
}
