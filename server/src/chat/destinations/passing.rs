//! What is said in passing: subscriptions to a room's events and to the list of rooms, typing and read markers.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bytestring::ByteString;
use protocol::{Action, Destination, Position, RoomName, Sender, header};

use super::start::Wish;
use super::subscription::Receiver;
use super::{ChatDestinations, canonical, without_acknowledgement};
use crate::chat::rate::Bucket;
use crate::hub::Form;
use crate::people::People;
use crate::stomp::{Code, Progress, Refusal, SendRequest, SubscribeRequest};

/// How many read markers and words in passing a session may send per second in the long run, and at once.
const RATE: (u32, u32) = (10, 40);

/// What a session hears and says in passing.
pub(super) struct Passing {
    subscriptions: HashMap<ByteString, (Topic, Form)>,
    /// Those whose RECEIPT may not be on its way yet.
    fresh: Vec<ByteString>,
    /// Of its own, so that typing and reading leave the messages theirs.
    bucket: Bucket,
}

/// What a subscription hears.
enum Topic {
    Events(RoomName),
    Rooms,
}

impl Passing {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            subscriptions: HashMap::new(),
            fresh: Vec::new(),
            bucket: Bucket::new(RATE.0, RATE.1, now),
        }
    }

    /// Begins a subscription to a room's events.
    pub(super) fn listen(
        &mut self,
        room: RoomName,
        request: SubscribeRequest,
        to: &Receiver,
        person: Option<&Sender>,
        people: &People,
    ) -> Result<(), Refusal> {
        let room = canonical(room)?;
        let (id, form) = begin(request)?;
        people.listen(
            &room,
            form.clone(),
            to.connection,
            to.outbox.clone(),
            person,
        );
        self.insert(id, Topic::Events(room), form);
        Ok(())
    }

    /// Begins a subscription to the list of rooms.
    pub(super) fn watch(
        &mut self,
        request: SubscribeRequest,
        to: &Receiver,
        person: Option<&Sender>,
        people: &People,
    ) -> Result<(), Refusal> {
        let (id, form) = begin(request)?;
        let outbox = to.outbox.clone();
        people.watch(&id, form.clone(), to.connection, outbox, person.cloned());
        self.insert(id, Topic::Rooms, form);
        Ok(())
    }

    /// Nothing that was checked follows.
    pub(super) fn put_back(&mut self) {
        self.bucket.put_back();
    }

    fn insert(&mut self, id: ByteString, topic: Topic, form: Form) {
        self.fresh.push(id.clone());
        self.subscriptions.insert(id, (topic, form));
    }

    /// Lets new subscriptions hear: their RECEIPTs are on the way.
    pub(super) fn begin(&mut self, to: &Receiver, people: &People) {
        for id in self.fresh.drain(..) {
            match self.subscriptions.get(&id) {
                Some((Topic::Events(room), form)) => people.listening(room, form, to.connection),
                Some((Topic::Rooms, _)) => people.watching(&id, to.connection),
                None => {}
            }
        }
    }

    /// Ends a subscription, if it is one of these.
    pub(super) fn end(&mut self, id: &ByteString, to: &Receiver, people: &People) {
        match self.subscriptions.remove(id) {
            Some((Topic::Events(room), form)) => people.leave(&room, &form, to.connection),
            Some((Topic::Rooms, _)) => people.unwatch(id, to.connection),
            None => {}
        }
    }

    /// Ends every subscription.
    pub(super) fn end_all(&mut self, to: &Receiver, people: &People) {
        let all: Vec<_> = self.subscriptions.keys().cloned().collect();
        for id in all {
            self.end(&id, to, people);
        }
    }
}

