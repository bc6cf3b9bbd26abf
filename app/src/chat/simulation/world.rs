//! Time, and what happens in it.

use std::collections::BTreeMap;

use bytes::Bytes;
use protocol::HistoryPage;
use stomp::Frame;

use super::Dice;
use super::browser::{Person, Tab};
use super::network::Wire;
use super::page::Page;
use super::server::{Answer, Record, Server};
use crate::chat::{Composition, Event, PageRequest};

/// Something that is going to happen.
#[derive(Debug)]
pub(super) enum Happening {
    /// A tab loads a room. `before` is the page that it showed last, if the browser remembers.
    Load { tab: usize, before: Option<String> },
    /// The engine's timer goes off.
    Timer { page: usize, serial: u64 },
    /// It is time to look after the storage.
    Tend { page: usize },
    /// A socket is open.
    Open { wire: usize },
    /// The page learns that a socket is closed.
    Closed { wire: usize },
    /// A frame arrives at the server.
    Up { wire: usize, frame: Frame },
    /// Bytes arrive at the page.
    Down { wire: usize, bytes: Bytes },
    /// The server learns that the page has dropped the connection.
    Gone { wire: usize },
    /// The server sends an end of line.
    HeartBeat { wire: usize },
    /// The log takes a record.
    Produce(Record),
    /// A page of history comes, or does not.
    Fetched {
        page: usize,
        request: PageRequest,
        answer: Option<HistoryPage>,
    },
    /// The browser, or somebody in front of it, does something.
    Tab { tab: usize, event: Event },
    /// Somebody says something.
    Compose { tab: usize },
    /// Somebody looks at what was not sent.
    Decide { tab: usize },
    /// Somebody on another server says something.
    Stranger,
    /// Something goes wrong.
    Misfortune,
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) dice: Dice,
    pub(super) now: u64,
    serial: u64,
    /// How much has happened.
    steps: u32,
    pub(super) agenda: BTreeMap<(u64, u64), Happening>,
    pub(super) chaos: bool,
    pub(super) server: Server,
    /// The server is down until then.
    pub(super) down_until: u64,
    pub(super) wires: Vec<Wire>,
    pub(super) people: Vec<Person>,
    pub(super) tabs: Vec<Tab>,
    pub(super) pages: Vec<Page>,
    /// How often a page was loaded, crashed, taken over from.
    pub(super) loads: u64,
    pub(super) crashes: u64,
    pub(super) takeovers: u64,
    pub(super) adopted: u64,
    /// How often old rows took the place of the latest ones.
    pub(super) jumps: u64,
}

/// More than happens in any story, by far: one in which more happens goes round in a circle.
const MOST_STEPS: u32 = 50_000;

