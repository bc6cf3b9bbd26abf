//! Fan-out of what is said in passing in rooms: encoded once per form of subscription, bounded, and conflated: a connection
//! that cannot keep up is told the latest state when it can, and never cut off for it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use axum::extract::ws::Utf8Bytes;
use protocol::{Destination, RoomEvent, RoomName};

use super::{ConnectionId, Form, Outbox, Outgoing, encode};

/// From how many queued bytes on nothing is said in passing: messages and answers need the rest of the queue.
pub const PASSING_BYTES: usize = 64 * 1024;

/// Who listens to a room.
struct Listener {
    outbox: Arc<Outbox>,
    /// The person, who needs not hear that they type.
    uid: Option<String>,
    /// Whether they have been told how things stand, and everything since.
    current: bool,
}

type Key = (RoomName, Form, ConnectionId);

/// Who listens to what is said in passing in which room.
pub struct Passing {
    rooms: HashMap<RoomName, HashMap<Form, HashMap<ConnectionId, Listener>>>,
    /// Those who are to be told how things stand.
    behind: HashSet<Key>,
    ids: Ids,
}

/// Ids for MESSAGE frames that are in no log.
pub struct Ids {
    server: String,
    next: u64,
}

impl Ids {
    /// Ids that begin with this run of the server.
    pub fn new(server: &str) -> Self {
        Self {
            server: server.to_owned(),
            next: 0,
        }
    }

    /// The next id.
    pub fn fresh(&mut self) -> String {
        self.next += 1;
        format!("{}-p{}", self.server, self.next)
    }
}

impl Passing {
    /// Nobody listens. The name tells this run of the server from others.
    pub fn new(server: &str) -> Self {
        Self {
            rooms: HashMap::new(),
            behind: HashSet::new(),
            ids: Ids::new(server),
        }
    }

    /// Lets a subscription listen; it hears nothing before [`Self::ready`].
    pub fn listen(
        &mut self,
        room: &RoomName,
        form: Form,
        connection: ConnectionId,
        outbox: Arc<Outbox>,
        uid: Option<String>,
    ) {
        let listener = Listener {
            outbox,
            uid,
            current: false,
        };
        let forms = self.rooms.entry(room.clone()).or_default();
        forms.entry(form).or_default().insert(connection, listener);
    }

    /// Its RECEIPT is on the way: it is to be told how things stand.
    pub fn ready(&mut self, room: &RoomName, form: &Form, connection: ConnectionId) {
        self.behind.insert((room.clone(), form.clone(), connection));
    }

    /// Ends a subscription; gives the person who listened.
    pub fn leave(
        &mut self,
        room: &RoomName,
        form: &Form,
        connection: ConnectionId,
    ) -> Option<String> {
        self.behind
            .remove(&(room.clone(), form.clone(), connection));
        let forms = self.rooms.get_mut(room)?;
        let listeners = forms.get_mut(form)?;
        let listener = listeners.remove(&connection);
        if listeners.is_empty() {
            forms.remove(form);
        }
        if forms.is_empty() {
            self.rooms.remove(room);
        }
        listener?.uid
    }

    /// Tells everybody who listens to a room and knows how things stand.
    pub fn tell(&mut self, room: &RoomName, event: &RoomEvent) {
        let Some(forms) = self.rooms.get_mut(room) else {
            return;
        };
        let typist = match event {
            RoomEvent::Typing { sender } => Some(sender.uid.as_str()),
            _ => None,
        };
        let (json, id) = (json(event), self.ids.fresh());
        let destination = Destination::RoomEvents(room.clone());
        for (form, listeners) in forms {
            let frame = encode::passing(&destination, &id, json.clone(), form);
            for (connection, listener) in listeners {
                if !listener.current || (typist.is_some() && listener.uid.as_deref() == typist) {
                    continue;
                }
                let heard = listener
                    .outbox
                    .offer(Outgoing::Frame(frame.clone()), PASSING_BYTES);
                // That somebody types is out of date by the time there is room.
                if !heard && typist.is_none() {
                    listener.current = false;
                    self.behind
                        .insert((room.clone(), form.clone(), *connection));
                }
            }
        }
    }

    /// Tells those who do not know how things stand, as far as their queues have room.
    pub fn bring_up_to_date(&mut self, state: impl Fn(&RoomName) -> Vec<RoomEvent>) {
        let mut encoded: HashMap<(RoomName, Form), Vec<Utf8Bytes>> = HashMap::new();
        let (rooms, ids) = (&mut self.rooms, &mut self.ids);
        self.behind.retain(|(room, form, connection)| {
            let listener = rooms
                .get_mut(room)
                .and_then(|forms| forms.get_mut(form)?.get_mut(connection));
            let Some(listener) = listener else {
                return false;
            };
            let frames = encoded
                .entry((room.clone(), form.clone()))
                .or_insert_with(|| {
                    let destination = Destination::RoomEvents(room.clone());
                    let frame =
                        |event| encode::passing(&destination, &ids.fresh(), json(&event), form);
                    state(room).into_iter().map(frame).collect()
                });
            let mut frames = frames.iter();
            listener.current = frames.all(|frame| {
                listener
                    .outbox
                    .offer(Outgoing::Frame(frame.clone()), PASSING_BYTES)
            });
            !listener.current
        });
    }
}

