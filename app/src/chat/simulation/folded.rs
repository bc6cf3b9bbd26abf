//! What a server of the simulation makes of the stream: rows with all that was done to them, from scratch every time.

use protocol::{Message, Position, folding};

/// The rows that a stream makes.
pub(super) fn folded(records: &[Message]) -> Vec<Message> {
    let mut rows: Vec<Message> = Vec::new();
    for record in records {
        if record.kind.is_row() {
            let mut row = record.clone();
            let above = rows.last().map(|above| above.position.offset);
            row.folded.above = above.filter(|_| above != row.prev);
            rows.push(row);
        } else if let Some(index) = record.reference.and_then(|target| find(&rows, target)) {
            folding::fold(&mut rows[index], record);
        }
    }
    let quotes: Vec<_> = rows
        .iter()
        .map(|row| {
            let quoted = find(&rows, row.reference?)?;
            Some(Box::new(folding::quote(&rows[quoted])))
        })
        .collect();
    for (row, quote) in rows.iter_mut().zip(quotes) {
        row.folded.quote = quote;
    }
    rows
}

/// The index of the row at a position.
pub(super) fn find(rows: &[Message], position: Position) -> Option<usize> {
    rows.binary_search_by_key(&position, |row| row.position)
        .ok()
}
