//! STOMP frames to the server and what the server's frames mean to the engine.

use bytes::Bytes;
use protocol::{
    Action, Destination, Epoch, Folded, Kind, Message, Position, Quote, RoomName, Sender, header,
};
use serde_json::Map;
use stomp::{Command, Decoder, Frame, HeartBeat, Item, Limits, Version};

use super::event::Refusal;
use super::outbox::Composition;
use super::timeline::Place;

/// The id of the room's subscription: the same in every page, so that the server encodes a message once for all of them.
const ROOM: &str = "room";
/// The id of the subscription to this session's own replies.
const REPLIES: &str = "replies";
/// The id of the subscription to what is said of the room's people.
const EVENTS: &str = "events";
/// The id of the subscription to how all rooms stand.
const ROOMS: &str = "rooms";
/// The server is asked to send something every ten seconds. Browsers cannot keep time in hidden tabs, so nothing is offered.
const HEART_BEAT: HeartBeat = HeartBeat {
    sends: 0,
    wants: 10_000,
};
/// Most bytes of a frame: a message, and whatever headers other programs may add to it.
const FRAME_BYTES: usize = 1024 * 1024;

/// A frame of the server.
#[derive(Debug, PartialEq)]
pub(super) enum Incoming {
    /// The session is open; the server sends something every so many milliseconds, or makes no promise.
    Connected { heart_beat: Option<u64> },
    /// A message of the room.
    Message(Message),
    /// JSON about people or rooms, said in passing.
    Passing(String),
    /// A SEND was refused, and the connection goes on.
    Refused { id: String, notice: Notice },
    /// A frame was carried out.
    Receipt(Receipt),
    /// The server ends the connection. `receipt` names the frame that it did not like.
    Error {
        receipt: Option<String>,
        notice: Notice,
    },
    /// Nothing that this version knows of.
    Other,
}

/// What a RECEIPT says.
#[derive(Debug, PartialEq)]
pub(super) struct Receipt {
    /// What was carried out: a message id, or what [`subscription_receipt`] gave.
    pub(super) id: String,
    /// Where the message stands, or where the subscription's replay ends.
    pub(super) place: Option<Place>,
    /// Whether the replay closes the gap.
    pub(super) recovered: bool,
}

/// Why something was refused, and whether the same may succeed later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Notice {
    pub(super) refusal: Refusal,
    pub(super) retryable: bool,
    /// In milliseconds.
    pub(super) retry_after: Option<u64>,
}

/// A frame of the server that lacks what the protocol promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// Opens the session.
pub(super) fn connect(host: &str) -> Frame {
    Frame::new(Command::Connect)
        .with("accept-version", "1.2")
        .with("host", host)
        .with("heart-beat", HEART_BEAT.to_string())
}

/// Listens to refusals: only then does the server keep the connection after one.
pub(super) fn subscribe_replies() -> Frame {
    subscribe(REPLIES, &Destination::Replies)
}

/// Listens to what is said of the room's people.
pub(super) fn subscribe_events(room: &RoomName) -> Frame {
    subscribe(EVENTS, &Destination::RoomEvents(room.clone()))
}

/// Listens to how all rooms stand.
pub(super) fn subscribe_rooms() -> Frame {
    subscribe(ROOMS, &Destination::Rooms)
}

fn subscribe(id: &'static str, destination: &Destination) -> Frame {
    Frame::new(Command::Subscribe)
        .with("id", id)
        .with("destination", destination.to_string())
}

/// Follows the room from `head` on.
pub(super) fn subscribe_room(room: &RoomName, head: Place, receipt: String) -> Frame {
    Frame::new(Command::Subscribe)
        .with("id", ROOM)
        .with("destination", Destination::Room(room.clone()).to_string())
        .with("receipt", receipt)
        .with(header::RECOVER_EPOCH, head.epoch.to_string())
        .with(header::RECOVER_OFFSET, head.offset.to_string())
}

/// The receipt of the connection's `serial`-th subscription to the room.
pub(super) fn subscription_receipt(serial: u64) -> String {
    format!("{ROOM}-{serial}")
}

/// Ends the subscription to the room.
pub(super) fn unsubscribe_room() -> Frame {
    Frame::new(Command::Unsubscribe).with("id", ROOM)
}

/// Sends what was composed; its id is the receipt's, too.
pub(super) fn send(room: &RoomName, id: &str, composition: &Composition) -> Frame {
    let Composition {
        action,
        target,
        text,
    } = composition;
    let frame = Frame::new(Command::Send)
        .with(
            "destination",
            Destination::ToRoom(room.clone(), *action).to_string(),
        )
        .with("content-type", "text/plain")
        .with(header::CLIENT_MSG_ID, id)
        .with("receipt", id)
        .with_body(text.clone());
    match target {
        Some(target) => frame.with(header::REF, target.to_string()),
        None => frame,
    }
}

