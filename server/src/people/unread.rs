//! What people who are connected to this server have not read: counted once from the store, then as messages come, without
//! clock or I/O.

use std::collections::{HashMap, HashSet};

use protocol::{Kind, Message, RoomName, Sender, mention};

/// Counting ends here.
pub const MOST: usize = 100;

/// How a room stands with a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Offset up to which they have read.
    pub read: i64,
    /// How many messages of others came after it, up to [`MOST`].
    pub unread: usize,
    /// How many messages of others after it mention them, up to [`MOST`] too.
    pub mentions: usize,
    /// Offset up to which has been counted; none before the store was asked.
    counted: Option<i64>,
}

impl Standing {
    /// Nothing counted yet.
    pub fn new(read: i64) -> Self {
        Self {
            read,
            ..Self::default()
        }
    }

    /// Counts a message that came after those that were counted.
    pub fn count(&mut self, message: &Message, who: &Sender) {
        let offset = message.position.offset;
        if self.counted.is_some_and(|counted| offset <= counted) {
            return;
        }
        self.counted = Some(offset);
        if offset <= self.read || message.kind != Kind::Message || message.sender.uid == who.uid {
            return;
        }
        self.unread = (self.unread + 1).min(MOST);
        // A mention is news however many messages came before it.
        if self.mentions < MOST && mention::mentions(&message.body, &who.name) {
            self.mentions += 1;
        }
    }

    /// Everything up to here has been looked at.
    pub fn close(&mut self, head: i64) {
        self.counted = Some(self.counted.map_or(head, |counted| counted.max(head)));
    }
}

/// A person with at least one connection.
struct Reader {
    who: Sender,
    connections: usize,
    rooms: HashMap<RoomName, Standing>,
}

/// The standings of everybody who is connected.
#[derive(Default)]
pub struct Unread {
    people: HashMap<String, Reader>,
    /// Who has read a room.
    readers: HashMap<RoomName, HashSet<String>>,
    /// What has to be counted from the store.
    uncounted: HashSet<(String, RoomName)>,
}

