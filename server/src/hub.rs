//! Live fan-out: who follows which room on this server, and their outbound queues.
//!
//! A message is encoded once per form of subscription (id and version), and every follower's queue holds a handle to the
//! same bytes.

pub mod encode;
pub mod outbox;
pub mod passing;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use bytestring::ByteString;
use protocol::{Message, RoomName};

pub use encode::{Delivery, Form};
pub use outbox::{Outbox, Outgoing};

/// Names a connection on this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConnectionId(pub u64);

/// Followers of a room whose MESSAGE frames are the same, byte for byte.
type Followers = HashMap<ConnectionId, Arc<Outbox>>;

/// Who is to learn of what is said in a room.
#[derive(Default)]
struct Audience {
    forms: HashMap<Form, Followers>,
    /// Subscriptions that read by themselves, and only want to know when there is more.
    watchers: HashMap<(ConnectionId, ByteString), Arc<Outbox>>,
}

impl Audience {
    fn is_empty(&self) -> bool {
        self.forms.is_empty() && self.watchers.is_empty()
    }
}

/// Who follows which room on this server.
#[derive(Default)]
pub struct Hub {
    rooms: Mutex<HashMap<RoomName, Audience>>,
}

impl Hub {
    /// Delivers everything published from now on in this form to the connection.
    pub fn attach(
        &self,
        room: &RoomName,
        form: Form,
        connection: ConnectionId,
        outbox: Arc<Outbox>,
    ) {
        self.rooms()
            .entry(room.clone())
            .or_default()
            .forms
            .entry(form)
            .or_default()
            .insert(connection, outbox);
    }

    /// Nudges the connection's queue whenever something is published from now on.
    pub fn watch(
        &self,
        room: &RoomName,
        connection: ConnectionId,
        subscription: ByteString,
        outbox: Arc<Outbox>,
    ) {
        self.rooms()
            .entry(room.clone())
            .or_default()
            .watchers
            .insert((connection, subscription), outbox);
    }

    /// Stops delivery: nothing published from now on reaches the connection in this form.
    pub fn detach(&self, room: &RoomName, form: &Form, connection: ConnectionId) {
        self.change(room, |audience| {
            if let Some(followers) = audience.forms.get_mut(form) {
                followers.remove(&connection);
                if followers.is_empty() {
                    audience.forms.remove(form);
                }
            }
        });
    }

    /// Stops the nudges for a subscription.
    pub fn unwatch(&self, room: &RoomName, connection: ConnectionId, subscription: &ByteString) {
        let key = (connection, subscription.clone());
        self.change(room, |audience| drop(audience.watchers.remove(&key)));
    }

    /// Queues a message for every follower of its room.
    pub fn publish(&self, room: &RoomName, message: &Message) {
        let rooms = self.rooms();
        let Some(audience) = rooms.get(room) else {
            return;
        };
        for (form, followers) in &audience.forms {
            let frame = encode::message(room, message, form, Delivery::Live);
            for outbox in followers.values() {
                outbox.push(Outgoing::Frame(frame.clone()));
            }
        }
        for outbox in audience.watchers.values() {
            outbox.nudge();
        }
    }

    /// Changes who listens to a room, and forgets the room with its last listener.
    fn change(&self, room: &RoomName, change: impl FnOnce(&mut Audience)) {
        if let Entry::Occupied(mut entry) = self.rooms().entry(room.clone()) {
            change(entry.get_mut());
            if entry.get().is_empty() {
                entry.remove();
            }
        }
    }

    fn rooms(&self) -> std::sync::MutexGuard<'_, HashMap<RoomName, Audience>> {
        // A panic while the lock was held leaves no half-made change behind: every change is one insert or remove.
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::encode::tests::message;

    fn form(id: &str) -> Form {
        Form {
            subscription: Some(id.into()),
            version: stomp::Version::V1_2,
        }
    }

    #[test]
    fn followers_of_one_form_share_the_bytes() {
        let (hub, room) = (Hub::default(), "a".parse().unwrap());
        let outboxes: Vec<_> = (0..3).map(|_| Arc::new(Outbox::new(1 << 20))).collect();
        hub.attach(&room, form("s"), ConnectionId(0), outboxes[0].clone());
        hub.attach(&room, form("s"), ConnectionId(1), outboxes[1].clone());
        hub.attach(&room, form("t"), ConnectionId(2), outboxes[2].clone());
        hub.publish(&room, &message(7, Some(5)));
        let frames: Vec<_> = outboxes
            .iter()
            .map(|outbox| match &outbox.take().frames[..] {
                [Outgoing::Frame(frame)] => frame.clone(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(
            frames[0].as_ptr(),
            frames[1].as_ptr(),
            "one encoding for both"
        );
        assert_ne!(frames[0], frames[2]);
    }

    #[test]
    fn nothing_after_detach() {
        let (hub, room) = (Hub::default(), "a".parse().unwrap());
        let outbox = Arc::new(Outbox::new(1 << 20));
        hub.attach(&room, form("s"), ConnectionId(0), outbox.clone());
        hub.detach(&room, &form("other"), ConnectionId(0));
        hub.publish(&room, &message(1, None));
        hub.detach(&room, &form("s"), ConnectionId(0));
        hub.publish(&room, &message(2, Some(1)));
        assert_eq!(outbox.take().frames.len(), 1);
        assert!(hub.rooms().is_empty(), "an empty room is forgotten");
    }

    #[test]
    fn watchers_are_nudged_and_get_nothing() {
        let (hub, room) = (Hub::default(), "a".parse().unwrap());
        let outbox = Arc::new(Outbox::new(1 << 20));
        hub.watch(&room, ConnectionId(0), "s".into(), outbox.clone());
        hub.watch(&room, ConnectionId(0), "t".into(), outbox.clone());
        hub.publish(&room, &message(1, None));
        let batch = outbox.take();
        assert!(batch.nudged && batch.frames.is_empty());
        hub.unwatch(&room, ConnectionId(0), &"s".into());
        hub.unwatch(&room, ConnectionId(1), &"t".into());
        hub.publish(&room, &message(2, Some(1)));
        assert!(outbox.take().nudged, "the other one still watches");
        hub.unwatch(&room, ConnectionId(0), &"t".into());
        hub.publish(&room, &message(3, Some(2)));
        assert!(!outbox.take().nudged);
        assert!(hub.rooms().is_empty(), "an empty room is forgotten");
    }
}
