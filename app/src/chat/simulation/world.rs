//! Time, pages and misfortune of the simulation.

use std::collections::BTreeMap;

use bytes::Bytes;
use protocol::HistoryPage;
use stomp::{Command, Frame};

use super::Dice;
use super::network::Wire;
use super::page::Page;
use super::server::{Answer, Server};
use crate::chat::{Effect, Event, PageRequest, testing};

/// Something that is going to happen.
#[derive(Debug)]
pub(super) enum Happening {
    Timer {
        page: usize,
        serial: u64,
    },
    Open {
        wire: usize,
    },
    Closed {
        wire: usize,
    },
    Up {
        wire: usize,
        frame: Frame,
    },
    Down {
        wire: usize,
        bytes: Bytes,
    },
    /// The server learns that the page has dropped the connection.
    Gone {
        wire: usize,
    },
    HeartBeat {
        wire: usize,
    },
    Produce {
        wire: usize,
        uid: String,
        id: String,
        text: String,
    },
    Fetched {
        page: usize,
        request: PageRequest,
        answer: Option<HistoryPage>,
    },
    Page {
        page: usize,
        event: Event,
    },
    Compose {
        page: usize,
    },
    /// Somebody on another server says something.
    Stranger,
    Misfortune,
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) seed: u64,
    pub(super) dice: Dice,
    pub(super) now: u64,
    serial: u64,
    pub(super) agenda: BTreeMap<(u64, u64), Happening>,
    pub(super) chaos: bool,
    pub(super) server: Server,
    /// The server is down until then.
    pub(super) down_until: u64,
    pub(super) wires: Vec<Wire>,
    pub(super) pages: Vec<Page>,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let mut server = Server::new("자유게시판".parse().unwrap());
        for index in 0..dice.below(15) {
            server.append("이웃", &format!("old-{index}"), "전에", false, &mut dice);
        }
        let pages = (0..2)
            .map(|index| Page::new(&server, format!("사람-{index}"), &mut dice))
            .collect();
        Self {
            seed,
            dice,
            now: 1_000_000,
            serial: 0,
            agenda: BTreeMap::new(),
            chaos: true,
            server,
            down_until: 0,
            wires: Vec::new(),
            pages,
        }
    }

    pub(super) fn run(&mut self, duration: u64) {
        let end = self.now + duration;
        while let Some(next) = self.agenda.first_entry().filter(|next| next.key().0 <= end) {
            let ((time, _), happening) = next.remove_entry();
            self.now = time;
            self.happen(happening);
        }
        self.now = end;
    }

    pub(super) fn plan(&mut self, after: u64, happening: Happening) {
        self.plan_at(self.now + after, happening);
    }

    fn plan_at(&mut self, time: u64, happening: Happening) {
        self.serial += 1;
        self.agenda.insert((time, self.serial), happening);
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Timer { page, serial } if self.pages[page].timer == serial => {
                self.event(page, Event::Tick);
            }
            Happening::Timer { .. } => {}
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
                if !self.wires[wire].down.cut {
                    let Wire {
                        page, generation, ..
                    } = self.wires[wire];
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
            Happening::Produce {
                wire,
                uid,
                id,
                text,
            } => {
                let (offset, answers) =
                    self.server
                        .append(&uid, &id, &text, self.chaos, &mut self.dice);
                self.answer(answers);
                let frame = self.server.receipt(&id, offset);
                self.answer(vec![Answer::Frame {
                    connection: wire,
                    frame,
                }]);
            }
            Happening::Fetched {
                page,
                request,
                answer,
            } => {
                let event = match answer {
                    Some(answer) => Event::Fetched {
                        request,
                        page: answer,
                    },
                    None => Event::FetchFailed { request },
                };
                self.event(page, event);
            }
            Happening::Page { page, event } => self.event(page, event),
            Happening::Compose { page } => self.compose(page),
            Happening::Stranger => {
                let id = format!("stranger-{}", self.serial);
                let (_, answers) =
                    self.server
                        .append("이웃", &id, "지나가다", self.chaos, &mut self.dice);
                self.answer(answers);
            }
            Happening::Misfortune => self.misfortune(),
        }
    }

    fn compose(&mut self, page: usize) {
        let text = format!(
            "{}:{}",
            self.pages[page].uid,
            self.pages[page].composed.len()
        );
        let random = std::array::from_fn(|_| self.dice.below(256).to_le_bytes()[0]);
        let now = self.pages[page].clock + self.now;
        self.pages[page].composed.push(text.clone());
        let effects = self.pages[page].engine.compose(now, text, random).unwrap();
        self.act(page, effects);
    }

    pub(super) fn event(&mut self, page: usize, event: Event) {
        let now = self.pages[page].clock + self.now;
        let effects = self.pages[page].engine.handle(now, event);
        self.act(page, effects);
    }

    /// Does what an engine asks for.
    pub(super) fn act(&mut self, page: usize, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Connect { generation } => self.connect(page, generation),
                Effect::Disconnect { generation } => {
                    let wire = self.wire(page, generation);
                    let at = self.wires[wire]
                        .up
                        .arrival(self.now, self.chaos, &mut self.dice);
                    self.plan_at(at, Happening::Gone { wire });
                }
                Effect::Transmit { generation, text } => {
                    let wire = self.wire(page, generation);
                    assert_eq!(
                        Some(wire),
                        self.wires.iter().rposition(|wire| wire.page == page),
                        "never on an old socket"
                    );
                    let at = self.wires[wire]
                        .up
                        .arrival(self.now, self.chaos, &mut self.dice);
                    self.plan_at(
                        at,
                        Happening::Up {
                            wire,
                            frame: testing::decode(&text),
                        },
                    );
                }
                Effect::WakeAfter(duration) => {
                    self.pages[page].timer += 1;
                    let serial = self.pages[page].timer;
                    // Browsers let timers of hidden tabs wait.
                    let late = if self.chaos && self.dice.chance(5) {
                        self.dice.below(60_000)
                    } else {
                        self.dice.below(10)
                    };
                    let after = u64::try_from(duration.as_millis()).unwrap() + late;
                    self.plan(after, Happening::Timer { page, serial });
                }
                Effect::Fetch(request) => {
                    let answer =
                        (!self.chaos || self.dice.chance(80)).then(|| self.server.page(request));
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
                Effect::Store(_) | Effect::Forget { .. } => {}
                Effect::Changed(changes) => self.pages[page].see(changes),
            }
        }
        self.pages[page].never_twice();
    }

    fn connect(&mut self, page: usize, generation: u64) {
        self.pages[page].sockets += 1;
        let wire = self.server.accept(&self.pages[page].uid);
        self.wires.push(Wire::new(page, generation));
        let unreachable = self.now < self.down_until || self.now < self.pages[page].offline_until;
        if !unreachable {
            let at = self.wires[wire]
                .down
                .arrival(self.now, self.chaos, &mut self.dice);
            self.plan_at(at, Happening::Open { wire });
        } else if self.dice.chance(50) {
            let after = self.dice.below(1_000);
            self.plan(after, Happening::Closed { wire });
        }
    }

    fn wire(&self, page: usize, generation: u64) -> usize {
        self.wires
            .iter()
            .position(|wire| wire.page == page && wire.generation == generation)
            .unwrap()
    }

    /// Does what the server asks for.
    fn answer(&mut self, answers: Vec<Answer>) {
        for answer in answers {
            match answer {
                Answer::Frame { connection, frame } => {
                    if self.server.is_open(connection) {
                        self.down(connection, testing::encode(&frame));
                    }
                }
                Answer::Produce {
                    connection: wire,
                    uid,
                    id,
                    text,
                    after,
                } => {
                    self.plan(
                        after,
                        Happening::Produce {
                            wire,
                            uid,
                            id,
                            text,
                        },
                    );
                }
                Answer::Close { connection: wire } => {
                    self.server.close(wire);
                    let at = self.wires[wire]
                        .down
                        .arrival(self.now, self.chaos, &mut self.dice);
                    self.plan_at(at, Happening::Closed { wire });
                }
            }
        }
    }

    /// A frame arrives at the server.
    fn up(&mut self, wire: usize, frame: &Frame) {
        if self.wires[wire].up.cut || !self.server.is_open(wire) {
            return;
        }
        if frame.command == Command::Connect {
            self.plan(10_000, Happening::HeartBeat { wire });
        }
        let answers = self.server.take(wire, frame, self.chaos, &mut self.dice);
        self.answer(answers);
    }

    /// Bytes leave the server.
    fn down(&mut self, wire: usize, bytes: Bytes) {
        let at = self.wires[wire]
            .down
            .arrival(self.now, self.chaos, &mut self.dice);
        self.plan_at(at, Happening::Down { wire, bytes });
    }
}
