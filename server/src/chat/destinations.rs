//! What STOMP destinations mean in the chat, for one connection.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use bytestring::ByteString;
use protocol::destination::DestinationError;
use protocol::limits;
use protocol::{Destination, Epoch, Message, Position, RoomName, Sender, header};
use stomp::Headers;
use tokio::sync::mpsc;

use super::Chat;
use super::admission::admit;
use super::rate::Bucket;
use super::receipts::{Completion, Flight, Key, Outcome};
use crate::fold::Follow;
use crate::history::HistoryError;
use crate::hub::{ConnectionId, Delivery, Form, Outbox, Outgoing, encode};
use crate::keys;
use crate::names;
use crate::stomp::{
    CatchUp, Code, Credentials, Destinations, Progress, Pulled, Refusal, SendRequest,
    SubscribeRequest, Tag, Ticket, Verdict,
};

/// How many messages of a replay are queued at once; the next ones follow when these have been written.
const CHUNK: usize = 32;
/// From how many queued bytes on a replay waits: live messages and answers need the rest of the queue.
pub const REPLAY_BYTES: usize = 256 * 1024;

/// Who is at the other end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Visitor {
    /// A page of this server: its cookie says who it is. Without one, CONNECT may, for some programs send the Origin of a page.
    Browser(Option<Sender>),
    /// A program: its CONNECT says who it is.
    Program,
}

struct Subscription {
    room: RoomName,
    form: Form,
    /// Offset of the last message that was queued for it, until it follows live.
    behind: Option<Behind>,
}

impl Subscription {
    /// Queues the next part of the replay, or attaches to the live stream.
    fn advance(
        &mut self,
        chat: &Chat,
        connection: ConnectionId,
        outbox: &Arc<Outbox>,
    ) -> Result<CatchUp, HistoryError> {
        let Some(Behind { cursor, cut }) = self.behind else {
            return Ok(CatchUp::Done);
        };
        if chat.rooms.head(&self.room).map_or(-1, |head| head.offset) < cursor {
            return Ok(CatchUp::Wait);
        }
        // Gives the new cursor, and whether all were queued.
        let queue = |messages: &[Arc<Message>]| {
            let mut reached = cursor;
            for message in messages {
                if outbox.bytes() >= REPLAY_BYTES {
                    return (reached, false);
                }
                let delivery = Delivery::of(message, cut);
                let frame = encode::message(&self.room, message, &self.form, delivery);
                outbox.push(Outgoing::Frame(frame));
                reached = message.position.offset;
            }
            (reached, true)
        };
        let followed = chat.rooms.follow(&self.room, cursor, CHUNK, |rest| {
            let (reached, all) = queue(rest);
            if all {
                let hub = &chat.listeners.hub;
                hub.attach(
                    &self.room,
                    self.form.clone(),
                    connection,
                    Arc::clone(outbox),
                );
            }
            (reached, all)
        })?;
        let (cursor, attached) = match followed {
            Follow::Caught(end) => end,
            Follow::Behind(messages) => (queue(&messages).0, false),
        };
        if attached {
            self.behind = None;
            return Ok(CatchUp::Done);
        }
        self.behind = Some(Behind { cursor, cut });
        Ok(CatchUp::More)
    }
}

#[derive(Clone, Copy)]
struct Behind {
    cursor: i64,
    /// Messages up to here were there when the client subscribed.
    cut: i64,
}