/// Says that the person types.
pub(super) fn typing(room: &RoomName) -> Frame {
    to_room(room, Action::Typing)
}

/// Says up to which message the person has read.
pub(super) fn read_up_to(room: &RoomName, position: Position) -> Frame {
    to_room(room, Action::Read).with(header::REF, position.to_string())
}

fn to_room(room: &RoomName, action: Action) -> Frame {
    let destination = Destination::ToRoom(room.clone(), action);
    Frame::new(Command::Send).with("destination", destination.to_string())
}

/// Reads what [`send`] wrote: the room, the id and what was composed.
pub(super) fn read_send(frame: &Frame) -> Option<(RoomName, String, Composition)> {
    let Ok(Destination::ToRoom(room, action)) = text(frame, "destination")?.parse() else {
        return None;
    };
    let id = text(frame, header::CLIENT_MSG_ID)?.to_owned();
    let target = match text(frame, header::REF) {
        Some(target) => Some(target.parse().ok()?),
        None => None,
    };
    let composition = Composition {
        action,
        target,
        text: str::from_utf8(&frame.body).ok()?.to_owned(),
    };
    // What the room's log does not keep is never stored, and all but a message change another one.
    let whole = action == Action::Send || (action.kind().is_some() && target.is_some());
    (frame.command == Command::Send && whole).then_some((room, id, composition))
}

/// Reads a frame of the server.
fn read(frame: &Frame, parse_message: fn(&str) -> Option<Message>) -> Result<Incoming, Malformed> {
    Ok(match frame.command {
        Command::Connected => Incoming::Connected {
            heart_beat: heart_beat(frame),
        },
        Command::Message => match text(frame, "subscription") {
            Some(ROOM) => Incoming::Message(message(frame, parse_message)?),
            Some(EVENTS | ROOMS) => {
                Incoming::Passing(String::from_utf8_lossy(&frame.body).into_owned())
            }
            Some(REPLIES) if frame.header(header::CODE).is_some() => {
                match text(frame, header::CLIENT_MSG_ID) {
                    Some(id) => Incoming::Refused {
                        id: id.to_owned(),
                        notice: notice(frame),
                    },
                    None => Incoming::Other,
                }
            }
            _ => Incoming::Other,
        },
        Command::Receipt => Incoming::Receipt(Receipt {
            id: text(frame, "receipt-id").ok_or(Malformed)?.to_owned(),
            place: place(frame),
            recovered: text(frame, header::RECOVERED) == Some("true"),
        }),
        Command::Error => Incoming::Error {
            receipt: text(frame, "receipt-id").map(ToOwned::to_owned),
            notice: notice(frame),
        },
        _ => return Err(Malformed),
    })
}

/// The value of a header.
pub(super) fn text<'a>(frame: &'a Frame, name: &str) -> Option<&'a str> {
    frame.header(name).map(|value| &**value)
}

/// The value of a header that is a number or an id.
pub(super) fn number<T: std::str::FromStr>(frame: &Frame, name: &str) -> Option<T> {
    text(frame, name)?.parse().ok()
}

/// How often the server sends something.
fn heart_beat(frame: &Frame) -> Option<u64> {
    let server = HeartBeat::from_header(text(frame, "heart-beat")).unwrap_or_default();
    HEART_BEAT.agree(server).receive_every.map(u64::from)
}

fn message(
    frame: &Frame,
    parse_message: fn(&str) -> Option<Message>,
) -> Result<Message, Malformed> {
    let position: Position = number(frame, "message-id").ok_or(Malformed)?;
    let prev = match text(frame, header::PREV) {
        Some(prev) => Some(prev.parse().map_err(|_| Malformed)?),
        None => None,
    };
    let body = str::from_utf8(&frame.body).map_err(|_| Malformed)?;
    // Other kinds than plain messages come as the JSON that the history API has.
    if text(frame, "content-type").is_some_and(|value| value.starts_with("application/json")) {
        return Ok(Message {
            position,
            prev,
            ..parse_message(body).ok_or(Malformed)?
        });
    }
    Ok(Message {
        position,
        prev,
        ts: number(frame, header::TIMESTAMP).ok_or(Malformed)?,
        kind: text(frame, header::TYPE).map_or(Kind::Message, Kind::from_word),
        id: text(frame, header::CLIENT_MSG_ID)
            .unwrap_or_default()
            .to_owned(),
        sender: Sender {
            uid: text(frame, header::SENDER).ok_or(Malformed)?.to_owned(),
            name: text(frame, header::SENDER_NAME)
                .unwrap_or_default()
                .to_owned(),
        },
        reference: number(frame, header::QUOTED),
        body: body.to_owned(),
        folded: Folded {
            quote: quote(frame).map(Box::new),
            ..Folded::default()
        },
        other: Map::new(),
    })
}