impl ChatDestinations {
    /// Carries out a SEND of something that the room's log does not keep; none if it is another.
    pub(super) fn pass(
        &mut self,
        request: &SendRequest,
        now: Instant,
    ) -> Option<Result<Progress, Refusal>> {
        let said = match self.passing_said(request)? {
            Ok(said) => said,
            Err(refusal) => return Some(Err(refusal)),
        };
        let people = &self.chat.listeners.people;
        let bucket = &mut self.passing.bucket;
        match said {
            PassingSaid::Typing(room, person) => {
                // Nobody misses what is too much. What was put aside belongs to the read markers.
                if bucket.take(now).is_ok() {
                    people.types(&room, &person, now);
                }
            }
            PassingSaid::Read(room, person, offset) => match bucket.spend(now) {
                Ok(_) => people.has_read(&room, &person, offset),
                Err(wait) => return Some(Err(too_many_markers(wait))),
            },
        }
        Some(Ok(Progress::Done(stomp::Headers::new())))
    }

    /// Whether a SEND of something that the room's log does not keep would be taken, and follows; none if it is another.
    pub(super) fn check_passing(
        &mut self,
        request: &SendRequest,
        now: Instant,
    ) -> Option<Result<(), Refusal>> {
        let bucket = match self.passing_said(request)? {
            Ok(PassingSaid::Typing(..)) => return Some(Ok(())),
            Ok(PassingSaid::Read(..)) => &mut self.passing.bucket,
            Err(refusal) => return Some(Err(refusal)),
        };
        let paid = bucket.take(now).map_err(too_many_markers);
        Some(paid.map(|()| bucket.put_aside()))
    }

    fn passing_said(&self, request: &SendRequest) -> Option<Result<PassingSaid, Refusal>> {
        let Ok(Destination::ToRoom(room, action @ (Action::Typing | Action::Read))) =
            request.destination.parse()
        else {
            return None;
        };
        let said = canonical(room).and_then(|room| {
            let person = self.person.clone().ok_or_else(super::sending::nobody)?;
            if action == Action::Typing {
                return Ok(PassingSaid::Typing(room, person));
            }
            let offset = self.reference(request, &room)?;
            Ok(PassingSaid::Read(room, person, offset))
        });
        Some(said)
    }

    /// The offset of the message that `ref` names in this room.
    fn reference(&self, request: &SendRequest, room: &RoomName) -> Result<i64, Refusal> {
        let Some(reference) = request.headers.get(header::REF) else {
            return Err(Refusal::new(
                Code::MissingHeader,
                "Missing header",
                "a read marker needs a header 'ref': the position of the last message that was read",
            ));
        };
        let position: Option<Position> = reference.parse().ok();
        let head = self.chat.rooms.head(room);
        let found = position.zip(head).filter(|(position, head)| {
            (position.epoch, position.partition) == (head.epoch, head.partition)
                && (0..=head.offset).contains(&position.offset)
        });
        found.map(|(position, _)| position.offset).ok_or_else(|| {
            Refusal::new(
                Code::NoSuchMessage,
                "No such message",
                "'ref' is the position of a message of this room, as its message-id says it",
            )
        })
    }
}

fn too_many_markers(wait: Duration) -> Refusal {
    let detail = "too many read markers in a short time; send the latest in a moment";
    Refusal::new(Code::RateLimited, "Rate limited", detail).after(wait)
}

/// What a session says that the room's log does not keep.
enum PassingSaid {
    Typing(RoomName, Sender),
    Read(RoomName, Sender, i64),
}

/// Checks the form of such a subscription: nothing is kept, so there is nothing to acknowledge or to catch up with.
fn begin(request: SubscribeRequest) -> Result<(ByteString, Form), Refusal> {
    without_acknowledgement(&request)?;
    match Wish::of(&request)? {
        Wish::Live => {}
        Wish::Latest(_) | Wish::Recover { .. } => {
            return Err(Refusal::invalid_header(
                "events are not stored: subscribe without x-history and x-recover-*",
            ));
        }
    }
    let form = Form {
        subscription: request.named.then(|| request.id.clone()),
        version: request.version,
    };
    Ok((request.id, form))
}
