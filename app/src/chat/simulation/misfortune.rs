//! What goes wrong in the simulation, and how it ends.

use super::world::{Happening, World};
use crate::chat::Event;

/// How long things go wrong, in milliseconds.
const CHAOS_MS: u64 = 60_000;
/// How long everybody has to recover: longer than any wait of the engine and any delay that chaos left behind.
const HEALING_MS: u64 = 200_000;

impl World {
    /// Everybody talks, and everything goes wrong.
    pub(super) fn chaos(&mut self) {
        for page in 0..self.pages.len() {
            let start = self.dice.below(3_000);
            self.plan(
                start,
                Happening::Page {
                    page,
                    event: Event::Start,
                },
            );
            for _ in 0..6 {
                let moment = self.dice.below(CHAOS_MS);
                // People write in bursts.
                for _ in 0..=self.dice.below(3) {
                    let pause = self.dice.below(200);
                    self.plan(moment + pause, Happening::Compose { page });
                }
            }
        }
        for _ in 0..self.dice.below(25) {
            let moment = self.dice.below(CHAOS_MS);
            self.plan(moment, Happening::Stranger);
        }
        let mut moment = 0;
        while moment < CHAOS_MS {
            moment += self.dice.below(6_000);
            self.plan(moment, Happening::Misfortune);
        }
        self.run(CHAOS_MS);
    }

    /// Everything works again, and everybody says one more thing.
    pub(super) fn heal(&mut self) {
        self.chaos = false;
        self.down_until = 0;
        for page in 0..self.pages.len() {
            self.pages[page].offline_until = 0;
            self.plan(
                0,
                Happening::Page {
                    page,
                    event: Event::Online,
                },
            );
            self.plan(1_000, Happening::Compose { page });
        }
        self.run(HEALING_MS);
    }

    /// Scrolls a page up to the room's first message.
    pub(super) fn load_all(&mut self, page: usize) {
        for _ in 0..100 {
            self.event(page, Event::LoadOlder);
            self.run(1_000);
        }
    }

    /// Something goes wrong.
    pub(super) fn misfortune(&mut self) {
        if !self.chaos {
            return;
        }
        let page = usize::try_from(self.dice.below(self.pages.len() as u64)).unwrap();
        let latest = self.wires.iter().rposition(|wire| wire.page == page);
        let duration = self.dice.below(40_000);
        match (self.dice.below(10), latest) {
            (0..3, Some(wire)) => self.cut(wire),
            (3..5, Some(wire)) => self.wires[wire].hold(self.now + duration, &mut self.dice),
            (5, _) => self.crash(),
            (6, _) => {
                self.pages[page].offline_until = self.now + duration;
                if let Some(wire) = latest {
                    self.wires[wire].hold(self.now + duration, &mut self.dice);
                }
                self.event(page, Event::Offline);
                self.plan(
                    duration,
                    Happening::Page {
                        page,
                        event: Event::Online,
                    },
                );
            }
            (7, _) => self.pages[page].clock += self.dice.below(120_000),
            (8, _) => self.event(page, Event::ReconnectNow),
            _ => {
                self.event(page, Event::Wake);
                self.event(page, Event::LoadOlder);
            }
        }
    }

    /// The server dies and takes with it what the log has not taken, or not.
    fn crash(&mut self) {
        self.down_until = self.now + self.dice.below(8_000);
        for wire in 0..self.wires.len() {
            if self.server.is_open(wire) {
                self.cut(wire);
                self.server.close(wire);
            }
        }
        let dice = &mut self.dice;
        self.agenda.retain(|_, happening| {
            !matches!(happening, Happening::Produce { .. }) || dice.chance(50)
        });
    }

    fn cut(&mut self, wire: usize) {
        self.wires[wire].cut(&mut self.dice);
        let (page, server) = (self.dice.below(500), self.dice.below(20_000));
        self.plan(page, Happening::Closed { wire });
        self.plan(server, Happening::Gone { wire });
    }
}