impl Unread {
    /// A connection of a person wants to know; with it come the rooms that they have read, and how far.
    pub fn open<'a>(&mut self, who: &Sender, read: impl Iterator<Item = (&'a RoomName, i64)>) {
        if let Some(reader) = self.people.get_mut(&who.uid) {
            reader.connections += 1;
            if reader.who.name != who.name {
                // Under another name other messages mention them.
                reader.who.name.clone_from(&who.name);
                self.forget_counts_of(&who.uid);
            }
            return;
        }
        let reader = Reader {
            who: who.clone(),
            connections: 1,
            rooms: HashMap::new(),
        };
        self.people.insert(who.uid.clone(), reader);
        for (room, offset) in read {
            self.read(&who.uid, room, offset);
        }
    }

    /// One of their connections no longer does.
    pub fn close(&mut self, uid: &str) {
        let Some(reader) = self.people.get_mut(uid) else {
            return;
        };
        reader.connections -= 1;
        if reader.connections > 0 {
            return;
        }
        let rooms = self.people.remove(uid).map(|reader| reader.rooms);
        for room in rooms.into_iter().flat_map(HashMap::into_keys) {
            self.uncounted.remove(&(uid.to_owned(), room.clone()));
            if let Some(readers) = self.readers.get_mut(&room) {
                readers.remove(uid);
                if readers.is_empty() {
                    self.readers.remove(&room);
                }
            }
        }
    }

    /// A person has read a room so far; tells whether they are connected.
    pub fn read(&mut self, uid: &str, room: &RoomName, offset: i64) -> bool {
        let Some(reader) = self.people.get_mut(uid) else {
            return false;
        };
        let readers = self.readers.entry(room.clone()).or_default();
        readers.insert(uid.to_owned());
        let standing = reader.rooms.entry(room.clone()).or_default();
        let counted = standing.counted;
        *standing = Standing::new(offset);
        if counted.is_some_and(|counted| counted <= offset) {
            // There was nothing after it.
            standing.counted = counted;
        } else {
            self.uncounted.insert((uid.to_owned(), room.clone()));
        }
        true
    }

    /// A record has come into a room.
    pub fn said(&mut self, room: &RoomName, message: &Message) {
        for uid in self.readers.get(room).into_iter().flatten() {
            if let Some(reader) = self.people.get_mut(uid)
                && let Some(standing) = reader.rooms.get_mut(room)
                && standing.counted.is_some()
            {
                standing.count(message, &reader.who);
            }
        }
    }

    /// What has to be counted from the store, at most `limit` at once: who, where, and from which offset on.
    pub fn uncounted(&self, limit: usize) -> Vec<(Sender, RoomName, i64)> {
        let pairs = self.uncounted.iter();
        let found = pairs.filter_map(|(uid, room)| {
            let reader = self.people.get(uid)?;
            Some((
                reader.who.clone(),
                room.clone(),
                reader.rooms.get(room)?.read,
            ))
        });
        found.take(limit).collect()
    }

    /// What was counted from the store, unless they have read on or changed their name meanwhile.
    pub fn counted(&mut self, who: &Sender, room: &RoomName, found: Standing) {
        if let Some(reader) = self.people.get_mut(&who.uid)
            && reader.who == *who
            && let Some(standing) = reader.rooms.get_mut(room)
            && standing.read == found.read
        {
            *standing = found;
            self.uncounted.remove(&(who.uid.clone(), room.clone()));
        }
    }

    /// Records were missed: everything is counted again.
    pub fn forget_counts(&mut self) {
        let everybody: Vec<_> = self.people.keys().cloned().collect();
        for uid in everybody {
            self.forget_counts_of(&uid);
        }
    }

    /// How a room stands with a person; none where they have never read it, are not connected, or it is not counted yet.
    pub fn standing(&self, uid: &str, room: &RoomName) -> Option<Standing> {
        let standing = self.people.get(uid)?.rooms.get(room)?;
        standing.counted.is_some().then_some(*standing)
    }

    /// Whether a room that a person has read is still to be counted for them.
    pub fn is_uncounted(&self, uid: &str, room: &RoomName) -> bool {
        let standing = self.people.get(uid).and_then(|one| one.rooms.get(room));
        standing.is_some_and(|standing| standing.counted.is_none())
    }

    fn forget_counts_of(&mut self, uid: &str) {
        let Some(reader) = self.people.get_mut(uid) else {
            return;
        };
        for (room, standing) in &mut reader.rooms {
            *standing = Standing::new(standing.read);
            self.uncounted.insert((uid.to_owned(), room.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use protocol::Position;

    use super::*;
    use crate::hub::encode::tests::message;

    fn who(uid: &str) -> Sender {
        Sender {
            uid: uid.to_owned(),
            name: "지우".to_owned(),
        }
    }

    fn said(offset: i64, uid: &str, kind: Kind, body: &str) -> Message {
        let position = Position {
            offset,
            ..message(0, None).position
        };
        Message {
            position,
            sender: who(uid),
            kind,
            body: body.to_owned(),
            ..message(offset, None)
        }
    }

    fn room() -> RoomName {
        "a".parse().unwrap()
    }

    fn count(log: &[Message], read: i64) -> Standing {
        let mut standing = Standing::new(read);
        for message in log.iter().filter(|message| message.position.offset > read) {
            standing.count(message, &who("me"));
        }
        standing.close(log.last().map_or(-1, |last| last.position.offset));
        standing
    }

    #[test]
    fn messages_of_others_after_the_marker_count() {
        let log = [
            said(1, "you", Kind::Message, "@지우 안녕"),
            said(2, "you", Kind::Message, "안녕"),
            said(3, "me", Kind::Message, "@지우"),
            said(4, "you", Kind::React, "@지우"),
            said(5, "you", Kind::System, "@지우"),
            said(6, "you", Kind::Message, "저기 @지우야!"),
        ];
        for (read, unread, mentions) in [(-1, 3, 2), (1, 2, 1), (2, 1, 1), (5, 1, 1), (6, 0, 0)] {
            let standing = count(&log, read);
            assert_eq!(
                (standing.unread, standing.mentions),
                (unread, mentions),
                "{read}"
            );
        }
        let many: Vec<_> = (0..150)
            .map(|n| said(n, "you", Kind::Message, "@지우"))
            .collect();
        let standing = count(&many, -1);
        assert_eq!((standing.unread, standing.mentions), (MOST, MOST));
        let mut many: Vec<_> = (0..150)
            .map(|n| said(n, "you", Kind::Message, "안녕"))
            .collect();
        many.push(said(150, "you", Kind::Message, "@지우"));
        let standing = count(&many, -1);
        assert_eq!((standing.unread, standing.mentions), (MOST, 1));
    }

    #[test]
    fn another_name_is_mentioned_by_other_messages() {
        let mut unread = Unread::default();
        unread.open(&who("me"), [(&room(), 0)].into_iter());
        let renamed = Sender {
            name: "민준".to_owned(),
            ..who("me")
        };
        unread.counted(&who("me"), &room(), count(&[], 0));
        unread.open(&renamed, std::iter::empty());
        assert_eq!(unread.standing("me", &room()), None, "to be counted again");
        assert_eq!(unread.uncounted(9), [(renamed, room(), 0)]);
        unread.counted(&who("me"), &room(), count(&[], 0));
        assert_eq!(unread.standing("me", &room()), None, "for the old name");
        unread.close("me");
        unread.close("me");
        assert!(
            unread.people.is_empty() && unread.readers.is_empty() && unread.uncounted.is_empty()
        );
    }

    proptest! {
        /// However reading, saying and counting follow each other, the numbers are those of the whole log.
        #[test]
        fn counted_once_and_then_on(steps in prop::collection::vec((0..5_u8, 0..20_i64), 1..60)) {
            let (mut unread, mut log, mut read) = (Unread::default(), Vec::new(), 0);
            unread.open(&who("me"), [(&room(), read)].into_iter());
            for (step, number) in steps {
                match step {
                    0 | 1 => {
                        let offset = i64::try_from(log.len()).unwrap() + 1;
                        let author = if number % 4 == 0 { "me" } else { "you" };
                        let body = if number % 3 == 0 { "@지우" } else { "x" };
                        log.push(said(offset, author, Kind::Message, body));
                        unread.said(&room(), log.last().unwrap());
                    }
                    2 => {
                        for (whose, room, from) in unread.uncounted(9) {
                            unread.counted(&whose, &room, count(&log, from));
                        }
                    }
                    3 if number > read => {
                        read = number.min(i64::try_from(log.len()).unwrap()).max(read);
                        unread.read("me", &room(), read);
                    }
                    4 if number == 0 => unread.forget_counts(),
                    _ => {}
                }
                if let Some(standing) = unread.standing("me", &room()) {
                    let expected = count(&log, read);
                    prop_assert_eq!((standing.read, standing.unread, standing.mentions), (read, expected.unread, expected.mentions));
                }
            }
        }
    }
}
