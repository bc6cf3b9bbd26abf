//! What each frame of the server sets off.

use bytes::Bytes;
use protocol::Message;

use super::engine::Engine;
use super::event::Passing;
use super::subscription::Purpose;
use super::timeline::{Place, Step};
use super::wire::{self, Incoming, Notice, Receipt};

impl Engine {
    /// Bytes of the present socket.
    pub(super) fn received(&mut self, now: u64, bytes: Bytes) {
        self.link.heard(now);
        self.reader.push(bytes);
        while self.link.has_socket() {
            match self.reader.next() {
                Ok(Some(incoming)) => self.incoming(now, incoming),
                Ok(None) => break,
                // Perhaps another server makes sense.
                Err(_) => self.abandon(now, None),
            }
        }
    }

    fn incoming(&mut self, now: u64, incoming: Incoming) {
        match incoming {
            Incoming::Connected { heart_beat } => {
                if self.link.connected(now, heart_beat) {
                    self.transmit(&wire::subscribe_replies());
                    self.transmit(&wire::subscribe_events(&self.room));
                    self.transmit(&wire::subscribe_rooms());
                    self.subscribe(now, Purpose::Follow);
                    self.asides.connected();
                }
            }
            Incoming::Message(message) => self.message(now, message),
            Incoming::Passing(json) => self.passing(now, &json),
            Incoming::Receipt(receipt) => self.receipt(now, &receipt),
            Incoming::Refused { id, notice } => self.refused(now, &id, &notice),
            Incoming::Error { receipt, notice } => self.error(now, receipt, notice),
            Incoming::Other => {}
        }
    }

    fn message(&mut self, now: u64, message: Message) {
        match self.timeline.take(message) {
            step @ (Step::Appended | Step::Heard | Step::Changed | Step::Passed) => {
                self.changes.appended += usize::from(step == Step::Appended);
                self.changes.heard += usize::from(matches!(step, Step::Appended | Step::Heard));
                self.changes.changed |= step == Step::Changed;
                self.subscription.followed_on();
                if let Some(record) = self.timeline.heard().next_back() {
                    self.outbox.arrived(record, self.me.as_ref());
                    if record.kind.is_row() {
                        self.people.spoke(&record.sender.uid);
                        self.listing.heard(&self.room, record);
                    }
                }
            }
            Step::Known => {}
            // While SUBSCRIBE is under way the replay brings what is missing.
            Step::Gap if !self.subscription.is_following() => {}
            Step::Gap if self.subscription.gap() => self.subscribe(now, Purpose::Follow),
            Step::Gap => self.subscription.go_astray(now, None, &mut self.jitter),
        }
    }

    /// What this version does not know is passed over.
    fn passing(&mut self, now: u64, json: &str) {
        match (self.parse_passing)(json) {
            Some(Passing::Room(event)) => {
                let me = self.me.as_ref().map(|me| me.uid.as_str());
                self.people.take(now, event, me);
            }
            Some(Passing::Rooms(update)) => self.listing.take(update.rooms),
            None => {}
        }
    }

    fn receipt(&mut self, now: u64, receipt: &Receipt) {
        if !self.subscription.is_answer(&receipt.id) {
            let is_here = self.outbox.receipt(&receipt.id, receipt.place);
            self.elsewhere.receipt(&receipt.id, receipt.place);
            if let Some(place) = receipt.place
                && is_here
                && place.epoch == self.timeline.head().epoch
            {
                self.subscription.promise(now, place.offset);
            }
            return;
        }
        if !self.subscription.is_ready() {
            self.outbox.resume(now);
            self.elsewhere.resume(now);
        }
        if receipt.recovered {
            let reach = receipt.place.map_or(Place::NONE, |place| place.offset);
            self.subscription.follow(now, reach);
        } else {
            self.subscription.go_astray(
                now,
                receipt.place.map(|place| place.epoch),
                &mut self.jitter,
            );
        }
    }

    /// A message was refused.
    fn refused(&mut self, now: u64, id: &str, notice: &Notice) {
        for outbox in [&mut self.outbox, &mut self.elsewhere] {
            outbox.refused(id, notice, now, &mut self.jitter);
        }
    }

    /// The server ends the connection.
    fn error(&mut self, now: u64, receipt: Option<String>, notice: Notice) {
        let Notice {
            retryable,
            retry_after,
            ..
        } = notice;
        // A message that the server does not take must not keep the page away from the room; nor must a second copy of one
        // that is settled, and unknown here by now.
        let about_message = receipt.is_some_and(|id| {
            self.refused(now, &id, &notice);
            !self.subscription.is_answer(&id)
        });
        if retryable || about_message {
            self.abandon(now, retry_after);
        } else {
            self.disconnect();
            self.link.refused(notice.refusal);
            self.subscription.disconnected();
            self.people.disconnected();
        }
    }
}
