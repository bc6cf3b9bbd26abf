//! What pages, servers and the network between them do.

use bytes::Bytes;
use protocol::Action;
use stomp::{Command, Frame};

use super::browser::Said;
use super::network::Wire;
use super::page::Page;
use super::server::Answer;
use super::world::{Happening, World};
use crate::chat::{Composition, Effect, Entry, Event, Status, Tending, testing, wire};

impl World {
    /// A tab loads a room, as soon as it can reach the server.
    pub(super) fn load(&mut self, tab: usize, before: Option<String>) {
        if self.is_cut_off(tab) {
            return self.plan(500, Happening::Load { tab, before });
        }
        let person = self.tabs[tab].person;
        let room = if self.chaos {
            usize::from(self.dice.chance(30))
        } else {
            0
        };
        let name = format!("page-{}", self.pages.len());
        let lag = self.lag();
        let who = &self.people[person];
        let place = (tab, person, room);
        let page = Page::new(&self.server, place, who, name, lag, &mut self.dice);
        let index = self.pages.len();
        self.pages.push(page);
        self.tabs[tab].page = index;
        self.loads += 1;
        self.tend(index, before.as_deref());
        self.event(index, Event::Start);
        self.plan(5_000, Happening::Tend { page: index });
    }

    /// A page goes: in order, or from one moment to the next.
    pub(super) fn leave(&mut self, page: usize, in_order: bool) {
        self.pages[page].alive = false;
        if in_order {
            self.pages[page].store.release();
        }
        if let Some(wire) = self.wires.iter().rposition(|wire| wire.page == page) {
            let after = self.dice.below(20_000);
            self.plan(after, Happening::Gone { wire });
        }
        let tab = self.pages[page].tab;
        let alone = self
            .tabs
            .iter()
            .filter(|other| other.person == self.tabs[tab].person);
        // A tab remembers its last page, unless it is another one in truth.
        let is_same = alone.count() == 1 || self.dice.chance(70);
        let before = is_same.then(|| self.pages[page].name.clone());
        let after = if in_order {
            100
        } else {
            self.dice.below(40_000)
        };
        self.plan(after, Happening::Load { tab, before });
    }

    /// A page looks after the storage.
    pub(super) fn tend(&mut self, page: usize, before: Option<&str>) {
        if !self.pages[page].alive {
            return;
        }
        let now = self.clock(self.pages[page].person);
        let Tending {
            adopted: entries,
            not_kept,
            taken_over: ids,
        } = self.pages[page].store.tend(now, before);
        self.adopted += entries.len() as u64;
        self.takeovers += ids.len() as u64;
        if !ids.is_empty() {
            let person = &mut self.people[self.pages[page].person];
            for id in &ids {
                person.said(id).moved = true;
            }
            self.event(page, Event::TakenOver { ids });
        }
        if !entries.is_empty() {
            let dropped = self.without_row(page, &entries);
            self.event(page, Event::Adopted { entries });
            let Page { person, alive, .. } = self.pages[page];
            let person = &mut self.people[person];
            for id in dropped {
                person.said(&id).given_up |= alive || !person.has_stored(&id);
            }
        }
        for id in not_kept {
            self.event(page, Event::NotKept { id });
        }
    }

    /// Changes that failed, and whose messages the page does not show: nobody could ever do anything about them.
    fn without_row(&self, page: usize, entries: &[Entry]) -> Vec<String> {
        let Page { room, engine, .. } = &self.pages[page];
        let entries = entries.iter().filter(|entry| {
            let target = entry.composition.changes();
            let lacks_row = |target| engine.rows().iter().all(|row| row.position != target);
            let is_here = entry.room == self.server.rooms[*room];
            is_here && entry.failure.is_some() && target.is_some_and(lacks_row)
        });
        entries.map(|entry| entry.id.clone()).collect()
    }

    fn tend_after_sleep(&mut self, page: usize) {
        let now = self.clock(self.pages[page].person);
        if self.pages[page].store.has_lapsed(now) {
            self.tend(page, None);
        }
    }

    pub(super) fn event(&mut self, page: usize, event: Event) {
        if self.pages[page].alive {
            self.tend_after_sleep(page);
        }
        // It may have died over that.
        if self.pages[page].alive {
            let now = self.clock(self.pages[page].person);
            let effects = self.pages[page].engine.handle(now, event);
            self.act(page, effects);
        }
    }

