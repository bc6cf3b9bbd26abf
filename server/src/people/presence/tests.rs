//! Servers that tell each other, and what listeners make of it.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn who(uid: &str) -> Sender {
    sender(uid, uid)
}

fn room() -> RoomName {
    "a".parse().unwrap()
}

/// A few servers on one log, and what a listener on each of them knows.
struct World {
    now: Instant,
    servers: Vec<Server>,
}

struct Server {
    presence: Presence,
    alive: bool,
    /// What a listener has made of the events so far.
    listener: BTreeSet<String>,
    count: usize,
    heard: Vec<RoomEvent>,
}

impl World {
    /// Servers that have settled.
    fn new(servers: usize) -> Self {
        let now = Instant::now();
        let server = |_| Server {
            presence: Presence::new(Timings::default(), now),
            alive: true,
            listener: BTreeSet::new(),
            count: 0,
            heard: Vec::new(),
        };
        let mut world = Self {
            now,
            servers: (0..servers).map(server).collect(),
        };
        world.pass(3 * SECOND);
        world
    }

    fn enter(&mut self, server: usize, uid: &str) {
        let now = self.now;
        self.servers[server].presence.enter(&room(), &who(uid), now);
    }

    fn leave(&mut self, server: usize, uid: &str) {
        let now = self.now;
        self.servers[server].presence.leave(&room(), uid, now);
    }

    /// Lets time pass, a quarter of a second at a time.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now += SECOND / 4;
            for number in 0..self.servers.len() {
                if !self.servers[number].alive {
                    continue;
                }
                for effect in self.servers[number].presence.tick(self.now) {
                    match effect {
                        Effect::Tell(_, event) => self.servers[number].hear(event),
                        Effect::Publish(snapshot) => self.publish(number, &snapshot),
                    }
                }
            }
        }
    }

    fn publish(&mut self, from: usize, snapshot: &Snapshot) {
        let others = self.servers.iter_mut().enumerate();
        for (_, server) in others.filter(|(number, server)| *number != from && server.alive) {
            server
                .presence
                .heard(&from.to_string(), snapshot.clone(), self.now);
        }
    }

    fn goodbye(&mut self, server: usize) {
        self.servers[server].alive = false;
        for snapshot in self.servers[server].presence.goodbye() {
            self.publish(server, &snapshot);
        }
    }

    /// What the listener on a server was told since it was last asked.
    fn heard(&mut self, server: usize) -> Vec<RoomEvent> {
        std::mem::take(&mut self.servers[server].heard)
    }
}

impl Server {
    fn hear(&mut self, event: RoomEvent) {
        match &event {
            RoomEvent::Presence { people, count } => {
                self.listener = people.iter().map(|who| who.uid.clone()).collect();
                self.count = *count;
            }
            RoomEvent::Changed {
                joined,
                left,
                count,
            } => {
                for who in joined {
                    assert!(self.listener.insert(who.uid.clone()), "{event:?}");
                }
                for who in left {
                    assert!(self.listener.remove(&who.uid), "{event:?}");
                }
                self.count = *count;
            }
            RoomEvent::Typing { .. } | RoomEvent::Read { .. } => panic!("{event:?}"),
        }
        self.heard.push(event);
    }
}

fn joined(uids: &[&str], count: usize) -> RoomEvent {
    RoomEvent::Changed {
        joined: uids.iter().map(|uid| who(uid)).collect(),
        left: vec![],
        count,
    }
}

fn left(uids: &[&str], count: usize) -> RoomEvent {
    RoomEvent::Changed {
        joined: vec![],
        left: uids.iter().map(|uid| who(uid)).collect(),
        count,
    }
}

