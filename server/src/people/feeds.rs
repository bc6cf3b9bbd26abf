//! What each subscription to `/user/queue/rooms` does not know yet, without clock or I/O.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

use protocol::{RoomName, Sender};

/// How often a subscription is told at most.
const EVERY: Duration = Duration::from_secs(1);
/// So many changed rooms are remembered; who lacks more is told everything.
const REMEMBERED: usize = 200;

/// What a subscription lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lacks {
    /// Everything.
    All,
    /// What has changed in these rooms.
    Rooms(HashSet<RoomName>),
}

/// A subscription.
struct Feed<F> {
    /// The way to the client.
    to: F,
    who: Option<Sender>,
    /// When it may be told next; not at all before its RECEIPT is on the way.
    after: Option<Instant>,
    /// Up to which change it has been told; nothing at all so far.
    told: Option<u64>,
    /// Rooms that have changed for this person alone.
    own: HashSet<RoomName>,
}

/// The subscriptions, named by `K`, with the way `F` to their clients.
pub struct Feeds<K, F> {
    subscriptions: HashMap<K, Feed<F>>,
    /// The latest changes, each room with its last one.
    changes: BTreeMap<u64, RoomName>,
    last: HashMap<RoomName, u64>,
    next: u64,
    /// Changes before this one are forgotten.
    since: u64,
}

impl<K, F> Default for Feeds<K, F> {
    fn default() -> Self {
        Self {
            subscriptions: HashMap::new(),
            changes: BTreeMap::new(),
            last: HashMap::new(),
            next: 1,
            since: 1,
        }
    }
}

impl<K: Clone + Eq + std::hash::Hash, F> Feeds<K, F> {
    /// A subscription begins.
    pub fn open(&mut self, key: K, to: F, who: Option<Sender>) {
        let feed = Feed {
            to,
            who,
            after: None,
            told: None,
            own: HashSet::new(),
        };
        self.subscriptions.insert(key, feed);
    }

    /// Its RECEIPT is on the way: it may be told.
    pub fn ready(&mut self, key: &K, now: Instant) {
        if let Some(feed) = self.subscriptions.get_mut(key) {
            feed.after.get_or_insert(now);
        }
    }

    /// It ends; gives whose it was.
    pub fn close(&mut self, key: &K) -> Option<Sender> {
        self.subscriptions.remove(key)?.who
    }

    /// Whether nobody is to be told anything.
    pub fn is_empty(&self) -> bool {
        self.subscriptions.is_empty()
    }

    /// A room's latest row has changed.
    pub fn changed(&mut self, room: &RoomName) {
        if let Some(before) = self.last.insert(room.clone(), self.next) {
            self.changes.remove(&before);
        }
        self.changes.insert(self.next, room.clone());
        self.next += 1;
        if self.changes.len() > REMEMBERED
            && let Some((change, room)) = self.changes.pop_first()
        {
            self.last.remove(&room);
            self.since = change + 1;
        }
    }

    /// How a room stands with a person has changed.
    pub fn touched(&mut self, uid: &str, room: &RoomName) {
        for feed in self.subscriptions.values_mut() {
            if feed.who.as_ref().is_some_and(|who| who.uid == uid) {
                feed.own.insert(room.clone());
            }
        }
    }

    /// Changes were missed: everybody lacks everything.
    pub fn forget(&mut self) {
        self.changes.clear();
        self.last.clear();
        self.since = self.next + 1;
        self.next += 2;
    }

    /// The subscriptions that lack something and may be told by now.
    pub fn due(&self, now: Instant) -> Vec<(K, Lacks)> {
        let ripe = self
            .subscriptions
            .iter()
            .filter(|(_, feed)| feed.after.is_some_and(|after| after <= now));
        let lacking = ripe.filter_map(|(key, feed)| {
            let told = match feed.told {
                Some(told) if told + 1 >= self.since => told,
                _ => return Some((key.clone(), Lacks::All)),
            };
            let mut rooms = feed.own.clone();
            rooms.extend(self.changes.range(told + 1..).map(|(_, room)| room.clone()));
            (!rooms.is_empty()).then(|| (key.clone(), Lacks::Rooms(rooms)))
        });
        lacking.collect()
    }

