//! How a connection ends: every ERROR is written, then comes the close handshake.

use std::time::{Duration, Instant};

use axum::extract::ws::{Message, WebSocket};

use super::connection::{Connection, message, outgoing};
use crate::hub::ConnectionId;
use crate::stomp::session::Output;
use crate::stomp::{Code, Destinations, Refusal};

/// How long the client gets to answer the close handshake.
const CLOSE_TIME: Duration = Duration::from_secs(2);
/// Over this many milliseconds clients are asked to spread their return when the server goes down.
const RETURN_WINDOW_MS: u64 = 10_000;

/// Why a connection needs no more care.
pub(super) enum End {
    /// The close handshake is under way.
    Closing,
    /// The socket is gone, or the client does not read.
    Gone,
}

impl<D: Destinations> Connection<D> {
    /// Sends the client away as soon as it has its RECEIPTs, or at this time.
    pub(super) fn leave(&mut self, at: tokio::time::Instant, out: &mut Vec<Output>) {
        if self.session.pending_sends() == 0 || tokio::time::Instant::now() >= at {
            let spread = self.id.0.wrapping_mul(7_919) % RETURN_WINDOW_MS;
            self.session.shutdown(Duration::from_millis(spread), out);
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
            return End::Gone;
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
        let words: Vec<_> = out
            .drain(..)
            .map(|output| message(outgoing(output, version), binary))
            .collect();
        let in_time = Instant::now() + self.limits.queue_time;
        if self.send_until(in_time, words).await {
            End::Closing
        } else {
            End::Gone
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