#[test]
fn everybody_learns_of_it_and_tabs_count_once() {
    let mut world = World::new(2);
    world.enter(0, "u");
    world.enter(0, "v");
    world.enter(0, "u");
    world.enter(1, "u");
    world.pass(SECOND);
    assert_eq!(world.heard(0), [joined(&["u", "v"], 2)]);
    assert_eq!(world.heard(1), [joined(&["u", "v"], 2)]);
    world.leave(0, "u");
    world.leave(1, "u");
    world.pass(120 * SECOND);
    assert_eq!(
        (world.heard(0), world.heard(1)),
        (vec![], vec![]),
        "one tab is left"
    );
    world.leave(0, "u");
    world.pass(44 * SECOND);
    assert_eq!(world.heard(0), []);
    world.pass(3 * SECOND);
    assert_eq!(world.heard(0), [left(&["u"], 1)]);
    assert_eq!(world.heard(1), [left(&["u"], 1)]);
}

#[test]
fn who_comes_back_within_the_grace_was_never_away() {
    let mut world = World::new(3);
    world.enter(0, "u");
    world.pass(SECOND);
    world.heard(2);
    for (from, to, away) in [(0, 1, 5), (1, 1, 30), (1, 0, 40), (0, 0, 44)] {
        world.leave(from, "u");
        world.pass(away * SECOND);
        world.enter(to, "u");
        world.pass(100 * SECOND);
        assert_eq!(world.heard(2), [], "{from} {to}");
    }
}

#[test]
fn a_dead_servers_ghosts_are_gone_and_nobody_who_moved_is() {
    for orderly in [false, true] {
        let mut world = World::new(3);
        for uid in ["moves", "gone"] {
            world.enter(0, uid);
        }
        world.enter(1, "here");
        world.pass(20 * SECOND);
        let (first, second) = (world.heard(1), world.heard(2));
        assert!(!first.is_empty() && !second.is_empty());
        if orderly {
            world.goodbye(0);
        } else {
            world.servers[0].alive = false;
        }
        world.pass(10 * SECOND);
        world.enter(1, "moves");
        world.pass(50 * SECOND);
        for server in [1, 2] {
            assert_eq!(
                world.heard(server),
                [left(&["gone"], 2)],
                "{orderly} {server}"
            );
        }
        world.pass(200 * SECOND);
        assert_eq!((world.heard(1), world.heard(2)), (vec![], vec![]));
    }
}

#[test]
fn a_server_that_comes_up_asks_and_nobody_counts_as_having_come() {
    let mut world = World::new(1);
    world.enter(0, "u");
    world.pass(10 * SECOND);
    let now = world.now;
    world.servers.push(Server {
        presence: Presence::new(Timings::default(), now),
        alive: true,
        listener: BTreeSet::new(),
        count: 0,
        heard: Vec::new(),
    });
    world.servers[0].presence.asked(now);
    world.enter(1, "v");
    world.pass(SECOND);
    let told = world.heard(1);
    assert!(
        told.iter()
            .all(|event| matches!(event, RoomEvent::Presence { .. })),
        "{told:?}"
    );
    assert_eq!(world.servers[1].listener.len(), 2);
}

#[test]
fn nobody_is_gone_because_nothing_can_be_heard() {
    let mut world = World::new(2);
    world.enter(0, "u");
    world.pass(SECOND);
    world.heard(1);
    world.servers[0].alive = false;
    for _ in 0..300 {
        let now = world.now;
        world.servers[1].presence.deaf(now);
        world.pass(SECOND);
    }
    world.servers[0].alive = true;
    world.pass(30 * SECOND);
    assert_eq!(world.heard(1), []);
}

#[test]
fn a_crowd_is_a_number() {
    let mut world = World::new(2);
    let uids: Vec<_> = (0..limits::PEOPLE).map(|n| format!("{n:03}")).collect();
    for uid in &uids {
        world.enter(0, uid);
    }
    world.pass(SECOND);
    assert_eq!(world.servers[1].listener.len(), limits::PEOPLE);
    world.heard(1);
    world.enter(1, "one-more");
    world.pass(SECOND);
    let crowd = |count| RoomEvent::Presence {
        people: vec![],
        count,
    };
    assert_eq!(world.heard(1), [crowd(limits::PEOPLE + 1)]);
    world.enter(0, "another");
    world.pass(SECOND);
    assert_eq!(world.heard(1), [crowd(limits::PEOPLE + 2)]);
    for uid in uids.iter().take(100) {
        world.leave(0, uid);
    }
    world.pass(120 * SECOND);
    assert_eq!(world.servers[1].count, limits::PEOPLE - 98);
    assert_eq!(world.servers[1].listener.len(), limits::PEOPLE - 98);
    assert!(
        world
            .heard(1)
            .iter()
            .all(|event| matches!(event, RoomEvent::Presence { .. })),
        "that is simpler than who came and went"
    );
}

