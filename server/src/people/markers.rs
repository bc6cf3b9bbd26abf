//! How far people have read, over all servers: forward only, without clock or I/O.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use protocol::{RoomEvent, RoomName};

/// How long after their last marker a person counts as a member of a room, in milliseconds.
const MEMBER: i64 = 30 * DAY;
/// How long a marker is remembered: no cookie, and so no person, lasts longer.
const REMEMBERED: i64 = 400 * DAY;
const DAY: i64 = 24 * 60 * 60 * 1000;
/// Rooms with more members do not learn how far they have read.
const MEMBERS: usize = 100;
/// How often a room learns at most how far its members have read.
const EVERY: Duration = Duration::from_secs(1);

/// How far a person has read a room.
#[derive(Clone, Copy)]
struct Mark {
    offset: i64,
    /// When, in Unix milliseconds.
    at: i64,
    /// Offset of their own latest message that this server has seen come.
    spoke: i64,
}

/// The markers of all people in all rooms.
#[derive(Default)]
pub struct Markers {
    rooms: HashMap<RoomName, HashMap<String, Mark>>,
    /// What is to be written to the log: the latest wish of each person in each room.
    wishes: HashMap<(RoomName, String), i64>,
    /// Rooms whose markers moved after it was told.
    changed: HashSet<RoomName>,
    told: HashMap<RoomName, Instant>,
}

impl Markers {
    /// Somebody on this server says that they have read so far. What does not lead forward is passed over.
    pub fn wish(&mut self, room: &RoomName, uid: &str, offset: i64) {
        if self.read(room, uid).is_some_and(|known| known >= offset) {
            return;
        }
        let wish = self
            .wishes
            .entry((room.clone(), uid.to_owned()))
            .or_insert(offset);
        *wish = offset.max(*wish);
    }

    /// What is to be written to the log by now.
    pub fn take_wishes(&mut self) -> Vec<((RoomName, String), i64)> {
        self.wishes.drain().collect()
    }

    /// The log has a marker, which it took `at` (Unix milliseconds), and it is `now`. Tells whether that leads forward.
    pub fn moved(&mut self, room: &RoomName, uid: &str, offset: i64, at: i64, now: i64) -> bool {
        if at < now - REMEMBERED {
            return false;
        }
        let marks = self.rooms.entry(room.clone()).or_default();
        let mark = marks.entry(uid.to_owned()).or_insert(Mark {
            offset: -1,
            at,
            spoke: -1,
        });
        mark.at = at.max(mark.at);
        let forward = mark.offset < offset;
        mark.offset = offset.max(mark.offset);
        if forward {
            self.changed.insert(room.clone());
        }
        forward
    }

    /// A message of a person has come into a room: whoever else has read it, they have. No marker in the log says so, and none
    /// of their own moves: what others said before it stays unread until they say that they have seen it.
    pub fn spoke(&mut self, room: &RoomName, uid: &str, offset: i64) {
        let mark = self
            .rooms
            .get_mut(room)
            .and_then(|marks| marks.get_mut(uid));
        if let Some(mark) = mark
            && mark.spoke < offset
        {
            mark.spoke = offset;
            self.changed.insert(room.clone());
        }
    }

    /// The offset up to which a person has read a room.
    pub fn read(&self, room: &RoomName, uid: &str) -> Option<i64> {
        Some(self.rooms.get(room)?.get(uid)?.offset)
    }

