//! Who is in which room, over all servers: a state machine without clock or I/O.
//!
//! Every server tells the others who is in a room through it (a [`Snapshot`]), when that changes and from time to time. A
//! person is there while any server holds them: as long as it names them, and for a grace after it no longer does, so that
//! nobody goes and comes for changing servers. A server that falls silent holds nobody any more after a while.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

use protocol::{RoomEvent, RoomName, Sender, limits};

use super::record::Snapshot;

/// How long things take. The defaults are decision 25's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timings {
    /// How soon a change is told to the other servers: what changes meanwhile goes along.
    pub debounce: Duration,
    /// How often a server says again who is there.
    pub every: Duration,
    /// How long a silent server counts as alive.
    pub dead: Duration,
    /// How long a person may be away before they have left.
    pub grace: Duration,
    /// How long after the start nobody counts as having come, for the other servers are just being heard.
    pub settling: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            debounce: Duration::from_millis(250),
            every: Duration::from_secs(15),
            dead: Duration::from_secs(45),
            grace: Duration::from_secs(45),
            settling: Duration::from_secs(2),
        }
    }
}

/// What is to be done about a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Tell those on this server who listen to the room.
    Tell(RoomName, RoomEvent),
    /// Tell the other servers.
    Publish(Snapshot),
}

/// Who is in which room.
pub struct Presence {
    timings: Timings,
    settled: Instant,
    /// When it is next looked who has gone.
    expire_at: Instant,
    rooms: HashMap<RoomName, Room>,
    /// Rooms in which something may have changed since it was last told.
    changed: HashSet<RoomName>,
}

#[derive(Default)]
struct Room {
    people: HashMap<String, Person>,
    /// People whom other servers do not name: how many, and until when that holds.
    unnamed: HashMap<String, (usize, Instant)>,
    /// How many subscriptions each person has on this server, and under which name.
    here: BTreeMap<String, (String, usize)>,
    /// When the other servers are to be told.
    publish_at: Option<Instant>,
    /// What listeners know: id and name, and how many there are.
    told: BTreeMap<String, String>,
    told_count: usize,
}

struct Person {
    name: String,
    /// Through this server, for as long as they are here.
    here: bool,
    /// The servers that hold them, this one (under an empty name) after they have gone.
    held: HashMap<String, Hold>,
}

/// How a server holds a person.
struct Hold {
    until: Instant,
    /// Whether it named them when it was heard last.
    named: bool,
}

impl Person {
    fn is_there(&self, now: Instant) -> bool {
        self.here || self.held.values().any(|hold| hold.until > now)
    }
}

impl Presence {
    /// Nobody is anywhere.
    pub fn new(timings: Timings, now: Instant) -> Self {
        Self {
            timings,
            settled: now + timings.settling,
            expire_at: now,
            rooms: HashMap::new(),
            changed: HashSet::new(),
        }
    }

    /// Somebody on this server has come into a room, once for each of their subscriptions.
    pub fn enter(&mut self, room: &RoomName, who: &Sender, now: Instant) {
        let soon = now + self.timings.debounce;
        let state = self.change(room);
        let here = state
            .here
            .entry(who.uid.clone())
            .or_insert_with(|| (who.name.clone(), 0));
        here.1 += 1;
        if here.1 == 1 || here.0 != who.name {
            here.0.clone_from(&who.name);
            state.publish_at = Some(state.publish_at.map_or(soon, |at| at.min(soon)));
        }
        state.person(who).here = true;
    }

    /// One of their subscriptions has ended.
    pub fn leave(&mut self, room: &RoomName, uid: &str, now: Instant) {
        let (soon, gone) = (now + self.timings.debounce, now + self.timings.grace);
        let state = self.change(room);
        let Some((_, subscriptions)) = state.here.get_mut(uid) else {
            return;
        };
        *subscriptions -= 1;
        if *subscriptions > 0 {
            return;
        }
        state.here.remove(uid);
        if state.nobody_knows(uid) {
            // Else whoever comes and goes at once would leave a room behind each time.
            state.people.remove(uid);
            if state.people.is_empty() && state.unnamed.is_empty() && state.told_count == 0 {
                self.rooms.remove(room);
                self.changed.remove(room);
            }
            return;
        }
        state.publish_at = Some(state.publish_at.map_or(soon, |at| at.min(soon)));
        if let Some(person) = state.people.get_mut(uid) {
            person.here = false;
            let hold = Hold {
                until: gone,
                named: false,
            };
            person.held.insert(String::new(), hold);
        }
    }

