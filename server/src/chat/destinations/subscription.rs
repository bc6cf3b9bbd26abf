//! A subscription to a room: a cursor that is moved through the log.
//!
//! In mode `auto` it takes a part whenever the connection's queue has room, and is attached to the live stream in the same
//! step that proves that nothing is left, so nothing is missed and nothing comes twice. In the other modes it only learns
//! from the hub that there is more, and is read on as the client acknowledges.

use std::sync::Arc;

use bytestring::ByteString;
use protocol::{Message, RoomName};

use super::start::Start;
use crate::chat::Chat;
use crate::fold::{Follow, Rooms};
use crate::history::HistoryError;
use crate::hub::{ConnectionId, Delivery, Form, Hub, Outbox, Outgoing, encode};
use crate::stomp::{AckMode, CatchUp, Pulled, SubscribeRequest, Tag};

/// How many messages of a replay are queued at once; the next ones follow when these have been written.
const CHUNK: usize = 32;
/// From how many queued bytes on a replay waits: live messages and answers need the rest of the queue.
pub const REPLAY_BYTES: usize = 256 * 1024;

/// A connection's way to its client.
#[derive(Clone)]
pub(super) struct Receiver {
    pub(super) connection: ConnectionId,
    pub(super) outbox: Arc<Outbox>,
}

pub(super) struct Subscription {
    room: RoomName,
    /// Messages up to here were there when the client subscribed.
    cut: i64,
    flow: Flow,
}

/// How messages come to the client.
enum Flow {
    /// They are put into its queue.
    Push {
        form: Form,
        /// Offset of the last message that was queued, until the subscription follows live.
        cursor: Option<i64>,
    },
    /// The session takes them.
    Pull {
        id: ByteString,
        /// Offset of the last message that was handed out.
        cursor: i64,
    },
}

impl Subscription {
    pub(super) fn new(
        room: RoomName,
        request: SubscribeRequest,
        start: &Start,
        to: &Receiver,
        hub: &Hub,
    ) -> Self {
        let flow = if request.ack == AckMode::Auto {
            Flow::Push {
                form: Form {
                    subscription: request.named.then_some(request.id),
                    version: request.version,
                },
                cursor: Some(start.cursor),
            }
        } else {
            // Before the first message is asked for, so that none comes up unnoticed.
            let outbox = Arc::clone(&to.outbox);
            hub.watch(&room, to.connection, request.id.clone(), outbox);
            Flow::Pull {
                id: request.id,
                cursor: start.cursor,
            }
        };
        Self {
            room,
            cut: start.cut,
            flow,
        }
    }

    /// Stops the live stream.
    pub(super) fn end(&self, connection: ConnectionId, hub: &Hub) {
        match &self.flow {
            Flow::Push { form, .. } => hub.detach(&self.room, form, connection),
            Flow::Pull { id, .. } => hub.unwatch(&self.room, connection, id),
        }
    }

    /// Whether there is a replay to be queued.
    pub(super) fn is_behind(&self) -> bool {
        matches!(
            self.flow,
            Flow::Push {
                cursor: Some(_),
                ..
            }
        )
    }

    /// Queues the next part of the replay, or attaches to the live stream.
    pub(super) fn advance(&mut self, chat: &Chat, to: &Receiver) -> Result<CatchUp, HistoryError> {
        let head = head(&chat.rooms, &self.room);
        let (form, behind) = match &mut self.flow {
            Flow::Pull { cursor, .. } if head < *cursor => return Ok(CatchUp::Wait),
            Flow::Pull { .. } => return Ok(CatchUp::Done),
            Flow::Push { form, cursor } => (form, cursor),
        };
        let Some(cursor) = *behind else {
            return Ok(CatchUp::Done);
        };
        if head < cursor {
            return Ok(CatchUp::Wait);
        }
        // Gives the new cursor, and whether all were queued.
        let queue = |messages: &[Arc<Message>]| {
            let mut reached = cursor;
            for message in messages {
                if to.outbox.bytes() >= REPLAY_BYTES {
                    return (reached, false);
                }
                let delivery = Delivery::of(message, self.cut);
                let frame = encode::message(&self.room, message, form, delivery);
                to.outbox.push(Outgoing::Frame(frame));
                reached = message.position.offset;
            }
            (reached, true)
        };
        let followed = chat.rooms.follow(&self.room, cursor, CHUNK, |rest| {
            let (reached, all) = queue(rest);
            if all {
                let outbox = Arc::clone(&to.outbox);
                chat.listeners
                    .hub
                    .attach(&self.room, form.clone(), to.connection, outbox);
            }
            (reached, all)
        })?;
        let (cursor, attached) = match followed {
            Follow::Caught(end) => end,
            Follow::Behind(messages) => (queue(&messages).0, false),
        };
        *behind = (!attached).then_some(cursor);
        Ok(if attached {
            CatchUp::Done
        } else {
            CatchUp::More
        })
    }

    /// Hands out the next messages, at most `limit`, and not more bytes than a replay may queue.
    pub(super) fn pull(
        &mut self,
        rooms: &Rooms,
        limit: usize,
    ) -> Result<Vec<Pulled>, HistoryError> {
        let Flow::Pull { cursor, .. } = &mut self.flow else {
            return Ok(Vec::new());
        };
        if head(rooms, &self.room) <= *cursor {
            return Ok(Vec::new());
        }
        let page = rooms.after(&self.room, *cursor, limit)?;
        let (mut pulled, mut bytes) = (Vec::new(), 0);
        for message in page.messages {
            if bytes >= REPLAY_BYTES {
                break;
            }
            *cursor = message.position.offset;
            let delivery = Delivery::of(&message, self.cut);
            let frame = encode::frame(&self.room, &message, None, delivery);
            bytes += frame.body.len();
            pulled.push(Pulled {
                // Offsets are not negative.
                tag: Tag(cursor.unsigned_abs()),
                message: frame,
            });
        }
        Ok(pulled)
    }

    pub(super) fn room(&self) -> &RoomName {
        &self.room
    }
}

/// Offset of a room's latest message, or of nothing.
fn head(rooms: &Rooms, room: &RoomName) -> i64 {
    rooms.head(room).map_or(-1, |head| head.offset)
}
