//! What was composed and is not in the room yet: sent in order, one at a time, under the same id until it is settled.
//!
//! Each message is stored before its first attempt and until the log has it, so it outlives the page.

use protocol::{Action, Message, Position, Quote, RoomName, Sender, limits};
use uuid::Builder;

use super::backoff::Jitter;
use super::event::Effect;
use super::timeline::Place;
use super::wire::Notice;

mod entry;
mod pending;

pub use self::entry::Entry;
use self::pending::{Attempt, Kept};
pub use self::pending::{ComposeError, Composition, Failure, Pending, Status};

/// How long a message may wait for its receipt before the page says that it is not confirmed, in milliseconds.
const UNCONFIRMED_MS: u64 = 10_000;
/// How long to wait for an answer before sending again on the same connection. The server answers after 60 s at the latest,
/// so this only helps where an answer went missing.
const ANSWER_MS: u64 = 75_000;
/// The first window before an attempt after a refusal that named no time.
const FIRST_WINDOW_MS: u64 = 1_000;
/// Older messages are not sent again without the person's doing: the log forgets ids after 7 days.
const RESEND_MS: u64 = 24 * 60 * 60 * 1000;
/// Most messages waiting.
const CAPACITY: usize = 200;

/// The messages that wait, in the order in which they are to be sent.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// By rank.
    items: Vec<Pending>,
    /// The rank of the latest message.
    rank: u64,
    /// Ids that the storage need not keep any longer.
    settled: Vec<String>,
    changed: bool,
}

impl Outbox {
    /// The messages in the order in which they will stand in the room.
    pub(super) fn items(&self) -> &[Pending] {
        &self.items
    }

    /// Takes what is to be sent. `page_time` is the page's clock, in which the id and the entry are dated.
    pub(super) fn compose(
        &mut self,
        now: u64,
        page_time: u64,
        room: &RoomName,
        composition: Composition,
        random: [u8; 10],
    ) -> Result<(), ComposeError> {
        let Composition { action, text, .. } = &composition;
        if *action != Action::Delete && text.trim().is_empty() {
            return Err(ComposeError::Empty);
        }
        if text.len() > limits::TEXT_BYTES || text.chars().count() > limits::TEXT_CHARS {
            return Err(ComposeError::TooLong);
        }
        if self.items.len() >= CAPACITY {
            return Err(ComposeError::Full);
        }
        let rank = self.next_rank(page_time);
        self.items.push(Pending {
            id: Builder::from_unix_timestamp_millis(page_time, &random)
                .into_uuid()
                .to_string(),
            composition,
            quote: None,
            composed_at: page_time,
            status: Status::Queued,
            room: room.clone(),
            rank,
            kept: Kept::Stale,
            since: now,
            asked_at: now,
            sent: false,
            attempt: Attempt::Due(now),
            refusals: 0,
        });
        self.changed = true;
        Ok(())
    }

    /// Takes over what an earlier page or another tab left. What is here already stays as it is.
    pub(super) fn adopt(&mut self, entry: Entry, now: u64, page_time: u64) {
        if self.find(&entry.id).is_none() {
            self.rank = self.rank.max(entry.rank);
            let later = self.items.iter().position(|item| item.rank > entry.rank);
            let index = later.unwrap_or(self.items.len());
            self.items
                .insert(index, Pending::revive(entry, now, page_time));
            self.changed = true;
        }
    }

    /// Finds the beginnings of messages that answers quote.
    pub(super) fn quote(&mut self, of: impl Fn(Position) -> Option<Quote>) {
        for item in &mut self.items {
            if let (Action::Send, Some(target), None) = (
                item.composition.action,
                item.composition.target,
                &item.quote,
            ) {
                item.quote = of(target);
            }
        }
    }

    /// Another tab has taken these over, storage and all.
    pub(super) fn hand_over(&mut self, ids: &[String]) {
        let before = self.items.len();
        self.items.retain(|item| !ids.contains(&item.id));
        self.changed |= self.items.len() != before;
    }

    /// The storage had no room for a message.
    pub(super) fn not_kept(&mut self, id: &str) {
        if let Some(item) = self.find(id) {
            item.kept = Kept::NoRoom;
            self.changed = true;
        }
    }

    /// Has the storage brought up to date.
    pub(super) fn store(&mut self, effects: &mut Vec<Effect>, page_time: impl Fn(u64) -> u64) {
        let stale = |item: &&mut Pending| item.kept == Kept::Stale;
        for item in self.items.iter_mut().filter(stale) {
            item.kept = Kept::Whole;
            effects.push(Effect::Store(item.entry(&page_time)));
        }
        let settled = self.settled.drain(..);
        effects.extend(settled.map(|id| Effect::Forget { id }));
    }

    /// The message to be sent now, if it is time: always the first open one, so that none overtakes another.
    pub(super) fn next(&mut self, now: u64) -> Option<&Pending> {
        for item in &mut self.items {
            if item.is_open() && now - item.asked_at > RESEND_MS {
                item.fail(Failure::TooOld);
                self.changed = true;
            }
        }
        let item = self.items.iter_mut().find(|item| item.is_open())?;
        if item.attempt.due().is_none_or(|due| due > now) {
            return None;
        }
        if !item.sent {
            item.sent = true;
            item.kept = Kept::Stale;
        }
        item.attempt = Attempt::Awaiting {
            doubt_at: Some(now + UNCONFIRMED_MS),
            again_at: now + ANSWER_MS,
        };
        Some(item)
    }

