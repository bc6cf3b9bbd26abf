//! SUBSCRIBE and UNSUBSCRIBE: their form, and what is subscribed.

use std::collections::HashMap;

use ::stomp::{Frame, Version};
use bytestring::ByteString;

use super::{detached, unsupported};
use crate::stomp::destinations::{AckMode, SubscribeRequest};
use crate::stomp::refusal::{Code, Refusal};

/// Checks the form of a SUBSCRIBE (checklist items 42 and 45).
pub(super) fn read(frame: Frame, version: Version) -> Result<SubscribeRequest, Refusal> {
    let Some(destination) = frame.header("destination").map(detached) else {
        return Err(Refusal::missing_destination(frame.command));
    };
    let named = frame.header("id").map(detached);
    // STOMP 1.0 lets clients leave the id out and name the subscription by its destination.
    if named.is_none() && version > Version::V1_0 {
        return Err(missing_id("SUBSCRIBE"));
    }
    match frame.header("ack").map(|mode| &**mode) {
        None | Some("auto") => {}
        Some("client") => return Err(unsupported::ack_mode()),
        Some("client-individual") if version > Version::V1_0 => return Err(unsupported::ack_mode()),
        Some(_) => {
            return Err(Refusal::new(
                Code::BadAck,
                "Invalid header",
                "'ack' is one of auto, client and (from STOMP 1.1 on) client-individual.",
            ));
        }
    }
    Ok(SubscribeRequest {
        named: named.is_some(),
        id: named.unwrap_or_else(|| destination.clone()),
        destination,
        ack: AckMode::Auto,
        receipt: frame.header("receipt").is_some(),
        headers: frame.headers,
        version,
    })
}

fn missing_id(command: &str) -> Refusal {
    Refusal::new(
        Code::MissingHeader,
        "Missing header",
        format!("{command} needs an 'id'."),
    )
}

/// What the session itself needs to know of a subscription.
#[derive(Debug)]
pub(super) struct Subscription {
    /// Whether the client gave an id, which MESSAGE frames then carry.
    pub(super) named: bool,
    /// As the client wrote it.
    pub(super) destination: ByteString,
}

impl Subscription {
    pub(super) fn of(request: &SubscribeRequest) -> Self {
        Self {
            named: request.named,
            destination: request.destination.clone(),
        }
    }
}

/// The subscriptions of one session.
#[derive(Debug)]
pub(super) struct Subscriptions {
    by_id: HashMap<ByteString, Subscription>,
    limit: usize,
}

impl Subscriptions {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            by_id: HashMap::new(),
            limit,
        }
    }

    pub(super) fn get(&self, id: &str) -> Option<&Subscription> {
        self.by_id.get(id)
    }

    /// Whether there is room for this one.
    pub(super) fn check(&self, request: &SubscribeRequest) -> Result<(), Refusal> {
        if self.by_id.contains_key(&request.id) {
            return Err(Refusal::new(
                Code::DuplicateSubscription,
                "Duplicated subscription identifier",
                format!(
                    "A subscription identified by '{}' already exists.",
                    request.id
                ),
            ));
        }
        if self.by_id.len() >= self.limit {
            return Err(Refusal::new(
                Code::Forbidden,
                "Too many subscriptions",
                format!(
                    "A session may have {} subscriptions. UNSUBSCRIBE from some first.",
                    self.limit
                ),
            ));
        }
        Ok(())
    }

    pub(super) fn insert(&mut self, id: ByteString, subscription: Subscription) {
        self.by_id.insert(id, subscription);
    }

    /// Ends the subscription that an UNSUBSCRIBE names, and gives its id (checklist item 48).
    pub(super) fn take(&mut self, frame: &Frame, version: Version) -> Result<ByteString, Refusal> {
        let (key, named) = match (frame.header("id"), frame.header("destination")) {
            (Some(id), _) => (id, true),
            (None, Some(destination)) if version == Version::V1_0 => (destination, false),
            _ => return Err(missing_id("UNSUBSCRIBE")),
        };
        // An id that reads like the destination of a subscription without id must not end that one.
        if self
            .get(key)
            .is_some_and(|subscription| subscription.named == named)
            && let Some((id, _)) = self.by_id.remove_entry(&**key)
        {
            return Ok(id);
        }
        Err(Refusal::new(
            Code::NoSuchSubscription,
            "Subscription not found",
            format!("There is no subscription identified by '{key}'."),
        ))
    }
}
