//! Rooms under fire: whole engines with their storage against a small server that follows the protocol, over a network that
//! delays, cuts, drops, repeats and reorders; tabs are loaded again, crash, sleep and take over from each other. Every seed
//! is one story; a failing one is told again by its number.

mod acting;
mod browser;
mod check;
mod folded;
mod misfortune;
mod network;
mod page;
mod server;
mod world;

use std::ops::Range;
use std::thread;

use check::check;
use world::World;

/// A small generator, so that a seed always tells the same story.
#[derive(Debug)]
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 31)).wrapping_mul(0x7fb5_d329_728e_a185);
        (mixed ^ (mixed >> 27)).wrapping_mul(0x81da_def4_bc2d_d44d) ^ (mixed >> 33)
    }

    /// A number below `bound`.
    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    /// True so many times out of a hundred.
    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// The stories that the ordinary test run tells. `MARU_SIMULATION_SEEDS=from..to` tells others.
const SEEDS: Range<u64> = 0..10_000;

fn seeds() -> Range<u64> {
    let Ok(text) = std::env::var("MARU_SIMULATION_SEEDS") else {
        return SEEDS;
    };
    let (from, to) = text.split_once("..").unwrap();
    from.parse().unwrap()..to.parse().unwrap()
}

#[test]
fn every_message_once_and_in_order_whatever_happens() {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let told = thread::scope(|scope| {
        let stories = |first| seeds().skip(first).step_by(threads);
        let tellers: Vec<_> = (0..threads)
            .map(|first| scope.spawn(move || tell(stories(first))))
            .collect();
        tellers
            .into_iter()
            .map(|teller| teller.join().unwrap())
            .fold(Totals::default(), Totals::plus)
    });
    eprintln!("{told:?}");
    // A story in which nothing goes wrong proves nothing.
    if told.seeds >= 1_000 {
        let Totals { seeds, .. } = told;
        for (what, count, least) in [
            ("messages", told.composed, 20 * seeds),
            ("sockets", told.sockets, 10 * seeds),
            ("repeats in the log", told.duplicates, seeds),
            ("refusals", told.refusals, 5 * seeds),
            ("messages dropped", told.gaps, seeds),
            ("rows read anew", told.resets, seeds / 2),
            ("pages loaded", told.loads, 5 * seeds),
            ("crashes", told.crashes, seeds),
            ("entries adopted", told.adopted, seeds),
            ("entries taken over", told.takeovers, seeds / 20),
            ("messages deleted", told.deleted, seeds / 20),
            ("messages left failed", told.failed, seeds / 20),
            ("messages without storage", told.unkept, seeds / 20),
            ("changes of messages", told.changes, 3 * seeds),
            ("jumps to other messages", told.jumps, seeds / 2),
        ] {
            assert!(count >= least, "only {count} {what}");
        }
    }
}

fn tell(seeds: impl Iterator<Item = u64>) -> Totals {
    seeds
        .map(|seed| {
            let mut world = World::new(seed);
            let story = std::panic::AssertUnwindSafe(|| {
                world.chaos();
                world.heal();
                check(&mut world)
            });
            std::panic::catch_unwind(story).unwrap_or_else(|_| panic!("seed {seed}"))
        })
        .fold(Totals::default(), Totals::plus)
}

/// What the stories were made of.
#[derive(Debug, Default)]
struct Totals {
    seeds: u64,
    composed: u64,
    sockets: u64,
    duplicates: u64,
    refusals: u64,
    gaps: u64,
    resets: u64,
    loads: u64,
    crashes: u64,
    adopted: u64,
    takeovers: u64,
    deleted: u64,
    failed: u64,
    unkept: u64,
    changes: u64,
    jumps: u64,
}

impl Totals {
    fn plus(self, other: Self) -> Self {
        Self {
            seeds: self.seeds + other.seeds,
            composed: self.composed + other.composed,
            sockets: self.sockets + other.sockets,
            duplicates: self.duplicates + other.duplicates,
            refusals: self.refusals + other.refusals,
            gaps: self.gaps + other.gaps,
            resets: self.resets + other.resets,
            loads: self.loads + other.loads,
            crashes: self.crashes + other.crashes,
            adopted: self.adopted + other.adopted,
            takeovers: self.takeovers + other.takeovers,
            deleted: self.deleted + other.deleted,
            failed: self.failed + other.failed,
            unkept: self.unkept + other.unkept,
            changes: self.changes + other.changes,
            jumps: self.jumps + other.jumps,
        }
    }
}