/// The chat's destinations for one connection.
pub struct ChatDestinations {
    chat: Arc<Chat>,
    connection: ConnectionId,
    outbox: Arc<Outbox>,
    completions: mpsc::Sender<Completion>,
    visitor: Visitor,
    person: Option<Sender>,
    bucket: Bucket,
    subscriptions: HashMap<ByteString, Subscription>,
    /// Subscriptions to refusals; the first one gets them.
    replies: Vec<ByteString>,
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
        let (subscriptions, replies) = (HashMap::new(), Vec::new());
        Self {
            chat,
            connection,
            outbox,
            completions,
            visitor,
            person: None,
            bucket,
            subscriptions,
            replies,
        }
    }

    /// The extra headers of the RECEIPT for a SEND that ended well.
    pub fn receipt_headers(position: Position, duplicate: bool) -> Headers {
        let mut headers = Headers::new()
            .with("message-id", position.to_string())
            .with(header::EPOCH, position.epoch.to_string())
            .with(header::OFFSET, position.offset.to_string());
        if duplicate {
            headers.push(header::DUPLICATE, "true");
        }
        headers
    }

    fn subscribe_room(
        &mut self,
        room: RoomName,
        request: SubscribeRequest,
    ) -> Result<Headers, Refusal> {
        let wish = Wish::of(&request)?;
        let rooms = &self.chat.rooms;
        let epoch = rooms.epoch();
        let head = rooms.head(&room).map_or(-1, |head| head.offset);
        let mut headers = Headers::new()
            .with(header::EPOCH, epoch.to_string())
            .with(header::OFFSET, head.to_string());
        let cursor = match wish {
            Wish::Live => head,
            Wish::Latest(count) => {
                // Not the last page: it may end after the cut already.
                let page = rooms.before(&room, head + 1, count).map_err(unavailable)?;
                headers.push(header::REPLAY_COUNT, page.messages.len().to_string());
                page.messages
                    .first()
                    .map_or(head, |first| first.position.offset - 1)
            }
            Wish::Recover {
                epoch: known,
                offset,
            } => {
                let missing = rooms
                    .count_after(&room, offset, head, limits::RECOVER + 1)
                    .map_err(unavailable)?;
                let recovered = known == Some(epoch) && missing <= limits::RECOVER;
                headers.push(header::RECOVERED, recovered.to_string());
                headers.push(
                    header::REPLAY_COUNT,
                    if recovered { missing } else { 0 }.to_string(),
                );
                if recovered { offset } else { head }
            }
        };
        let form = Form {
            subscription: request.named.then(|| request.id.clone()),
            version: request.version,
        };
        let behind = Some(Behind { cursor, cut: head });
        self.subscriptions
            .insert(request.id, Subscription { room, form, behind });
        Ok(headers)
    }
}

impl Destinations for ChatDestinations {
    fn connect(&mut self, credentials: Credentials) -> Result<Headers, Refusal> {
        let guest = credentials.login.filter(|_| self.chat.settings.programs);
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
        let room = match request.destination.parse() {
            Ok(Destination::RoomSend(room)) => canonical(room)?,
            Ok(Destination::Room(_) | Destination::Replies) => {
                let detail =
                    "clients send to /app/rooms.ROOM.send; this destination is for subscriptions";
                return Err(Refusal::new(Code::Forbidden, "Access refused", detail));
            }
            Err(error) => return Err(unknown_destination(error)),
        };
        let Some(person) = self.person.clone() else {
            let detail =
                "say who you are first: choose a nickname on the page, or give a login in CONNECT";
            return Err(Refusal::new(Code::Forbidden, "Access refused", detail));
        };
        self.bucket.take(now).map_err(|wait| Refusal {
            retry_after: Some(wait),
            ..Refusal::new(
                Code::RateLimited,
                "Rate limited",
                "too many messages in a short time; wait a moment",
            )
        })?;
        let record = admit(room, person, &request.headers, &request.body, || {
            // Without random numbers the ticket still tells this session's messages apart.
            keys::random_uid().unwrap_or_else(|_| format!("{}-{}", self.connection.0, ticket.0))
        })?;
        let key = Key {
            room: record.room.clone(),
            uid: record.sender.uid.clone(),
            id: record.id.clone(),
        };
        if let Some(position) = self
            .chat
            .rooms
            .first_position(&key.room, &key.uid, &key.id)
            .map_err(unavailable)?
        {
            return Ok(Progress::Done(Self::receipt_headers(position, true)));
        }
        let receipts = &self.chat.listeners.receipts;
        if receipts.wait(key.clone(), ticket, self.completions.clone(), now) == Flight::First
            && let Err(refusal) = self.chat.produce(&record)
        {
            receipts.complete(&key, &Outcome::Refused(refusal));
        }
        Ok(Progress::Pending)
    }

