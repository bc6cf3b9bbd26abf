//! The history of a run, written down by everybody who takes part, and how long people had to wait in it.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use checker::report::Statistics;
use checker::{Client, Connection, Content, Event, MessageId, What};

/// The history of a run.
pub(crate) struct Journal {
    began: Instant,
    pages: Mutex<Pages>,
}

#[derive(Default)]
struct Pages {
    events: Vec<Event>,
    statistics: Statistics,
    next_message: u64,
    next_connection: u32,
    away_since: HashMap<Client, Instant>,
    waits: Waits,
    last_ack: Option<Instant>,
    /// Since when something is mended and nothing was acknowledged yet.
    mended: Option<Instant>,
}

/// How long people had to wait.
#[derive(Clone, Default)]
pub(crate) struct Waits {
    /// How often something was broken.
    pub(crate) faults: usize,
    /// From the last thing that a client heard over a lost connection until it followed its room again.
    pub(crate) returns: Vec<Duration>,
    /// From the beginning of a repair until the next message was acknowledged.
    pub(crate) resumed: Vec<Duration>,
    /// The longest time in which nobody got an acknowledgement.
    pub(crate) longest_silence: Duration,
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
        // Taken under the lock, so that the events stand in the order of their times.
        let now = Instant::now();
        let at = u64::try_from(now.duration_since(self.began).as_nanos()).unwrap_or(u64::MAX);
        if let What::Acked { .. } = what {
            pages.acknowledged(now);
        }
        let event = Event { at, what };
        pages.statistics.count(&event);
        pages.events.push(event);
    }

    /// Writes down that something was broken.
    pub(crate) fn broke(&self, name: impl Into<String>) {
        let name = name.into();
        self.record(What::Fault { name });
        self.pages().waits.faults += 1;
    }

    /// Writes down that the repair of something begins.
    pub(crate) fn mended(&self, name: impl Into<String>) {
        let name = name.into();
        self.record(What::Fault { name });
        self.pages().mended.get_or_insert_with(Instant::now);
    }

    /// Whether something was acknowledged since the last repair began.
    pub(crate) fn acknowledges(&self) -> bool {
        self.pages().mended.is_none()
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

    /// A client has lost its connection, over which it heard something at this time for the last time.
    pub(crate) fn went_away(&self, client: Client, heard: Instant) {
        self.pages().away_since.entry(client).or_insert(heard);
    }

    /// A client follows its room again.
    pub(crate) fn came_back(&self, client: Client) {
        let mut pages = self.pages();
        if let Some(since) = pages.away_since.remove(&client) {
            pages.waits.returns.push(since.elapsed());
        }
    }

    /// How long people had to wait so far.
    pub(crate) fn waits(&self) -> Waits {
        self.pages().waits.clone()
    }

    /// How many clients are without a connection now.
    pub(crate) fn away(&self) -> usize {
        self.pages().away_since.len()
    }

    /// How many messages were made.
    pub(crate) fn sent(&self) -> u64 {
        self.pages().next_message
    }

    /// Everything that was written down; the journal is empty afterwards.
    pub(crate) fn take(&self) -> Vec<Event> {
        std::mem::take(&mut self.pages().events)
    }

    /// How much has been sent, acknowledged and delivered so far.
    pub(crate) fn progress(&self) -> Statistics {
        self.pages().statistics
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        // Every change is one push or insert, so a panic elsewhere leaves nothing half done.
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pages {
    fn acknowledged(&mut self, now: Instant) {
        if let Some(last) = self.last_ack.replace(now) {
            let silence = now.duration_since(last);
            self.waits.longest_silence = self.waits.longest_silence.max(silence);
        }
        if let Some(since) = self.mended.take() {
            self.waits.resumed.push(now.duration_since(since));
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn acknowledge(journal: &Journal) {
        let (message, offset) = (journal.new_message(), 0);
        journal.record(What::Acked { message, offset });
    }

    #[test]
    fn a_repair_is_over_with_the_next_acknowledgement() {
        let journal = Journal::new();
        acknowledge(&journal);
        journal.broke("a cable is cut");
        assert!(journal.acknowledges(), "nothing is being repaired");
        journal.mended("the cable is whole");
        journal.mended("so is another one");
        assert!(!journal.acknowledges());
        acknowledge(&journal);
        acknowledge(&journal);
        assert!(journal.acknowledges());
        let waits = journal.waits();
        assert_eq!((waits.faults, waits.resumed.len()), (1, 1));
        assert!(waits.longest_silence >= waits.resumed[0]);
        assert_eq!(journal.progress().faults, 3);
    }

    #[test]
    fn somebody_is_away_from_the_last_thing_heard_until_the_room_is_followed() {
        let journal = Journal::new();
        let minute = Duration::from_mins(1);
        let heard = Instant::now().checked_sub(minute).unwrap();
        journal.came_back(Client(1));
        journal.went_away(Client(1), heard);
        // A connection that broke before the room was followed.
        journal.went_away(Client(1), Instant::now());
        assert_eq!(journal.away(), 1);
        journal.came_back(Client(1));
        journal.came_back(Client(1));
        let returns = journal.waits().returns;
        assert!(returns.len() == 1 && returns[0] >= minute, "{returns:?}");
        assert_eq!(journal.away(), 0);
    }
}
