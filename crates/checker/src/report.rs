//! What can be wrong with a history, and how it reads.

use std::fmt;

use crate::history::{Client, Connection, Content, Event, MessageId, Offset, Reader, Room, What};

/// The outcome of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// How much was checked.
    pub statistics: Statistics,
    /// What was wrong; nothing if all promises were kept.
    pub violations: Vec<Violation>,
}

impl Report {
    /// Whether all promises were kept.
    pub fn is_clean(&self) -> bool {
        self.violations.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 20;
        writeln!(formatter, "{}", self.statistics)?;
        for violation in self.violations.iter().take(SHOWN) {
            writeln!(formatter, "VIOLATION: {violation}")?;
        }
        if let Some(more) = self
            .violations
            .len()
            .checked_sub(SHOWN)
            .filter(|more| *more > 0)
        {
            writeln!(formatter, "and {more} more")?;
        }
        write!(formatter, "{} violations", self.violations.len())
    }
}

/// How much was checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Attempts to send, retries included.
    pub attempts: u64,
    /// Messages acknowledged.
    pub acked: u64,
    /// Messages refused for good.
    pub refused: u64,
    /// Messages delivered, counted at every subscriber.
    pub delivered: u64,
    /// Subscriptions that went on where the client had stopped.
    pub recovered: u64,
    /// Subscriptions for which the server said that it cannot.
    pub not_recovered: u64,
    /// Faults, and their mending.
    pub faults: u64,
}

impl Statistics {
    /// Counts the events of a history.
    pub fn of(history: &[Event]) -> Self {
        let mut all = Self::default();
        for event in history {
            all.count(event);
        }
        all
    }

    /// Counts one more event.
    pub fn count(&mut self, event: &Event) {
        match &event.what {
            What::Send { .. } => self.attempts += 1,
            What::Acked { .. } => self.acked += 1,
            What::Refused { .. } => self.refused += 1,
            What::Delivered { .. } => self.delivered += 1,
            What::Subscribed { start, .. } => match start {
                crate::Start::Live(_) => {}
                crate::Start::Recovered(_) => self.recovered += 1,
                crate::Start::NotRecovered(_) => self.not_recovered += 1,
            },
            What::Fault { .. } => self.faults += 1,
            What::Closed { .. } | What::Page { .. } | What::Final { .. } | What::Quiet => {}
        }
    }
}

impl fmt::Display for Statistics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            attempts,
            acked,
            refused,
            delivered,
            recovered,
            not_recovered,
            faults,
        } = self;
        write!(
            formatter,
            "{attempts} attempts, {acked} acknowledged, {refused} refused, {delivered} delivered, {recovered} recovered, \
             {not_recovered} not recovered, {faults} faults"
        )
    }
}

