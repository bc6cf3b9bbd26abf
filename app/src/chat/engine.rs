//! Ties the parts together: takes events, keeps time, and says what is to be done.

use std::sync::Arc;
use std::time::Duration;

use protocol::{Epoch, HistoryPage, Message, RoomName, RoomSummary, Sender};

use super::asides::Asides;
use super::backoff::Jitter;
use super::clock::Clock;
use super::connection::{Connection, Link};
use super::event::{Changes, Effect, Event, PageRequest, Passing};
use super::listing::Listing;
use super::outbox::{ComposeError, Entry, Outbox, Pending};
use super::people::People;
use super::subscription::{Purpose, Subscription};
use super::timeline::{Older, Place, Timeline};
use super::wire::{self, Reader};

/// What the engine starts from: most of it stands in the page that the server rendered.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The room.
    pub room: RoomName,
    /// The person, to know their own messages by; without one nothing can be sent.
    pub me: Option<Sender>,
    /// The life of the log that `head` belongs to.
    pub epoch: Epoch,
    /// The offset of the room's latest message when the page was rendered, or -1.
    pub head: i64,
    /// The latest messages up to `head`.
    pub history: HistoryPage,
    /// The offset up to which the person has read the room, if they ever did.
    pub read: Option<i64>,
    /// All rooms, the most recently active first.
    pub rooms: Vec<RoomSummary>,
    /// The host and port of the page's address, for CONNECT.
    pub host: String,
    /// Any random number; spreads the reconnects of many pages.
    pub seed: u64,
    /// Reads a message that comes as JSON.
    pub parse_message: fn(&str) -> Option<Message>,
    /// Reads the JSON of what is said in passing; nothing if this version does not know it.
    pub parse_passing: fn(&str) -> Option<Passing>,
}

/// One open room in the browser.
#[derive(Debug)]
pub struct Engine {
    pub(super) room: RoomName,
    pub(super) me: Option<Sender>,
    host: String,
    clock: Clock,
    pub(super) jitter: Jitter,
    pub(super) link: Link,
    pub(super) reader: Reader,
    pub(super) subscription: Subscription,
    pub(super) timeline: Timeline,
    pub(super) outbox: Outbox,
    /// What is to be said in other rooms: composed there, by a page that is gone.
    pub(super) elsewhere: Outbox,
    pub(super) people: People,
    pub(super) listing: Listing,
    pub(super) asides: Asides,
    pub(super) parse_passing: fn(&str) -> Option<Passing>,
    /// The connection and the state of older pages as the page knows them.
    shown: (Connection, Older),
    /// When the page's timer goes off.
    armed: Option<u64>,
    pub(super) changes: Changes,
    pub(super) effects: Vec<Effect>,
}

impl Engine {
    /// An engine at rest, until [`Event::Start`].
    pub fn new(setup: Setup) -> Self {
        let timeline = Timeline::new(
            setup.history,
            Place {
                epoch: setup.epoch,
                offset: setup.head,
            },
        );
        Self {
            room: setup.room,
            me: setup.me,
            host: setup.host,
            clock: Clock::default(),
            jitter: Jitter::new(setup.seed),
            link: Link::new(),
            reader: Reader::new(setup.parse_message),
            subscription: Subscription::new(),
            outbox: Outbox::default(),
            elsewhere: Outbox::default(),
            people: People::default(),
            listing: Listing::new(setup.rooms),
            asides: Asides::new(setup.epoch, setup.read),
            parse_passing: setup.parse_passing,
            shown: (Connection::Connecting, timeline.older()),
            timeline,
            armed: None,
            changes: Changes::default(),
            effects: Vec::new(),
        }
    }

    /// The messages of the room in the order of the log, whatever their kind: contiguous, up to the last known one.
    pub fn rows(&self) -> &[Arc<Message>] {
        self.timeline.rows()
    }

    /// Whether there are messages before the first row.
    pub fn older(&self) -> Older {
        self.timeline.older()
    }

    /// What was composed here and is not among the rows, in the order of sending: shown after the rows.
    pub fn pending(&self) -> &[Pending] {
        self.outbox.items()
    }