    /// Somebody says something.
    pub(super) fn compose(&mut self, tab: usize) {
        let Some(page) = self.shown(tab) else { return };
        // People read before they answer.
        if let Some(position) = self.pages[page].last_position() {
            self.event(page, Event::Seen { position });
        }
        self.event(page, Event::Typed);
        self.tend_after_sleep(page);
        if self.shown(tab) != Some(page) {
            // The page died over it.
            return;
        }
        let random = std::array::from_fn(|_| self.dice.below(256).to_le_bytes()[0]);
        let person = self.pages[page].person;
        let text = format!("{person}:{}", self.people[person].said.len());
        let now = self.clock(person);
        let composition = self.composition(page, text);
        let change = composition.action != Action::Send;
        let engine = &mut self.pages[page].engine;
        let effects = engine.compose(now, composition, random).unwrap();
        let id = engine.outbox.items().last().unwrap().id.clone();
        self.people[person].said.push(Said {
            id,
            room: self.pages[page].room,
            page,
            change,
            sent: false,
            failed: false,
            unkept: false,
            moved: false,
            deleted: false,
            given_up: false,
        });
        self.act(page, effects);
        let person = &mut self.people[person];
        let said = person.said.last().unwrap();
        if !self.pages[page].alive && !person.has_stored(&said.id) {
            // The page died under the Enter key, with the text in the composer, or without the time to say what it knew.
            if said.sent {
                person.said.last_mut().unwrap().unkept = true;
            } else {
                person.said.pop();
            }
        }
    }

    /// A message, an answer, or a change of a message that is on the page.
    fn composition(&mut self, page: usize, text: String) -> Composition {
        let page = &self.pages[page];
        let rows = page.engine.rows();
        if rows.is_empty() || self.dice.chance(60) {
            return Composition::message(text);
        }
        let row = &rows[usize::try_from(self.dice.below(rows.len() as u64)).unwrap()];
        let own = row.sender.uid == self.people[page.person].uid;
        let emoji = ["👍", "🎉"][usize::try_from(self.dice.below(2)).unwrap()].to_owned();
        let (action, text) = match self.dice.below(10) {
            0..3 => (Action::React, emoji),
            3..5 => (Action::Unreact, emoji),
            5..7 if own => (Action::Edit, text),
            7..8 if own => (Action::Delete, String::new()),
            _ => (Action::Send, text),
        };
        Composition {
            action,
            target: Some(row.position),
            text,
        }
    }

    /// Somebody retries, deletes or leaves what failed, and deletes what waits.
    pub(super) fn decide(&mut self, tab: usize) {
        let Some(page) = self.shown(tab) else { return };
        // A page that slept wakes up before anybody can press a button on it.
        self.tend_after_sleep(page);
        let pending = self.pages[page].engine.pending().to_vec();
        for item in pending {
            let failed = matches!(item.status, Status::Failed(_));
            let choice = self.dice.below(10);
            let id = item.id;
            if failed && choice < 5 {
                self.event(page, Event::Retry { id });
            } else if (failed && choice < 8) || (item.status == Status::Queued && choice < 2) {
                self.event(page, Event::Discard { id: id.clone() });
                let shown = &self.pages[page];
                let person = &mut self.people[shown.person];
                let is_pending = shown.engine.pending().iter().any(|item| item.id == id);
                let is_row = shown.engine.rows().iter().any(|row| row.id == id);
                let is_gone = !is_pending && !is_row;
                // Perhaps it was the last thing that the page did.
                if is_gone && (shown.alive || !person.has_stored(&id)) {
                    let said = person.said(&id);
                    said.deleted = !said.failed;
                    said.given_up = said.failed;
                }
            }
        }
    }

    /// Does what an engine asks for, or dies in the middle of it.
    fn act(&mut self, page: usize, effects: Vec<Effect>) {
        let person = self.pages[page].person;
        let mut not_kept = Vec::new();
        for effect in effects {
            if self.chaos && self.dice.below(400) == 0 {
                self.crashes += 1;
                return self.leave(page, false);
            }
            match effect {
                Effect::Connect { generation } => self.connect(page, generation),
                Effect::Disconnect { generation } => {
                    let wire = self.wire(page, generation);
                    let up = &mut self.wires[wire].up;
                    let at = up.arrival(self.now, self.chaos, &mut self.dice);
                    self.plan_at(at, Happening::Gone { wire });
                }
                Effect::Store(entry) => {
                    let now = self.clock(person);
                    if !self.pages[page].store.keep(now, &entry) {
                        not_kept.push(entry.id);
                    }
                }
                Effect::Forget { id } => self.pages[page].store.forget(&id),
                Effect::Transmit { generation, text } => {
                    let frame = testing::decode(&text);
                    if let Some((_, id, _)) = wire::read_send(&frame) {
                        let person = &mut self.people[person];
                        let may_be_lost = person.said(&id).unkept || not_kept.contains(&id);
                        assert!(
                            may_be_lost || person.has_stored(&id),
                            "stored before it is sent"
                        );
                        person.said(&id).sent = true;
                    }
                    self.transmit(page, generation, frame);
                }
                Effect::WakeAfter(duration) => {
                    self.pages[page].timer += 1;
                    let serial = self.pages[page].timer;
                    let after = u64::try_from(duration.as_millis()).unwrap() + self.late();
                    self.plan(after, Happening::Timer { page, serial });
                }
                Effect::Fetch(request) => {
                    let lag = self.lag();
                    let room = self.pages[page].room;
                    let answer = (!self.chaos || self.dice.chance(80))
                        .then(|| self.server.page(room, request, lag))
                        .flatten();
                    let after = self.dice.below(500);
                    self.plan(
                        after,
                        Happening::Fetched {
                            page,
                            request,
                            answer,
                        },
                    );
                }
                Effect::Changed(changes) => self.pages[page].see(changes),
            }
        }
        self.pages[page].look_at_pending(&mut self.people[person]);
        for id in not_kept {
            self.event(page, Event::NotKept { id });
        }
    }

