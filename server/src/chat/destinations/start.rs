//! From where a subscription starts: what SUBSCRIBE asks for, and what its RECEIPT says.

use protocol::{Epoch, RoomName, header, limits};
use stomp::Headers;

use crate::fold::Rooms;
use crate::history::HistoryError;
use crate::metrics::chat::Recovery;
use crate::stomp::{Code, Refusal, SubscribeRequest};

/// From where a client wants to receive.
pub(super) enum Wish {
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
    pub(super) fn of(request: &SubscribeRequest) -> Result<Self, Refusal> {
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

/// Where a subscription starts.
pub(super) struct Start {
    /// Offset of the last message that the client has, or does not want.
    pub(super) cursor: i64,
    /// Messages up to here were there when the client subscribed.
    pub(super) cut: i64,
    /// What the RECEIPT says.
    pub(super) headers: Headers,
    /// How a recovery ended, if one was asked for, and how many messages it replays.
    pub(super) recovery: Option<(Recovery, usize)>,
}

impl Start {
    /// Looks up what a wish comes to in a room.
    pub(super) fn find(rooms: &Rooms, room: &RoomName, wish: &Wish) -> Result<Self, HistoryError> {
        let epoch = rooms.epoch();
        let cut = rooms.head(room).map_or(-1, |head| head.offset);
        let mut headers = Headers::new()
            .with(header::EPOCH, epoch.to_string())
            .with(header::OFFSET, cut.to_string());
        let mut recovery = None;
        let cursor = match wish {
            Wish::Live => cut,
            Wish::Latest(count) => {
                // Not the last page: it may end after the cut already.
                let page = rooms.before(room, cut + 1, *count)?;
                headers.push(header::REPLAY_COUNT, page.messages.len().to_string());
                page.messages
                    .first()
                    .map_or(cut, |first| first.position.offset - 1)
            }
            Wish::Recover {
                epoch: known,
                offset,
            } => {
                let missing = rooms.count_after(room, *offset, cut, limits::RECOVER + 1)?;
                let result = match missing {
                    _ if *known != Some(epoch) => Recovery::OtherEpoch,
                    _ if *offset > cut => Recovery::Ahead,
                    0 => Recovery::NothingMissed,
                    1..=limits::RECOVER => Recovery::Whole,
                    _ => Recovery::TooFar,
                };
                let recovered = !matches!(result, Recovery::OtherEpoch | Recovery::TooFar);
                let replayed = if recovered { missing } else { 0 };
                recovery = Some((result, replayed));
                headers.push(header::RECOVERED, recovered.to_string());
                headers.push(header::REPLAY_COUNT, replayed.to_string());
                if recovered { *offset } else { cut }
            }
        };
        Ok(Self {
            cursor,
            cut,
            headers,
            recovery,
        })
    }
}
