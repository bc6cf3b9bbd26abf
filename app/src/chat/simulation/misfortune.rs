//! What goes wrong in the simulation, and how it ends.

use super::world::{Happening, World};
use crate::chat::{Beyond, Event};

/// How long things go wrong, in milliseconds.
const CHAOS_MS: u64 = 60_000;
/// How long everybody has to recover: longer than any wait of the engine and any delay that chaos left behind.
const HEALING_MS: u64 = 300_000;
const HOUR_MS: u64 = 3_600_000;

impl World {
    /// Everybody talks, and everything goes wrong.
    pub(super) fn chaos(&mut self) {
        for tab in 0..self.tabs.len() {
            for _ in 0..5 {
                let moment = self.dice.below(CHAOS_MS);
                // People write in bursts.
                for _ in 0..=self.dice.below(3) {
                    let pause = self.dice.below(200);
                    self.plan(moment + pause, Happening::Compose { tab });
                }
                let moment = self.dice.below(CHAOS_MS);
                self.plan(moment, Happening::Decide { tab });
            }
        }
        for _ in 0..self.dice.below(25) {
            let moment = self.dice.below(CHAOS_MS);
            self.plan(moment, Happening::Stranger);
        }
        let mut moment = 0;
        while moment < CHAOS_MS {
            moment += self.dice.below(4_500);
            self.plan(moment, Happening::Misfortune);
        }
        self.run(CHAOS_MS);
    }

    /// Everything works again, and everybody says one more thing.
    pub(super) fn heal(&mut self) {
        self.chaos = false;
        self.down_until = 0;
        for tab in 0..self.tabs.len() {
            self.tabs[tab].offline_until = 0;
            let event = Event::Online;
            self.plan(0, Happening::Tab { tab, event });
            self.plan(100_000, Happening::Compose { tab });
        }
        self.run(HEALING_MS);
    }

    /// Scrolls a page down to the room's latest message and up to its first.
    pub(super) fn load_all(&mut self, page: usize) {
        while self.pages[page].engine.newer() != Beyond::None {
            self.event(page, Event::LoadNewer);
            self.run(1_000);
        }
        while self.pages[page].engine.older() != Beyond::None {
            self.event(page, Event::LoadOlder);
            self.run(1_000);
        }
    }

    /// Something goes wrong.
    pub(super) fn misfortune(&mut self) {
        if !self.chaos {
            return;
        }
        let tab = usize::try_from(self.dice.below(self.tabs.len() as u64)).unwrap();
        let page = self.shown(tab);
        let latest = page.and_then(|page| self.wires.iter().rposition(|wire| wire.page == page));
        let duration = self.dice.below(40_000);
        match (self.dice.below(46), latest, page) {
            (0..10, Some(wire), _) => self.cut(wire),
            (10..16, Some(wire), _) => self.wires[wire].hold(self.now + duration, &mut self.dice),
            (16..20, ..) => self.crash(),
            (20..24, ..) => {
                self.tabs[tab].offline_until = self.now + duration;
                if let Some(wire) = latest {
                    self.wires[wire].hold(self.now + duration, &mut self.dice);
                }
                let event = Event::Offline;
                self.plan(0, Happening::Tab { tab, event });
                let event = Event::Online;
                self.plan(duration, Happening::Tab { tab, event });
            }
            (24..28, ..) => self.set_clock(tab),
            (28..30, _, Some(page)) => self.event(page, Event::ReconnectNow),
            (30..34, _, Some(page)) => self.leave(page, true),
            (34..36, _, Some(page)) => {
                self.crashes += 1;
                self.leave(page, false);
            }
            (38..40, _, Some(page)) => self.jump(page),
            (_, _, Some(page)) => {
                self.event(page, Event::Wake);
                self.event(page, Event::LoadOlder);
                self.event(page, Event::LoadNewer);
            }
            _ => {}
        }
    }

    /// Somebody follows a quote to its message, or goes back to the end.
    fn jump(&mut self, page: usize) {
        let rows = self.server.rows(self.pages[page].room);
        let index = usize::try_from(self.dice.below(rows.len() as u64 + 1)).unwrap();
        let event = rows
            .get(index)
            .map_or(Event::GoToLatest, |row| Event::GoTo(row.position));
        self.jumps += 1;
        self.event(page, event);
    }

    /// The clock of somebody's computer jumps, or the computer was asleep.
    fn set_clock(&mut self, tab: usize) {
        let clock = &mut self.people[self.tabs[tab].person].clock;
        *clock = match self.dice.below(20) {
            0 => *clock + 25 * HOUR_MS,
            1..6 => *clock - self.dice.below(60_000),
            _ => *clock + self.dice.below(120_000),
        };
    }

    /// The server dies and takes with it what the log has not taken, or not; sometimes the log is another one afterwards.
    fn crash(&mut self) {
        self.down_until = self.now + self.dice.below(8_000);
        for wire in 0..self.wires.len() {
            if self.server.is_open(wire) {
                self.cut(wire);
                self.server.close(wire);
            }
        }
        let dice = &mut self.dice;
        self.agenda
            .retain(|_, happening| !matches!(happening, Happening::Produce(_)) || dice.chance(50));
        if dice.chance(15) {
            self.server.begin_epoch(dice);
        }
    }

    fn cut(&mut self, wire: usize) {
        self.wires[wire].cut(&mut self.dice);
        let (page, server) = (self.dice.below(500), self.dice.below(20_000));
        self.plan(page, Happening::Closed { wire });
        self.plan(server, Happening::Gone { wire });
    }
}
