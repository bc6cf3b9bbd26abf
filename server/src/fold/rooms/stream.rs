//! The stream of a room: every record as it came, and how a subscription catches up. What the tail has is copied under the
//! partition's lock, and the store is read up to there without it, so nothing is missed or seen twice in between.

use std::sync::Arc;

use protocol::{HistoryPage, Message, Position, RoomName};

use super::Rooms;
use crate::fold::rule::Fingerprint;
use crate::history::{HistoryError, Place, RoomId};

/// How a subscription goes on catching up ([`Rooms::follow`]).
#[derive(Debug, PartialEq)]
pub enum Follow<R> {
    /// The next messages after the cursor; there may be more, so ask again from the last of them.
    Behind(Vec<Arc<Message>>),
    /// What `attach` gave, which took the last messages after the cursor: whatever comes later goes to the observer.
    Caught(R),
}

impl Rooms {
    /// Where a room's latest record stands; `None` while it has none.
    pub fn head(&self, room: &RoomName) -> Option<Position> {
        let (partition, state) = self.home(room);
        let head = state.heads.get(room)?;
        Some(Position {
            epoch: self.epoch,
            partition,
            offset: head.offset,
        })
    }

    /// How many records a room has up to the offset `cut`, counted up to `at_most`, and the offset below the first of these.
    pub fn last_records(
        &self,
        room: &RoomName,
        cut: i64,
        at_most: usize,
    ) -> Result<(usize, i64), HistoryError> {
        let (id, mut newest_first, stored_below) = {
            let (_, state) = self.home(room);
            let Some(head) = state.heads.get(room) else {
                return Ok((0, cut));
            };
            let offsets = || {
                let records = state.tail.room(head.id);
                records.map(|record| record.message.position.offset)
            };
            let up_to_cut = offsets().rev().filter(|offset| *offset <= cut);
            let stored_below = offsets().next().unwrap_or(head.offset + 1).min(cut + 1);
            (
                head.id,
                up_to_cut.take(at_most).collect::<Vec<_>>(),
                stored_below,
            )
        };
        let missing = at_most - newest_first.len();
        newest_first.extend(self.pages.offsets_below(id, stored_below, missing)?);
        let first = newest_first.last().map_or(cut, |first| first - 1);
        Ok((newest_first.len(), first))
    }

    /// The first records above `offset` as they came, oldest first; `more` says whether there are later ones.
    pub fn after(
        &self,
        room: &RoomName,
        offset: i64,
        limit: usize,
    ) -> Result<HistoryPage, HistoryError> {
        let wanted = limit.saturating_add(1);
        let (place, tail, stored_through) = {
            let (partition, state) = self.home(room);
            let Some(head) = state.heads.get(room) else {
                return Ok(HistoryPage {
                    newer: false,
                    head: -1,
                    messages: Vec::new(),
                    more: false,
                });
            };
            let above = |message: &&Arc<Message>| message.position.offset > offset;
            let tail: Vec<_> = state
                .tail
                .room(head.id)
                .map(|record| &record.message)
                .filter(above)
                .take(wanted)
                .map(Arc::clone)
                .collect();
            let oldest = state
                .tail
                .room(head.id)
                .next()
                .map(|record| record.message.position.offset);
            (
                self.place(head.id, partition),
                tail,
                oldest.map_or(head.offset, |oldest| oldest - 1),
            )
        };
        let mut messages = self.pages.after(place, offset, stored_through, wanted)?;
        messages.extend(
            tail.iter()
                .take(wanted - messages.len())
                .map(|message| Message::clone(message)),
        );
        let more = messages.len() > limit;
        messages.truncate(limit);
        Ok(HistoryPage {
            newer: false,
            head: -1,
            messages,
            more,
        })
    }