    fn subscribe(&mut self, request: SubscribeRequest) -> Result<Headers, Refusal> {
        match request.destination.parse() {
            Ok(Destination::Room(room)) => self.subscribe_room(canonical(room)?, request),
            Ok(Destination::Replies) => {
                self.replies.push(request.id);
                Ok(Headers::new())
            }
            Ok(Destination::RoomSend(_)) => {
                let detail =
                    "clients subscribe to /topic/rooms.ROOM; this destination is for sending";
                Err(Refusal::new(Code::Forbidden, "Access refused", detail))
            }
            Err(error) => Err(unknown_destination(error)),
        }
    }

    fn unsubscribe(&mut self, id: &ByteString) {
        self.replies.retain(|own| own != id);
        if let Some(subscription) = self.subscriptions.remove(id) {
            self.chat
                .listeners
                .hub
                .detach(&subscription.room, &subscription.form, self.connection);
        }
    }

    /// A subscription that has nothing left to catch up with is attached to the live stream in the same step that proves
    /// it, so nothing is missed and nothing comes twice.
    fn catch_up(&mut self) -> Result<CatchUp, Refusal> {
        let mut state = CatchUp::Done;
        for subscription in self.subscriptions.values_mut() {
            // The replays of all subscriptions together would be more than the queue holds.
            if subscription.behind.is_some() && self.outbox.bytes() >= REPLAY_BYTES {
                return Ok(CatchUp::More);
            }
            let reached = subscription
                .advance(&self.chat, self.connection, &self.outbox)
                .map_err(unavailable)?;
            state = state.max(reached);
        }
        Ok(state)
    }

    fn check(&mut self, _: &SendRequest, _: Instant) -> Result<(), Refusal> {
        Ok(())
    }

    fn pull(&mut self, _: &ByteString, _: usize) -> Result<Vec<Pulled>, Refusal> {
        Ok(Vec::new())
    }

    fn settle(&mut self, _: &ByteString, _: Tag, _: Verdict) {}

    fn replies(&self) -> Option<ByteString> {
        self.replies.first().cloned()
    }
}

impl Drop for ChatDestinations {
    fn drop(&mut self) {
        for subscription in self.subscriptions.values() {
            self.chat
                .listeners
                .hub
                .detach(&subscription.room, &subscription.form, self.connection);
        }
    }
}

/// From where a client wants to receive.
enum Wish {
    /// From now on.
    Live,
    /// The latest so many, then live.
    Latest(usize),
    /// Everything after what it has, then live.
    Recover {
        /// None for an epoch that this server never writes.
        epoch: Option<Epoch>,
        offset: i64,
    },
}

impl Wish {
    fn of(request: &SubscribeRequest) -> Result<Self, Refusal> {
        let bad = |detail: &'static str| Refusal::new(Code::BadHeader, "Invalid header", detail);
        let (epoch, offset) = (
            request.headers.get(header::RECOVER_EPOCH),
            request.headers.get(header::RECOVER_OFFSET),
        );
        let wish = match (epoch, offset, request.headers.get(header::HISTORY)) {
            (None, None, None) => return Ok(Self::Live),
            (Some(epoch), Some(offset), None) => {
                let offset = offset.parse().ok().filter(|offset| *offset >= -1);
                Self::Recover {
                    epoch: epoch.parse().ok(),
                    offset: offset.ok_or_else(|| bad("x-recover-offset is a number from -1 on"))?,
                }
            }
            (None, None, Some(count)) => {
                let count = count.parse().ok().filter(|count| *count <= limits::RECOVER);
                Self::Latest(count.ok_or_else(|| bad("x-history is a number from 0 to 2000"))?)
            }
            _ => {
                return Err(bad(
                    "give x-recover-epoch and x-recover-offset together, or x-history alone",
                ));
            }
        };
        if !request.receipt {
            return Err(Refusal::new(
                Code::MissingHeader,
                "Missing header",
                "a SUBSCRIBE with recovery or history needs a receipt header",
            ));
        }
        Ok(wish)
    }
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