    /// The way to a subscription's client, and whose it is.
    pub fn get(&self, key: &K) -> Option<(&F, Option<&Sender>)> {
        let feed = self.subscriptions.get(key)?;
        Some((&feed.to, feed.who.as_ref()))
    }

    /// The latest change so far: what is looked up from now on is at least as new.
    pub fn latest(&self) -> u64 {
        self.next - 1
    }

    /// A subscription has been told what it lacked up to this change.
    pub fn told(&mut self, key: &K, lacked: &Lacks, change: u64, now: Instant) {
        if let Some(feed) = self.subscriptions.get_mut(key) {
            feed.told = Some(change);
            match lacked {
                Lacks::All => feed.own.clear(),
                Lacks::Rooms(rooms) => feed.own.retain(|room| !rooms.contains(room)),
            }
            feed.after = Some(now + EVERY);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(name: &str) -> RoomName {
        name.parse().unwrap()
    }

    fn rooms(names: &[&str]) -> Lacks {
        Lacks::Rooms(names.iter().map(|name| room(name)).collect())
    }

    fn feeds(now: Instant) -> Feeds<u8, ()> {
        let mut feeds = Feeds::default();
        let who = Sender {
            uid: "u".to_owned(),
            name: "n".to_owned(),
        };
        feeds.open(1, (), Some(who));
        feeds.open(2, (), None);
        for key in [1, 2] {
            feeds.ready(&key, now);
        }
        feeds
    }

    #[test]
    fn first_whole_then_what_changed_once_a_second() {
        let start = Instant::now();
        let mut feeds = feeds(start);
        feeds.open(3, (), None);
        let mut due = feeds.due(start);
        due.sort_by_key(|(key, _)| *key);
        assert_eq!(
            due,
            [(1, Lacks::All), (2, Lacks::All)],
            "3 has no RECEIPT yet"
        );
        for key in [1, 2] {
            feeds.told(&key, &Lacks::All, feeds.latest(), start);
        }
        for name in ["a", "b", "a"] {
            feeds.changed(&room(name));
        }
        assert!(feeds.due(start + EVERY / 2).is_empty());
        assert_eq!(feeds.due(start + EVERY)[0].1, rooms(&["a", "b"]));
        let seen = feeds.latest();
        feeds.changed(&room("c"));
        feeds.told(&1, &rooms(&["a", "b"]), seen, start + EVERY);
        feeds.told(&2, &Lacks::All, feeds.latest(), start + EVERY);
        assert_eq!(feeds.due(start + 2 * EVERY), [(1, rooms(&["c"]))]);
    }

    #[test]
    fn what_concerns_one_person_is_told_to_them() {
        let start = Instant::now();
        let mut feeds = feeds(start);
        for key in [1, 2] {
            feeds.told(&key, &Lacks::All, feeds.latest(), start);
        }
        feeds.touched("u", &room("a"));
        assert_eq!(feeds.due(start + EVERY), [(1, rooms(&["a"]))]);
        feeds.touched("u", &room("b"));
        feeds.told(&1, &rooms(&["a"]), feeds.latest(), start + EVERY);
        assert_eq!(
            feeds.due(start + 2 * EVERY),
            [(1, rooms(&["b"]))],
            "it came meanwhile"
        );
        feeds.told(&1, &rooms(&["b"]), feeds.latest(), start + EVERY);
        assert!(feeds.due(start + 9 * EVERY).is_empty());
    }

    #[test]
    fn who_lacks_too_much_is_told_everything() {
        let start = Instant::now();
        let mut feeds = feeds(start);
        feeds.told(&1, &Lacks::All, feeds.latest(), start);
        for number in 0..=REMEMBERED {
            feeds.changed(&room(&number.to_string()));
            if number == 0 {
                feeds.told(&2, &Lacks::All, feeds.latest(), start);
            }
        }
        let due: HashMap<_, _> = feeds.due(start + EVERY).into_iter().collect();
        assert_eq!(due[&1], Lacks::All);
        assert!(matches!(&due[&2], Lacks::Rooms(rooms) if rooms.len() == REMEMBERED));
        assert!(feeds.changes.len() == REMEMBERED && feeds.last.len() == REMEMBERED);
        feeds.told(&2, &Lacks::All, feeds.latest(), start);
        feeds.forget();
        let due: HashMap<_, _> = feeds.due(start + EVERY).into_iter().collect();
        assert_eq!(due[&2], Lacks::All);
    }
}
