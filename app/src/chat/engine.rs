//! Ties the parts together: takes events, keeps time, and says what is to be done.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use protocol::{Epoch, HistoryPage, Message, RoomName, RoomSummary, Sender, folding};

use super::asides::Asides;
use super::backoff::Jitter;
use super::clock::Clock;
use super::connection::{Connection, Link};
use super::event::{Changes, Effect, Event, PageRequest, Passing};
use super::listing::Listing;
use super::outbox::{ComposeError, Composition, Entry, Outbox, Pending};
use super::people::People;
use super::subscription::{Purpose, Subscription};
use super::timeline::{Beyond, Place, Timeline, apply};
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
    /// The connection and what lies beyond the rows as the page knows them.
    shown: (Connection, Beyond, Beyond),
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
            shown: (Connection::Connecting, timeline.older(), timeline.newer()),
            timeline,
            armed: None,
            changes: Changes::default(),
            effects: Vec::new(),
        }
    }

    /// The rows of the room in the order of the log: contiguous, with all that the stream made of them.
    pub fn rows(&self) -> &[Arc<Message>] {
        self.timeline.rows()
    }

    /// Some of the rows as they will be once the room has what was composed here.
    pub fn expected(&self, range: Range<usize>) -> Cow<'_, [Arc<Message>]> {
        let mut rows = Cow::Borrowed(self.rows().get(range).unwrap_or_default());
        if let Some(me) = &self.me {
            let records = self.pending().iter().filter_map(|item| item.record(me));
            for record in records {
                apply(rows.to_mut(), &record, &[]);
            }
        }
        rows
    }

    /// What came by the stream, the latest last: as many records as are remembered.
    pub fn heard(&self) -> impl DoubleEndedIterator<Item = &Arc<Message>> {
        self.timeline.heard()
    }

    /// Whether there are rows before the first one.
    pub fn older(&self) -> Beyond {
        self.timeline.older()
    }

    /// Whether there are rows behind the last one: not unless the reader was at old messages.
    pub fn newer(&self) -> Beyond {
        self.timeline.newer()
    }

    /// What was composed here and the room does not have yet, in the order of sending.
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

    /// Takes what is to be sent. `now_ms` is as in [`handle`](Self::handle); `random` comes from the system's generator and
    /// becomes part of its id.
    ///
    /// # Errors
    ///
    /// The text was not taken and should stay where it was typed.
    pub fn compose(
        &mut self,
        now_ms: u64,
        composition: Composition,
        random: [u8; 10],
    ) -> Result<Vec<Effect>, ComposeError> {
        let now = self.clock.advance(now_ms);
        self.outbox
            .compose(now, now_ms, &self.room, composition, random)?;
        self.quote_in_outbox();
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
            Event::Fetched { request, page } => self.fetched(now, request, page),
            Event::FetchFailed { request } => {
                self.changes.missed |= self.timeline.failed(request);
                if request == PageRequest::Latest {
                    self.subscription.reload_failed(now, &mut self.jitter);
                }
            }
            Event::LoadOlder => {
                let request = self.timeline.load_older();
                self.effects.extend(request.map(Effect::Fetch));
            }
            Event::LoadNewer => {
                let request = self.timeline.load_newer();
                self.effects.extend(request.map(Effect::Fetch));
            }
            Event::GoToLatest => self.jump(PageRequest::Latest),
            Event::GoTo(position) => self.jump(PageRequest::Around(position)),
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

    /// Takes a page of the history that was asked for.
    fn fetched(&mut self, now: u64, request: PageRequest, page: HistoryPage) {
        match request {
            PageRequest::Latest => self.reloaded(now, page),
            PageRequest::Before(position) => {
                let count = self.timeline.prepend(position, page);
                self.changes.prepended += count;
                self.meet_own(count);
            }
            PageRequest::Newer(position) => {
                let count = self.timeline.append(position, page);
                self.changes.appended += count;
                self.meet_own(self.timeline.rows().len());
            }
            PageRequest::Around(_) => self.jumped(request, page),
        }
    }

    /// Takes over what an earlier page or another tab left.
    fn adopt(&mut self, now: u64, now_ms: u64, entries: Vec<Entry>) {
        for entry in entries {
            if entry.room != self.room {
                self.elsewhere.adopt(entry, now, now_ms);
            } else if entry.failure.is_some()
                && let Some(target) = entry.composition.changes()
                && self.timeline.row(target).is_none()
            {
                // It has no row on which somebody could read that it failed, and try it again or discard it.
                self.effects.push(Effect::Forget { id: entry.id });
            } else {
                self.outbox.adopt(entry, now, now_ms);
            }
        }
        self.quote_in_outbox();
        self.meet_own(self.timeline.rows().len());
    }

    /// Answers show what they answer from the start, where it is known.
    fn quote_in_outbox(&mut self) {
        self.outbox
            .quote(|position| self.timeline.row(position).map(|row| folding::quote(row)));
    }

    fn jump(&mut self, request: PageRequest) {
        let request = self.timeline.jump(request);
        self.effects.push(Effect::Fetch(request));
    }

    /// The rows came that the reader wanted to see.
    fn jumped(&mut self, request: PageRequest, page: HistoryPage) {
        if let Some(shown) = self.timeline.jumped(request, page) {
            self.changes.reset |= shown;
            self.changes.missed |= !shown;
            self.meet_own(self.timeline.rows().len());
        }
    }

    /// The latest page came: in place of rows that cannot be continued, or because the reader wants to see it.
    fn reloaded(&mut self, now: u64, page: HistoryPage) {
        if !self.subscription.reloaded() {
            return self.jumped(PageRequest::Latest, page);
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
                frames.push(item.frame());
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
        let shown = (
            self.link.state(),
            self.timeline.older(),
            self.timeline.newer(),
        );
        changes.connection |= shown.0 != self.shown.0;
        changes.beyond |= (shown.1, shown.2) != (self.shown.1, self.shown.2);
        self.shown = shown;
        if changes != Changes::default() {
            self.effects.push(Effect::Changed(changes));
        }
    }
}
