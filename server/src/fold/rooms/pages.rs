//! Pages of a room: its rows as they are at one moment, from tail and store together.

use protocol::{HistoryPage, Message, Position, RoomName};

use super::Rooms;
use super::moment::{self, Moment};
use crate::history::HistoryError;

/// What stands at a position ([`Rooms::find`]).
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// A row of the room, as it is now.
    Row(Box<Message>),
    /// No row of the room.
    Nothing,
    /// This server has not read so far.
    NotYet,
}

impl Rooms {
    /// What a room has at a position.
    pub fn find(&self, room: &RoomName, position: Position) -> Result<Found, HistoryError> {
        let (home, next) = {
            let (home, state) = self.home(room);
            (home, state.fold.next)
        };
        if position.epoch != self.epoch || position.partition != home {
            return Ok(Found::Nothing);
        }
        if position.offset >= next {
            return Ok(Found::NotYet);
        }
        let row = self.row(room, position.offset)?;
        Ok(row.map_or(Found::Nothing, |row| Found::Row(Box::new(row))))
    }

    /// The latest rows of a room, oldest first; `more` says whether there are earlier ones.
    pub fn last_page(&self, room: &RoomName, limit: usize) -> Result<HistoryPage, HistoryError> {
        self.before(room, i64::MAX, limit)
    }

    /// The latest rows below `offset`, oldest first; `more` says whether there are earlier ones.
    pub fn before(
        &self,
        room: &RoomName,
        offset: i64,
        limit: usize,
    ) -> Result<HistoryPage, HistoryError> {
        self.page(room, |moment| {
            let (rows, more) = earlier(moment, offset, limit)?;
            Ok((rows, more, false))
        })
    }

    /// The first rows above `offset`, oldest first; `more` says whether there are later ones.
    pub fn newer(
        &self,
        room: &RoomName,
        offset: i64,
        limit: usize,
    ) -> Result<HistoryPage, HistoryError> {
        self.page(room, |moment| {
            let (rows, more) = later(moment, offset, limit)?;
            Ok((rows, more, false))
        })
    }

    /// The rows around `offset`, oldest first: half of them up to it, half above; `more` and `newer` say whether there are earlier
    /// and later ones.
    pub fn around(
        &self,
        room: &RoomName,
        offset: i64,
        limit: usize,
    ) -> Result<HistoryPage, HistoryError> {
        self.page(room, |moment| around(moment, offset, limit))
    }

    /// The rows around the first one at or after a time, in Unix milliseconds, and its offset; where there is none, the latest rows.
    pub fn since(
        &self,
        room: &RoomName,
        since: i64,
        limit: usize,
    ) -> Result<(HistoryPage, Option<i64>), HistoryError> {
        let mut found = None;
        let page = self.page(room, |moment| {
            found = moment.first_since(since)?;
            match found {
                Some(offset) => around(moment, offset, limit),
                None => earlier(moment, i64::MAX, limit).map(|(rows, more)| (rows, more, false)),
            }
        })?;
        Ok((page, found))
    }

    /// The row at `offset` as it is now; `None` where the room has no row.
    pub fn row(&self, room: &RoomName, offset: i64) -> Result<Option<Message>, HistoryError> {
        let (place, head, tail) = {
            let (partition, state) = self.home(room);
            let Some(head) = state.heads.get(room) else {
                return Ok(None);
            };
            let tail = moment::of_row(state.tail.room(head.id), offset);
            (self.place(head.id, partition), head.offset, tail)
        };
        Moment::read(&self.pages, place, head, tail, |moment| moment.row(offset))
    }

    fn page(
        &self,
        room: &RoomName,
        read: impl FnOnce(&Moment<'_>) -> Result<(Vec<Message>, bool, bool), HistoryError>,
    ) -> Result<HistoryPage, HistoryError> {
        let (place, head, tail) = {
            let (partition, state) = self.home(room);
            let Some(head) = state.heads.get(room) else {
                return Ok(HistoryPage {
                    messages: Vec::new(),
                    more: false,
                    newer: false,
                    head: -1,
                });
            };
            let tail = state.tail.room(head.id).cloned().collect();
            (self.place(head.id, partition), head.offset, tail)
        };
        let page = Moment::read(&self.pages, place, head, tail, |moment| {
            let (messages, more, newer) = read(moment)?;
            Ok(HistoryPage {
                messages,
                more,
                newer,
                head: moment.head,
            })
        })?;
        match missing(&page.messages) {
            None => Ok(page),
            Some(row) => Err(self
                .pages
                .damaged(format!("a row above {} is missing", row.position))),
        }
    }
}

/// The last rows below an offset, and whether there are more. One more than asked for tells.
fn earlier(
    moment: &Moment<'_>,
    below: i64,
    limit: usize,
) -> Result<(Vec<Message>, bool), HistoryError> {
    let mut rows = moment.below(below, limit.saturating_add(1))?;
    let more = rows.len() > limit;
    if more {
        rows.remove(0);
    }
    Ok((rows, more))
}

fn later(
    moment: &Moment<'_>,
    above: i64,
    limit: usize,
) -> Result<(Vec<Message>, bool), HistoryError> {
    let mut rows = moment.above(above, limit.saturating_add(1))?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    Ok((rows, more))
}

fn around(
    moment: &Moment<'_>,
    offset: i64,
    limit: usize,
) -> Result<(Vec<Message>, bool, bool), HistoryError> {
    let (mut rows, more) = earlier(moment, offset.saturating_add(1), limit.div_ceil(2))?;
    let (above, newer) = later(moment, offset, limit / 2)?;
    rows.extend(above);
    Ok((rows, more, newer))
}

/// Every row names the one above it, so one that is missing inside a page shows: the row below it.
fn missing(rows: &[Message]) -> Option<&Message> {
    let above = |row: &Message| row.folded.above.or(row.prev);
    let mut pairs = rows.windows(2);
    let broken = pairs.find(|pair| above(&pair[1]) != Some(pair[0].position.offset));
    broken.map(|pair| &pair[1])
}