    /// How many records a room has above `offset` and up to `cut`; counting stops at `at_most`.
    pub fn count_after(
        &self,
        room: &RoomName,
        offset: i64,
        cut: i64,
        at_most: usize,
    ) -> Result<usize, HistoryError> {
        let (id, in_tail, stored_through) = {
            let (_, state) = self.home(room);
            let Some(head) = state.heads.get(room) else {
                return Ok(0);
            };
            let offsets = || {
                state
                    .tail
                    .room(head.id)
                    .map(|record| record.message.position.offset)
            };
            let in_tail = offsets()
                .filter(|found| *found > offset && *found <= cut)
                .count();
            let stored_through = offsets()
                .next()
                .map_or(head.offset, |oldest| oldest - 1)
                .min(cut);
            (head.id, in_tail, stored_through)
        };
        let stored = self.pages.count(id, offset, stored_through, at_most)?;
        Ok((stored + in_tail).min(at_most))
    }

    /// Where the copy of a message stands that counts today, if it was sent within the window of seven days (decision 9).
    pub fn first_position(
        &self,
        room: &RoomName,
        uid: &str,
        id: &str,
    ) -> Result<Option<Position>, HistoryError> {
        let copy = Fingerprint::of(room, uid, id);
        let (partition, clock, in_tail) = {
            let (partition, state) = self.home(room);
            (partition, state.fold.clock, state.tail.occurrence(&copy))
        };
        let found = match in_tail {
            Some(occurrence) => Some(occurrence),
            None => self.pages.occurrence(partition, &copy, clock)?,
        };
        let counted = found.filter(|occurrence| occurrence.counts_at(clock));
        Ok(counted.map(|occurrence| Position {
            epoch: self.epoch,
            partition,
            offset: occurrence.offset,
        }))
    }

    /// What a subscription gets that has everything up to `after`: either the next messages, or the last ones, which
    /// `attach` takes under the partition's lock: everything later reaches the observer after it, so there is no gap and
    /// no repeat. At most `limit` messages (at least one) are handed out.
    pub fn follow<R>(
        &self,
        room: &RoomName,
        after: i64,
        limit: usize,
        attach: impl FnOnce(&[Arc<Message>]) -> R,
    ) -> Result<Follow<R>, HistoryError> {
        let limit = limit.max(1);
        let mut cursor = after;
        let mut found: Vec<Arc<Message>> = Vec::new();
        loop {
            let (place, stored_through) = {
                let (partition, state) = self.home(room);
                let Some(head) = state.heads.get(room).filter(|head| head.offset > cursor) else {
                    return Ok(Follow::Caught(attach(&found)));
                };
                let mut rest = state
                    .tail
                    .room(head.id)
                    .map(|record| &record.message)
                    .filter(|message| message.position.offset > cursor)
                    .peekable();
                // The tail closes the gap when its first message follows one that the subscription has.
                if rest
                    .peek()
                    .is_some_and(|first| first.prev.is_none_or(|prev| prev <= cursor))
                {
                    found.extend(rest.by_ref().take(limit - found.len()).map(Arc::clone));
                    return Ok(match rest.next() {
                        None => Follow::Caught(attach(&found)),
                        Some(_) => Follow::Behind(found),
                    });
                }
                let stored_through = rest
                    .peek()
                    .and_then(|first| first.prev)
                    .unwrap_or(head.offset);
                (self.place(head.id, partition), stored_through)
            };
            let page = self
                .pages
                .after(place, cursor, stored_through, limit - found.len())?;
            let Some(last) = page.last() else {
                return Err(self.pages.damaged(format!(
                    "messages of {room} up to {stored_through} are missing"
                )));
            };
            cursor = last.position.offset;
            found.extend(page.into_iter().map(Arc::new));
            if found.len() >= limit {
                return Ok(Follow::Behind(found));
            }
        }
    }

    pub(super) fn place(&self, id: RoomId, partition: i32) -> Place {
        Place {
            id,
            epoch: self.epoch,
            partition,
        }
    }
}
