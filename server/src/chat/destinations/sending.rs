//! SEND to a room: who sends, how fast, and what becomes of it.

use std::time::{Duration, Instant};

use protocol::{Destination, Position, Record};

use super::{ChatDestinations, canonical, unavailable, unknown_destination};
use crate::chat::admission::{admit, permit};
use crate::chat::receipts::{Flight, Key, Outcome, receipt_headers};
use crate::fold::Found;
use crate::keys;
use crate::metrics::chat::Sent;
use crate::stomp::{Code, Progress, Refusal, SendRequest, Ticket};

/// When a SEND may be tried again that names what this server has not read yet.
const NOT_YET: Duration = Duration::from_secs(1);

impl ChatDestinations {
    /// Takes a token for a SEND, or the one that was put aside when it was checked, and says it.
    pub(super) fn speak(
        &mut self,
        request: &SendRequest,
        ticket: Ticket,
        now: Instant,
    ) -> Result<Progress, Refusal> {
        let checked = self.bucket.spend(now).map_err(rate_limited)?;
        let record = self.record(request, || self.fresh_id(ticket))?;
        self.say(&record, checked, ticket, now)
    }

    /// Puts a token aside for a SEND that is checked now and follows.
    pub(super) fn prepay(&mut self, request: &SendRequest, now: Instant) -> Result<(), Refusal> {
        self.bucket.take(now).map_err(rate_limited)?;
        let record = self.record(request, String::new)?;
        match self.permitted(&record) {
            // What was said already is answered, whatever has become of what it names.
            Err(_) if self.known(&record)?.is_some() => {}
            permitted => permitted?,
        }
        self.bucket.put_aside();
        Ok(())
    }

    /// The record that a SEND asks for.
    pub(super) fn record(
        &self,
        request: &SendRequest,
        fresh_id: impl FnOnce() -> String,
    ) -> Result<Record, Refusal> {
        let asked = match request.destination.parse() {
            Ok(Destination::ToRoom(room, action)) => action.kind().map(|kind| (room, kind)),
            Ok(_) => None,
            Err(error) => return Err(unknown_destination(error)),
        };
        let Some((room, kind)) = asked else {
            let detail =
                "clients send to /app/rooms.ROOM.send; this destination is for subscriptions";
            return Err(Refusal::new(Code::Forbidden, "Access refused", detail));
        };
        let room = canonical(room)?;
        let Some(person) = self.person.clone() else {
            return Err(nobody());
        };
        admit(
            room,
            kind,
            person,
            &request.headers,
            &request.body,
            fresh_id,
        )
    }

    /// Whether what a record names is there, and its sender may do so.
    fn permitted(&self, record: &Record) -> Result<(), Refusal> {
        let Some(named) = record.reference else {
            return Ok(());
        };
        let found = self.chat.rooms.find(&record.room, named);
        match found.map_err(unavailable)? {
            Found::Row(row) => permit(record, Some(&row)),
            Found::Nothing => permit(record, None),
            Found::NotYet => Err(Refusal::new(
                Code::Unavailable,
                "Unavailable",
                "this server has not read the message that 'ref' names yet; send it again",
            )
            .after(NOT_YET)),
        }
    }

    /// Where a copy of a record stands that is there already.
    fn known(&self, record: &Record) -> Result<Option<Position>, Refusal> {
        self.chat
            .rooms
            .first_position(&record.room, &record.sender.uid, &record.id)
            .map_err(unavailable)
    }

    /// Puts a record on its way, or finds the copy that is there already. What was `checked` is not refused for what has become
    /// of the message that it names since: the fold passes over it, and a transaction is not broken off half-way. Whether it may
    /// change that message is always asked, for the fold does not look at the author.
    pub(super) fn say(
        &self,
        record: &Record,
        checked: bool,
        ticket: Ticket,
        now: Instant,
    ) -> Result<Progress, Refusal> {
        // Before the copy is looked for: what this sees, a copy has done by then.
        let permitted = match self.permitted(record) {
            Err(refusal)
                if checked
                    && matches!(refusal.code, Code::NoSuchMessage | Code::InvalidMessage) =>
            {
                Ok(())
            }
            permitted => permitted,
        };
        let sends = &self.chat.listeners.metrics.sends;
        if let Some(position) = self.known(record)? {
            sends.add(Sent::Repeat);
            return Ok(Progress::Done(receipt_headers(position, true)));
        }
        permitted?;
        let people = &self.chat.listeners.people;
        people.speaks(&record.room, &record.sender);
        let key = Key {
            room: record.room.clone(),
            uid: record.sender.uid.clone(),
            id: record.id.clone(),
        };
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

/// Who has no name may read only.
pub(super) fn nobody() -> Refusal {
    let detail = "say who you are first: choose a nickname on the page, or give a login in CONNECT";
    Refusal::new(Code::Forbidden, "Access refused", detail)
}

fn rate_limited(wait: Duration) -> Refusal {
    Refusal::new(
        Code::RateLimited,
        "Rate limited",
        "too many messages in a short time; wait a moment",
    )
    .after(wait)
}
