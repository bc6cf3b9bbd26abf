//! What people are told of their rooms: on `/user/queue/rooms`, and on the page.

use std::collections::HashMap;
use std::sync::PoisonError;
use std::time::Instant;

use protocol::{
    Destination, Kind, Message, RoomName, RoomSummary, RoomUpdate, RoomsUpdate, Sender,
};

use super::feeds::Lacks;
use super::unread::{MOST, Standing};
use super::{News, People, State};
use crate::fold::Rooms;
use crate::history::HistoryError;
use crate::hub::passing::PASSING_BYTES;
use crate::hub::{Outgoing, encode};

/// Most rooms in a list.
const ROOMS: usize = 200;
/// How many records are read from the store at once to be counted, and how often at most: reactions may lie between.
const PAGE: usize = 200;
const PAGES: usize = 5;
/// So many rooms of people are counted before anybody is told something again.
const AT_ONCE: usize = 500;

impl People {
    /// The rooms as a person, or somebody without a name, sees them on the page: the most recently active first.
    pub fn view(
        &self,
        rooms: &Rooms,
        who: Option<&Sender>,
    ) -> Result<Vec<RoomSummary>, HistoryError> {
        let mut list = rooms.list(ROOMS)?;
        let Some(who) = who else {
            return Ok(list);
        };
        for summary in &mut list {
            let (known, read) = {
                let state = self.state();
                (
                    state.unread.standing(&who.uid, &summary.room),
                    state.markers.read(&summary.room, &who.uid),
                )
            };
            let standing = match (known, read) {
                (Some(known), _) => known,
                (None, Some(read)) if summary.last.position.offset > read => {
                    count(rooms, &summary.room, who, read)?
                }
                (None, _) => continue,
            };
            summary.unread = standing.unread;
            summary.mentions = standing.mentions;
        }
        Ok(list)
    }

    /// Counts what has come, and tells the subscriptions to `/user/queue/rooms` what they lack.
    pub(super) fn feed(&self, rooms: &Rooms, now: Instant) -> Result<(), HistoryError> {
        let News { records, missed } =
            std::mem::take(&mut *self.news.lock().unwrap_or_else(PoisonError::into_inner));
        let uncounted = {
            let state = &mut *self.state();
            for (room, message) in &records {
                if message.kind == Kind::Message {
                    let (uid, offset) = (&message.sender.uid, message.position.offset);
                    state.markers.spoke(room, uid, offset);
                }
            }
            if state.feeds.is_empty() {
                state.feeds.forget();
                return Ok(());
            }
            state.take_in(
                records.iter().map(|(room, message)| (room, &**message)),
                missed,
            );
            state.unread.uncounted(AT_ONCE)
        };
        for (who, room, read) in uncounted {
            let found = count(rooms, &room, &who, read)?;
            let mut state = self.state();
            state.unread.counted(&who, &room, found);
            state.feeds.touched(&who.uid, &room);
        }
        let (due, change) = {
            let state = self.state();
            (state.feeds.due(now), state.feeds.latest())
        };
        if due.is_empty() {
            return Ok(());
        }
        let all = due.iter().any(|(_, lacks)| *lacks == Lacks::All);
        let all = if all { rooms.list(ROOMS)? } else { Vec::new() };
        let mut last = HashMap::new();
        for (_, lacks) in &due {
            let Lacks::Rooms(changed) = lacks else {
                continue;
            };
            for room in changed {
                if !last.contains_key(room) {
                    last.insert(room.clone(), rooms.latest(room)?);
                }
            }
        }
        let state = &mut *self.state();
        for (key, lacks) in due {
            let Some((to, who)) = state.feeds.get(&key) else {
                continue;
            };
            let update = |room: &RoomName, last: &Message| state.update(room, last, who);
            let updates = match &lacks {
                Lacks::All => all
                    .iter()
                    .filter_map(|summary| update(&summary.room, &summary.last))
                    .collect(),
                Lacks::Rooms(changed) => changed
                    .iter()
                    .filter_map(|room| update(room, last.get(room)?.as_ref()?))
                    .collect(),
            };
            // Texts and numbers cannot fail to be written.
            let json = serde_json::to_string(&RoomsUpdate { rooms: updates }).unwrap_or_default();
            let id = state.ids.fresh();
            let frame = encode::passing(&Destination::Rooms, &id, json, &to.form);
            if to.outbox.offer(Outgoing::Frame(frame), PASSING_BYTES) {
                state.feeds.told(&key, &lacks, change, now);
            }
        }
        Ok(())
    }
}

impl State {
    fn take_in<'a>(
        &mut self,
        records: impl Iterator<Item = (&'a RoomName, &'a Message)>,
        missed: bool,
    ) {
        for (room, message) in records {
            self.unread.said(room, message);
            if message.kind.is_row() || matches!(message.kind, Kind::Edit | Kind::Delete) {
                self.feeds.changed(room);
            }
        }
        if missed {
            self.unread.forget_counts();
            self.feeds.forget();
        }
    }

    /// How a room stands with a person; none where that is still to be counted, which they are told of then: that nothing is
    /// unread would not be true.
    fn update(&self, room: &RoomName, last: &Message, who: Option<&Sender>) -> Option<RoomUpdate> {
        if who.is_some_and(|who| self.unread.is_uncounted(&who.uid, room)) {
            return None;
        }
        let standing = who.and_then(|who| self.unread.standing(&who.uid, room));
        Some(RoomUpdate {
            room: room.clone(),
            last: last.clone(),
            unread: standing.map_or(0, |standing| standing.unread),
            mentions: standing.map_or(0, |standing| standing.mentions),
            read: who.and_then(|who| self.markers.read(room, &who.uid)),
        })
    }
}

/// Counts from the store what a person has not read in a room.
fn count(
    rooms: &Rooms,
    room: &RoomName,
    who: &Sender,
    read: i64,
) -> Result<Standing, HistoryError> {
    let mut standing = Standing::new(read);
    let mut cursor = read;
    if rooms.head(room).is_none_or(|head| head.offset <= read) {
        standing.close(read);
        return Ok(standing);
    }
    for _ in 0..PAGES {
        let page = rooms.after(room, cursor, PAGE)?;
        for message in &page.messages {
            standing.count(message, who);
            cursor = message.position.offset;
        }
        if !page.more || standing.unread >= MOST {
            break;
        }
    }
    standing.close(cursor);
    Ok(standing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::encode::tests::message;

    #[test]
    fn nobody_is_told_of_a_room_before_it_is_counted() {
        let people = People::default();
        let state = &mut *people.state();
        let room: RoomName = "a".parse().unwrap();
        let who = |uid: &str| Sender {
            uid: uid.to_owned(),
            name: "지우".to_owned(),
        };
        let (reader, stranger, last) = (who("reader"), who("stranger"), message(9, None));
        state.markers.moved(&room, "reader", 4, 0, 0);
        for one in [&reader, &stranger] {
            state.unread.open(one, state.markers.of(&one.uid));
        }
        let told = |state: &State, who| {
            let update = state.update(&room, &last, who)?;
            Some((update.unread, update.mentions, update.read))
        };
        assert_eq!(told(state, Some(&reader)), None);
        for nothing_to_count in [Some(&stranger), None] {
            assert_eq!(told(state, nothing_to_count), Some((0, 0, None)));
        }
        let mut found = Standing::new(4);
        found.count(&last, &reader);
        state.unread.counted(&reader, &room, found);
        assert_eq!(told(state, Some(&reader)), Some((1, 0, Some(4))));
        state.unread.forget_counts();
        assert_eq!(told(state, Some(&reader)), None, "records were missed");
    }
}
