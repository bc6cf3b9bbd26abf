//! What the engine does with its socket: opens it, writes to it, doubts it and gives it up.

use stomp::Frame;

use super::engine::Engine;
use super::event::Effect;
use super::subscription::Purpose;
use super::wire;

impl Engine {
    /// Whatever we believe of the connection may be wrong: find out, and do not wait for the next attempt.
    pub(super) fn doubt(&mut self, now: u64) {
        self.drop_if_dead(now);
        self.hurry(now);
        self.probe(now);
    }

    /// Makes the next attempt now.
    pub(super) fn hurry(&mut self, now: u64) {
        if !self.link.has_socket() && !self.link.is_idle() {
            self.connect(now);
        }
    }

    /// Makes the server prove soon that it is there.
    pub(super) fn probe(&mut self, now: u64) {
        if self.subscription.is_following() {
            self.subscribe(now, Purpose::Probe);
        }
    }

    /// Asks for the next socket.
    pub(super) fn connect(&mut self, now: u64) {
        let generation = self.link.open(now);
        self.reader.restart();
        self.effects.push(Effect::Connect { generation });
    }

    /// The socket is gone.
    pub(super) fn lost(&mut self, now: u64, retry_after: Option<u64>) {
        self.link.lost(now, retry_after, &mut self.jitter);
        self.subscription.disconnected();
        self.people.disconnected();
    }

    /// Gives the socket up.
    pub(super) fn abandon(&mut self, now: u64, retry_after: Option<u64>) {
        self.disconnect();
        self.lost(now, retry_after);
    }

    /// Has the socket dropped.
    pub(super) fn disconnect(&mut self) {
        self.effects.push(Effect::Disconnect {
            generation: self.link.generation(),
        });
    }

    /// Follows the room from the last known message on.
    pub(super) fn subscribe(&mut self, now: u64, purpose: Purpose) {
        let (receipt, again) = self.subscription.ask(now, purpose);
        if again {
            self.transmit(&wire::unsubscribe_room());
        }
        self.transmit(&wire::subscribe_room(
            &self.room,
            self.timeline.head(),
            receipt,
        ));
    }

    /// Sends a frame.
    pub(super) fn transmit(&mut self, frame: &Frame) {
        self.effects.push(Effect::Transmit {
            generation: self.link.generation(),
            text: wire::encode(frame),
        });
    }

    /// Gives the socket up if it has overrun its time.
    pub(super) fn drop_if_dead(&mut self, now: u64) {
        if self.link.is_overdue(now) || self.answer_due().is_some_and(|due| due <= now) {
            // A failed probe concerns this page alone, and somebody is looking at it.
            let wait = self.subscription.is_probing().then_some(0);
            self.abandon(now, wait);
        }
    }

    /// Until when SUBSCRIBE must have been answered, and what is on its way must have come.
    pub(super) fn answer_due(&self) -> Option<u64> {
        self.subscription
            .answer_due(self.link.heard_at()?, self.timeline.head().offset)
    }
}
