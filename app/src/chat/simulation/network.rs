//! The network of the simulation: connections that keep the order of frames while they live, and die in every way.

use super::Dice;

/// One connection between a page and the server; its index is also the server's number for it.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) page: usize,
    pub(super) generation: u64,
    pub(super) up: Direction,
    pub(super) down: Direction,
}

/// One way of a connection.
#[derive(Debug, Default)]
pub(super) struct Direction {
    /// Nothing arrives before this time.
    held_until: u64,
    /// When the latest frame arrives.
    latest: u64,
    /// Frames are lost from now on, those under way included.
    pub(super) cut: bool,
}

impl Wire {
    pub(super) fn new(page: usize, generation: u64) -> Self {
        Self {
            page,
            generation,
            up: Direction::default(),
            down: Direction::default(),
        }
    }

    /// Goes silent in one way or both without closing, as a phone in a tunnel does: frames come late, some perhaps never.
    pub(super) fn hold(&mut self, until: u64, dice: &mut Dice) {
        let ways = dice.below(3);
        if ways != 1 {
            self.up.held_until = until;
        }
        if ways != 2 {
            self.down.held_until = until;
        }
        self.up.cut |= dice.chance(20);
        self.down.cut |= dice.chance(20);
    }

    /// Breaks; what is under way may still arrive.
    pub(super) fn cut(&mut self, dice: &mut Dice) {
        self.up.cut |= dice.chance(50);
        self.down.cut |= dice.chance(50);
    }
}

impl Direction {
    /// When a frame that leaves now arrives: never before the one that left before it.
    pub(super) fn arrival(&mut self, now: u64, chaos: bool, dice: &mut Dice) -> u64 {
        let slow = chaos && dice.chance(5);
        let arrival = now + 1 + dice.below(if slow { 4_000 } else { 60 });
        self.latest = arrival.max(self.held_until).max(self.latest);
        self.latest
    }
}