#[test]
fn another_name_is_told_whole() {
    let mut world = World::new(2);
    world.enter(0, "u");
    world.pass(SECOND);
    world.heard(1);
    let now = world.now;
    world.servers[0]
        .presence
        .enter(&room(), &sender("u", "지우"), now);
    world.pass(SECOND);
    let people = vec![sender("u", "지우")];
    assert_eq!(world.heard(1), [RoomEvent::Presence { people, count: 1 }]);
}

#[test]
fn an_empty_room_is_forgotten() {
    let mut world = World::new(2);
    world.enter(0, "u");
    world.pass(SECOND);
    world.leave(0, "u");
    world.pass(120 * SECOND);
    for server in &world.servers {
        assert!(server.presence.rooms.is_empty() && server.presence.changed.is_empty());
    }
}

#[test]
fn who_comes_and_goes_at_once_leaves_nothing_behind() {
    let mut world = World::new(2);
    let now = world.now;
    let presence = &mut world.servers[0].presence;
    for number in 0..1_000 {
        let room = number.to_string().parse().unwrap();
        presence.enter(&room, &who("u"), now);
        presence.leave(&room, "u", now);
    }
    assert!(presence.rooms.is_empty() && presence.changed.is_empty());
    world.enter(0, "v");
    world.leave(0, "v");
    world.enter(0, "u");
    world.pass(SECOND);
    assert_eq!(world.heard(1), [joined(&["u"], 1)]);
    // Those who have been told of keep their grace, however short they were there.
    world.leave(0, "u");
    world.enter(0, "u");
    world.leave(0, "u");
    world.pass(44 * SECOND);
    assert_eq!((world.heard(0).len(), world.heard(1)), (1, vec![]));
}

proptest! {
    /// Whoever comes, goes, moves and dies: in the end everybody knows who is there, and who was never away for long was
    /// never told to have left.
    #[test]
    fn in_the_end_everybody_knows(steps in prop::collection::vec((0..6_u8, 0..3_usize, 0..4_usize, 1..30_u32), 1..40)) {
        let mut world = World::new(3);
        let mut there = [[0_usize; 4]; 3];
        world.enter(0, "always");
        let mut always = 0;
        for (step, server, person, seconds) in steps {
            let uid = person.to_string();
            match step {
                0 | 1 if world.servers[server].alive => {
                    world.enter(server, &uid);
                    there[server][person] += 1;
                }
                2 if world.servers[server].alive && there[server][person] > 0 => {
                    world.leave(server, &uid);
                    there[server][person] -= 1;
                }
                3 if world.servers[server].alive && always != server => {
                    world.leave(always, "always");
                    world.pass(SECOND);
                    world.enter(server, "always");
                    always = server;
                }
                4 if server != 0 && server != always && world.servers[server].alive => {
                    world.servers[server].alive = false;
                    there[server] = [0; 4];
                }
                _ => {}
            }
            world.pass(seconds * SECOND);
        }
        world.pass(120 * SECOND);
        let mut expected: BTreeSet<_> = (0..4)
            .filter(|person| there.iter().any(|here| here[*person] > 0))
            .map(|person: usize| person.to_string())
            .collect();
        expected.insert("always".to_owned());
        for server in world.servers.iter().filter(|server| server.alive) {
            prop_assert_eq!(&server.listener, &expected);
            prop_assert_eq!(server.count, expected.len());
            for event in &server.heard {
                if let RoomEvent::Changed { left, .. } = event {
                    prop_assert!(left.iter().all(|who| who.uid != "always"), "{:?}", event);
                }
            }
        }
    }
}
