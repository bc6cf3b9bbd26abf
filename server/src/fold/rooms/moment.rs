//! A room at one moment: the store as it was then, and the records of the tail that the store did not have.
//!
//! The tail is copied before the store is read, so together they have everything up to the later of the two heads: what the
//! store takes in between is dropped from the copy.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use protocol::{Kind, Message, Quote, folding};

use crate::fold::tail::Waiting;
use crate::history::{HistoryError, Place, Reader, View};

/// A room at one moment.
pub(super) struct Moment<'a> {
    view: &'a View<'a>,
    place: Place,
    /// The offset of the room's last record that the store has, or -1.
    stored: i64,
    /// The offset of the room's last row that the store has, or -1.
    stored_row: i64,
    /// What came after it, oldest first.
    tail: Vec<Waiting>,
    /// The offset of the room's last record.
    pub(super) head: i64,
}

impl Moment<'_> {
    /// Reads a room whose head was `head` when its tail was copied.
    pub(super) fn read<R>(
        store: &Reader,
        place: Place,
        head: i64,
        mut tail: Vec<Waiting>,
        read: impl FnOnce(&Moment<'_>) -> Result<R, HistoryError>,
    ) -> Result<R, HistoryError> {
        store.view(|view| {
            let room = view.room(place.id)?;
            let (stored, stored_row) = room.map_or((-1, -1), |room| (room.head, room.row));
            tail.retain(|record| record.message.position.offset > stored);
            read(&Moment {
                view,
                place,
                stored,
                stored_row,
                tail,
                head: head.max(stored),
            })
        })
    }

    /// A row as it is now, without the quote of what it answers.
    pub(super) fn row(&self, offset: i64) -> Result<Option<Message>, HistoryError> {
        let row = if offset <= self.stored {
            self.view.row(self.place, offset)?
        } else {
            let mut rows = self.tail.iter().filter_map(row_of_tail);
            rows.find(|row| row.position.offset == offset)
        };
        Ok(row.map(|mut row| {
            self.change(std::slice::from_mut(&mut row));
            row
        }))
    }

    /// The last `limit` rows below the offset `below`, oldest first, as they are now.
    pub(super) fn below(&self, below: i64, limit: usize) -> Result<Vec<Message>, HistoryError> {
        let in_tail = self.tail.iter().rev().filter_map(row_of_tail);
        let mut rows: Vec<_> = in_tail
            .filter(|row| row.position.offset < below)
            .take(limit)
            .collect();
        let missing = limit - rows.len();
        let stored = self.view.below(self.place, below, missing)?;
        if missing > 0 && self.stored_row < below {
            self.last_is_there(stored.first())?;
        }
        rows.extend(stored);
        rows.reverse();
        self.finish(rows)
    }

    /// The first `limit` rows above the offset `above`, oldest first, as they are now.
    pub(super) fn above(&self, above: i64, limit: usize) -> Result<Vec<Message>, HistoryError> {
        let mut rows = self.view.above(self.place, above, limit)?;
        if rows.len() < limit && self.stored_row > above {
            self.last_is_there(rows.last())?;
        }
        let in_tail = self.tail.iter().filter_map(row_of_tail);
        let later = in_tail.filter(|row| row.position.offset > above);
        rows.extend(later.take(limit - rows.len()));
        self.finish(rows)
    }

    /// The offset of the first row at or after a time, in Unix milliseconds.
    pub(super) fn first_since(&self, since: i64) -> Result<Option<i64>, HistoryError> {
        if let Some(offset) = self.view.first_since(self.place.id, since)? {
            return Ok(Some(offset));
        }
        let mut rows = self.tail.iter().filter(|record| record.above.is_some());
        let found = rows.find(|row| row.message.ts >= since);
        Ok(found.map(|row| row.message.position.offset))
    }

    /// Refuses a store that has lost its last row, which no later one names.
    fn last_is_there(&self, found: Option<&Message>) -> Result<(), HistoryError> {
        if found.map_or(-1, |row| row.position.offset) == self.stored_row {
            return Ok(());
        }
        let last = self.place.position(self.stored_row);
        Err(HistoryError::Damaged(format!("the row {last} is missing")))
    }

    /// Rows in the order of the log, as they are now and with the quotes of what they answer.
    fn finish(&self, mut rows: Vec<Message>) -> Result<Vec<Message>, HistoryError> {
        self.change(&mut rows);
        let mut quotes: HashMap<i64, Option<Quote>> = HashMap::new();
        for offset in rows.iter().filter_map(quotable) {
            if let Entry::Vacant(unknown) = quotes.entry(offset) {
                let quote = match index(&rows, offset) {
                    Some(index) => Some(folding::quote(&rows[index])),
                    None => self.row(offset)?.as_ref().map(folding::quote),
                };
                unknown.insert(quote);
            }
        }
        for row in &mut rows {
            let quote = quotable(row).and_then(|offset| quotes.get(&offset).cloned().flatten());
            row.folded.quote = quote.map(Box::new);
        }
        Ok(rows)
    }

    /// Applies what came after the store to rows in the order of the log.
    fn change(&self, rows: &mut [Message]) {
        for record in self.tail.iter().filter(|record| record.above.is_none()) {
            let target = record.message.reference;
            if let Some(index) = target.and_then(|target| index(rows, target.offset)) {
                folding::fold(&mut rows[index], &record.message);
            }
        }
    }
}