/// What a message says of the one that it answers.
fn quote(frame: &Frame) -> Option<Quote> {
    let uid = text(frame, header::QUOTED_SENDER)?.to_owned();
    let name = text(frame, header::QUOTED_NAME).unwrap_or_default();
    let quoted = text(frame, header::QUOTED_TEXT);
    Some(Quote {
        sender: Sender {
            uid,
            name: name.to_owned(),
        },
        text: quoted.unwrap_or_default().to_owned(),
        deleted: quoted.is_none(),
    })
}

fn place(frame: &Frame) -> Option<Place> {
    let epoch: Epoch = number(frame, header::EPOCH)?;
    Some(Place {
        epoch,
        offset: number(frame, header::OFFSET)?,
    })
}

fn notice(frame: &Frame) -> Notice {
    let code = text(frame, header::CODE).unwrap_or_default();
    let body = str::from_utf8(&frame.body).unwrap_or_default().trim();
    let sentence = if body.is_empty() {
        text(frame, "message").unwrap_or_default()
    } else {
        body
    };
    Notice {
        // A server that says nothing of it is one that went wrong, not one that decided: try again. And a page that was frozen
        // between opening the socket and CONNECT did nothing that it should be turned away for.
        retryable: text(frame, header::RETRYABLE) != Some("false") || code == "login-timeout",
        retry_after: number(frame, header::RETRY_AFTER_MS),
        refusal: Refusal {
            code: code.to_owned(),
            sentence: sentence.to_owned(),
        },
    }
}

/// A frame as the text of a WebSocket message.
pub(super) fn encode(frame: &Frame) -> String {
    let bytes = stomp::encode_to_bytes(frame, Version::V1_2);
    // Nothing but text goes into the frames above, so nothing is replaced here.
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads a text that holds one frame and nothing else.
pub(super) fn decode(text: &str) -> Option<Frame> {
    let mut decoder = decoder();
    decoder.push(Bytes::copy_from_slice(text.as_bytes()));
    let Ok(Some(Item::Frame(frame))) = decoder.next() else {
        return None;
    };
    matches!(decoder.next(), Ok(None))
        .then_some(frame)
        .filter(|_| decoder.held() == 0)
}

fn decoder() -> Decoder {
    Decoder::new(Limits {
        body: FRAME_BYTES,
        frame: FRAME_BYTES,
        // What another program's header needs to be escaped makes it longer than the server let it be.
        header_line: FRAME_BYTES,
        headers: 128,
        ..Limits::default()
    })
}

/// Takes the bytes of one socket after the other apart.
#[derive(Debug)]
pub(super) struct Reader {
    decoder: Decoder,
    parse_message: fn(&str) -> Option<Message>,
}

impl Reader {
    /// For the first socket. `parse_message` reads a message that comes as JSON.
    pub(super) fn new(parse_message: fn(&str) -> Option<Message>) -> Self {
        Self {
            decoder: decoder(),
            parse_message,
        }
    }

    /// Forgets what the socket before left unfinished.
    pub(super) fn restart(&mut self) {
        self.decoder = decoder();
    }

    /// Adds bytes as they came.
    pub(super) fn push(&mut self, bytes: Bytes) {
        self.decoder.push(bytes);
    }

    /// What the next whole frame says.
    pub(super) fn next(&mut self) -> Result<Option<Incoming>, Malformed> {
        loop {
            match self.decoder.next() {
                Ok(Some(Item::Frame(frame))) => return read(&frame, self.parse_message).map(Some),
                Ok(Some(Item::HeartBeat)) => {}
                Ok(None) => return Ok(None),
                Err(_) => return Err(Malformed),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_that_other_programs_add_are_read_however_long() {
        let message = (0..64).fold(Frame::new(Command::Message), |frame, number| {
            frame.with(format!("h{number}"), ":".repeat(4_000))
        });
        let mut decoder = decoder();
        decoder.push(stomp::encode_to_bytes(&message, Version::V1_2));
        assert_eq!(decoder.next(), Ok(Some(Item::Frame(message))));
    }
}