    /// Who is in the room and what they do.
    pub fn people(&self) -> &People {
        &self.people
    }

    /// All rooms, the most recently active first.
    pub fn rooms_listed(&self) -> &[RoomSummary] {
        self.listing.rooms()
    }

    /// How the page stands with the server.
    pub fn connection(&self) -> Connection {
        match self.link.state() {
            Connection::Waiting { until } => Connection::Waiting {
                until: self.clock.page_time(until),
            },
            state => state,
        }
    }

    /// Takes a text to be sent. `now_ms` is as in [`handle`](Self::handle); `random` comes from the system's generator and
    /// becomes part of the message's id.
    ///
    /// # Errors
    ///
    /// The text was not taken and should stay where it was typed.
    pub fn compose(
        &mut self,
        now_ms: u64,
        text: String,
        random: [u8; 10],
    ) -> Result<Vec<Effect>, ComposeError> {
        let now = self.clock.advance(now_ms);
        self.outbox.compose(now, now_ms, &self.room, text, random)?;
        self.asides.spoke();
        Ok(self.settle(now))
    }

    /// Takes an event and says what is to be done. `now_ms` is the page's clock (`Date.now()`), which may jump.
    pub fn handle(&mut self, now_ms: u64, event: Event) -> Vec<Effect> {
        let now = self.clock.advance(now_ms);
        match event {
            Event::Start if self.link.is_idle() => self.connect(now),
            Event::Opened { generation } if self.link.is_current(generation) => {
                if self.link.opened(now) {
                    self.transmit(&wire::connect(&self.host));
                }
            }
            Event::Received { generation, bytes } if self.link.is_current(generation) => {
                self.received(now, bytes);
            }
            Event::Closed { generation } if self.link.is_current(generation) => {
                self.lost(now, None);
            }
            Event::Start | Event::Opened { .. } | Event::Received { .. } | Event::Closed { .. } => {
            }
            Event::Fetched {
                request: PageRequest::Latest,
                page,
            } => self.reloaded(now, page),
            Event::Fetched {
                request: PageRequest::Before(position),
                page,
            } => {
                let count = self.timeline.prepend(position, page);
                self.changes.prepended += count;
                self.meet_own(count);
            }
            Event::FetchFailed {
                request: PageRequest::Latest,
            } => self.subscription.reload_failed(now, &mut self.jitter),
            Event::FetchFailed {
                request: PageRequest::Before(position),
            } => self.timeline.older_failed(position),
            Event::LoadOlder => {
                if let Some(position) = self.timeline.load_older() {
                    self.effects
                        .push(Effect::Fetch(PageRequest::Before(position)));
                }
            }
            Event::Retry { id } => self.outbox.retry(&id, now, now_ms),
            Event::Discard { id } => self.outbox.discard(&id),
            Event::Adopted { entries } => self.adopt(now, now_ms, entries),
            Event::TakenOver { ids } => {
                self.outbox.hand_over(&ids);
                self.elsewhere.hand_over(&ids);
            }
            Event::NotKept { id } => {
                self.outbox.not_kept(&id);
                self.elsewhere.not_kept(&id);
            }
            // Readers without a nickname leave no trace.
            Event::Typed | Event::Seen { .. } if self.me.is_none() => {}
            Event::Typed => {
                if self.link.is_live() && self.asides.typed(now) {
                    self.transmit(&wire::typing(&self.room));
                }
            }
            Event::Seen { position } => self.asides.seen(position),
            Event::Wake => self.doubt(now),
            Event::Online => {
                self.link.set_offline(false);
                self.doubt(now);
            }
            Event::Offline => {
                self.link.set_offline(true);
                self.probe(now);
            }
            Event::ReconnectNow => self.hurry(now),
            Event::Tick => self.armed = None,
        }
        self.settle(now)
    }

    /// Takes over what an earlier page or another tab left.
    fn adopt(&mut self, now: u64, now_ms: u64, entries: Vec<Entry>) {
        for entry in entries {
            let outbox = if entry.room == self.room {
                &mut self.outbox
            } else {
                &mut self.elsewhere
            };
            outbox.adopt(entry, now, now_ms);
        }
        self.meet_own(self.timeline.rows().len());
    }

