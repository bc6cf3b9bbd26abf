//! The room's messages, always without a hole: a message is taken only where it follows on the one before it, live or from
//! a page of history. (A page can have a hole: a server that lags behind does not know what came just before a position.)

use std::sync::Arc;

use protocol::{Epoch, HistoryPage, Message, Position};

/// A place in the room's log. Unlike a [`Position`] it can stand before the first message, and needs no partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The life of the log.
    pub(super) epoch: Epoch,
    /// The offset of a message, or [`Place::NONE`].
    pub(super) offset: i64,
}

impl Place {
    /// The offset before a room's first message.
    pub(super) const NONE: i64 = -1;
}

impl From<Position> for Place {
    fn from(position: Position) -> Self {
        Self {
            epoch: position.epoch,
            offset: position.offset,
        }
    }
}

/// Whether there are messages before the first row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Older {
    /// The first row is the room's first message.
    None,
    /// There are more; they can be loaded.
    More,
    /// They are being loaded.
    Loading,
    /// Loading failed; it can be tried again.
    Failed,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It is the new last row.
    Appended,
    /// It was there already.
    Known,
    /// Something is missing before it, so it was not taken.
    Gap,
}

/// A contiguous part of the log that ends at the last known message.
#[derive(Debug)]
pub(super) struct Timeline {
    rows: Vec<Arc<Message>>,
    head: Place,
    older: Older,
}

impl Timeline {
    /// Starts from the page that the server rendered, and the place up to which it holds everything.
    pub(super) fn new(mut history: HistoryPage, head: Place) -> Self {
        let start = contiguous_from(&history.messages);
        history.messages.drain(..start);
        history.more |= start > 0;
        Self {
            older: older(&history),
            rows: history.messages.into_iter().map(Arc::new).collect(),
            head,
        }
    }

    /// The rows in the order of the log.
    pub(super) fn rows(&self) -> &[Arc<Message>] {
        &self.rows
    }

    /// How far the rows go.
    pub(super) fn head(&self) -> Place {
        self.head
    }

    /// Whether there are messages before the first row.
    pub(super) fn older(&self) -> Older {
        self.older
    }

    /// Takes a message that arrived.
    pub(super) fn take(&mut self, message: Message) -> Step {
        let position = message.position;
        if position.epoch != self.head.epoch {
            return Step::Gap;
        }
        if position.offset <= self.head.offset {
            return Step::Known;
        }
        if message.prev.unwrap_or(Place::NONE) != self.head.offset {
            return Step::Gap;
        }
        self.head.offset = position.offset;
        self.rows.push(Arc::new(message));
        Step::Appended
    }

    /// Starts anew from the latest page; `epoch` is the log's present one, for a room without messages.
    pub(super) fn reset(&mut self, page: HistoryPage, epoch: Epoch) {
        let head = page.messages.last().map_or(
            Place {
                epoch,
                offset: Place::NONE,
            },
            |last| last.position.into(),
        );
        *self = Self::new(page, head);
    }

    /// The position before which the next older page ends. None if there is no such page, or it is on its way.
    pub(super) fn load_older(&mut self) -> Option<Position> {
        let first = self
            .rows
            .first()
            .filter(|_| matches!(self.older, Older::More | Older::Failed))?;
        self.older = Older::Loading;
        Some(first.position)
    }

    /// Puts an older page before the first row and gives the count of new rows. A page that was asked for before the rows
    /// changed is dropped.
    pub(super) fn prepend(&mut self, before: Position, page: HistoryPage) -> usize {
        if !self.is_loading(before) {
            return 0;
        }
        let HistoryPage {
            mut messages, more, ..
        } = page;
        messages.retain(|message| message.position < before);
        let prev = self.rows.first().and_then(|first| first.prev);
        let follows_on = messages.last().map(|last| last.position.offset) == prev;
        if !follows_on {
            self.older = Older::Failed;
            return 0;
        }
        let start = contiguous_from(&messages);
        messages.drain(..start);
        self.older = if more || start > 0 {
            Older::More
        } else {
            Older::None
        };
        let count = messages.len();
        self.rows.splice(..0, messages.into_iter().map(Arc::new));
        count
    }

    /// An older page could not be loaded.
    pub(super) fn older_failed(&mut self, before: Position) {
        if self.is_loading(before) {
            self.older = Older::Failed;
        }
    }

    fn is_loading(&self, before: Position) -> bool {
        self.older == Older::Loading
            && self
                .rows
                .first()
                .is_some_and(|first| first.position == before)
    }
}

/// From where on every message follows on the one before it.
fn contiguous_from(messages: &[Message]) -> usize {
    let hole = messages.windows(2).rposition(|pair| {
        pair[1].prev != Some(pair[0].position.offset)
            || pair[1].position.epoch != pair[0].position.epoch
    });
    hole.map_or(0, |index| index + 1)
}

/// What a page says of the messages before it.
fn older(page: &HistoryPage) -> Older {
    if page.more { Older::More } else { Older::None }
}
