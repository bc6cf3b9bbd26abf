//! Rooms under fire: whole engines against a small server that follows the protocol, over a network that delays, cuts,
//! holds back and repeats. Every seed is one story; a failing one is told again by its number.

mod misfortune;
mod network;
mod page;
mod server;
mod world;

use super::{Connection, Older};
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

/// How many stories the ordinary test run tells. `MARU_SIMULATION_SEEDS=from..to` tells others.
const SEEDS: std::ops::Range<u64> = 0..1_000;

fn seeds() -> std::ops::Range<u64> {
    let Ok(text) = std::env::var("MARU_SIMULATION_SEEDS") else {
        return SEEDS;
    };
    let (from, to) = text.split_once("..").unwrap();
    from.parse().unwrap()..to.parse().unwrap()
}

#[test]
fn every_message_once_and_in_order_whatever_the_network_does() {
    let mut told = Totals::default();
    for seed in seeds() {
        let mut world = World::new(seed);
        world.chaos();
        world.heal();
        check(&mut world);
        told.add(&world);
    }
    eprintln!("{told:?}");
    // A story in which nothing goes wrong proves nothing.
    assert!(
        told.sockets > 2 * told.seeds
            && told.duplicates > 0
            && told.resets > 0
            && told.refusals > 0
            && told.gaps > 0
    );
}

/// What the stories were made of.
#[derive(Debug, Default)]
struct Totals {
    seeds: u64,
    composed: usize,
    sockets: u64,
    duplicates: u64,
    refusals: u64,
    gaps: u64,
    resets: u64,
}

impl Totals {
    fn add(&mut self, world: &World) {
        self.seeds += 1;
        self.composed += world
            .pages
            .iter()
            .map(|page| page.composed.len())
            .sum::<usize>();
        self.sockets += world.pages.iter().map(|page| page.sockets).sum::<u64>();
        self.resets += world.pages.iter().map(|page| page.resets).sum::<u64>();
        self.duplicates += world.server.duplicates;
        self.refusals += world.server.refusals;
        self.gaps += world.server.dropped;
    }
}

/// After the network is whole again, everybody has everything, once and in order.
fn check(world: &mut World) {
    let seed = world.seed;
    for index in 0..world.pages.len() {
        world.load_all(index);
        let page = &world.pages[index];
        let log = world.server.visible();
        assert_eq!(
            page.engine.connection(),
            Connection::Live,
            "seed {seed}: page {index} is back"
        );
        assert!(
            page.engine.pending().is_empty(),
            "seed {seed}: page {index} still has {:?}",
            page.engine.pending()
        );
        assert_eq!(
            page.engine.older(),
            Older::None,
            "seed {seed}: page {index} has reached the start"
        );

        let arrived: Vec<&str> = log
            .iter()
            .filter(|message| message.sender.uid == page.uid)
            .map(|message| message.body.as_str())
            .collect();
        assert_eq!(
            arrived, page.composed,
            "seed {seed}: what page {index} composed, once and in its order"
        );

        let rows: Vec<_> = page
            .engine
            .rows()
            .iter()
            .map(|row| (**row).clone())
            .collect();
        assert_eq!(rows, log, "seed {seed}: page {index} shows the log");
        assert_eq!(
            page.mirror,
            page.engine.rows(),
            "seed {seed}: page {index} was told of every change"
        );
    }
}
