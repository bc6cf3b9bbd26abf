//! What this page says in passing: that its person types, and how far they have read. Nothing of it is stored or confirmed.

use protocol::{Epoch, Position};

use super::timeline::Place;

/// The server shows a person as typing for six seconds, and swallows what comes sooner than three.
const TYPING_MS: u64 = 3_000;
/// How often the server is told how far the person has read.
const READ_MS: u64 = 1_000;

/// What has been said, and what is to be said.
#[derive(Debug)]
pub(super) struct Asides {
    /// Before this nothing is said of typing again.
    typing_after: u64,
    /// How far the person has read.
    reach: Place,
    /// The message up to which they have read, once this page has seen one.
    pub(super) mark: Option<Position>,
    is_unsaid: bool,
    /// Before this the mark is not told again.
    read_after: u64,
}

impl Asides {
    /// The person has read up to the offset `read`, if they ever did.
    pub(super) fn new(epoch: Epoch, read: Option<i64>) -> Self {
        Self {
            typing_after: 0,
            reach: Place {
                epoch,
                offset: read.unwrap_or(Place::NONE),
            },
            mark: None,
            is_unsaid: false,
            read_after: 0,
        }
    }

    /// The person typed. True if that is to be said.
    pub(super) fn typed(&mut self, now: u64) -> bool {
        let is_due = now >= self.typing_after;
        if is_due {
            self.typing_after = now + TYPING_MS;
        }
        is_due
    }

    /// The person has said what they typed: what they type next is news.
    pub(super) fn spoke(&mut self) {
        self.typing_after = 0;
    }

    /// The person has seen this message. The mark moves forward only.
    pub(super) fn seen(&mut self, position: Position) {
        let place = Place::from(position);
        if place.epoch != self.reach.epoch || place.offset > self.reach.offset {
            self.reach = place;
            self.mark = Some(position);
            self.is_unsaid = true;
        }
    }

    /// The connection is another one: what was said on the one before may be lost.
    pub(super) fn connected(&mut self) {
        self.is_unsaid = self.mark.is_some();
    }

    /// The mark that is to be told now.
    pub(super) fn next(&mut self, now: u64) -> Option<Position> {
        let is_due = self.is_unsaid && now >= self.read_after;
        if !is_due {
            return None;
        }
        self.is_unsaid = false;
        self.read_after = now + READ_MS;
        self.mark
    }

    /// When the next mark is to be told.
    pub(super) fn deadline(&self) -> Option<u64> {
        self.is_unsaid.then_some(self.read_after)
    }
}