/// What the tail has of the row at `offset`: itself, and what changes it.
pub(super) fn of_row<'a>(tail: impl Iterator<Item = &'a Waiting>, offset: i64) -> Vec<Waiting> {
    tail.filter(|record| {
        let message = &record.message;
        let named = message.reference.filter(|_| record.above.is_none());
        message.position.offset == offset || named.is_some_and(|named| named.offset == offset)
    })
    .cloned()
    .collect()
}

/// A row of the tail as it came.
pub(super) fn row_of_tail(record: &Waiting) -> Option<Message> {
    let above = record.above?;
    let mut row = Message::clone(&record.message);
    row.folded.quote = None;
    row.folded.above = Some(above).filter(|above| *above != row.prev.unwrap_or(-1));
    Some(row)
}

/// The offset of what a row answers.
fn quotable(row: &Message) -> Option<i64> {
    let answered = row.reference.filter(|_| row.kind == Kind::Message);
    answered.map(|answered| answered.offset)
}

fn index(rows: &[Message], offset: i64) -> Option<usize> {
    rows.binary_search_by_key(&offset, |row| row.position.offset)
        .ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use protocol::{Epoch, Position, RoomName};

    use crate::fold::{Limits, LogRecord, Observer, Rooms};
    use crate::history::Store;

    struct Nobody;

    impl Observer for Nobody {
        fn visible(&self, _: &RoomName, _: &Arc<super::Message>) {}
        fn duplicate(&self, _: &RoomName, _: &str, _: &str, _: Position) {}
    }

    /// The committer lets go of the tail only after the store has it, so for a moment both do.
    #[test]
    fn what_store_and_tail_both_have_is_there_once() {
        let directory = tempfile::tempdir().unwrap();
        let mut store = Store::open(directory.path()).unwrap();
        let observer = Arc::new(Nobody);
        let rooms = Rooms::new(Epoch(7), 1, &store, observer, Limits::default()).unwrap();
        let room: RoomName = "a".parse().unwrap();
        for (offset, kind, named) in [(0, "message", 0), (1, "edit", 0), (2, "message", 0)] {
            let value = format!(
                r#"{{"v":1,"type":"{kind}","id":"{offset}","room":"a","sender":{{"uid":"u","name":"n"}},"ref":"00000007-0-{named}","body":"b{offset}"}}"#
            );
            let record = LogRecord {
                offset,
                timestamp: Some(offset),
                key: Some(b"a"),
                value: Some(value.as_bytes()),
            };
            rooms.apply(0, &record).unwrap();
        }
        let pages = || {
            let last = rooms.last_page(&room, 9).unwrap();
            (
                last,
                rooms.newer(&room, -1, 9).unwrap(),
                rooms.list(9).unwrap(),
            )
        };
        let before = pages();
        assert_eq!(before.0.messages.len(), 2);
        let mut batch = rooms.collect(9);
        store.writer.commit(&mut batch).unwrap();
        assert_eq!(pages(), before, "both have it");
        rooms.release(&batch);
        assert_eq!(pages(), before, "the store alone has it");
    }
}