    /// The latest page came in place of rows that cannot be continued.
    fn reloaded(&mut self, now: u64, page: HistoryPage) {
        if !self.subscription.reloaded() {
            return;
        }
        let epoch = self
            .subscription
            .epoch()
            .unwrap_or(self.timeline.head().epoch);
        self.timeline.reset(page, epoch);
        self.changes.reset = true;
        self.meet_own(self.timeline.rows().len());
        if self.link.is_up() {
            self.subscribe(now, Purpose::Follow);
        }
    }

    /// Our own messages may be among the first `count` rows, before any receipt told of them.
    fn meet_own(&mut self, count: usize) {
        for message in &self.timeline.rows()[..count] {
            self.outbox.arrived(message, self.me.as_ref());
        }
    }

    /// After every event: what is due by now, and what the page has to know.
    fn settle(&mut self, now: u64) -> Vec<Effect> {
        self.drop_if_dead(now);
        if self.link.wants_attempt(now) {
            self.connect(now);
        }
        if self.subscription.take_reload(now) {
            self.effects.push(Effect::Fetch(PageRequest::Latest));
        }
        if self.subscription.is_caught_up(self.timeline.head().offset) {
            self.link.live(now);
        }
        if self.outbox.take_doubt(now) | self.elsewhere.take_doubt(now) {
            self.probe(now);
        }
        self.outbox.settle(self.timeline.head());
        self.elsewhere.settle_all();
        self.send(now);
        if self.subscription.is_ready()
            && let Some(position) = self.asides.next(now)
        {
            self.transmit(&wire::read_up_to(&self.room, position));
        }
        self.changes.people |= self.people.refresh(now);
        self.changes.rooms |= self.listing.take_changed();
        self.changes.pending |= self.outbox.refresh(now, self.link.is_live());
        self.elsewhere.refresh(now, self.link.is_live());
        self.arm(now);
        self.tell();
        std::mem::take(&mut self.effects)
    }

    /// Sends what is due, and stores it before.
    fn send(&mut self, now: u64) {
        let outboxes = [&mut self.outbox, &mut self.elsewhere];
        let mut frames = Vec::new();
        for outbox in outboxes {
            if self.subscription.is_ready()
                && let Some(item) = outbox.next(now)
            {
                frames.push(wire::send(&item.room, &item.id, &item.text));
            }
            outbox.store(&mut self.effects, |time| self.clock.page_time(time));
        }
        for frame in frames {
            self.transmit(&frame);
        }
    }

    /// Asks for a wake-up in time for what is due next. One that is asked for already may come too early, never too late.
    fn arm(&mut self, now: u64) {
        if self.armed.is_some_and(|armed| armed <= now) {
            self.armed = None;
        }
        let due = [
            self.link.deadline(),
            self.answer_due(),
            self.subscription.reload_due(),
            self.outbox.deadline(self.subscription.is_ready()),
            self.elsewhere.deadline(self.subscription.is_ready()),
            self.people.deadline(),
            self.asides
                .deadline()
                .filter(|_| self.subscription.is_ready()),
        ]
        .into_iter()
        .flatten()
        .min();
        if let Some(due) = due
            && self.armed.is_none_or(|armed| due < armed)
        {
            self.armed = Some(due);
            self.effects.push(Effect::WakeAfter(Duration::from_millis(
                due.saturating_sub(now),
            )));
        }
    }

    /// Says what changed for the page.
    fn tell(&mut self) {
        let mut changes = std::mem::take(&mut self.changes);
        if changes.reset {
            (changes.appended, changes.prepended) = (0, 0);
        }
        let shown = (self.link.state(), self.timeline.older());
        changes.connection |= shown.0 != self.shown.0;
        changes.older |= shown.1 != self.shown.1;
        self.shown = shown;
        if changes != Changes::default() {
            self.effects.push(Effect::Changed(changes));
        }
    }
}
