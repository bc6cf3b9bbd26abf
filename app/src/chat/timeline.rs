//! The room's rows, always without a hole: a record is taken only where it follows on the one before it, live or from a page
//! of history. (A page can have a hole: a server that lags behind does not know what came just before a position.)
//!
//! The *stream* is every record of the room, up to the *head*. The *rows* are a contiguous part of the records that are shown
//! on their own, with what the stream made of them folded in. They reach to the head, or end earlier where the page was opened
//! at an old message; then what is said meanwhile is remembered and not shown.

use std::sync::Arc;

use protocol::{Epoch, HistoryPage, Message, Position};

use super::event::PageRequest;

mod applying;
mod recent;

pub(super) use self::applying::apply;
use self::applying::{Ahead, above, is_contiguous, link};
use self::recent::Recent;

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

/// What lies beyond the first or the last row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beyond {
    /// Nothing: the row is the room's first, or the latest.
    None,
    /// There are more; they can be loaded.
    More,
    /// They are being loaded.
    Loading,
    /// Loading failed; it can be tried again.
    Failed,
}

impl Beyond {
    fn of(more: bool) -> Self {
        if more { Self::More } else { Self::None }
    }

    fn can_load(self) -> bool {
        matches!(self, Self::More | Self::Failed)
    }
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It is the new last row.
    Appended,
    /// It would be a row behind those that are shown.
    Heard,
    /// It changed rows.
    Changed,
    /// It follows on and changed nothing that is here.
    Passed,
    /// It was there already.
    Known,
    /// Something is missing before it, so it was not taken.
    Gap,
}

/// A contiguous part of the room.
#[derive(Debug)]
pub(super) struct Timeline {
    rows: Vec<Arc<Message>>,
    head: Place,
    older: Beyond,
    newer: Beyond,
    /// Rows that a server folded further than the head.
    ahead: Vec<Ahead>,
    recent: Recent,
    /// A page that is to take the place of the rows.
    jump: Option<PageRequest>,
}

impl Timeline {
    /// Starts from the page that the server rendered, and the place up to which the stream is known if the page does not say it.
    pub(super) fn new(mut history: HistoryPage, mut head: Place) -> Self {
        if history.head > Place::NONE {
            head.offset = history.head;
        }
        history.head = head.offset;
        let mut timeline = Self {
            rows: Vec::new(),
            head,
            older: Beyond::None,
            newer: Beyond::None,
            ahead: Vec::new(),
            recent: Recent::new(head.offset),
            jump: None,
        };
        timeline.replace(history);
        timeline
    }

    /// The rows in the order of the log.
    pub(super) fn rows(&self) -> &[Arc<Message>] {
        &self.rows
    }

    /// The row at a position.
    pub(super) fn row(&self, position: Position) -> Option<&Arc<Message>> {
        let index = self
            .rows
            .binary_search_by_key(&position, |row| row.position);
        self.rows.get(index.ok()?)
    }

    /// The latest records, as they came, in the order of the log.
    pub(super) fn heard(&self) -> impl DoubleEndedIterator<Item = &Arc<Message>> {
        self.recent.records()
    }

    /// How far the stream is known.
    pub(super) fn head(&self) -> Place {
        self.head
    }

    /// What lies before the first row.
    pub(super) fn older(&self) -> Beyond {
        self.older
    }

    /// What lies behind the last row.
    pub(super) fn newer(&self) -> Beyond {
        self.newer
    }

    /// Takes a record that arrived.
    pub(super) fn take(&mut self, mut message: Message) -> Step {
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
        let is_row = message.kind.is_row();
        let appends = is_row && self.newer == Beyond::None;
        if appends {
            link(&self.rows, &mut message);
        }
        let record = Arc::new(message);
        self.recent.push(Arc::clone(&record));
        let step = if appends {
            self.rows.push(record);
            Step::Appended
        } else if is_row {
            Step::Heard
        } else if apply(&mut self.rows, &record, &self.ahead) {
            Step::Changed
        } else {
            Step::Passed
        };
        self.ahead.retain(|ahead| ahead.folded > position.offset);
        step
    }

    /// Starts anew from the latest page; `epoch` is the log's present one, for a room without messages.
    pub(super) fn reset(&mut self, page: HistoryPage, epoch: Epoch) {
        let last = page.messages.last().map(|last| last.position);
        let head = Place {
            epoch: last.map_or(epoch, |last| last.epoch),
            offset: last.map_or(page.head, |last| last.offset),
        };
        *self = Self::new(page, head);
    }

    /// The page before the first row, if there is one and it is not on its way.
    pub(super) fn load_older(&mut self) -> Option<PageRequest> {
        let first = self.rows.first().filter(|_| self.older.can_load())?;
        self.older = Beyond::Loading;
        Some(PageRequest::Before(first.position))
    }

    /// The page behind the last row, if there is one and it is not on its way.
    pub(super) fn load_newer(&mut self) -> Option<PageRequest> {
        let last = self.rows.last().filter(|_| self.newer.can_load())?;
        self.newer = Beyond::Loading;
        Some(PageRequest::Newer(last.position))
    }

    /// Another page is to take the place of the rows; the last one that was asked for counts.
    pub(super) fn jump(&mut self, request: PageRequest) -> PageRequest {
        self.jump = Some(request);
        request
    }