    /// Another server says who is in a room through it.
    pub fn heard(&mut self, server: &str, snapshot: Snapshot, now: Instant) {
        let (alive, gone) = (now + self.timings.dead, now + self.timings.grace);
        let Snapshot {
            room,
            people,
            unnamed,
        } = snapshot;
        let state = self.change(&room);
        let named: HashSet<_> = people.iter().map(|who| who.uid.as_str()).collect();
        for (uid, person) in &mut state.people {
            if named.contains(uid.as_str()) {
                continue;
            }
            // Those whom it no longer names because there are too many are counted from now on.
            if unnamed > 0 {
                person.held.remove(server);
            } else if let Some(hold) = person.held.get_mut(server)
                && std::mem::take(&mut hold.named)
            {
                hold.until = gone;
            }
        }
        for who in &people {
            let hold = Hold {
                until: alive,
                named: true,
            };
            state.person(who).held.insert(server.to_owned(), hold);
        }
        if unnamed > 0 {
            state.unnamed.insert(server.to_owned(), (unnamed, alive));
        } else {
            state.unnamed.remove(server);
        }
    }

    /// Another server has come up and asks who is there.
    pub fn asked(&mut self, now: Instant) {
        for state in self.rooms.values_mut() {
            if !state.here.is_empty() {
                state.publish_at = Some(now);
            }
        }
    }

    /// Nothing can be heard at the moment: nobody is gone because of that.
    pub fn deaf(&mut self, now: Instant) {
        let alive = now + self.timings.dead;
        self.settled = now + self.timings.settling;
        for state in self.rooms.values_mut() {
            let holds = state
                .people
                .values_mut()
                .flat_map(|person| person.held.values_mut());
            let named = holds.filter(|hold| hold.named).map(|hold| &mut hold.until);
            let unnamed = state.unnamed.values_mut().map(|(_, until)| until);
            for until in named.chain(unnamed) {
                *until = alive;
            }
        }
    }

    /// Who is there as listeners know it: what a new one is told first.
    pub fn known(&self, room: &RoomName) -> RoomEvent {
        let nobody = Room::default();
        self.rooms.get(room).unwrap_or(&nobody).whole()
    }

    /// Does what is due by now: tells what has changed, and the other servers who is here.
    pub fn tick(&mut self, now: Instant) -> Vec<Effect> {
        let every = self.timings.every;
        let settling = now < self.settled;
        let expiring = now >= self.expire_at;
        if expiring {
            self.expire_at = now + self.timings.dead / 45;
        }
        let mut effects = Vec::new();
        for (room, state) in &mut self.rooms {
            if expiring && state.expire(now) {
                self.changed.insert(room.clone());
            }
            if state.publish_at.is_some_and(|at| at <= now) {
                state.publish_at = (!state.here.is_empty()).then(|| now + every);
                effects.push(Effect::Publish(state.snapshot(room)));
            }
        }
        for room in std::mem::take(&mut self.changed) {
            if let Some(state) = self.rooms.get_mut(&room)
                && let Some(event) = state.told_anew(now, settling)
            {
                effects.push(Effect::Tell(room, event));
            }
        }
        if expiring {
            self.rooms.retain(|_, state| !state.is_forgotten());
        }
        effects
    }

    /// The last words of a server that goes down: it has nobody any more, and the others keep its people for the grace.
    pub fn goodbye(&mut self) -> Vec<Snapshot> {
        let rooms = self
            .rooms
            .iter()
            .filter(|(_, state)| !state.here.is_empty() || state.publish_at.is_some());
        let empty = |(room, _): (&RoomName, _)| Snapshot {
            room: room.clone(),
            people: Vec::new(),
            unnamed: 0,
        };
        rooms.map(empty).collect()
    }