    /// Whether an answer is missing for so long that the connection is in doubt. Said once of every attempt.
    pub(super) fn take_doubt(&mut self, now: u64) -> bool {
        let item = self.items.iter_mut().find(|item| item.is_open());
        if let Some(item) = item
            && let Attempt::Awaiting { doubt_at, .. } = &mut item.attempt
        {
            return doubt_at.take_if(|doubt_at| *doubt_at <= now).is_some();
        }
        false
    }

    /// A new connection is ready: what was under way on the old one may be lost and is sent again.
    pub(super) fn resume(&mut self, now: u64) {
        for item in &mut self.items {
            if let Attempt::Awaiting { .. } = item.attempt {
                item.attempt = Attempt::Due(now);
            }
            if item.status == Status::Queued {
                item.since = now;
            }
        }
    }

    /// The message is in the log. False if it is not one of these.
    pub(super) fn receipt(&mut self, id: &str, place: Option<Place>) -> bool {
        let Some(item) = self.find(id) else {
            return false;
        };
        item.status = Status::Sent;
        item.attempt = Attempt::Stored(place);
        if std::mem::replace(&mut item.kept, Kept::Needless) != Kept::Needless {
            self.settled.push(id.to_owned());
        }
        self.changed = true;
        true
    }

    /// The message was refused: tried again later if the server says that this may help.
    pub(super) fn refused(&mut self, id: &str, notice: &Notice, now: u64, jitter: &mut Jitter) {
        let Some(item) = self.find(id).filter(|item| item.is_open()) else {
            return;
        };
        if notice.retryable {
            let wait = notice
                .retry_after
                .unwrap_or_else(|| jitter.delay(FIRST_WINDOW_MS, item.refusals));
            item.attempt = Attempt::Due(now.saturating_add(wait));
            item.refusals = item.refusals.saturating_add(1);
        } else {
            item.fail(Failure::Refused(notice.refusal.clone()));
            self.changed = true;
        }
    }

    /// A message of the room: if it is one of ours it has arrived, whatever we thought of it.
    pub(super) fn arrived(&mut self, message: &Message, me: Option<&Sender>) {
        // Names change, and ids are only the sender's own: somebody else may use the same one.
        if me.is_some_and(|me| me.uid == message.sender.uid) {
            self.remove(|item| item.id == message.id);
        }
    }

    /// The timeline has come as far as `head`: what is stored up to there, or in an earlier life of the log, is shown
    /// there or on an older page. What should have changed a message of an earlier life and failed has no row to say so.
    pub(super) fn settle(&mut self, head: Place) {
        self.remove(|item| {
            if let Attempt::Stored(Some(place)) = item.attempt {
                return place.epoch != head.epoch || place.offset <= head.offset;
            }
            let target = item.changes();
            target.is_some_and(|target| target.epoch != head.epoch)
                && matches!(item.status, Status::Failed(_))
        });
    }

    /// Elsewhere there is no timeline to wait for: what is stored in the log is done with.
    pub(super) fn settle_all(&mut self) {
        self.remove(|item| matches!(item.attempt, Attempt::Stored(_)));
    }

    /// Sends a failed message again, after all others: a later one may be under way already.
    pub(super) fn retry(&mut self, id: &str, now: u64, page_time: u64) {
        let Some(index) = self.items.iter().position(|item| item.id == id) else {
            return;
        };
        if let Status::Failed(_) = self.items[index].status {
            let item = self.items.remove(index);
            let rank = self.next_rank(page_time);
            let status = if item.sent {
                Status::Sending
            } else {
                Status::Queued
            };
            self.items.push(Pending {
                status,
                rank,
                kept: Kept::Stale,
                since: now,
                asked_at: now,
                attempt: Attempt::Due(now),
                refusals: 0,
                ..item
            });
            self.changed = true;
        }
    }

    /// Forgets a message that failed or was never sent. Others may be in the room any moment, so they stay.
    pub(super) fn discard(&mut self, id: &str) {
        self.remove(|item| {
            item.id == id && (matches!(item.status, Status::Failed(_)) || !item.sent)
        });
    }

    /// Brings what is shown up to date and says whether anything changed since the call before.
    pub(super) fn refresh(&mut self, now: u64, live: bool) -> bool {
        for item in self.items.iter_mut().filter(|item| item.is_open()) {
            let status = if !live && !item.sent {
                Status::Queued
            } else if now >= item.since + UNCONFIRMED_MS {
                Status::Unconfirmed
            } else {
                Status::Sending
            };
            if item.status != status {
                item.status = status;
                self.changed = true;
            }
        }
        std::mem::take(&mut self.changed)
    }

    /// When something is to be done if nothing happens until then: an attempt (if `ready` to send), or another status.
    pub(super) fn deadline(&self, ready: bool) -> Option<u64> {
        let mut open = self.items.iter().filter(|item| item.is_open());
        let statuses = open
            .clone()
            .filter(|item| item.status == Status::Sending)
            .map(|item| item.since + UNCONFIRMED_MS);
        let attempt = open.next().filter(|_| ready);
        let attempt = attempt.and_then(|item| item.attempt.deadline());
        statuses.chain(attempt).min()
    }

    fn find(&mut self, id: &str) -> Option<&mut Pending> {
        self.items.iter_mut().find(|item| item.id == id)
    }

    fn next_rank(&mut self, page_time: u64) -> u64 {
        self.rank = page_time.max(self.rank + 1);
        self.rank
    }

    fn remove(&mut self, gone: impl Fn(&Pending) -> bool) {
        let before = self.items.len();
        let settled = &mut self.settled;
        self.items.retain(|item| {
            let gone = gone(item);
            if gone && item.kept != Kept::Needless {
                settled.push(item.id.clone());
            }
            !gone
        });
        self.changed |= self.items.len() != before;
    }
}