    /// Puts an older page before the first row and gives the count of new rows. A page that was asked for before the rows
    /// changed is dropped.
    pub(super) fn prepend(&mut self, before: Position, page: HistoryPage) -> usize {
        if !self.is_loading_older(before) {
            return 0;
        }
        let HistoryPage { more, head, .. } = page;
        let above = self.rows.first().and_then(above);
        let rows = self.bring_up_to_date(page, false).and_then(|mut rows| {
            rows.retain(|row| row.position < before);
            let follows_on = rows.last().map(|last| last.position.offset) == above;
            follows_on.then_some(rows)
        });
        let Some(mut rows) = rows else {
            self.older = Beyond::Failed;
            return 0;
        };
        let start = contiguous_from(&rows);
        rows.drain(..start);
        self.older = Beyond::of(more || start > 0);
        self.note_ahead(&rows, head);
        let count = rows.len();
        self.rows.splice(..0, rows);
        count
    }

    /// Puts a newer page behind the last row and gives the count of new rows. Where it reaches the head, the stream goes on.
    pub(super) fn append(&mut self, after: Position, page: HistoryPage) -> usize {
        if !self.is_loading_newer(after) {
            return 0;
        }
        let head = page.head;
        let reaches_head = self.reaches_head(&page, page.more);
        let is_empty = page.messages.is_empty();
        let rows = self
            .bring_up_to_date(page, reaches_head)
            .and_then(|mut rows| {
                rows.retain(|row| row.position > after && row.position.offset <= self.head.offset);
                // A page says of its rows what stands above them; where it has none, there is nothing between.
                if let Some(first) = rows.first_mut().filter(|_| is_empty) {
                    link(&self.rows, Arc::make_mut(first));
                }
                let whole = self.rows.last().into_iter().chain(&rows);
                is_contiguous(whole).then_some(rows)
            });
        let Some(rows) = rows else {
            self.newer = Beyond::Failed;
            return 0;
        };
        self.newer = Beyond::of(!reaches_head);
        self.note_ahead(&rows, head);
        let count = rows.len();
        self.rows.extend(rows);
        count
    }

    /// The page that was to take the place of the rows came. True if it did so; None if it was not waited for.
    pub(super) fn jumped(&mut self, request: PageRequest, page: HistoryPage) -> Option<bool> {
        self.jump.take_if(|jump| *jump == request)?;
        // Rows that all lie beyond the head come by the stream, which does not say which row stands above the first of them.
        let first = page.messages.first();
        let is_reached = first.is_some_and(|first| first.position.offset <= self.head.offset);
        Some(is_reached && self.replace(page))
    }

    /// A page could not be loaded. True if it was to take the place of the rows.
    pub(super) fn failed(&mut self, request: PageRequest) -> bool {
        match request {
            PageRequest::Before(before) if self.is_loading_older(before) => {
                self.older = Beyond::Failed;
            }
            PageRequest::Newer(after) if self.is_loading_newer(after) => {
                self.newer = Beyond::Failed;
            }
            _ => {}
        }
        self.jump.take_if(|jump| *jump == request).is_some()
    }

    /// Shows a page in place of the rows; false if it cannot be brought up to date.
    fn replace(&mut self, page: HistoryPage) -> bool {
        let HistoryPage { more, head, .. } = page;
        let reaches_head = self.reaches_head(&page, page.newer);
        let Some(mut rows) = self.bring_up_to_date(page, reaches_head) else {
            return false;
        };
        rows.retain(|row| row.position.offset <= self.head.offset);
        let start = contiguous_from(&rows);
        rows.drain(..start);
        self.older = Beyond::of(more || start > 0);
        self.newer = Beyond::of(!reaches_head);
        self.ahead.clear();
        self.note_ahead(&rows, head);
        self.rows = rows;
        true
    }

    /// Whether a page holds all rows up to the head that come behind its first. What lies beyond the head comes by the stream.
    fn reaches_head(&self, page: &HistoryPage, more: bool) -> bool {
        let last = page.messages.last();
        !more || last.is_some_and(|last| last.position.offset > self.head.offset)
    }

    /// The rows of a page as they are at the head; nothing if too much has happened since the page was folded. A page that
    /// `reaches_head` gets the rows that came since, too.
    fn bring_up_to_date(&self, page: HistoryPage, reaches_head: bool) -> Option<Vec<Arc<Message>>> {
        let HistoryPage { messages, head, .. } = page;
        let is_of_this_life = |message: &Message| message.position.epoch == self.head.epoch;
        if !messages.iter().all(is_of_this_life) {
            return None;
        }
        let mut rows: Vec<_> = messages.into_iter().map(Arc::new).collect();
        for record in self.recent.after(head)? {
            if !record.kind.is_row() {
                apply(&mut rows, record, &[]);
            } else if reaches_head {
                let mut row = Message::clone(record);
                link(&rows, &mut row);
                rows.push(Arc::new(row));
            }
        }
        Some(rows)
    }

    /// Rows of a page that was folded up to the offset `head`.
    fn note_ahead(&mut self, rows: &[Arc<Message>], head: i64) {
        if head > self.head.offset
            && let (Some(first), Some(last)) = (rows.first(), rows.last())
        {
            self.ahead.push(Ahead {
                rows: first.position.offset..=last.position.offset,
                folded: head,
            });
        }
    }

    fn is_loading_older(&self, before: Position) -> bool {
        self.older == Beyond::Loading
            && self
                .rows
                .first()
                .is_some_and(|first| first.position == before)
    }

    fn is_loading_newer(&self, after: Position) -> bool {
        self.newer == Beyond::Loading && self.rows.last().is_some_and(|last| last.position == after)
    }
}

/// From where on every row follows on the one before it.
fn contiguous_from(rows: &[Arc<Message>]) -> usize {
    let hole = rows.windows(2).rposition(|pair| !is_contiguous(pair));
    hole.map_or(0, |index| index + 1)
}
