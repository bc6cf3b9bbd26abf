//! What STOMP destinations mean in the chat, for one connection.
//!
//! # Layout
//!
//! - `passing`: typing, read markers, and who wants to hear of such
//! - `sending`: SEND to a room
//! - `start`: from where a subscription starts
//! - `subscription`: the cursor that it is from then on

mod passing;
mod sending;
mod start;
mod subscription;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use bytestring::ByteString;
use protocol::destination::DestinationError;
use protocol::{Destination, RoomName, Sender, header};
use stomp::Headers;
use tokio::sync::mpsc;

use self::passing::Passing;
use self::start::{Start, Wish};
pub use self::subscription::REPLAY_BYTES;
use self::subscription::{Receiver, Subscription};
use super::Chat;
use super::rate::Bucket;
use super::receipts::Completion;
use crate::history::HistoryError;
use crate::hub::{ConnectionId, Outbox};
use crate::names;
use crate::stomp::{
    AckMode, CatchUp, Code, Credentials, Destinations, Progress, Pulled, Refusal, SendRequest,
    SubscribeRequest, Tag, Ticket, Verdict,
};

/// Who is at the other end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Visitor {
    /// A page of this server: its cookie says who it is. Without one, CONNECT may, for some programs send the Origin of a page.
    Browser(Option<Sender>),
    /// A program: its CONNECT says who it is.
    Program,
}

/// The chat's destinations for one connection.
pub struct ChatDestinations {
    chat: Arc<Chat>,
    to: Receiver,
    completions: mpsc::Sender<Completion>,
    visitor: Visitor,
    person: Option<Sender>,
    bucket: Bucket,
    /// Subscriptions to rooms.
    subscriptions: HashMap<ByteString, Subscription>,
    /// Subscriptions to refusals; the first one gets them.
    replies: Vec<ByteString>,
    passing: Passing,
}

impl ChatDestinations {
    /// The destinations of a new connection. `completions` needs room for every SEND that the session may have open.
    pub fn new(
        chat: Arc<Chat>,
        connection: ConnectionId,
        visitor: Visitor,
        outbox: Arc<Outbox>,
        completions: mpsc::Sender<Completion>,
        now: Instant,
    ) -> Self {
        let bucket = Bucket::new(chat.settings.rate_per_second, chat.settings.rate_burst, now);
        Self {
            chat,
            to: Receiver { connection, outbox },
            completions,
            visitor,
            person: None,
            bucket,
            subscriptions: HashMap::new(),
            replies: Vec::new(),
            passing: Passing::new(now),
        }
    }

    /// Where a SEND of a transaction is refused, none of it follows: no token stays aside for what comes later.
    fn or_nothing_follows<T>(&mut self, outcome: Result<T, Refusal>) -> Result<T, Refusal> {
        if outcome.is_err() {
            self.bucket.put_back();
            self.passing.put_back();
        }
        outcome
    }

    fn subscribe_room(
        &mut self,
        room: RoomName,
        request: SubscribeRequest,
    ) -> Result<Headers, Refusal> {
        let wish = Wish::of(&request)?;
        let start = Start::find(&self.chat.rooms, &room, &wish).map_err(unavailable)?;
        if let Some((result, replayed)) = start.recovery {
            let metrics = &self.chat.listeners.metrics;
            metrics.recoveries.add(result);
            metrics.replayed.inc_by(replayed as u64);
        }
        let id = request.id.clone();
        let hub = &self.chat.listeners.hub;
        let subscription = Subscription::new(room, request, &start, &self.to, hub);
        self.subscriptions.insert(id, subscription);
        Ok(start.headers)
    }
}

impl Destinations for ChatDestinations {
    fn connect(&mut self, credentials: Credentials) -> Result<Headers, Refusal> {
        // Clients that ask for a login and get none often send an empty one.
        let guest = credentials
            .login
            .filter(|login| !login.is_empty() && self.chat.settings.programs);
        self.person = match (&self.visitor, guest) {
            (Visitor::Browser(Some(person)), _) => Some(person.clone()),
            (_, Some(login)) => Some(
                self.chat
                    .guest(&login, credentials.passcode.as_deref().unwrap_or_default())?,
            ),
            (Visitor::Program, None) if !self.chat.settings.programs => {
                let detail = "this server lets people in by the page only; its operator can allow programs with MARU_PROGRAMS=true";
                return Err(Refusal::new(
                    Code::InvalidCredentials,
                    "Bad CONNECT",
                    detail,
                ));
            }
            (_, None) => None,
        };
        Ok(self.person.as_ref().map_or_else(Headers::new, |person| {
            Headers::new()
                .with("user-name", person.name.as_str())
                .with(header::SENDER, person.uid.as_str())
        }))
    }

    fn send(
        &mut self,
        request: SendRequest,
        ticket: Ticket,
        now: Instant,
    ) -> Result<Progress, Refusal> {
        let taken = match self.pass(&request, now) {
            Some(passed) => passed,
            None => self.speak(&request, ticket, now),
        };
        self.or_nothing_follows(taken)
    }