/// A broken promise, with the least that proves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// P3: the same room reads differently.
    #[error("{room:?}: {one:?} and {other:?} read different things from offset {from} on")]
    ReadersDiffer {
        /// Where.
        room: Room,
        /// Who.
        one: Reader,
        /// And who.
        other: Reader,
        /// The first offset at which they differ.
        from: Offset,
    },
    /// P3: a room's offsets do not grow.
    #[error("{room:?}: offset {offset} follows offset {before}")]
    Unordered {
        /// Where.
        room: Room,
        /// An offset.
        before: Offset,
        /// The one after it.
        offset: Offset,
    },
    /// P4: a message does not name the one before it.
    #[error("{room:?}: the message at {offset} says it follows {prev}, but {before} is before it")]
    ChainBroken {
        /// Where.
        room: Room,
        /// Which one.
        offset: Offset,
        /// What it says.
        prev: Offset,
        /// What is true.
        before: Offset,
    },
    /// P2: a room holds a message twice.
    #[error("{room:?}: {message:?} stands at {first} and at {second}")]
    Doubled {
        /// Where.
        room: Room,
        /// Which one.
        message: MessageId,
        /// Here.
        first: Offset,
        /// And here.
        second: Offset,
    },
    /// P1: an acknowledged message is gone.
    #[error("{room:?}: {message:?} was acknowledged at {offset} and is not in the room")]
    Lost {
        /// Where it was sent to.
        room: Room,
        /// Which one.
        message: MessageId,
        /// Where it was said to stand.
        offset: Offset,
    },
    /// P3: an acknowledged message stands somewhere else.
    #[error("{message:?} was acknowledged at {acked} but stands at {offset}")]
    AckedElsewhere {
        /// Which one.
        message: MessageId,
        /// Where it was said to stand.
        acked: Offset,
        /// Where it stands.
        offset: Offset,
    },
    /// P5: a refused message is there.
    #[error("{room:?}: {message:?} was refused, yet stands at {offset}")]
    RefusedYetStored {
        /// Where.
        room: Room,
        /// Which one.
        message: MessageId,
        /// Where it stands.
        offset: Offset,
    },
    /// P5: both outcomes were told.
    #[error("{message:?} was both acknowledged and refused")]
    AckedAndRefused {
        /// Which one.
        message: MessageId,
    },
    /// An outcome of a message that nobody sent.
    #[error("{message:?} was answered but never sent")]
    AnsweredUnsent {
        /// Which one.
        message: MessageId,
    },
    /// P10: a room holds what nobody sent to it.
    #[error("{room:?}: nobody sent {message:?}, which stands at {offset}")]
    Invented {
        /// Where.
        room: Room,
        /// Which one.
        message: MessageId,
        /// Where it stands.
        offset: Offset,
    },
    /// P10: a message changed on its way.
    #[error("{room:?}: {message:?} at {offset} says {found:?}, but {sent:?} was sent")]
    Corrupted {
        /// Where.
        room: Room,
        /// Which one.
        message: MessageId,
        /// Where it stands.
        offset: Offset,
        /// What was sent.
        sent: Content,
        /// What stands there.
        found: Content,
    },
    /// P3: somebody saw something that is not there, or not there in the end.
    #[error("{room:?}: {client:?} saw {saw:?} at {offset}, where in the end {stands:?} stands")]
    SeenElsewhere {
        /// Who.
        client: Client,
        /// Where.
        room: Room,
        /// At which offset.
        offset: Offset,
        /// Which message.
        saw: MessageId,
        /// What the final readers found at that offset.
        stands: Option<MessageId>,
    },
    /// P2: a message came again, or after a later one.
    #[error("{room:?}: {client:?} got {offset} over {connection:?} when it had {last} already")]
    Repeated {
        /// Who.
        client: Client,
        /// Over which connection.
        connection: Connection,
        /// Where.
        room: Room,
        /// What came.
        offset: Offset,
        /// What was there.
        last: Offset,
    },
    /// P4: messages were left out.
    #[error(
        "{room:?}: {client:?} got {offset} over {connection:?} right after {last}, but {missing} is between them"
    )]
    Gap {
        /// Who.
        client: Client,
        /// Over which connection.
        connection: Connection,
        /// Where.
        room: Room,
        /// What came.
        offset: Offset,
        /// What it had.
        last: Offset,
        /// The first one left out.
        missing: Offset,
    },
    /// P4: the client was told another link than the one that holds.
    #[error("{room:?}: {client:?} was told that {offset} follows {told}, but it follows {prev}")]
    ToldWrongPrev {
        /// Who.
        client: Client,
        /// Where.
        room: Room,
        /// Which message.
        offset: Offset,
        /// What it was told.
        told: Offset,
        /// What is true.
        prev: Offset,
    },
    /// A message came over a connection that has no subscription to its room.
    #[error("{room:?}: {client:?} got {offset} over {connection:?}, which is not subscribed")]
    Uninvited {
        /// Who.
        client: Client,
        /// Over which connection.
        connection: Connection,
        /// Where.
        room: Room,
        /// What came.
        offset: Offset,
    },
    /// P4: the server recovered from another position than the client's.
    #[error("{room:?}: {client:?} had {last}, but was recovered from {from}")]
    RecoveredFromElsewhere {
        /// Who.
        client: Client,
        /// Where.
        room: Room,
        /// What it had.
        last: Offset,
        /// From where the server went on.
        from: Offset,
    },
    /// P4: a subscriber did not get the end of a room.
    #[error("{room:?}: when all was quiet {client:?} had {last}, but the room ends at {end}")]
    EndMissing {
        /// Who.
        client: Client,
        /// Where.
        room: Room,
        /// What it had.
        last: Offset,
        /// What there was.
        end: Offset,
    },
    /// P3: a page differs from the room.
    #[error("{room:?}: a page of {reader:?} is not what the room holds from {from} on")]
    PageWrong {
        /// Who.
        reader: Reader,
        /// Where.
        room: Room,
        /// The first entry that is wrong or missing.
        from: Offset,
    },
    /// P3: a message overtook one that had been acknowledged before it was sent.
    #[error(
        "{room:?}: {later:?} was sent after {earlier:?} had been acknowledged, but stands before it"
    )]
    Overtook {
        /// Where.
        room: Room,
        /// Acknowledged first.
        earlier: MessageId,
        /// Sent afterwards.
        later: MessageId,
    },
    /// Nobody read the room in the end, so nothing can be said about it.
    #[error("{room:?} was used, but not read by two readers in the end")]
    NotRead {
        /// Where.
        room: Room,
    },
}
