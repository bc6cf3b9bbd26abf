//! What a record of the stream makes of rows that are in memory.

use std::ops::RangeInclusive;
use std::sync::Arc;

use protocol::{Kind, Message, Quote, folding};

/// Rows that a server folded up to an offset that the stream has not reached here: records up to it are in them already.
#[derive(Debug)]
pub(in crate::chat) struct Ahead {
    /// The offsets of the first and the last of them.
    pub(in crate::chat) rows: RangeInclusive<i64>,
    /// The offset up to which they are folded.
    pub(in crate::chat) folded: i64,
}

/// Applies a record to the row that it names, and to the rows that quote this one. True if anything changed.
pub(in crate::chat) fn apply(rows: &mut [Arc<Message>], record: &Message, ahead: &[Ahead]) -> bool {
    let Some(target) = record.reference else {
        return false;
    };
    let offset = record.position.offset;
    let is_folded = |row: i64| {
        let mut ahead = ahead.iter();
        ahead.any(|ahead| ahead.folded >= offset && ahead.rows.contains(&row))
    };
    let mut changed = false;
    if let Ok(index) = rows.binary_search_by_key(&target, |row| row.position)
        && !is_folded(target.offset)
    {
        // A row that stays as it is stays the same piece of memory, so that nothing is drawn anew.
        let mut row = Message::clone(&rows[index]);
        if folding::fold(&mut row, record) {
            rows[index] = Arc::new(row);
            changed = true;
        }
    }
    if matches!(record.kind, Kind::Edit | Kind::Delete) {
        for row in rows.iter_mut().rev() {
            if row.position <= target {
                break;
            }
            if row.reference == Some(target)
                && !is_folded(row.position.offset)
                && let Some(quote) = requoted(row, record)
            {
                Arc::make_mut(row).folded.quote = Some(Box::new(quote));
                changed = true;
            }
        }
    }
    changed
}

/// What a row shows of the message that it answers, after that was edited or deleted. A deletion is final.
fn requoted(row: &Message, record: &Message) -> Option<Quote> {
    let quote = row.folded.quote.as_deref().filter(|quote| !quote.deleted)?;
    let deleted = record.kind == Kind::Delete;
    let mut now = record.clone();
    now.sender.clone_from(&quote.sender);
    now.folded.deleted = deleted;
    if deleted {
        now.body.clear();
    }
    Some(folding::quote(&now))
}

/// Offset of the row above a row, as the server says.
pub(super) fn above(row: &Arc<Message>) -> Option<i64> {
    row.folded.above.or(row.prev)
}

/// Notes above which of these rows a record will stand that follows on them, as a page of history does.
pub(super) fn link(rows: &[Arc<Message>], record: &mut Message) {
    if let Some(last) = rows.last() {
        let above = Some(last.position.offset);
        record.folded.above = above.filter(|_| above != record.prev);
    }
}

/// Whether each row stands directly below the one before it.
pub(super) fn is_contiguous<'a>(rows: impl IntoIterator<Item = &'a Arc<Message>>) -> bool {
    let mut last = None;
    rows.into_iter().all(|row| {
        let place = Some((row.position.epoch, row.position.offset));
        let before = std::mem::replace(&mut last, place);
        before
            .is_none_or(|(epoch, offset)| epoch == row.position.epoch && above(row) == Some(offset))
    })
}
