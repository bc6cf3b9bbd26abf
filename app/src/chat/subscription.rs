//! How the page follows its room: one subscription, asked for again whenever something is missing or in doubt.
//!
//! SUBSCRIBE with the last known position does three things at once: it starts the flow, it fills a gap, and its RECEIPT
//! proves that the connection is alive. So it is also the probe after the page was asleep: an end of line proves nothing
//! (the server need not answer it), and a SEND would leave a trace.

use protocol::Epoch;

use super::backoff::Jitter;
use super::wire;

/// How long the server may be silent after SUBSCRIBE, in milliseconds.
const ANSWER_MS: u64 = 5_000;
/// The same when the connection is in doubt.
const PROBE_MS: u64 = 2_000;
/// The same for a server that is not silent: it cuts off a client that lets frames wait for ten seconds, so an answer that
/// does not come at all shows that SUBSCRIBE did not arrive.
const LONGEST_ANSWER_MS: u64 = 20_000;
/// The first window before another page is fetched.
const FIRST_WINDOW_MS: u64 = 1_000;

/// Why SUBSCRIBE goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To follow the room from the last known message on.
    Follow,
    /// To find out whether the connection is alive.
    Probe,
}

#[derive(Debug)]
enum State {
    /// No SUBSCRIBE on this connection yet.
    None,
    /// SUBSCRIBE is under way; messages that do not follow on will be replayed.
    Asked { at: u64, purpose: Purpose },
    /// Every message follows on the one before it. The server has spoken at `since` of messages up to the offset `reach`,
    /// so these are on their way.
    Following { reach: i64, since: u64 },
    /// The server cannot fill the gap: waits for a page.
    Astray,
}

#[derive(Debug)]
enum Reload {
    None,
    Due(u64),
    Loading,
}

/// The subscription to the room.
#[derive(Debug)]
pub(super) struct Subscription {
    state: State,
    /// Names the latest SUBSCRIBE, so that receipts of earlier ones are not taken for its own.
    serial: u64,
    /// Whether a receipt has come on this connection: messages may be sent.
    ready: bool,
    /// Gaps since a message last followed on.
    gaps: u32,
    /// Pages fetched in vain since the room was last followed.
    reloads: u32,
    reload: Reload,
    /// The log's epoch as the server said it last.
    epoch: Option<Epoch>,
}

impl Subscription {
    /// None yet.
    pub(super) fn new() -> Self {
        Self {
            state: State::None,
            serial: 0,
            ready: false,
            gaps: 0,
            reloads: 0,
            reload: Reload::None,
            epoch: None,
        }
    }

    /// SUBSCRIBE goes out: gives its receipt, and whether an earlier one has to be ended first.
    pub(super) fn ask(&mut self, now: u64, purpose: Purpose) -> (String, bool) {
        let again = !matches!(self.state, State::None);
        self.serial += 1;
        self.state = State::Asked { at: now, purpose };
        (wire::subscription_receipt(self.serial), again)
    }

    /// Whether this is the receipt of the latest SUBSCRIBE, and it was still open.
    pub(super) fn is_answer(&self, receipt: &str) -> bool {
        matches!(self.state, State::Asked { .. })
            && wire::subscription_receipt(self.serial) == receipt
    }

    /// The replay closes the gap up to the offset `reach`, and the flow goes on from it.
    pub(super) fn follow(&mut self, now: u64, reach: i64) {
        self.state = State::Following { reach, since: now };
        self.ready = true;
        self.reloads = 0;
        self.reload = Reload::None;
    }

    /// The server says that there is a message at this offset.
    pub(super) fn promise(&mut self, now: u64, offset: i64) {
        if let State::Following { reach, since } = &mut self.state
            && offset > *reach
        {
            (*reach, *since) = (offset, now);
        }
    }

    /// The gap cannot be closed: a page has to be fetched, at once the first time.
    pub(super) fn go_astray(&mut self, now: u64, epoch: Option<Epoch>, jitter: &mut Jitter) {
        self.state = State::Astray;
        self.ready = true;
        self.epoch = epoch.or(self.epoch);
        if let Reload::None = self.reload {
            let wait = self
                .reloads
                .checked_sub(1)
                .map_or(0, |attempt| jitter.delay(FIRST_WINDOW_MS, attempt));
            self.reload = Reload::Due(now + wait);
        }
    }

    /// A message followed on.
    pub(super) fn followed_on(&mut self) {
        self.gaps = 0;
    }

    /// A message did not follow on. True if asking again may help: not if that was done and no message has followed on since.
    pub(super) fn gap(&mut self) -> bool {
        self.gaps = self.gaps.saturating_add(1);
        self.gaps == 1
    }

    /// The connection is gone.
    pub(super) fn disconnected(&mut self) {
        self.state = State::None;
        self.ready = false;
    }

    /// Whether the page is to be fetched now.
    pub(super) fn take_reload(&mut self, now: u64) -> bool {
        let due = matches!(self.reload, Reload::Due(due) if due <= now);
        if due {
            self.reload = Reload::Loading;
            self.reloads = self.reloads.saturating_add(1);
        }
        due
    }

    /// The page came. False if it was not waited for.
    pub(super) fn reloaded(&mut self) -> bool {
        let loading = matches!(self.reload, Reload::Loading);
        if loading {
            self.reload = Reload::None;
            self.gaps = 0;
        }
        loading
    }

    /// The page did not come: try again later.
    pub(super) fn reload_failed(&mut self, now: u64, jitter: &mut Jitter) {
        if let Reload::Loading = self.reload {
            self.reload = Reload::Due(now + jitter.delay(FIRST_WINDOW_MS, self.reloads));
        }
    }

    /// The log's epoch as the server said it last.
    pub(super) fn epoch(&self) -> Option<Epoch> {
        self.epoch
    }

    /// Whether messages may be sent.
    pub(super) fn is_ready(&self) -> bool {
        self.ready
    }

    /// Whether every message that arrives must follow on.
    pub(super) fn is_following(&self) -> bool {
        matches!(self.state, State::Following { .. })
    }

    /// Whether everything that the server has spoken of is there, if the rows end at this offset.
    pub(super) fn is_caught_up(&self, head: i64) -> bool {
        matches!(self.state, State::Following { reach, .. } if reach <= head)
    }

    /// Whether the connection is in doubt.
    pub(super) fn is_probing(&self) -> bool {
        matches!(
            self.state,
            State::Asked {
                purpose: Purpose::Probe,
                ..
            }
        )
    }

    /// Until when the receipt must have come, or the next message that was spoken of if the rows end at the offset `end`.
    /// Bytes that arrive show that the connection is only slow, and buy time.
    pub(super) fn answer_due(&self, heard: u64, end: i64) -> Option<u64> {
        match self.state {
            State::Asked { at, purpose } => {
                let silence = match purpose {
                    Purpose::Follow => ANSWER_MS,
                    Purpose::Probe => PROBE_MS,
                };
                Some((at.max(heard) + silence).min(at + LONGEST_ANSWER_MS))
            }
            State::Following { reach, since } if reach > end => Some(since.max(heard) + ANSWER_MS),
            _ => None,
        }
    }

    /// When the page is to be fetched.
    pub(super) fn reload_due(&self) -> Option<u64> {
        match self.reload {
            Reload::Due(due) => Some(due),
            Reload::None | Reload::Loading => None,
        }
    }
}
