//! People: who is in which room, who types, how far they have read, and what they have not.
//!
//! # Layout
//!
//! - `record`: what servers tell each other and the log keeps
//! - `presence`: who is in which room, pure
//! - `markers`: how far people have read, pure
//! - `unread`: what they have not, pure
//! - `feeds`: what subscriptions to `/user/queue/rooms` do not know yet, pure
//! - `listing`: what they are told then
//! - `running`: the thread that does what is due
//!
//! One lock holds all of it. Whoever holds it neither reads the store nor waits for anybody; the fold, which calls while it
//! holds its own, only leaves the news in a queue. Who typed when has a lock of its own, since every message looks there.

pub mod feeds;
mod listing;
pub mod markers;
pub mod presence;
pub mod record;
mod running;
pub mod unread;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytestring::ByteString;
use protocol::{Epoch, Message, RoomEvent, RoomName, Sender};

use self::feeds::Feeds;
use self::markers::Markers;
use self::presence::{Effect, Presence};
use self::record::{Marker, Passing, Said, VERSION};
use self::unread::Unread;
use crate::bridge::{SideProducer, SideReader};
use crate::hub::passing::{Ids, Passing as Listeners};
use crate::hub::{ConnectionId, Form, Outbox};
use crate::keys;

pub use presence::Timings;
pub use running::Running;

/// How often a person is told to type in a room at most.
const TYPING_EVERY: Duration = Duration::from_secs(3);
/// So many records of the log wait to be counted; when there are more, everything is counted from the store again.
const NEWS: usize = 8_192;

/// A subscription to `/user/queue/rooms`.
type FeedKey = (ConnectionId, ByteString);

/// The way to the client of such a subscription.
#[derive(Clone)]
struct FeedTo {
    form: Form,
    outbox: Arc<Outbox>,
}

/// The people of this server and, as far as it is told, of the others.
pub struct People {
    /// This run of the server, as others know it.
    server: String,
    state: Mutex<State>,
    news: Mutex<News>,
    /// When each person last typed in each room.
    typed: Mutex<HashMap<(RoomName, String), Instant>>,
    /// The life of the log that markers belong to, once it is known.
    epoch: OnceLock<Epoch>,
    /// The way to the other servers, once there is one.
    voice: OnceLock<SideProducer>,
}

struct State {
    presence: Presence,
    listeners: Listeners,
    markers: Markers,
    unread: Unread,
    feeds: Feeds<FeedKey, FeedTo>,
    ids: Ids,
}

/// What the fold has decided and nobody has looked at.
#[derive(Default)]
struct News {
    records: VecDeque<(RoomName, Arc<Message>)>,
    /// Whether some were left out.
    missed: bool,
}

impl Default for People {
    fn default() -> Self {
        // Without random numbers the process id and the time still tell runs apart.
        let server = keys::random_uid()
            .unwrap_or_else(|_| format!("{}-{}", std::process::id(), unix_milliseconds()));
        Self::new(server, Timings::default())
    }
}

impl People {
    /// Nobody is anywhere. The name tells this run of the server from every other.
    pub fn new(server: String, timings: Timings) -> Self {
        let state = State {
            presence: Presence::new(timings, Instant::now()),
            listeners: Listeners::new(&server),
            markers: Markers::default(),
            unread: Unread::default(),
            feeds: Feeds::default(),
            ids: Ids::new(&format!("{server}-r")),
        };
        Self {
            server,
            state: Mutex::new(state),
            news: Mutex::default(),
            typed: Mutex::default(),
            epoch: OnceLock::new(),
            voice: OnceLock::new(),
        }
    }

    /// A record has become visible in a room. Called by the fold: brief, and bounded.
    pub fn news(&self, room: &RoomName, message: &Arc<Message>) {
        let mut news = self.news.lock().unwrap_or_else(PoisonError::into_inner);
        if news.records.len() < NEWS {
            news.records.push_back((room.clone(), Arc::clone(message)));
        } else {
            news.missed = true;
        }
    }

    /// A subscription to a room's events begins. Its person is there from now on; it hears nothing before
    /// [`Self::listening`].
    pub fn listen(
        &self,
        room: &RoomName,
        form: Form,
        connection: ConnectionId,
        outbox: Arc<Outbox>,
        who: Option<&Sender>,
    ) {
        let mut state = self.state();
        let uid = who.map(|who| who.uid.clone());
        state.listeners.listen(room, form, connection, outbox, uid);
        if let Some(who) = who {
            state.presence.enter(room, who, Instant::now());
        }
    }

    /// The RECEIPT of such a subscription is on the way.
    pub fn listening(&self, room: &RoomName, form: &Form, connection: ConnectionId) {
        self.state().listeners.ready(room, form, connection);
    }

