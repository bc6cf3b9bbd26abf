//! The store as it was at one moment: rooms, and their rows with what later records made of them.

use protocol::Message;
use rusqlite::{Connection, Params, params};

use super::reader::count;
use super::rows::{self, COLUMNS, ROOM_COLUMNS, Stored};
use super::store::from_sqlite;
use super::{HistoryError, Place, RoomId, SavedRoom};

/// The store at one moment.
pub struct View<'a>(&'a Connection);

impl<'a> View<'a> {
    /// What a connection sees while its transaction lasts.
    pub(super) fn new(connection: &'a Connection) -> Self {
        Self(connection)
    }

    /// A room; `None` while the store has nothing of it.
    pub fn room(&self, id: RoomId) -> Result<Option<SavedRoom>, HistoryError> {
        room(self.0, id)
    }

    /// The rooms with the latest rows, newest first.
    pub fn rooms(&self, limit: usize) -> Result<Vec<SavedRoom>, HistoryError> {
        let sql =
            format!("SELECT {ROOM_COLUMNS} FROM rooms WHERE row >= 0 ORDER BY at DESC LIMIT ?1");
        read(self.0, &sql, params![count(limit)], rows::room)
    }

    /// One row, as it is now; `None` for what is no row.
    pub fn row(&self, place: Place, offset: i64) -> Result<Option<Message>, HistoryError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM messages WHERE room = ?1 AND offset = ?2 AND above IS NOT NULL"
        );
        let found = self.rows(&sql, place, params![place.id, offset])?;
        Ok(found.into_iter().next())
    }

    /// The last `limit` rows of a room below the offset `below`, newest first.
    pub fn below(
        &self,
        place: Place,
        below: i64,
        limit: usize,
    ) -> Result<Vec<Message>, HistoryError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM messages INDEXED BY rows
             WHERE room = ?1 AND offset < ?2 AND above IS NOT NULL ORDER BY offset DESC LIMIT ?3"
        );
        self.rows(&sql, place, params![place.id, below, count(limit)])
    }

    /// The first `limit` rows of a room above the offset `above`, oldest first.
    pub fn above(
        &self,
        place: Place,
        above: i64,
        limit: usize,
    ) -> Result<Vec<Message>, HistoryError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM messages INDEXED BY rows
             WHERE room = ?1 AND offset > ?2 AND above IS NOT NULL ORDER BY offset LIMIT ?3"
        );
        self.rows(&sql, place, params![place.id, above, count(limit)])
    }

    /// The offset of a room's first row at or after a time, in Unix milliseconds. The log's times grow with its offsets, so the
    /// offsets are halved until the row is found, and no index is needed.
    pub fn first_since(&self, id: RoomId, since: i64) -> Result<Option<i64>, HistoryError> {
        let Some(room) = self.room(id)? else {
            return Ok(None);
        };
        let sql = "SELECT offset, ts FROM messages INDEXED BY rows
             WHERE room = ?1 AND offset >= ?2 AND above IS NOT NULL ORDER BY offset LIMIT 1";
        let (mut low, mut high) = (0, room.row + 1);
        let mut found = None;
        while low < high {
            let middle = low + (high - low) / 2;
            let probe = read(self.0, sql, params![id, middle], |row| {
                Ok((
                    rows::column(row, "offset")?,
                    rows::column::<i64>(row, "ts")?,
                ))
            })?;
            match probe.first() {
                Some((offset, ts)) if *ts < since => low = offset + 1,
                Some((offset, _)) => {
                    found = Some(*offset);
                    high = middle;
                }
                None => high = middle,
            }
        }
        Ok(found)
    }

    fn rows(
        &self,
        sql: &str,
        place: Place,
        params: impl Params,
    ) -> Result<Vec<Message>, HistoryError> {
        let stored = read(self.0, sql, params, |row| rows::stored(row, place))?;
        Ok(stored.into_iter().map(Stored::now).collect())
    }
}

/// A room as a connection sees it.
pub(super) fn room(connection: &Connection, id: RoomId) -> Result<Option<SavedRoom>, HistoryError> {
    let sql = format!("SELECT {ROOM_COLUMNS} FROM rooms WHERE id = ?1");
    let found = read(connection, &sql, params![id], rows::room)?;
    Ok(found.into_iter().next())
}

/// Everything that a statement finds.
pub(super) fn read<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    each: impl Fn(&rusqlite::Row<'_>) -> Result<T, HistoryError>,
) -> Result<Vec<T>, HistoryError> {
    let mut statement = connection.prepare_cached(sql).map_err(from_sqlite)?;
    let mut rows = statement.query(params).map_err(from_sqlite)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(from_sqlite)? {
        found.push(each(row)?);
    }
    Ok(found)
}