    /// Every room that a person has ever read, and how far.
    pub fn of<'a>(&'a self, uid: &'a str) -> impl Iterator<Item = (&'a RoomName, i64)> {
        let rooms = self.rooms.iter();
        rooms.filter_map(move |(room, marks)| Some((room, marks.get(uid)?.offset)))
    }

    /// How far a room's members have read; the room is too large where there are none.
    pub fn known(&self, room: &RoomName, now: i64) -> RoomEvent {
        let marks = self.rooms.get(room).into_iter().flat_map(HashMap::values);
        let members = marks.filter(|mark| mark.at >= now - MEMBER);
        let mut offsets: Vec<_> = members.map(|mark| mark.offset.max(mark.spoke)).collect();
        if offsets.len() > MEMBERS {
            offsets.clear();
        }
        offsets.sort_unstable();
        RoomEvent::Read { offsets }
    }

    /// The rooms that are to learn by now how far their members have read.
    pub fn due(&mut self, now: Instant) -> Vec<RoomName> {
        self.told.retain(|_, at| now - *at < EVERY);
        let (told, mut due) = (&mut self.told, Vec::new());
        self.changed.retain(|room| {
            let wait = told.contains_key(room);
            if !wait {
                told.insert(room.clone(), now);
                due.push(room.clone());
            }
            wait
        });
        due
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn room() -> RoomName {
        "a".parse().unwrap()
    }

    fn offsets(markers: &Markers, now: i64) -> Vec<i64> {
        match markers.known(&room(), now) {
            RoomEvent::Read { offsets } => offsets,
            other => panic!("{other:?}"),
        }
    }

    proptest! {
        #[test]
        fn a_marker_never_goes_back(moves in prop::collection::vec((0..3_u8, 0..50_i64), 1..40)) {
            let mut markers = Markers::default();
            let mut furthest = HashMap::new();
            for (who, offset) in moves {
                let uid = who.to_string();
                let forward = markers.moved(&room(), &uid, offset, 0, 0);
                let known: &mut i64 = furthest.entry(uid.clone()).or_insert(-1);
                prop_assert_eq!(forward, offset > *known);
                *known = offset.max(*known);
                prop_assert_eq!(markers.read(&room(), &uid), Some(*known));
            }
            let mut all: Vec<_> = furthest.into_values().collect();
            all.sort_unstable();
            prop_assert_eq!(offsets(&markers, 0), all);
        }
    }

    #[test]
    fn members_are_those_of_the_last_thirty_days_and_at_most_a_hundred() {
        let mut markers = Markers::default();
        let now = 500 * DAY;
        markers.moved(&room(), "now", 7, now, now);
        markers.moved(&room(), "lately", 5, now - MEMBER, now);
        markers.moved(&room(), "once", 3, now - MEMBER - 1, now);
        markers.moved(&room(), "ages-ago", 1, now - REMEMBERED - 1, now);
        assert_eq!(offsets(&markers, now), [5, 7]);
        assert_eq!(
            markers.read(&room(), "once"),
            Some(3),
            "still their own place"
        );
        assert_eq!(markers.read(&room(), "ages-ago"), None, "forgotten");
        for n in 0..98 {
            markers.moved(&room(), &n.to_string(), n, now, now);
        }
        assert_eq!(offsets(&markers, now).len(), 100);
        markers.moved(&room(), "one-more", 9, now, now);
        assert!(offsets(&markers, now).is_empty());
    }

    #[test]
    fn who_spoke_has_read_what_they_said() {
        let (mut markers, start) = (Markers::default(), Instant::now());
        for uid in ["u", "v"] {
            markers.moved(&room(), uid, 1, 0, 0);
        }
        markers.due(start);
        markers.spoke(&room(), "u", 3);
        markers.spoke(&room(), "never-read", 4);
        assert_eq!(offsets(&markers, 0), [1, 3]);
        assert_eq!(markers.due(start + EVERY), [room()], "that is told");
        assert_eq!(markers.read(&room(), "u"), Some(1), "their own place");
        assert!(markers.take_wishes().is_empty(), "nothing for the log");
        markers.spoke(&room(), "u", 2);
        markers.moved(&room(), "u", 2, 0, 0);
        assert_eq!(offsets(&markers, 0), [1, 3]);
    }

    #[test]
    fn a_room_learns_of_it_once_a_second() {
        let (mut markers, start) = (Markers::default(), Instant::now());
        markers.moved(&room(), "u", 1, 0, 0);
        assert_eq!(markers.due(start), [room()]);
        markers.moved(&room(), "u", 2, 0, 0);
        markers.moved(&room(), "v", 2, 0, 0);
        assert!(markers.due(start + EVERY / 2).is_empty());
        assert_eq!(markers.due(start + EVERY), [room()]);
        assert!(markers.due(start + 3 * EVERY).is_empty(), "nothing new");
    }

    #[test]
    fn only_the_latest_wish_is_written_and_only_forward() {
        let mut markers = Markers::default();
        markers.moved(&room(), "u", 5, 0, 0);
        for offset in [4, 7, 9, 8] {
            markers.wish(&room(), "u", offset);
        }
        assert_eq!(markers.take_wishes(), [((room(), "u".to_owned()), 9)]);
        markers.wish(&room(), "u", 5);
        assert!(markers.take_wishes().is_empty());
    }
}
