//! A browser of the simulation: an engine, and what it is held to at every step.

use std::collections::HashSet;
use std::sync::Arc;

use protocol::{Message, Sender};

use super::Dice;
use super::server::Server;
use crate::chat::{Changes, Engine, PageRequest, Setup};

/// A browser.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) engine: Engine,
    pub(super) uid: String,
    /// The texts that it composed, in order.
    pub(super) composed: Vec<String>,
    /// The rows as far as the engine told of them.
    pub(super) mirror: Vec<Arc<Message>>,
    pub(super) own: HashSet<String>,
    pub(super) timer: u64,
    /// What its clock is ahead.
    pub(super) clock: u64,
    /// It has no network until then.
    pub(super) offline_until: u64,
    pub(super) sockets: u64,
    pub(super) resets: u64,
}

impl Page {
    /// Opens the room.
    pub(super) fn new(server: &Server, uid: String, dice: &mut Dice) -> Self {
        let history = server.page(PageRequest::Latest);
        let engine = Engine::new(Setup {
            room: server.room.clone(),
            me: Some(Sender {
                uid: uid.clone(),
                name: "지우".to_owned(),
            }),
            epoch: server.epoch(),
            head: server.head(),
            history,
            host: "localhost:8080".to_owned(),
            seed: dice.next(),
            parse_message: crate::json::tests::parse_message,
        });
        Self {
            mirror: engine.rows().to_vec(),
            engine,
            uid,
            composed: Vec::new(),
            own: HashSet::new(),
            timer: 0,
            clock: dice.below(1_000_000),
            offline_until: 0,
            sockets: 0,
            resets: 0,
        }
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
        for pair in self.mirror.windows(2) {
            assert_eq!(
                pair[1].prev,
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

    /// A message is a row or pending, never both.
    pub(super) fn never_twice(&self) {
        for pending in self.engine.pending() {
            assert!(
                !self.own.contains(&pending.id),
                "{} is shown twice",
                pending.text
            );
        }
    }
}
