//! Messages, pages and frames to test with.

use bytes::Bytes;
use protocol::{Epoch, Folded, HistoryPage, Kind, Message, Position, Sender, header};
use serde_json::Map;
use stomp::{Command, Decoder, Frame, Item, Limits, Version};

/// The epoch of the tests' log.
pub(in crate::chat) const EPOCH: Epoch = Epoch(0x5f2c_9a01);
/// The uid of the person at the page.
pub(in crate::chat) const ME: &str = "나";

/// A message of the tests' room.
pub(in crate::chat) fn message(offset: i64, prev: Option<i64>, uid: &str, id: &str) -> Message {
    Message {
        reference: None,
        folded: Folded::default(),
        position: position(offset),
        prev,
        ts: 1_763_900_000_000 + offset,
        kind: Kind::Message,
        id: id.to_owned(),
        sender: Sender {
            uid: uid.to_owned(),
            name: "지우: 반가워요\\".to_owned(),
        },
        body: format!("안녕 {offset}"),
        other: Map::new(),
    }
}

/// A page of messages with these offsets, each following on the one before it; the first on one three offsets earlier if
/// there are more.
pub(in crate::chat) fn page(offsets: &[i64], more: bool) -> HistoryPage {
    let prev = |index: usize| match index.checked_sub(1) {
        Some(before) => Some(offsets[before]),
        None => more.then(|| offsets[0] - 3),
    };
    let messages = offsets
        .iter()
        .enumerate()
        .map(|(index, offset)| message(*offset, prev(index), "이웃", &format!("n{offset}")));
    HistoryPage {
        newer: false,
        head: offsets.last().copied().unwrap_or(-1),
        messages: messages.collect(),
        more,
    }
}

/// A page with what happened up to an offset.
pub(in crate::chat) fn folded_to(head: i64, page: HistoryPage) -> HistoryPage {
    HistoryPage { head, ..page }
}

/// The MESSAGE frame of a message.
pub(in crate::chat) fn message_frame(message: &Message) -> Frame {
    let frame = Frame::new(Command::Message)
        .with("subscription", "room")
        .with("message-id", message.position.to_string())
        .with("destination", "/topic/rooms.general");
    if !message.kind.is_row() {
        let frame = frame
            .with("content-type", "application/json")
            .with(header::TYPE, message.kind.as_str())
            .with_body(serde_json::to_vec(message).unwrap());
        return match message.prev {
            Some(prev) => frame.with(header::PREV, prev.to_string()),
            None => frame,
        };
    }
    let frame = frame
        .with("content-type", "text/plain")
        .with(header::CLIENT_MSG_ID, message.id.as_str())
        .with(header::TIMESTAMP, message.ts.to_string())
        .with(header::TYPE, message.kind.as_str())
        .with(header::SENDER, message.sender.uid.as_str())
        .with(header::SENDER_NAME, message.sender.name.as_str())
        .with_body(Bytes::from(message.body.clone()));
    let frame = match message.reference {
        Some(target) => frame.with(header::QUOTED, target.to_string()),
        None => frame,
    };
    let frame = match &message.folded.quote {
        Some(quote) => {
            let frame = frame
                .with(header::QUOTED_SENDER, quote.sender.uid.as_str())
                .with(header::QUOTED_NAME, quote.sender.name.as_str());
            if quote.deleted {
                frame
            } else {
                frame.with(header::QUOTED_TEXT, quote.text.as_str())
            }
        }
        None => frame,
    };
    match message.prev {
        Some(prev) => frame.with(header::PREV, prev.to_string()),
        None => frame,
    }
}

/// A change of an earlier message of the tests' room.
pub(in crate::chat) fn change(
    offset: i64,
    prev: i64,
    kind: Kind,
    uid: &str,
    target: i64,
    body: &str,
) -> Message {
    Message {
        kind,
        reference: Some(position(target)),
        body: body.to_owned(),
        ..message(offset, Some(prev), uid, &format!("c{offset}"))
    }
}

/// The position of an offset in the tests' log.
pub(in crate::chat) fn position(offset: i64) -> Position {
    Position {
        epoch: EPOCH,
        partition: 3,
        offset,
    }
}

/// A frame as it arrives from the server.
pub(in crate::chat) fn encode(frame: &Frame) -> Bytes {
    stomp::encode_to_bytes(frame, Version::V1_2)
}

/// A frame as the server takes it: exactly one in a WebSocket message.
pub(in crate::chat) fn decode(text: &str) -> Frame {
    let mut decoder = Decoder::new(Limits::default());
    decoder.push(Bytes::copy_from_slice(text.as_bytes()));
    let Some(Item::Frame(frame)) = decoder.next().unwrap() else {
        panic!("no frame: {text:?}")
    };
    assert_eq!(decoder.next().unwrap(), None);
    frame
}
