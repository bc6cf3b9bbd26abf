//! What one connection may take of the server: every limit of a STOMP session, in one place.

use std::time::Duration;

use crate::chat::destinations::REPLAY_BYTES;
use crate::config::{Config, Profile};
use crate::stomp::session::Settings;

/// Most messages that a session asks its destinations for at once.
const PULL: usize = 32;
/// Sizes in the conformance profile, where the settings allow less: suites of clients send messages of a megabyte.
const CONFORMANCE_FRAME_BYTES: usize = 2 * 1024 * 1024;
const CONFORMANCE_QUEUE_BYTES: usize = 8 * 1024 * 1024;
const CONFORMANCE_TRANSACTION_BYTES: usize = 16 * 1024 * 1024;

/// The limits of one connection. Counts and octets, where nothing else is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest STOMP frame before CONNECT.
    pub login_frame_bytes: usize,
    /// Largest STOMP frame.
    pub frame_bytes: usize,
    /// Headers of a frame.
    pub headers: usize,
    /// Longest header line.
    pub header_bytes: usize,
    /// What may wait for the client.
    pub queue_bytes: usize,
    /// How long the oldest of it may wait.
    pub queue_time: Duration,
    /// What the session itself keeps to.
    pub session: Settings,
}

impl Limits {
    /// The limits that an operator decided on.
    pub fn of(config: &Config) -> Self {
        let mut limits = Self {
            login_frame_bytes: config.login_frame_bytes,
            frame_bytes: config.frame_bytes,
            headers: config.headers,
            header_bytes: config.header_bytes,
            queue_bytes: config.queue_bytes,
            queue_time: Duration::from_secs(config.queue_seconds),
            session: Settings {
                login_timeout: Duration::from_secs(config.login_seconds),
                subscriptions: config.subscriptions,
                pending_sends: config.pending_sends,
                prefetch: config.prefetch,
                unacked: config.unacked,
                transactions: config.transactions,
                transaction_frames: config.transaction_frames,
                transaction_bytes: config.transaction_bytes,
                ..Settings::default()
            },
        };
        if config.profile == Profile::Conformance {
            limits.frame_bytes = limits.frame_bytes.max(CONFORMANCE_FRAME_BYTES);
            limits.queue_bytes = limits.queue_bytes.max(CONFORMANCE_QUEUE_BYTES);
            let transaction_bytes = &mut limits.session.transaction_bytes;
            *transaction_bytes = (*transaction_bytes).max(CONFORMANCE_TRANSACTION_BYTES);
        }
        // One frame must fit beside a replay, or a client could never take it.
        limits.queue_bytes = limits.queue_bytes.max(REPLAY_BYTES + limits.frame_bytes);
        // As many as fit into the part of the queue that replays leave free, whatever their size.
        let free = limits.queue_bytes.saturating_sub(REPLAY_BYTES);
        limits.session.pull = (free / limits.frame_bytes).clamp(1, PULL);
        limits
    }

    /// Largest WebSocket message: above STOMP's own limit, so that a too large frame gets an ERROR and not just a closed
    /// socket.
    pub fn websocket_bytes(&self) -> usize {
        4 * self.frame_bytes
    }

    /// What the decoder keeps to before CONNECT.
    pub fn before_login(&self) -> stomp::Limits {
        stomp::Limits {
            frame: self.login_frame_bytes,
            ..self.after_login()
        }
    }

    /// What the decoder keeps to from CONNECT on.
    pub fn after_login(&self) -> stomp::Limits {
        stomp::Limits {
            headers: self.headers,
            header_line: self.header_bytes,
            body: self.frame_bytes,
            frame: self.frame_bytes,
            ..stomp::Limits::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Arguments, Environment, Given};

    fn limits(words: &[&str]) -> Limits {
        let arguments = Arguments::from_words(words).unwrap();
        let environment = Environment::from_variables(std::iter::empty());
        let given = Given::gather(&arguments, &environment).unwrap();
        Limits::of(&Config::read(&given).unwrap())
    }

    #[test]
    fn without_a_wish_the_limits_are_the_documented_ones() {
        let limits = limits(&[]);
        assert_eq!(
            (limits.login_frame_bytes, limits.frame_bytes),
            (16 * 1024, 64 * 1024)
        );
        assert_eq!(
            limits.after_login(),
            stomp::Limits::default(),
            "the decoder's own"
        );
        assert_eq!(limits.before_login().frame, 16 * 1024);
        assert_eq!(
            (limits.queue_bytes, limits.queue_time),
            (1024 * 1024, Duration::from_secs(10))
        );
        let own = Settings {
            pull: 12,
            ..Settings::default()
        };
        assert_eq!(limits.session, own);
    }

    #[test]
    fn what_is_asked_for_at_once_fits_the_queue() {
        for words in [
            &[][..],
            &["--profile", "conformance"],
            &["--frame-bytes", "1000000", "--queue-bytes", "2000000"],
            &["--queue-bytes", "524288"],
            &["--frame-bytes", "16777216", "--queue-bytes", "524288"],
        ] {
            let limits = limits(words);
            let most = REPLAY_BYTES + limits.session.pull * limits.frame_bytes;
            assert!(most <= limits.queue_bytes, "{words:?}: {most}");
        }
    }
}