    fn check(&mut self, request: &SendRequest, now: Instant) -> Result<(), Refusal> {
        let checked = match self.check_passing(request, now) {
            Some(checked) => checked,
            None => self.prepay(request, now),
        };
        self.or_nothing_follows(checked)
    }

    fn subscribe(&mut self, request: SubscribeRequest) -> Result<Headers, Refusal> {
        match request.destination.parse() {
            Ok(Destination::Room(room)) => self.subscribe_room(canonical(room)?, request),
            Ok(Destination::RoomEvents(room)) => {
                let person = self.person.as_ref();
                self.passing.listen(
                    room,
                    request,
                    &self.to,
                    person,
                    &self.chat.listeners.people,
                )?;
                Ok(Headers::new())
            }
            Ok(Destination::Rooms) => {
                let person = self.person.as_ref();
                self.passing
                    .watch(request, &self.to, person, &self.chat.listeners.people)?;
                Ok(Headers::new())
            }
            Ok(Destination::Replies) => {
                without_acknowledgement(&request)?;
                self.replies.push(request.id);
                Ok(Headers::new())
            }
            Ok(Destination::ToRoom(..)) => {
                let detail =
                    "clients subscribe to /topic/rooms.ROOM; this destination is for sending";
                Err(Refusal::new(Code::Forbidden, "Access refused", detail))
            }
            Err(error) => Err(unknown_destination(error)),
        }
    }

    fn unsubscribe(&mut self, id: &ByteString) {
        self.replies.retain(|own| own != id);
        self.passing.end(id, &self.to, &self.chat.listeners.people);
        if let Some(subscription) = self.subscriptions.remove(id) {
            subscription.end(self.to.connection, &self.chat.listeners.hub);
        }
    }

    fn catch_up(&mut self) -> Result<CatchUp, Refusal> {
        self.passing.begin(&self.to, &self.chat.listeners.people);
        let mut state = CatchUp::Done;
        for subscription in self.subscriptions.values_mut() {
            // The replays of all subscriptions together would be more than the queue holds.
            if subscription.is_behind() && self.to.outbox.bytes() >= REPLAY_BYTES {
                return Ok(CatchUp::More);
            }
            let reached = subscription
                .advance(&self.chat, &self.to)
                .map_err(unavailable)?;
            state = state.max(reached);
        }
        Ok(state)
    }

    fn pull(&mut self, id: &ByteString, limit: usize) -> Result<Vec<Pulled>, Refusal> {
        match self.subscriptions.get_mut(id) {
            Some(subscription) => subscription
                .pull(&self.chat.rooms, limit)
                .map_err(unavailable),
            None => Ok(Vec::new()),
        }
    }

    /// The log keeps what was said whatever a client thinks of it: ACK moves the window on, and NACK brings nothing back.
    fn settle(&mut self, id: &ByteString, tag: Tag, verdict: Verdict) {
        if verdict == Verdict::Nack
            && let Some(subscription) = self.subscriptions.get(id)
        {
            tracing::debug!(connection = self.to.connection.0, room = %subscription.room(), offset = tag.0, "a client refused a message");
        }
    }

    fn replies(&self) -> Option<ByteString> {
        self.replies.first().cloned()
    }
}

impl Drop for ChatDestinations {
    fn drop(&mut self) {
        self.passing.end_all(&self.to, &self.chat.listeners.people);
        for subscription in self.subscriptions.values() {
            subscription.end(self.to.connection, &self.chat.listeners.hub);
        }
    }
}

/// Notices and events are said once; nobody keeps them for a client that might not acknowledge them.
fn without_acknowledgement(request: &SubscribeRequest) -> Result<(), Refusal> {
    if request.ack == AckMode::Auto {
        return Ok(());
    }
    Err(Refusal::new(
        Code::BadAck,
        "Invalid header",
        format!(
            "what comes from {} needs no acknowledgement: subscribe with ack:auto, or without 'ack'",
            request.destination
        ),
    ))
}

/// STOMP clients name rooms in the one spelling, too: another would be another key in the log.
fn canonical(room: RoomName) -> Result<RoomName, Refusal> {
    match names::room_name(room.as_str()) {
        Ok(spelled) if spelled == room => Ok(room),
        Ok(spelled) => Err(Refusal::new(
            Code::UnknownDestination,
            "Invalid destination",
            format!("this room is spelled {spelled}"),
        )),
        Err(error) => Err(Refusal::new(
            Code::UnknownDestination,
            "Invalid destination",
            error.to_string(),
        )),
    }
}

fn unknown_destination(error: DestinationError) -> Refusal {
    let message = match error {
        DestinationError::Unknown => "Unknown destination",
        DestinationError::Room(_) => "Invalid destination",
    };
    Refusal::new(Code::UnknownDestination, message, error.to_string())
}

fn unavailable(error: HistoryError) -> Refusal {
    tracing::error!(%error, "history cannot be read");
    Refusal::new(
        Code::Unavailable,
        "Unavailable",
        "this server cannot read its history at the moment; try again later",
    )
}
