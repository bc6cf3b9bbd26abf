//! Heart-beats of both sides: when ours is due, and when the client counts as gone.

use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use ::stomp::heartbeat::Agreement;

use crate::stomp::refusal::{Code, Refusal};

/// The milliseconds within which the server follows the client's wishes (checklist item 74).
pub(super) const BOUNDS: RangeInclusive<u32> = 1_000..=60_000;
/// A client that promises heart-beats more often than this wants losses noticed at once, and is held to its word.
const STRICT_BELOW: Duration = Duration::from_secs(5);
/// A client of which nothing at all is heard for so long is gone. Browsers slow the timers of hidden pages down to one a
/// minute but still answer pings, so a client that answers those may miss STOMP heart-beats for as long.
const SILENCE: Duration = Duration::from_secs(90);
/// How long the answer to a ping proves that the client is there: until the next ping, every 25 s, has been answered.
const PONG_FRESH: Duration = Duration::from_secs(40);

/// Why a silent client is cut off.
pub(super) fn silent() -> Refusal {
    Refusal::new(
        Code::HeartbeatTimeout,
        "Heart-beat timeout",
        "Nothing was heard from you for too long. Connect again, and send heart-beats as often as you promise them.",
    )
}

/// What was agreed on, and what was last heard and written.
#[derive(Debug)]
pub(super) struct Liveness {
    /// Within which time we write something; none where nothing was promised.
    send_every: Option<Duration>,
    /// Within which time the client promised to.
    receive_every: Option<Duration>,
    last_heard: Instant,
    last_pong: Option<Instant>,
    last_written: Instant,
}

impl Liveness {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            send_every: None,
            receive_every: None,
            last_heard: now,
            last_pong: None,
            last_written: now,
        }
    }

    pub(super) fn agree(&mut self, agreement: Agreement, now: Instant) {
        let interval = |milliseconds| Duration::from_millis(u64::from(milliseconds));
        self.send_every = agreement.send_every.map(interval);
        self.receive_every = agreement.receive_every.map(interval);
        self.last_heard = now;
        self.last_written = now;
    }

    pub(super) fn heard(&mut self, now: Instant) {
        self.last_heard = now;
    }

    pub(super) fn pong(&mut self, now: Instant) {
        self.last_pong = Some(now);
    }

    pub(super) fn wrote(&mut self, now: Instant) {
        self.last_written = now;
    }

    /// When the client counts as gone if nothing more is heard of it (`docs/PROTOCOL.md`, heart-beats).
    pub(super) fn silent_at(&self) -> Instant {
        let any = self
            .last_pong
            .map_or(self.last_heard, |pong| pong.max(self.last_heard))
            + SILENCE;
        match self.receive_every {
            None => any,
            Some(interval) if interval < STRICT_BELOW => self.last_heard + interval * 5 / 2,
            Some(interval) => {
                let missed = self.last_heard + interval * 3;
                let excused = self
                    .last_pong
                    .map(|pong| (pong + PONG_FRESH).min(self.last_heard + SILENCE));
                excused
                    .map_or(missed, |excused| excused.max(missed))
                    .min(any)
            }
        }
    }

    /// When the next heart-beat of ours is due: early enough to be there in time however the network wavers.
    pub(super) fn beat_at(&self) -> Option<Instant> {
        self.send_every
            .map(|interval| self.last_written + interval * 4 / 5)
    }

    /// Whether a heart-beat is due; if so it counts as written.
    pub(super) fn beat_if_due(&mut self, now: Instant) -> bool {
        let due = self.beat_at().is_some_and(|at| now >= at);
        if due {
            self.last_written = now;
        }
        due
    }
}
