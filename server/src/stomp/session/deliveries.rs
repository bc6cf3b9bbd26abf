//! Messages of subscriptions in other modes than `auto`: the session asks its destinations for them while the window of
//! unacknowledged messages has room.

use ::stomp::{Command, Frame, Headers, Version};
use bytestring::ByteString;

use super::window::DeliveryNumber;
use super::{Output, Session, detached};
use crate::stomp::destinations::{Destinations, Pulled};

impl<D: Destinations> Session<D> {
    /// Learns that destinations have messages to be pulled.
    pub fn nudge(&mut self) {
        self.subscriptions.nudge();
    }

    /// Whether [`Self::deliver`] is to be called as soon as the connection has room for more.
    pub fn wants_messages(&self) -> bool {
        self.is_connected() && self.subscriptions.wants_messages()
    }

    /// How many messages wait for the client's ACK or NACK.
    pub fn unacked(&self) -> usize {
        self.subscriptions.unacked()
    }

    /// Asks the destinations of one subscription, each in its turn, for the next messages, at most [`Settings::pull`].
    ///
    /// [`Settings::pull`]: super::Settings::pull
    pub fn deliver(&mut self, out: &mut Vec<Output>) {
        if !self.is_connected() {
            return;
        }
        let Some((id, room)) = self.subscriptions.next_turn() else {
            return;
        };
        let limit = room.min(self.settings.pull);
        match self.destinations.pull(&id, limit) {
            Ok(pulled) => {
                if pulled.is_empty()
                    && let Some(window) = self.subscriptions.window_mut(&id)
                {
                    window.exhausted();
                }
                for pulled in pulled {
                    self.hand_out(&id, pulled, out);
                }
            }
            Err(refusal) => self.fail(refusal, out),
        }
    }

    /// Puts a message before the client and notes that its word on it is missing (checklist item 46).
    fn hand_out(&mut self, id: &ByteString, pulled: Pulled, out: &mut Vec<Output>) {
        let Pulled { tag, message } = pulled;
        self.deliveries += 1;
        let number = DeliveryNumber(self.deliveries);
        // The first of repeated headers counts, so the server's come first.
        let mut headers = Headers::new();
        if self
            .subscriptions
            .get(id)
            .is_some_and(|subscription| subscription.named)
        {
            headers.push("subscription", id.clone());
        }
        // Before 1.2, ACK names a message by its own id.
        let message_id = if self.version == Version::V1_2 {
            headers.push("ack", self.ack_id(number));
            None
        } else {
            message.header("message-id").map(detached)
        };
        for (name, value) in message.headers.iter() {
            headers.push(name.clone(), value.clone());
        }
        if let Some(window) = self.subscriptions.window_mut(id) {
            window.insert(number, tag, message_id);
        }
        out.push(Output::Frame(Frame {
            command: Command::Message,
            headers,
            body: message.body,
        }));
    }
}
