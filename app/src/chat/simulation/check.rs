//! What must hold when the network is whole again.

use std::collections::HashMap;

use super::Totals;
use super::browser::Said;
use super::world::World;
use crate::chat::{Connection, Status};

/// Everybody has everything, once and in order, or knows why not.
pub(super) fn check(world: &mut World) -> Totals {
    let mut totals = Totals {
        seeds: 1,
        duplicates: world.server.duplicates,
        refusals: world.server.refusals,
        gaps: world.server.dropped,
        loads: world.loads,
        crashes: world.crashes,
        adopted: world.adopted,
        takeovers: world.takeovers,
        jumps: world.jumps,
        ..Totals::default()
    };
    for tab in 0..world.tabs.len() {
        let page = world.shown(tab).expect("every tab is back");
        world.load_all(page);
        check_page(world, page);
    }
    for page in &world.pages {
        totals.sockets += page.sockets;
        totals.resets += page.resets;
    }
    for person in 0..world.people.len() {
        check_person(world, person, &mut totals);
    }
    totals
}

fn check_page(world: &World, index: usize) {
    let page = &world.pages[index];
    let engine = &page.engine;
    assert_eq!(
        engine.connection(),
        Connection::Live,
        "page {index} is back"
    );
    for item in engine.outbox.items().iter().chain(engine.elsewhere.items()) {
        assert!(
            matches!(item.status, Status::Failed(_)),
            "page {index} still has {item:?}"
        );
    }
    if let Some(mark) = engine.asides.mark
        && mark.epoch == world.server.epoch()
    {
        assert!(
            world.server.read(&page.uid, page.room) >= Some(mark),
            "the server knows how far page {index} was read"
        );
    }
    let rows = engine.rows().iter().map(|row| (**row).clone());
    let rows: Vec<_> = rows.collect();
    assert_eq!(
        rows,
        world.server.rows(page.room),
        "page {index} shows the room"
    );
    assert_eq!(
        page.mirror,
        engine.rows(),
        "page {index} was told of every change"
    );
}

/// What became of all that somebody composed.
fn check_person(world: &World, index: usize, totals: &mut Totals) {
    let person = &world.people[index];
    let places: [HashMap<&str, i64>; 2] = [0, 1].map(|room| {
        let own = world.server.visible(room).iter();
        let own = own.filter(|message| message.sender.uid == person.uid);
        own.map(|message| (message.id.as_str(), message.position.offset))
            .collect()
    });
    let known = |id: &str| person.said.iter().any(|said| said.id == id);
    for id in places.iter().flat_map(HashMap::keys) {
        assert!(known(id), "{id} was never said");
    }
    let place = |said: &Said| places[said.room].get(said.id.as_str()).copied();
    for (number, said) in person.said.iter().enumerate() {
        totals.composed += 1;
        totals.unkept += u64::from(said.unkept);
        totals.deleted += u64::from(said.deleted);
        totals.changes += u64::from(said.change && place(said).is_some());
        let story = || format!("message {index}:{number}, {said:?}");
        if place(said).is_some() {
            assert!(!said.deleted, "deleted and sent all the same: {}", story());
        } else if is_pending(world, index, said) {
            assert!(
                !said.deleted && !said.given_up,
                "deleted and still there: {}",
                story()
            );
            totals.failed += 1;
        } else {
            let is_lost_by_notice = said.unkept && !world.pages[said.page].alive;
            // In another life of the log there is no row that could say that its change failed.
            let has_no_row = said.change && world.server.has_begun_anew();
            assert!(
                said.deleted || said.given_up || is_lost_by_notice || has_no_row,
                "lost: {}",
                story()
            );
        }
    }
    // Order is that of composing on a page, and in a tab if there is no other. What failed comes when it is asked for again;
    // what another tab took comes when that one sends it; what was not stored may be under way when its page is gone. A change
    // of a message of an earlier life is given up without a word as soon as it fails, and an earlier copy may come late.
    let is_alone = world.tabs.iter().filter(|tab| tab.person == index).count() == 1;
    let mut latest = HashMap::new();
    let has_no_row = |said: &Said| said.change && world.server.has_begun_anew();
    for said in person
        .said
        .iter()
        .filter(|said| !(said.failed || said.moved || said.unkept || has_no_row(said)))
    {
        let Some(place) = place(said) else { continue };
        let place_before = latest.insert((said.room, (!is_alone).then_some(said.page)), place);
        assert!(
            place_before.is_none_or(|before| before < place),
            "out of order: {said:?}"
        );
    }
}

/// Whether a page of the person says that a message is not sent, or would say so in its room.
fn is_pending(world: &World, person: usize, said: &Said) -> bool {
    let pages = world.pages.iter();
    let mut pages = pages.filter(|page| page.alive && page.person == person);
    pages.any(|page| {
        let engine = &page.engine;
        let mut items = engine.outbox.items().iter().chain(engine.elsewhere.items());
        items.any(|item| item.id == said.id)
    })
}