/// Somebody with two tabs, and somebody with one.
const TABS: [usize; 3] = [0, 0, 1];

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let people = ["사람-0", "사람-1"].map(|uid| {
            // Some browsers have no room for more than a few messages.
            let quota = dice
                .chance(10)
                .then(|| 400 + usize::try_from(dice.below(800)).unwrap());
            Person::new(uid, quota, 100_000_000 + dice.below(1_000_000))
        });
        let tab = |person: &usize| Tab {
            person: *person,
            page: 0,
            offline_until: 0,
        };
        let mut world = Self {
            dice,
            now: 1_000_000,
            serial: 0,
            steps: 0,
            agenda: BTreeMap::new(),
            chaos: true,
            server: Server::new(),
            down_until: 0,
            wires: Vec::new(),
            people: people.into(),
            tabs: TABS.iter().map(tab).collect(),
            pages: Vec::new(),
            loads: 0,
            crashes: 0,
            takeovers: 0,
            adopted: 0,
            jumps: 0,
        };
        for _ in 0..world.dice.below(15) {
            world.stranger();
        }
        for tab in 0..world.tabs.len() {
            let after = world.dice.below(3_000);
            world.plan(after, Happening::Load { tab, before: None });
        }
        world
    }

    pub(super) fn run(&mut self, duration: u64) {
        let end = self.now + duration;
        while let Some(next) = self.agenda.first_entry().filter(|next| next.key().0 <= end) {
            let ((time, _), happening) = next.remove_entry();
            self.now = time;
            self.steps += 1;
            assert!(self.steps < MOST_STEPS, "the story does not end");
            self.happen(happening);
        }
        self.now = end;
    }

    pub(super) fn plan(&mut self, after: u64, happening: Happening) {
        self.plan_at(self.now + after, happening);
    }

    pub(super) fn plan_at(&mut self, time: u64, happening: Happening) {
        self.serial += 1;
        self.agenda.insert((time, self.serial), happening);
    }

    /// The page that a tab shows, if it shows one.
    pub(super) fn shown(&self, tab: usize) -> Option<usize> {
        let page = self.tabs[tab].page;
        let shown = self.pages.get(page)?;
        (shown.alive && shown.tab == tab).then_some(page)
    }

    /// The clock of a person's browser.
    pub(super) fn clock(&self, person: usize) -> u64 {
        self.people[person].clock + self.now
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Load { tab, before } => self.load(tab, before),
            Happening::Timer { page, serial } if self.pages[page].timer == serial => {
                self.event(page, Event::Tick);
            }
            Happening::Timer { .. } => {}
            Happening::Tend { page } => {
                self.tend(page, None);
                // Browsers let timers of hidden tabs wait.
                let late = self.late();
                self.plan(5_000 + late, Happening::Tend { page });
            }
            Happening::Open { wire } => {
                let Wire {
                    page, generation, ..
                } = self.wires[wire];
                self.event(page, Event::Opened { generation });
            }
            Happening::Closed { wire } => {
                let Wire {
                    page, generation, ..
                } = self.wires[wire];
                self.event(page, Event::Closed { generation });
            }
            Happening::Up { wire, frame } => self.up(wire, &frame),
            Happening::Down { wire, bytes } => {
                let Wire {
                    page, generation, ..
                } = self.wires[wire];
                if !self.wires[wire].down.cut {
                    self.event(page, Event::Received { generation, bytes });
                }
            }
            Happening::Gone { wire } => self.server.close(wire),
            Happening::HeartBeat { wire } => {
                if self.server.is_open(wire) {
                    self.down(wire, Bytes::from_static(b"\n"));
                    self.plan(10_000, Happening::HeartBeat { wire });
                }
            }
            Happening::Produce(record) => self.produce(&record),
            Happening::Fetched {
                page,
                request,
                answer,
            } => {
                let event = match answer {
                    Some(page) => Event::Fetched { request, page },
                    None => Event::FetchFailed { request },
                };
                self.event(page, event);
            }
            Happening::Tab { tab, event } => {
                if let Some(page) = self.shown(tab) {
                    self.event(page, event);
                }
            }
            Happening::Compose { tab } => self.compose(tab),
            Happening::Decide { tab } => self.decide(tab),
            Happening::Stranger => self.stranger(),
            Happening::Misfortune => self.misfortune(),
        }
    }

    /// How late a timer is.
    pub(super) fn late(&mut self) -> u64 {
        let hidden = self.chaos && self.dice.chance(5);
        self.dice.below(if hidden { 60_000 } else { 10 })
    }

    fn stranger(&mut self) {
        let record = Record {
            connection: None,
            room: usize::try_from(self.dice.below(2)).unwrap(),
            uid: "이웃".to_owned(),
            id: format!("stranger-{}-{}", self.now, self.serial),
            composition: Composition::message("지나가다"),
        };
        self.serial += 1;
        self.produce(&record);
    }

    fn produce(&mut self, record: &Record) {
        let (offset, answers) = self.server.append(record, self.chaos, &mut self.dice);
        self.answer(answers);
        if let Some(connection) = record.connection {
            let frame = self.server.receipt(&record.id, offset);
            self.answer(vec![Answer::Frame { connection, frame }]);
        }
    }
}
