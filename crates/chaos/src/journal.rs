//! The history of a run, written down by everybody who takes part.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use checker::{Client, Connection, Content, Event, MessageId, What};

/// The history of a run.
pub(crate) struct Journal {
    began: Instant,
    pages: Mutex<Pages>,
}

#[derive(Default)]
struct Pages {
    events: Vec<Event>,
    next_message: u64,
    next_connection: u32,
    away_since: HashMap<Client, Instant>,
    returns: Vec<Duration>,
}

impl Journal {
    pub(crate) fn new() -> Self {
        Self {
            began: Instant::now(),
            pages: Mutex::default(),
        }
    }

    /// Writes down what has just happened.
    pub(crate) fn record(&self, what: What) {
        let mut pages = self.pages();
        let at = u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        pages.events.push(Event { at, what });
    }

    /// Writes down that something was broken or mended.
    pub(crate) fn fault(&self, name: impl Into<String>) {
        let name = name.into();
        self.record(What::Fault { name });
    }

    pub(crate) fn new_message(&self) -> MessageId {
        let mut pages = self.pages();
        pages.next_message += 1;
        MessageId(pages.next_message)
    }

    pub(crate) fn new_connection(&self) -> Connection {
        let mut pages = self.pages();
        pages.next_connection += 1;
        Connection(pages.next_connection)
    }

    /// A client has lost its connection.
    pub(crate) fn went_away(&self, client: Client) {
        self.pages()
            .away_since
            .entry(client)
            .or_insert_with(Instant::now);
    }

    /// A client follows its room again.
    pub(crate) fn came_back(&self, client: Client) {
        let mut pages = self.pages();
        if let Some(since) = pages.away_since.remove(&client) {
            pages.returns.push(since.elapsed());
        }
    }

    /// How long clients were away, the shortest time first.
    pub(crate) fn returns(&self) -> Vec<Duration> {
        let mut returns = self.pages().returns.clone();
        returns.sort_unstable();
        returns
    }

    /// How many clients are without a connection now.
    pub(crate) fn away(&self) -> usize {
        self.pages().away_since.len()
    }

    /// Everything that was written down; the journal is empty afterwards.
    pub(crate) fn take(&self) -> Vec<Event> {
        std::mem::take(&mut self.pages().events)
    }

    /// How much has been sent for the first time, acknowledged and delivered so far.
    pub(crate) fn progress(&self) -> checker::report::Statistics {
        checker::report::Statistics::of(&self.pages().events)
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        // Every change is one push or insert, so a panic elsewhere leaves nothing half done.
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The text of a message: different for each, a few words long.
pub(crate) fn text(message: MessageId) -> String {
    format!("{} 번째 이야기: 마루에 모여 앉아 차를 마신다", message.0)
}

/// What a text says, for the checker.
pub(crate) fn content(text: &str) -> Content {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    Content(hasher.finish())
}
