//! A message as a STOMP MESSAGE frame, encoded.

use axum::extract::ws::Utf8Bytes;
use bytes::BytesMut;
use bytestring::ByteString;
use protocol::{Destination, Kind, Message, RoomName, header};
use serde_json::Value;
use stomp::{Command, Frame, Version};

use super::Outgoing;

/// What makes the MESSAGE frames of two subscriptions differ.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Form {
    /// The subscription's id; none for a STOMP 1.0 client that gave none.
    pub subscription: Option<ByteString>,
    /// The session's version: each escapes differently.
    pub version: Version,
}

/// Whether a message was there before the subscription's cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// It came later.
    Live,
    /// It was there: the frame says `x-replay:true`.
    Replay,
}

impl Delivery {
    /// What a message is to a subscription whose cut is at this offset.
    pub fn of(message: &Message, cut: i64) -> Self {
        if message.position.offset <= cut {
            Self::Replay
        } else {
            Self::Live
        }
    }
}

/// The encoded MESSAGE frame (`docs/PROTOCOL.md`).
pub fn message(room: &RoomName, message: &Message, form: &Form, delivery: Delivery) -> Utf8Bytes {
    let frame = frame(room, message, form.subscription.as_ref(), delivery);
    encode(&frame, form.version)
}

/// The MESSAGE frame.
pub fn frame(
    room: &RoomName,
    message: &Message,
    subscription: Option<&ByteString>,
    delivery: Delivery,
) -> Frame {
    let mut frame = Frame::new(Command::Message);
    if let Some(subscription) = subscription {
        frame = frame.with("subscription", subscription.clone());
    }
    frame = frame
        .with("message-id", message.position.to_string())
        .with("destination", Destination::Room(room.clone()).to_string())
        .with(
            "content-type",
            if plain(message) {
                "text/plain"
            } else {
                "application/json"
            },
        )
        .with(header::EPOCH, message.position.epoch.to_string())
        .with(header::OFFSET, message.position.offset.to_string());
    if let Some(prev) = message.prev {
        frame = frame.with(header::PREV, prev.to_string());
    }
    frame = frame
        .with(header::TIMESTAMP, message.ts.to_string())
        .with(header::SENDER, message.sender.uid.as_str())
        .with(header::SENDER_NAME, message.sender.name.as_str())
        .with(header::TYPE, message.kind.as_str())
        .with(header::CLIENT_MSG_ID, message.id.as_str());
    if delivery == Delivery::Replay {
        frame = frame.with(header::REPLAY, "true");
    }
    if let Some(Value::Object(passed_on)) = message.other.get("headers") {
        for (name, value) in passed_on {
            if let Value::String(value) = value {
                frame = frame.with(name.as_str(), value.as_str());
            }
        }
    }
    let body = if plain(message) {
        message.body.clone()
    } else {
        serde_json::to_string(message).unwrap_or_default()
    };
    frame.with_body(body)
}

/// The encoded MESSAGE frame of something said in passing: JSON under an id that is no position.
pub fn passing(destination: &Destination, id: &str, json: String, form: &Form) -> Utf8Bytes {
    let mut frame = Frame::new(Command::Message);
    if let Some(subscription) = &form.subscription {
        frame = frame.with("subscription", subscription.clone());
    }
    frame = frame
        .with("message-id", id)
        .with("destination", destination.to_string())
        .with("content-type", "application/json")
        .with_body(json);
    encode(&frame, form.version)
}

/// Any frame, encoded: as text where it is UTF-8, else as bytes (checklist item 83).
pub fn outgoing(frame: &Frame, version: Version) -> Outgoing {
    let mut buffer = BytesMut::new();
    stomp::encode(frame, version, &mut buffer);
    let bytes = buffer.freeze();
    match Utf8Bytes::try_from(bytes.clone()) {
        Ok(text) => Outgoing::Frame(text),
        Err(_) => Outgoing::Binary(bytes),
    }
}

/// Any frame of text, encoded.
pub fn encode(frame: &Frame, version: Version) -> Utf8Bytes {
    let mut buffer = BytesMut::new();
    stomp::encode(frame, version, &mut buffer);
    // Header texts are UTF-8 by type and so are the bodies that this server makes; anything else would be a bug, which
    // shows as an empty message rather than as a dead server.
    Utf8Bytes::try_from(buffer.freeze()).unwrap_or_default()
}

/// Whether the body of the frame is the message's text; every other kind travels as JSON (decision 17).
fn plain(message: &Message) -> bool {
    message.kind == Kind::Message
}

#[cfg(test)]
pub(crate) mod tests {
    use std::str::FromStr as _;

    use protocol::{Position, Sender};

    use super::*;

    pub(crate) fn message(offset: i64, prev: Option<i64>) -> Message {
        Message {
            reference: None,
            folded: protocol::Folded::default(),
            position: Position::from_str(&format!("5f2c9a01-3-{offset}")).unwrap(),
            prev,
            ts: 1_700_000_000_000,
            kind: Kind::Message,
            id: format!("m{offset}"),
            sender: Sender {
                uid: "u1".to_owned(),
                name: "지우: a".to_owned(),
            },
            body: "안녕\u{0}하세요".to_owned(),
            other: serde_json::Map::new(),
        }
    }

    #[test]
    fn the_documented_frame() {
        let room = "자유".parse().unwrap();
        let form = Form {
            subscription: Some("room".into()),
            version: Version::V1_2,
        };
        let text = super::message(&room, &message(7, Some(5)), &form, Delivery::Replay);
        let expected = "MESSAGE\nsubscription:room\nmessage-id:5f2c9a01-3-7\ndestination:/topic/rooms.자유\ncontent-type:text/plain\n\
            x-epoch:5f2c9a01\nx-offset:7\nx-prev:5\nx-ts:1700000000000\nx-sender:u1\nx-sender-name:지우\\c a\nx-type:message\n\
            client-msg-id:m7\nx-replay:true\ncontent-length:16\n\n안녕\u{0}하세요\u{0}";
        assert_eq!(text.as_str(), expected);
    }

    #[test]
    fn other_kinds_travel_as_json() {
        let room = "a".parse().unwrap();
        let form = Form {
            subscription: None,
            version: Version::V1_0,
        };
        let edit = Message {
            kind: Kind::Edit,
            ..message(7, None)
        };
        let text = super::message(&room, &edit, &form, Delivery::Live);
        assert!(
            text.contains("content-type:application/json") && !text.contains("subscription:"),
            "{text}"
        );
        assert!(text.contains("\"type\":\"edit\""));
    }
}