/// An event as JSON; texts and numbers cannot fail to be written.
fn json(event: &RoomEvent) -> String {
    serde_json::to_string(event).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use protocol::Sender;

    use super::*;

    fn form(id: &str) -> Form {
        Form {
            subscription: Some(id.into()),
            version: stomp::Version::V1_2,
        }
    }

    fn typing(uid: &str) -> RoomEvent {
        RoomEvent::Typing {
            sender: Sender {
                uid: uid.to_owned(),
                name: "n".to_owned(),
            },
        }
    }

    fn read(offset: i64) -> RoomEvent {
        RoomEvent::Read {
            offsets: vec![offset],
        }
    }

    fn texts(outbox: &Outbox) -> Vec<Utf8Bytes> {
        let frames = outbox.take().frames.into_iter();
        let text = |outgoing| match outgoing {
            Outgoing::Frame(text) => text,
            other => panic!("{other:?}"),
        };
        frames.map(text).collect()
    }

    struct Scene {
        passing: Passing,
        room: RoomName,
        outboxes: Vec<Arc<Outbox>>,
    }

    fn three_listeners() -> Scene {
        let (mut passing, room) = (Passing::new("s"), "a".parse().unwrap());
        let outboxes: Vec<_> = (0..3).map(|_| Arc::new(Outbox::new(1 << 20))).collect();
        for (number, id) in [(0, "s"), (1, "s"), (2, "t")] {
            let outbox = Arc::clone(&outboxes[number]);
            let connection = ConnectionId(number as u64);
            passing.listen(
                &room,
                form(id),
                connection,
                outbox,
                Some(format!("u{number}")),
            );
            passing.ready(&room, &form(id), connection);
        }
        Scene {
            passing,
            room,
            outboxes,
        }
    }

    #[test]
    fn first_how_things_stand_and_then_what_happens_in_shared_bytes() {
        let Scene {
            mut passing,
            room,
            outboxes,
        } = three_listeners();
        passing.tell(&room, &read(1));
        assert!(
            texts(&outboxes[0]).is_empty(),
            "not before it knows how things stand"
        );
        passing.bring_up_to_date(|_| vec![read(1)]);
        passing.tell(&room, &read(2));
        let frames: Vec<_> = outboxes.iter().map(|outbox| texts(outbox)).collect();
        for frame in &frames {
            assert!(
                frame[0].contains("[1]") && frame[1].contains("[2]"),
                "{frame:?}"
            );
        }
        assert_eq!(frames[0][0].as_ptr(), frames[1][0].as_ptr());
        assert_eq!(frames[0][1].as_ptr(), frames[1][1].as_ptr());
        let id = frames[2][0].lines().nth(2).unwrap();
        assert!(id.starts_with("message-id:s-p"), "{id}");
        let expected = format!(
            "MESSAGE\nsubscription:t\n{id}\ndestination:/topic/rooms.a.events\ncontent-type:application/json\n\
             content-length:29\n\n{{\"type\":\"read\",\"offsets\":[1]}}\0"
        );
        assert_eq!(frames[2][0].as_str(), expected);
        passing.bring_up_to_date(|_| vec![read(9)]);
        assert!(texts(&outboxes[0]).is_empty(), "nobody lacks anything");
    }

    #[test]
    fn the_typist_is_not_told() {
        let Scene {
            mut passing,
            room,
            outboxes,
        } = three_listeners();
        passing.bring_up_to_date(|_| Vec::new());
        passing.tell(&room, &typing("u1"));
        let heard = outboxes.iter().map(|outbox| texts(outbox).len());
        assert_eq!(heard.collect::<Vec<_>>(), [1, 0, 1]);
    }

    #[test]
    fn who_cannot_keep_up_gets_the_latest_state_and_stays() {
        let Scene {
            mut passing,
            room,
            outboxes,
        } = three_listeners();
        passing.bring_up_to_date(|_| Vec::new());
        outboxes[0].push(Outgoing::Frame("x".repeat(PASSING_BYTES).into()));
        for offset in 0..1_000 {
            passing.tell(&room, &read(offset));
        }
        passing.tell(&room, &typing("u1"));
        passing.bring_up_to_date(|_| vec![read(999)]);
        assert_eq!(outboxes[0].take().frames.len(), 1, "still no room");
        passing.bring_up_to_date(|_| vec![read(999)]);
        let frames = texts(&outboxes[0]);
        assert_eq!(frames.len(), 1);
        assert!(frames[0].contains("[999]"));
        passing.tell(&room, &read(1_000));
        assert!(texts(&outboxes[0])[0].contains("[1000]"), "and goes on");
        assert!(!outboxes[1].take().overflowed);
    }

    #[test]
    fn nothing_after_the_end() {
        let Scene {
            mut passing,
            room,
            outboxes,
        } = three_listeners();
        assert_eq!(
            passing.leave(&room, &form("s"), ConnectionId(0)).as_deref(),
            Some("u0")
        );
        passing.bring_up_to_date(|_| vec![read(1)]);
        passing.tell(&room, &read(2));
        assert!(texts(&outboxes[0]).is_empty());
        for (id, connection) in [("s", 1), ("t", 2)] {
            passing.leave(&room, &form(id), ConnectionId(connection));
        }
        assert!(passing.rooms.is_empty() && passing.behind.is_empty());
    }
}
