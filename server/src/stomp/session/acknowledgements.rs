//! ACK and NACK: which delivery they name in each version, and what becomes of it.

use ::stomp::{Command, Frame, Headers, Version};
use bytestring::ByteString;

use super::transactions::Action;
use super::window::{DeliveryNumber, NotSettled, Window};
use super::{Output, Session, detached, requested_receipt, send_receipt};
use crate::stomp::destinations::{Destinations, Verdict};
use crate::stomp::refusal::{Code, Refusal};

/// What a client said of deliveries of one subscription.
#[derive(Debug)]
pub(super) struct Settlement {
    pub(super) subscription: ByteString,
    pub(super) deliveries: Vec<DeliveryNumber>,
    pub(super) verdict: Verdict,
}

impl<D: Destinations> Session<D> {
    /// Takes an ACK or NACK, at once or as part of a transaction.
    pub(super) fn acknowledge(
        &mut self,
        frame: &Frame,
        verdict: Verdict,
        out: &mut Vec<Output>,
    ) -> Result<(), Refusal> {
        let command = frame.command;
        let (subscription, number) = self.named_delivery(frame)?;
        let deliveries = self
            .subscriptions
            .window(&subscription)
            .ok_or(NotSettled::Unknown)
            .and_then(|window| window.covered(number))
            .map_err(|reason| match reason {
                NotSettled::Unknown => not_waiting(command),
                NotSettled::Claimed => claimed(command),
            })?;
        let settlement = Settlement {
            subscription,
            deliveries,
            verdict,
        };
        let receipt = requested_receipt(frame);
        if let Some(name) = frame.header("transaction") {
            self.mark(&settlement, true);
            return self
                .transactions
                .add(name, Action::Settle(settlement, receipt));
        }
        self.carry_out(&settlement);
        send_receipt(receipt.as_ref(), &Headers::new(), out);
        Ok(())
    }

    /// Tells the destinations what the client said. Deliveries whose subscription has ended meanwhile were taken back.
    pub(super) fn carry_out(&mut self, settlement: &Settlement) {
        for number in &settlement.deliveries {
            let window = self.subscriptions.window_mut(&settlement.subscription);
            if let Some(tag) = window.and_then(|window| window.settle(*number)) {
                self.destinations
                    .settle(&settlement.subscription, tag, settlement.verdict);
            }
        }
    }

    /// Leaves the word on deliveries to a transaction, or takes it back.
    pub(super) fn mark(&mut self, settlement: &Settlement, claimed: bool) {
        if let Some(window) = self.subscriptions.window_mut(&settlement.subscription) {
            for number in &settlement.deliveries {
                window.claim(*number, claimed);
            }
        }
    }

    /// Whether everything that a transaction settles is still the client's to settle.
    pub(super) fn check_settlement(&self, settlement: &Settlement) -> Result<(), Refusal> {
        let window = self.subscriptions.window(&settlement.subscription);
        let there = |number: &DeliveryNumber| window.is_some_and(|window| window.contains(*number));
        if settlement.deliveries.iter().all(there) {
            return Ok(());
        }
        Err(Refusal::new(
            Code::BadTransaction,
            "Bad transaction",
            format!(
                "The transaction acknowledges messages of the subscription '{}', which has ended. Nothing of it was carried out.",
                settlement.subscription
            ),
        ))
    }

    /// The delivery that the frame names, in the manner of the session's version (checklist item 50).
    fn named_delivery(&self, frame: &Frame) -> Result<(ByteString, DeliveryNumber), Refusal> {
        let required = |name: &'static str| {
            frame
                .header(name)
                .ok_or_else(|| missing(frame.command, name))
        };
        let unknown = || not_waiting(frame.command);
        match self.version {
            Version::V1_2 => {
                let number = self.number_of(required("id")?).ok_or_else(unknown)?;
                let holder = self.subscriptions.holder(|window| window.contains(number));
                Ok((holder.ok_or_else(unknown)?, number))
            }
            Version::V1_1 => {
                let message_id = required("message-id")?;
                self.named_in(required("subscription")?, message_id, frame.command)
            }
            Version::V1_0 => {
                let message_id = required("message-id")?;
                if let Some(subscription) = frame.header("subscription") {
                    return self.named_in(subscription, message_id, frame.command);
                }
                // The oldest delivery counts where several subscriptions have this message.
                let oldest = self.subscriptions.oldest(message_id);
                oldest.ok_or_else(unknown)
            }
        }
    }

    fn named_in(
        &self,
        subscription: &ByteString,
        message_id: &ByteString,
        command: Command,
    ) -> Result<(ByteString, DeliveryNumber), Refusal> {
        if self.subscriptions.get(subscription).is_none() {
            return Err(Refusal::new(
                Code::NoSuchSubscription,
                "Subscription not found",
                format!("There is no subscription identified by '{subscription}'."),
            ));
        }
        let window = self.subscriptions.window(subscription);
        let number = window.and_then(|window: &Window| window.find(message_id));
        let number = number.ok_or_else(|| not_waiting(command))?;
        Ok((detached(subscription), number))
    }

    /// The value of `ack` on a MESSAGE. It holds the session's id, so that it names nothing on another connection.
    pub(super) fn ack_id(&self, number: DeliveryNumber) -> String {
        format!("{}-{}", self.id, number.0)
    }

    fn number_of(&self, id: &str) -> Option<DeliveryNumber> {
        let (_, number) = id.rsplit_once('-')?;
        let number = DeliveryNumber(number.parse().ok()?);
        (self.ack_id(number) == id).then_some(number)
    }
}

fn missing(command: Command, header: &str) -> Refusal {
    let detail = format!("{} needs '{header}'.", command.as_str());
    Refusal::new(Code::MissingHeader, "Missing header", detail)
}

fn not_waiting(command: Command) -> Refusal {
    let detail = format!(
        "{} names no message that waits for it: it was never sent in an ack mode other than auto, or has been acknowledged, \
         or its subscription has ended.",
        command.as_str()
    );
    Refusal::new(Code::BadAck, "Invalid header", detail)
}

fn claimed(command: Command) -> Refusal {
    let detail = format!(
        "{} names a message that an open transaction acknowledges already. COMMIT or ABORT that first.",
        command.as_str()
    );
    Refusal::new(Code::BadAck, "Invalid header", detail)
}
