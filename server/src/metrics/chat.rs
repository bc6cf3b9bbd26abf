//! What becomes of SENDs, of clients that come back, and of records.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

use super::Counters;
use super::counters::label;

label! {
    /// What happened to a SEND that is a message.
    Sent as "result" {
        /// It was handed to the log.
        Produced = "produced",
        /// It repeats one that the fold has passed: answered at once.
        Repeat = "repeat",
        /// It repeats one that is on its way: both get the same answer.
        UnderWay = "under-way",
        /// The producer's queue is full, or it cannot take the message.
        NotTaken = "not-taken",
    }
}

label! {
    /// How the wait for the log ended.
    Confirmed as "result" {
        /// The fold passed it.
        Stored = "stored",
        /// The fold dropped it, for an earlier copy counts.
        Duplicate = "duplicate",
        /// The producer gave it up: nobody knows.
        Unconfirmed = "unconfirmed",
        /// Nothing came in 60 s: nobody knows.
        TooLate = "too-late",
        /// The log does not accept the message.
        Refused = "refused",
        /// The log does not let this server write.
        Unavailable = "unavailable",
    }
}

label! {
    /// What the fold made of a record.
    Folded as "result" {
        /// A message.
        Visible = "visible",
        /// A repeat, dropped.
        Duplicate = "duplicate",
        /// Skipped: not in the documented form.
        Form = "form",
        /// Skipped: too large.
        TooLarge = "too-large",
        /// Skipped: the key is not the room.
        Key = "key",
        /// Skipped: no room is spelled so.
        Room = "room",
        /// Skipped: in another partition than its room.
        Partition = "partition",
    }
}

label! {
    /// What a client that came back with a position got.
    Recovery as "result" {
        /// Everything that it missed.
        Whole = "whole",
        /// It had missed nothing.
        NothingMissed = "nothing-missed",
        /// Nothing: it missed more than one SUBSCRIBE replays.
        TooFar = "too-far",
        /// Nothing: its position is of another life of the log.
        OtherEpoch = "other-epoch",
        /// It has seen more than this server has read.
        Ahead = "ahead",
    }
}

label! {
    /// Which page of history was read.
    Page as "part" {
        /// The latest.
        Latest = "latest",
        /// Older ones.
        Before = "before",
        /// What came after a position: a client fills a gap.
        After = "after",
    }
}

/// Counted by the chat. Clones count together.
#[derive(Clone, Default)]
pub struct ChatMetrics {
    /// SENDs that are messages, by what happened to them.
    pub sends: Counters<Sent>,
    /// SENDs that waited for the log, by how that ended.
    pub outcomes: Counters<Confirmed>,
    /// Records, by what the fold made of them.
    pub records: Counters<Folded>,
    /// SUBSCRIBEs with a position, by what they got.
    pub recoveries: Counters<Recovery>,
    /// Messages that were promised to clients that came back.
    pub replayed: Counter,
    /// Pages of history, by direction.
    pub pages: Counters<Page>,
}

impl ChatMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        let Self {
            sends,
            outcomes,
            records,
            recoveries,
            replayed,
            pages,
        } = self;
        sends.register(registry, "messages_published", "SENDs that are messages");
        outcomes.register(
            registry,
            "confirmations",
            "Answers to SENDs that waited for the log",
        );
        records.register(
            registry,
            "records_folded",
            "Records of the log, messages or not",
        );
        recoveries.register(registry, "recoveries", "SUBSCRIBEs with a position");
        let help = "Messages that were promised to clients that came back";
        registry.register("replayed_messages", help, replayed.clone());
        pages.register(
            registry,
            "history_pages",
            "Pages of history that were asked for",
        );
    }
}
