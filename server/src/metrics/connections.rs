//! Who comes in, what goes out, and why connections end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::counters::label;
use super::{Counters, Label, SumAndMax};
use crate::hub::{ConnectionId, Outbox, Outgoing};
use crate::stomp::Code;

label! {
    /// What became of somebody at the door.
    Accept as "result" {
        /// Came in.
        Accepted = "accepted",
        /// Another site's page.
        ForeignOrigin = "foreign-origin",
        /// This server does not take clients now.
        NotReady = "not-ready",
        /// As many are in as may be.
        Full = "full",
    }
}

label! {
    /// Why a connection ended.
    Close as "reason" {
        /// The client said DISCONNECT.
        Disconnect = "disconnect",
        /// The client closed the socket.
        Left = "left",
        /// The socket broke.
        Lost = "lost",
        /// The client read too slowly and was cut off.
        Slow = "slow",
        /// The client was silent for too long.
        Silent = "silent",
        /// This server sent it away.
        Draining = "draining",
        /// The client was refused something and had to go.
        Refused = "refused",
    }
}

impl Close {
    /// The reason of an end by ERROR.
    pub fn of(code: Code) -> Self {
        match code {
            Code::SlowConsumer => Self::Slow,
            Code::HeartbeatTimeout => Self::Silent,
            Code::Draining => Self::Draining,
            _ => Self::Refused,
        }
    }
}

impl Label for Code {
    const NAME: &'static str = "code";
    const ALL: &'static [Self] = Self::EVERY;

    fn as_str(self) -> &'static str {
        Self::as_str(self)
    }
}

/// Counted at the edge. Clones count together.
#[derive(Clone, Default)]
pub struct ConnectionMetrics {
    /// WebSocket connections that are open.
    pub open: Gauge,
    /// Who came to the door, by what became of them.
    pub accepts: Counters<Accept>,
    /// Connections that ended, by why.
    pub closes: Counters<Close>,
    /// Whatever was refused, by the code that the client got.
    pub refusals: Counters<Code>,
    /// MESSAGE frames that were written.
    pub deliveries: Counter,
    /// Bytes of frames that were written.
    pub bytes_sent: Counter,
    /// Writes, each of everything that was queued.
    pub writes: Counter,
    /// What waits for clients, as of the last [look](Self::look).
    queued: SumAndMax,
    queues: Queues,
}

/// The queues of the open connections.
type Queues = Arc<Mutex<HashMap<ConnectionId, Weak<Outbox>>>>;

impl ConnectionMetrics {
    /// Counts a connection as open for as long as the result lives.
    pub fn enter(&self, connection: ConnectionId, outbox: &Arc<Outbox>) -> Open {
        self.open.inc();
        self.queues().insert(connection, Arc::downgrade(outbox));
        Open {
            metrics: self.clone(),
            connection,
        }
    }

    /// Looks how much waits in the queues. Asked for by whoever reads the metrics, so that nothing is counted per message.
    pub fn look(&self) {
        let queues: Vec<_> = self.queues().values().filter_map(Weak::upgrade).collect();
        self.queued.set(
            queues
                .iter()
                .map(|queue| i64::try_from(queue.bytes()).unwrap_or(i64::MAX)),
        );
    }

    /// Counts what goes out in one write.
    pub fn count(&self, frames: &[Outgoing]) {
        let (mut messages, mut bytes) = (0, 0);
        for outgoing in frames {
            let frame: &[u8] = match outgoing {
                Outgoing::Frame(text) => text.as_bytes(),
                Outgoing::Binary(bytes) => bytes,
                Outgoing::HeartBeat | Outgoing::Close { .. } => continue,
            };
            messages += u64::from(frame.starts_with(b"MESSAGE\n"));
            bytes += frame.len() as u64;
        }
        self.deliveries.inc_by(messages);
        self.bytes_sent.inc_by(bytes);
        self.writes.inc();
    }

    fn queues(&self) -> MutexGuard<'_, HashMap<ConnectionId, Weak<Outbox>>> {
        // Every change is one insert or remove.
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "WebSocket connections that are open";
        registry.register("ws_connections", help, self.open.clone());
        let help = "Who came to the door of the WebSocket";
        self.accepts.register(registry, "ws_accepts", help);
        let help = "WebSocket connections that ended";
        self.closes.register(registry, "ws_closes", help);
        let help = "Frames that were refused, by x-code";
        self.refusals.register(registry, "refusals", help);
        let help = "MESSAGE frames that were written";
        registry.register("deliveries", help, self.deliveries.clone());
        let help = "Bytes of frames that were written";
        registry.register("sent_bytes", help, self.bytes_sent.clone());
        let help = "Writes to sockets, each of everything that was queued";
        registry.register("socket_writes", help, self.writes.clone());
        let help = "Bytes that wait for clients";
        self.queued.register(registry, "outbound_queue_bytes", help);
    }
}

/// A connection that is open.
pub struct Open {
    metrics: ConnectionMetrics,
    connection: ConnectionId,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.metrics.open.dec();
        self.metrics.queues().remove(&self.connection);
    }
}
