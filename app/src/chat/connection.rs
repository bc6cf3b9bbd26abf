//! One socket after the other: time limits, heart-beats, back-off, and what the page says of it.

use super::backoff::Jitter;
use super::event::Refusal;

/// How long a socket may take to open, and the server to answer CONNECT, in milliseconds.
const STEP_MS: u64 = 5_000;
/// The first back-off window.
const FIRST_WINDOW_MS: u64 = 2_000;
/// A connection that held this long was a good one: only then the back-off starts from the first window again.
const STABLE_MS: u64 = 5_000;
/// The longest wait that a server can ask for.
const LONGEST_WAIT_MS: u64 = 60_000;

/// How the page stands with the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Connection {
    /// Connecting, or catching up with the room.
    Connecting,
    /// Connected: every message of the room arrives.
    Live,
    /// The connection is lost.
    Waiting {
        /// When the next attempt is made, in Unix milliseconds of the page's clock.
        until: u64,
    },
    /// The connection is lost and the browser says that there is no network. Attempts go on all the same.
    Offline,
    /// The server does not let this page in. Nothing is tried until the page wakes or the person asks for it.
    Refused(Refusal),
}

#[derive(Debug)]
enum Phase {
    /// Before the start.
    Idle,
    /// The socket is being opened.
    Opening { due: u64 },
    /// CONNECT was sent.
    Greeting { due: u64 },
    /// CONNECTED has come.
    Up {
        /// When the last bytes came.
        heard: u64,
        /// How long the server may be silent, if it sends heart-beats.
        silence: Option<u64>,
        /// Since when the room is followed.
        live_since: Option<u64>,
    },
    /// Between two attempts.
    Waiting { until: u64 },
    /// Turned away.
    Refused(Refusal),
}

/// The present socket, or the wait for the next one.
#[derive(Debug)]
pub(super) struct Link {
    generation: u64,
    phase: Phase,
    /// Attempts since the last good connection.
    attempts: u32,
    offline: bool,
}

impl Link {
    /// Nothing yet.
    pub(super) fn new() -> Self {
        Self {
            generation: 0,
            phase: Phase::Idle,
            attempts: 0,
            offline: false,
        }
    }

    /// The name of the latest socket.
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether there is a socket, opening or open.
    pub(super) fn has_socket(&self) -> bool {
        matches!(
            self.phase,
            Phase::Opening { .. } | Phase::Greeting { .. } | Phase::Up { .. }
        )
    }

    /// Whether this is the socket that counts.
    pub(super) fn is_current(&self, generation: u64) -> bool {
        self.has_socket() && generation == self.generation
    }

    /// Whether the session is open.
    pub(super) fn is_up(&self) -> bool {
        matches!(self.phase, Phase::Up { .. })
    }

    /// Whether the room is followed.
    pub(super) fn is_live(&self) -> bool {
        matches!(
            self.phase,
            Phase::Up {
                live_since: Some(_),
                ..
            }
        )
    }

    /// Whether this is before the start.
    pub(super) fn is_idle(&self) -> bool {
        matches!(self.phase, Phase::Idle)
    }

    /// When the last bytes came, while the session is open.
    pub(super) fn heard_at(&self) -> Option<u64> {
        match self.phase {
            Phase::Up { heard, .. } => Some(heard),
            _ => None,
        }
    }

    /// Starts the next socket and gives its generation.
    pub(super) fn open(&mut self, now: u64) -> u64 {
        self.generation += 1;
        self.phase = Phase::Opening { due: now + STEP_MS };
        self.generation
    }

    /// The socket is open: CONNECT goes out. False if it was open already.
    pub(super) fn opened(&mut self, now: u64) -> bool {
        let opening = matches!(self.phase, Phase::Opening { .. });
        if opening {
            self.phase = Phase::Greeting { due: now + STEP_MS };
        }
        opening
    }

    /// The session is open; the server sends something every `heart_beat` milliseconds, or makes no promise.
    /// False if CONNECTED was not expected.
    pub(super) fn connected(&mut self, now: u64, heart_beat: Option<u64>) -> bool {
        let greeting = matches!(self.phase, Phase::Greeting { .. });
        if greeting {
            let silence = heart_beat.map(|heart_beat| heart_beat.saturating_mul(2));
            self.phase = Phase::Up {
                heard: now,
                silence,
                live_since: None,
            };
        }
        greeting
    }

    /// Bytes came.
    pub(super) fn heard(&mut self, now: u64) {
        if let Phase::Up { heard, .. } = &mut self.phase {
            *heard = now;
        }
    }

    /// The room is followed from here on. True if it was not before on this socket.
    pub(super) fn live(&mut self, now: u64) -> bool {
        match &mut self.phase {
            Phase::Up {
                live_since: since @ None,
                ..
            } => {
                *since = Some(now);
                true
            }
            _ => false,
        }
    }

    /// The socket is gone or given up: wait for the next attempt, as long as the server asked, or a random time.
    pub(super) fn lost(&mut self, now: u64, retry_after: Option<u64>, jitter: &mut Jitter) {
        if let Phase::Up {
            live_since: Some(since),
            ..
        } = self.phase
            && now - since >= STABLE_MS
        {
            self.attempts = 0;
        }
        let drawn = jitter.delay(FIRST_WINDOW_MS, self.attempts);
        let wait = retry_after.map_or(drawn, |asked| asked.min(LONGEST_WAIT_MS));
        self.attempts = self.attempts.saturating_add(1);
        self.phase = Phase::Waiting { until: now + wait };
    }

    /// The server turned the page away.
    pub(super) fn refused(&mut self, refusal: Refusal) {
        self.phase = Phase::Refused(refusal);
    }

    /// Takes note of what the browser says of its network.
    pub(super) fn set_offline(&mut self, offline: bool) {
        self.offline = offline;
    }

    /// Whether the socket has overrun its time: to open, to answer CONNECT, or to send a heart-beat.
    pub(super) fn is_overdue(&self, now: u64) -> bool {
        self.has_socket() && self.deadline().is_some_and(|due| due <= now)
    }

    /// Whether it is time for the next attempt.
    pub(super) fn wants_attempt(&self, now: u64) -> bool {
        matches!(self.phase, Phase::Waiting { until } if until <= now)
    }

    /// When something is to be done if nothing happens until then.
    pub(super) fn deadline(&self) -> Option<u64> {
        match self.phase {
            Phase::Opening { due } | Phase::Greeting { due } => Some(due),
            Phase::Up { heard, silence, .. } => {
                silence.map(|silence| heard.saturating_add(silence))
            }
            Phase::Waiting { until } => Some(until),
            Phase::Idle | Phase::Refused(_) => None,
        }
    }

    /// What the page shows; times are the engine's.
    pub(super) fn state(&self) -> Connection {
        match &self.phase {
            Phase::Up {
                live_since: Some(_),
                ..
            } => Connection::Live,
            Phase::Refused(refusal) => Connection::Refused(refusal.clone()),
            // An attempt in between would make the banner flicker: as long as nothing works, it is the network.
            _ if self.offline => Connection::Offline,
            Phase::Waiting { until } => Connection::Waiting { until: *until },
            Phase::Idle | Phase::Opening { .. } | Phase::Greeting { .. } | Phase::Up { .. } => {
                Connection::Connecting
            }
        }
    }
}
