//! The thread that does what is due: presence told and forgotten, markers written, lists of rooms told.

use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use protocol::RoomName;

use super::record::{self, Marker, Said, VERSION};
use super::{People, TYPING_EVERY, unix_milliseconds};
use crate::bridge::{Log, Side, StartError};
use crate::fold::Rooms;

/// How often it is looked what is due.
const TICK: Duration = Duration::from_millis(100);
/// How often what people have not read is counted and told.
const FEED: Duration = Duration::from_millis(250);

/// The people at work.
pub struct Running {
    people: Arc<People>,
    side: Side,
    stop: mpsc::SyncSender<()>,
    thread: JoinHandle<()>,
}

impl People {
    /// Begins to talk with the other servers; returns when every read marker in the log is known.
    pub async fn start(self: Arc<Self>, log: &Log) -> Result<Running, StartError> {
        // The only calls: a second one would be a bug, and what was set first would stay.
        let _ = self.epoch.set(log.rooms.epoch());
        let side = log.side(Arc::clone(&self) as _).await?;
        let _ = self.voice.set(side.producer());
        self.say(None, Said::Hello);
        let (stop, stopped) = mpsc::sync_channel(1);
        let (rooms, connected) = (Arc::clone(&log.rooms), log.watch_connection());
        let worker = Arc::clone(&self);
        let thread = thread::Builder::new()
            .name("people".to_owned())
            .spawn(move || worker.work(&rooms, connected, &stopped))?;
        Ok(Running {
            people: self,
            side,
            stop,
            thread,
        })
    }

    fn work(&self, rooms: &Rooms, connected: impl Fn() -> bool, stopped: &mpsc::Receiver<()>) {
        let mut fed = Instant::now();
        let mut complained = false;
        // Until the sender says so, or is gone.
        while matches!(
            stopped.recv_timeout(TICK),
            Err(mpsc::RecvTimeoutError::Timeout)
        ) {
            let now = Instant::now();
            self.tick(now, connected());
            if now.duration_since(fed) < FEED {
                continue;
            }
            fed = now;
            match self.feed(rooms, now) {
                Ok(()) => complained = false,
                Err(error) if !std::mem::replace(&mut complained, true) => {
                    tracing::error!(%error, "what people have not read cannot be counted");
                }
                Err(_) => {}
            }
        }
    }

    /// Does what is due by now, but for the lists of rooms.
    fn tick(&self, now: Instant, connected: bool) {
        let state = &mut *self.state();
        if !connected {
            state.presence.deaf(now);
        }
        let effects = state.presence.tick(now);
        self.carry_out(state, effects);
        let today = unix_milliseconds();
        for room in state.markers.due(now) {
            let event = state.markers.known(&room, today);
            state.listeners.tell(&room, &event);
        }
        let (presence, markers) = (&state.presence, &state.markers);
        let stand = |room: &RoomName| vec![presence.known(room), markers.known(room, today)];
        state.listeners.bring_up_to_date(stand);
        self.typed().retain(|_, at| now - *at < TYPING_EVERY);
        if let (Some(epoch), Some(voice)) = (self.epoch.get(), self.voice.get()) {
            for ((room, uid), offset) in state.markers.take_wishes() {
                let marker = Marker {
                    v: VERSION,
                    room,
                    uid,
                    epoch: *epoch,
                    offset,
                };
                voice.mark(&marker.room, &marker.uid, &record::write(&marker));
            }
        }
    }
}

impl Running {
    /// Says goodbye to the other servers, who keep this server's people for a while, and stops.
    pub async fn shutdown(self) {
        let Self {
            people,
            side,
            stop,
            thread,
        } = self;
        drop(stop);
        let ended = tokio::task::spawn_blocking(move || thread.join());
        if !matches!(ended.await, Ok(Ok(()))) {
            tracing::error!("the thread for people has panicked");
        }
        let last_words = people.state().presence.goodbye();
        for snapshot in last_words {
            people.say(Some(&snapshot.room.clone()), Said::Presence(snapshot));
        }
        side.shutdown().await;
    }
}
