//! SEND to a room: who sends, how fast, and what becomes of it.

use std::time::Instant;

use protocol::{Destination, Record};

use super::{ChatDestinations, canonical, unavailable, unknown_destination};
use crate::chat::admission::admit;
use crate::chat::receipts::{Flight, Key, Outcome, receipt_headers};
use crate::keys;
use crate::metrics::chat::Sent;
use crate::stomp::{Code, Progress, Refusal, SendRequest, Ticket};

impl ChatDestinations {
    /// Takes a token for a SEND, or the one that was taken when it was checked.
    pub(super) fn pay(&mut self, now: Instant) -> Result<(), Refusal> {
        if self.prepaid > 0 {
            self.prepaid -= 1;
            return Ok(());
        }
        self.bucket.take(now).map_err(rate_limited)
    }

    /// Takes a token for a SEND that is checked now and follows. Where one is refused none follows, and the tokens of those
    /// before it go back.
    pub(super) fn prepay(&mut self, request: &SendRequest, now: Instant) -> Result<(), Refusal> {
        let good = self
            .bucket
            .take(now)
            .map_err(rate_limited)
            .and_then(|()| self.record(request, String::new).map(drop));
        match good {
            Ok(()) => self.prepaid += 1,
            Err(_) => self.bucket.give_back(std::mem::take(&mut self.prepaid)),
        }
        good
    }

    /// The record that a SEND asks for.
    pub(super) fn record(
        &self,
        request: &SendRequest,
        fresh_id: impl FnOnce() -> String,
    ) -> Result<Record, Refusal> {
        let room = match request.destination.parse() {
            Ok(Destination::RoomSend(room)) => canonical(room)?,
            Ok(Destination::Room(_) | Destination::RoomEvents(_) | Destination::Replies) => {
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
        admit(room, person, &request.headers, &request.body, fresh_id)
    }

    /// Puts a record on its way, or finds the copy that is there already.
    pub(super) fn say(
        &self,
        record: &Record,
        ticket: Ticket,
        now: Instant,
    ) -> Result<Progress, Refusal> {
        let key = Key {
            room: record.room.clone(),
            uid: record.sender.uid.clone(),
            id: record.id.clone(),
        };
        let rooms = &self.chat.rooms;
        let known = rooms
            .first_position(&key.room, &key.uid, &key.id)
            .map_err(unavailable)?;
        let sends = &self.chat.listeners.metrics.sends;
        if let Some(position) = known {
            sends.add(Sent::Repeat);
            return Ok(Progress::Done(receipt_headers(position, true)));
        }
        let receipts = &self.chat.listeners.receipts;
        let flight = receipts.wait(key.clone(), ticket, self.completions.clone(), now);
        sends.add(match flight {
            Flight::UnderWay => Sent::UnderWay,
            Flight::First => match self.chat.produce(record) {
                Ok(()) => Sent::Produced,
                Err(refusal) => {
                    receipts.complete(&key, &Outcome::Refused(refusal));
                    Sent::NotTaken
                }
            },
        });
        Ok(Progress::Pending)
    }

    /// An id for a message whose client gave none.
    pub(super) fn fresh_id(&self, ticket: Ticket) -> String {
        // Without random numbers the ticket still tells this session's messages apart.
        keys::random_uid().unwrap_or_else(|_| format!("{}-{}", self.to.connection.0, ticket.0))
    }
}

fn rate_limited(wait: std::time::Duration) -> Refusal {
    Refusal::new(
        Code::RateLimited,
        "Rate limited",
        "too many messages in a short time; wait a moment",
    )
    .after(wait)
}