    fn transmit(&mut self, page: usize, generation: u64, frame: Frame) {
        let wire = self.wire(page, generation);
        let latest = self.wires.iter().rposition(|wire| wire.page == page);
        assert_eq!(Some(wire), latest, "never on an old socket");
        let up = &mut self.wires[wire].up;
        let at = up.arrival(self.now, self.chaos, &mut self.dice);
        // What stands between may send twice what it sends once.
        if frame.command == Command::Send && self.chaos && self.dice.chance(2) {
            let frame = frame.clone();
            self.plan_at(at, Happening::Up { wire, frame });
        }
        self.plan_at(at, Happening::Up { wire, frame });
    }

    fn connect(&mut self, page: usize, generation: u64) {
        self.pages[page].sockets += 1;
        let uid = &self.people[self.pages[page].person].uid;
        let wire = self.server.accept(uid);
        self.wires.push(Wire::new(page, generation));
        if !self.is_cut_off(self.pages[page].tab) {
            let down = &mut self.wires[wire].down;
            let at = down.arrival(self.now, self.chaos, &mut self.dice);
            self.plan_at(at, Happening::Open { wire });
        } else if self.dice.chance(50) {
            let after = self.dice.below(1_000);
            self.plan(after, Happening::Closed { wire });
        }
    }

    fn is_cut_off(&self, tab: usize) -> bool {
        self.now < self.down_until || self.now < self.tabs[tab].offline_until
    }

    fn lag(&mut self) -> usize {
        let lags = self.chaos && self.dice.chance(15);
        usize::try_from(self.dice.below(if lags { 4 } else { 1 })).unwrap()
    }

    fn wire(&self, page: usize, generation: u64) -> usize {
        let mut wires = self.wires.iter();
        wires
            .rposition(|wire| wire.page == page && wire.generation == generation)
            .unwrap()
    }

    /// Does what the server asks for.
    pub(super) fn answer(&mut self, answers: Vec<Answer>) {
        for answer in answers {
            match answer {
                Answer::Frame { connection, frame } => {
                    if self.server.is_open(connection) {
                        self.down(connection, testing::encode(&frame));
                    }
                }
                Answer::Produce { record, after } => self.plan(after, Happening::Produce(record)),
                Answer::Close { connection: wire } => {
                    self.server.close(wire);
                    let down = &mut self.wires[wire].down;
                    let at = down.arrival(self.now, self.chaos, &mut self.dice);
                    self.plan_at(at, Happening::Closed { wire });
                }
            }
        }
    }

    /// A frame arrives at the server.
    pub(super) fn up(&mut self, wire: usize, frame: &Frame) {
        if self.wires[wire].up.cut || !self.server.is_open(wire) {
            return;
        }
        if frame.command == Command::Connect {
            self.plan(10_000, Happening::HeartBeat { wire });
        }
        let answers = self.server.take(wire, frame, self.chaos, &mut self.dice);
        self.answer(answers);
    }

    /// Bytes leave the server: they may get lost, come twice, or be overtaken.
    pub(super) fn down(&mut self, wire: usize, bytes: Bytes) {
        let down = &mut self.wires[wire].down;
        let at = down.arrival(self.now, self.chaos, &mut self.dice);
        let fate = self.dice.below(if self.chaos { 100 } else { 1 });
        let late = match fate {
            97 => return,
            98 => {
                let bytes = bytes.clone();
                self.plan_at(at + 50, Happening::Down { wire, bytes });
                0
            }
            99 => self.dice.below(300),
            _ => 0,
        };
        self.plan_at(at + late, Happening::Down { wire, bytes });
    }
}
