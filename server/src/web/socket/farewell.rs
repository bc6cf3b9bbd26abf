//! How a connection ends: every ERROR is written, then comes the close handshake.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::extract::ws::{Message, WebSocket};
use tokio_util::sync::CancellationToken;

use super::connection::{Connection, message, outgoing};
use crate::hub::ConnectionId;
use crate::metrics::connections::Close;
use crate::stomp::session::Output;
use crate::stomp::{Code, Destinations, Refusal};

/// How long the client gets to answer the close handshake.
const CLOSE_TIME: Duration = Duration::from_secs(2);
/// How many clients that were sent away the other servers can take back in a second, each with its catching up.
const RETURNS_PER_SECOND: u32 = 200;
/// The shortest time over which clients spread their return: a small room is whole again at once.
const SHORTEST_RETURN: Duration = Duration::from_millis(500);
/// The longest: nobody is to wait for longer than that.
const LONGEST_RETURN: Duration = Duration::from_secs(30);

/// Over how long so many clients that are sent away at once spread their return.
fn return_window(clients: usize) -> Duration {
    let clients = u32::try_from(clients).unwrap_or(u32::MAX);
    (Duration::from_secs(1) * clients / RETURNS_PER_SECOND).clamp(SHORTEST_RETURN, LONGEST_RETURN)
}

/// Tells the sockets that were opened with it when they have to go, all at once.
#[derive(Clone)]
pub struct Farewell {
    said: CancellationToken,
    window: Arc<OnceLock<Duration>>,
}

impl Farewell {
    /// One that is not said yet.
    pub fn new() -> Self {
        Self {
            said: CancellationToken::new(),
            window: Arc::default(),
        }
    }

    /// Sends this many clients away. Only the first call counts.
    pub fn say(&self, clients: usize) {
        self.window.get_or_init(|| return_window(clients));
        self.said.cancel();
    }

    pub(super) async fn said(&self) {
        self.said.cancelled().await;
    }

    /// When this client is welcome back, somewhere.
    fn return_after(&self, id: ConnectionId) -> Duration {
        let window = self.window.get().copied().unwrap_or(SHORTEST_RETURN);
        // Neighbours in the sequence of connections come back far from each other, and all of them evenly spread.
        let place = id.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 44;
        window * u32::try_from(place).unwrap_or_default() / (1 << 20)
    }
}

impl Default for Farewell {
    fn default() -> Self {
        Self::new()
    }
}

/// Why a connection needs no more care.
pub(super) enum End {
    /// The close handshake is under way.
    Closing,
    /// The socket is gone, or the client does not read.
    Gone(Close),
}

impl<D: Destinations> Connection<D> {
    /// Sends the client away as soon as it has its RECEIPTs, or at this time.
    pub(super) fn leave(
        &mut self,
        farewell: &Farewell,
        at: tokio::time::Instant,
        out: &mut Vec<Output>,
    ) {
        if self.session.pending_sends() == 0 || tokio::time::Instant::now() >= at {
            self.session.shutdown(farewell.return_after(self.id), out);
        }
    }

    /// Ends a connection whose queue ran over: what it missed it gets when it comes back with its position.
    pub(super) async fn cut_off(&mut self, out: &mut Vec<Output>) -> End {
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
    pub(super) async fn lost(
        &mut self,
        received: Option<Result<Message, axum::Error>>,
        out: &mut Vec<Output>,
    ) -> End {
        let Some(Err(error)) = received else {
            return End::Gone(Close::Lost);
        };
        tracing::debug!(connection = self.id.0, %error, "the socket broke");
        // axum hides the kind of error.
        let kind = error.to_string();
        let refusal = if kind.contains("too long") {
            let most = self.limits.frame_bytes;
            let detail = format!("a frame has at most {most} bytes; send less at once");
            Refusal::new(Code::FrameTooLarge, "Frame too large", detail)
        } else if kind.contains("UTF-8") {
            let detail = "a WebSocket text message is UTF-8; encode it as UTF-8";
            Refusal::new(Code::NotUtf8, "Malformed frame", detail)
        } else {
            return End::Gone(Close::Lost);
        };
        self.session.fail(refusal, out);
        if let gone @ End::Gone(_) = self.say_last(out).await {
            return gone;
        }
        // Nothing more can be read, and to close a socket with unread bytes in it takes back what was written last.
        tokio::time::sleep(CLOSE_TIME).await;
        End::Gone(Close::Lost)
    }

    /// Sends the session's last words past the queue.
    async fn say_last(&mut self, out: &mut Vec<Output>) -> End {
        self.count_refusals();
        let version = self.session.version();
        let binary = self.binary;
        let words: Vec<_> = out
            .drain(..)
            .map(|output| message(outgoing(output, version), binary))
            .collect();
        let in_time = Instant::now() + self.limits.queue_time;
        match self.send_until(in_time, words).await {
            Ok(()) => End::Closing,
            Err(close) => End::Gone(close),
        }
    }
}

/// Waits for the client's part of the close handshake.
pub(super) async fn close(id: ConnectionId, mut socket: WebSocket) {
    let answered = async { while let Some(Ok(_)) = socket.recv().await {} };
    if tokio::time::timeout(CLOSE_TIME, answered).await.is_err() {
        tracing::debug!(
            connection = id.0,
            "the client did not answer the close handshake"
        );
    }
}

/// Why a client that has seen more than this server is sent away.
pub(super) fn behind() -> Refusal {
    let detail = "you have seen more than this server; connect again, to another one if you can";
    Refusal::new(Code::Unavailable, "Unavailable", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_return_takes_as_long_as_the_clients_are_many() {
        let window = |clients| return_window(clients).as_millis();
        assert_eq!((window(0), window(1), window(100)), (500, 500, 500));
        assert_eq!((window(300), window(2_000)), (1_500, 10_000));
        assert_eq!((window(6_000), window(20_000)), (30_000, 30_000));
        assert_eq!(window(usize::MAX), 30_000);
    }

    #[test]
    fn clients_come_back_evenly_spread() {
        const CLIENTS: u64 = 1_000;
        let farewell = Farewell::new();
        farewell.say(usize::try_from(CLIENTS).unwrap());
        farewell.say(1);
        let mut returns = [0; 10];
        // They did not come one after the other, and not all of this server's are still here.
        for client in (0..CLIENTS).map(|client| client * 3 + 17) {
            let after = farewell.return_after(ConnectionId(client));
            returns[usize::try_from(after.as_millis() / 500).unwrap()] += 1;
        }
        assert!(
            returns.iter().all(|returns| (50..=150).contains(returns)),
            "{returns:?}"
        );
    }
}
