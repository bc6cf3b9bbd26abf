//! What a server of the simulation makes of the stream: rows with all that was done to them, from scratch every time.

use protocol::{Message, folding};

/// The rows that a stream makes.
pub(super) fn folded(records: &[Message]) -> Vec<Message> {
    let mut rows: Vec<Message> = Vec::new();
    for record in records {
        if record.kind.is_row() {
            let mut row = record.clone();
            let above = rows.last().map(|above| above.position.offset);
            row.folded.above = above.filter(|_| above != row.prev);
            rows.push(row);
        } else {
            for row in &mut rows {
                folding::fold(row, record);
            }
        }
    }
    let quotes: Vec<_> = rows
        .iter()
        .map(|row| {
            let quoted = rows
                .iter()
                .find(|other| Some(other.position) == row.reference);
            quoted.map(|quoted| Box::new(folding::quote(quoted)))
        })
        .collect();
    for (row, quote) in rows.iter_mut().zip(quotes) {
        row.folded.quote = quote;
    }
    rows
}