    fn change(&mut self, room: &RoomName) -> &mut Room {
        if !self.changed.contains(room) {
            self.changed.insert(room.clone());
        }
        self.rooms.entry(room.clone()).or_default()
    }
}

impl Room {
    /// A person under the name that was heard last.
    fn person(&mut self, who: &Sender) -> &mut Person {
        let person = self
            .people
            .entry(who.uid.clone())
            .or_insert_with(|| Person {
                name: String::new(),
                here: false,
                held: HashMap::new(),
            });
        person.name.clone_from(&who.name);
        person
    }

    /// Whether somebody has come so recently that neither a listener nor another server has been told of them.
    fn nobody_knows(&self, uid: &str) -> bool {
        let is_held = |person: &Person| !person.held.is_empty();
        self.told_count == self.told.len()
            && !self.told.contains_key(uid)
            && !self.people.get(uid).is_some_and(is_held)
    }

    /// Lets go of what no longer holds; tells whether anything was.
    fn expire(&mut self, now: Instant) -> bool {
        let before = self.people.len() + self.unnamed.len();
        self.people.retain(|_, person| {
            person.held.retain(|_, hold| hold.until > now);
            person.is_there(now)
        });
        self.unnamed.retain(|_, (_, until)| *until > now);
        before != self.people.len() + self.unnamed.len()
    }

    fn is_forgotten(&self) -> bool {
        self.people.is_empty()
            && self.unnamed.is_empty()
            && self.publish_at.is_none()
            && self.told_count == 0
    }

    fn snapshot(&self, room: &RoomName) -> Snapshot {
        let all = self.here.len();
        let named = all <= limits::PEOPLE;
        let people = self.here.iter().take(if named { all } else { 0 });
        Snapshot {
            room: room.clone(),
            people: people.map(|(uid, (name, _))| sender(uid, name)).collect(),
            unnamed: if named { 0 } else { all },
        }
    }

    /// What listeners have to know that they do not, as what changed or, where that is simpler, whole.
    fn told_anew(&mut self, now: Instant, settling: bool) -> Option<RoomEvent> {
        let there = self
            .people
            .iter()
            .filter(|(_, person)| person.is_there(now));
        let mut present: BTreeMap<_, _> = there
            .map(|(uid, person)| (uid.clone(), person.name.clone()))
            .collect();
        let unnamed: usize = self.unnamed.values().map(|(count, _)| count).sum();
        let count = present.len() + unnamed;
        let was_named = self.told_count == self.told.len();
        if count > limits::PEOPLE {
            present.clear();
        }
        if present == self.told && count == self.told_count {
            return None;
        }
        let told = std::mem::replace(&mut self.told, present);
        self.told_count = count;
        let renamed = self
            .told
            .iter()
            .any(|(uid, name)| told.get(uid).is_some_and(|old| old != name));
        let is_named = count == self.told.len();
        if settling || renamed || !was_named || !is_named {
            return Some(self.whole());
        }
        let missing_in = |one: &BTreeMap<String, String>, other: &BTreeMap<String, String>| {
            let missing = one.iter().filter(|(uid, _)| !other.contains_key(*uid));
            by_name(missing)
        };
        Some(RoomEvent::Changed {
            joined: missing_in(&self.told, &told),
            left: missing_in(&told, &self.told),
            count,
        })
    }

    fn whole(&self) -> RoomEvent {
        RoomEvent::Presence {
            people: by_name(self.told.iter()),
            count: self.told_count,
        }
    }
}

fn sender(uid: &str, name: &str) -> Sender {
    Sender {
        uid: uid.to_owned(),
        name: name.to_owned(),
    }
}

/// People in the order of their names.
fn by_name<'a>(people: impl Iterator<Item = (&'a String, &'a String)>) -> Vec<Sender> {
    let mut people: Vec<_> = people.map(|(uid, name)| sender(uid, name)).collect();
    people.sort_by(|one, other| (&one.name, &one.uid).cmp(&(&other.name, &other.uid)));
    people
}

#[cfg(test)]
mod tests;
