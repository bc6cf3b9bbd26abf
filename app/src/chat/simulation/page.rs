//! A page of the simulation: an engine and its storage, and what they are held to at every step.

use std::collections::HashSet;
use std::sync::Arc;

use protocol::{Message, Position, Sender};

use super::Dice;
use super::browser::Person;
use super::server::Server;
use crate::chat::store::memory::Memory;
use crate::chat::{Changes, Engine, PageRequest, Setup, Status, Store};

/// A room in a tab, from loading to leaving.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) tab: usize,
    pub(super) person: usize,
    pub(super) room: usize,
    pub(super) name: String,
    /// Whether it is still there.
    pub(super) alive: bool,
    pub(super) engine: Engine,
    pub(super) store: Store<Memory>,
    pub(super) uid: String,
    /// The rows as far as the engine told of them.
    pub(super) mirror: Vec<Arc<Message>>,
    own: HashSet<String>,
    pub(super) timer: u64,
    pub(super) sockets: u64,
    pub(super) resets: u64,
}

impl Page {
    /// Opens the room.
    pub(super) fn new(
        server: &Server,
        (tab, person, room): (usize, usize, usize),
        who: &Person,
        name: String,
        lag: usize,
        dice: &mut Dice,
    ) -> Self {
        // Some follow a link to a message.
        let rows = server.rows(room);
        let focus = (!rows.is_empty() && dice.chance(20))
            .then(|| rows[usize::try_from(dice.below(rows.len() as u64)).unwrap()].position);
        let history = focus
            .and_then(|focus| server.page(room, PageRequest::Around(focus), lag))
            .or_else(|| server.page(room, PageRequest::Latest, lag))
            .unwrap();
        let head = history.head;
        let engine = Engine::new(Setup {
            room: server.rooms[room].clone(),
            me: Some(Sender {
                uid: who.uid.clone(),
                name: "지우".to_owned(),
            }),
            epoch: server.epoch(),
            head,
            history,
            host: "localhost:8080".to_owned(),
            read: None,
            rooms: Vec::new(),
            seed: dice.next(),
            parse_message: crate::json::tests::parse_message,
            parse_passing: crate::json::tests::parse_passing,
        });
        let mut page = Self {
            tab,
            person,
            room,
            alive: true,
            store: Store::new(who.memory.clone(), who.uid.clone(), name.clone()),
            name,
            uid: who.uid.clone(),
            mirror: engine.rows().to_vec(),
            engine,
            own: HashSet::new(),
            timer: 0,
            sockets: 0,
            resets: 0,
        };
        page.see(Changes::default());
        page
    }

    /// Follows the rows by what the engine says of them.
    pub(super) fn see(&mut self, changes: Changes) {
        let rows = self.engine.rows();
        if changes.reset {
            self.resets += 1;
            self.mirror = rows.to_vec();
        }
        self.mirror
            .splice(..0, rows[..changes.prepended].iter().cloned());
        self.mirror
            .extend_from_slice(&rows[rows.len() - changes.appended..]);
        assert_eq!(self.mirror.len(), rows.len(), "the changes tell everything");
        if changes.changed {
            self.mirror = rows.to_vec();
        }
        let same = self.mirror.iter().zip(rows);
        assert!(
            same.into_iter().all(|(told, row)| Arc::ptr_eq(told, row)),
            "the changes tell everything"
        );
        for pair in self.mirror.windows(2) {
            assert_eq!(
                pair[1].folded.above.or(pair[1].prev),
                Some(pair[0].position.offset),
                "no hole is ever shown"
            );
        }
        self.own = rows
            .iter()
            .filter(|row| row.sender.uid == self.uid)
            .map(|row| row.id.clone())
            .collect();
    }

    /// Where the last row stands.
    pub(super) fn last_position(&self) -> Option<Position> {
        self.mirror.last().map(|last| last.position)
    }

    /// What the page says of messages on their way; each is a row or pending, never both.
    pub(super) fn look_at_pending(&self, person: &mut Person) {
        let here = self.engine.outbox.items();
        for pending in here {
            let id = &pending.id;
            assert!(!self.own.contains(id), "{pending:?} is shown twice");
        }
        for pending in here.iter().chain(self.engine.elsewhere.items()) {
            let said = person.said(&pending.id);
            said.failed |= matches!(pending.status, Status::Failed(_));
            said.unkept |= !pending.is_kept();
        }
    }
}