    /// A subscription to a room's events ends.
    pub fn leave(&self, room: &RoomName, form: &Form, connection: ConnectionId) {
        let mut state = self.state();
        if let Some(uid) = state.listeners.leave(room, form, connection) {
            state.presence.leave(room, &uid, Instant::now());
        }
    }

    /// A subscription to the list of rooms begins; it hears nothing before [`Self::watching`].
    pub fn watch(
        &self,
        id: &ByteString,
        form: Form,
        connection: ConnectionId,
        outbox: Arc<Outbox>,
        who: Option<Sender>,
    ) {
        let state = &mut *self.state();
        if let Some(who) = &who {
            state.unread.open(who, state.markers.of(&who.uid));
        }
        let to = FeedTo { form, outbox };
        state.feeds.open((connection, id.clone()), to, who);
    }

    /// The RECEIPT of such a subscription is on the way.
    pub fn watching(&self, id: &ByteString, connection: ConnectionId) {
        let now = Instant::now();
        self.state().feeds.ready(&(connection, id.clone()), now);
    }

    /// A subscription to the list of rooms ends.
    pub fn unwatch(&self, id: &ByteString, connection: ConnectionId) {
        let state = &mut *self.state();
        if let Some(who) = state.feeds.close(&(connection, id.clone())) {
            state.unread.close(&who.uid);
        }
    }

    /// Somebody types. What comes sooner than three seconds after the last time is swallowed, unless they spoke in between.
    pub fn types(&self, room: &RoomName, who: &Sender, now: Instant) {
        {
            let key = (room.clone(), who.uid.clone());
            let mut typed = self.typed();
            if typed.get(&key).is_some_and(|at| now - *at < TYPING_EVERY) {
                return;
            }
            typed.insert(key, now);
        }
        self.say(
            Some(room),
            Said::Typing {
                room: room.clone(),
                sender: who.clone(),
            },
        );
    }

    /// Somebody says what they typed: what they type next is news. Called for every message: brief.
    pub fn speaks(&self, room: &RoomName, who: &Sender) {
        self.typed().remove(&(room.clone(), who.uid.clone()));
    }

    /// Somebody has read a room up to this offset.
    pub fn has_read(&self, room: &RoomName, who: &Sender, offset: i64) {
        self.state().markers.wish(room, &who.uid, offset);
    }

    /// The offset up to which a person has read a room.
    pub fn read(&self, room: &RoomName, uid: &str) -> Option<i64> {
        self.state().markers.read(room, uid)
    }

    /// Tells the other servers.
    fn say(&self, room: Option<&RoomName>, said: Said) {
        if let Some(voice) = self.voice.get() {
            let server = self.server.clone();
            let passing = Passing {
                v: VERSION,
                server,
                said,
            };
            voice.pass(room, &record::write(&passing));
        }
    }

    /// Carries out what presence asks for.
    fn carry_out(&self, state: &mut State, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Tell(room, event) => state.listeners.tell(&room, &event),
                Effect::Publish(snapshot) => {
                    self.say(Some(&snapshot.room.clone()), Said::Presence(snapshot));
                }
            }
        }
    }

    fn typed(&self) -> MutexGuard<'_, HashMap<(RoomName, String), Instant>> {
        self.typed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic in between leaves at most one room's list out of date, which the next snapshot mends.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SideReader for People {
    fn passing(&self, value: &[u8]) {
        let passing = match serde_json::from_slice::<Passing>(value) {
            Ok(passing) if passing.v == VERSION => passing,
            // Another version's words, which are out of date soon anyway.
            _ => return,
        };
        let (now, own) = (Instant::now(), passing.server == self.server);
        let mut state = self.state();
        match passing.said {
            Said::Typing { room, sender } => {
                state.listeners.tell(&room, &RoomEvent::Typing { sender });
            }
            Said::Hello if !own => state.presence.asked(now),
            Said::Presence(snapshot) if !own => {
                state.presence.heard(&passing.server, snapshot, now);
            }
            Said::Hello | Said::Presence(_) => {}
        }
    }

    fn marker(&self, value: &[u8], at: i64) {
        let marker = match serde_json::from_slice::<Marker>(value) {
            // Offsets of another life of the log mean nothing.
            Ok(marker) if marker.v == VERSION && self.epoch.get() == Some(&marker.epoch) => marker,
            _ => return,
        };
        let Marker {
            room, uid, offset, ..
        } = marker;
        let state = &mut *self.state();
        let forward = state
            .markers
            .moved(&room, &uid, offset, at, unix_milliseconds());
        if forward && state.unread.read(&uid, &room, offset) {
            state.feeds.touched(&uid, &room);
        }
    }
}

/// The time for people, as markers in the log have it.
fn unix_milliseconds() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
