//! SUBSCRIBE and UNSUBSCRIBE: their form, and what is subscribed.

use std::collections::{HashMap, VecDeque};

use ::stomp::{Frame, Version};
use bytestring::ByteString;

use super::window::{DeliveryNumber, Window};
use super::{Settings, detached};
use crate::stomp::destinations::{AckMode, SubscribeRequest};
use crate::stomp::refusal::{Code, Refusal};

/// Checks the form of a SUBSCRIBE (checklist items 42, 45 and 56). With it comes how many messages the client wants to
/// have unacknowledged, where it says so; 0 leaves that to the server.
pub(super) fn read(
    frame: Frame,
    version: Version,
) -> Result<(SubscribeRequest, Option<usize>), Refusal> {
    let Some(destination) = frame.header("destination").map(detached) else {
        return Err(Refusal::missing_destination(frame.command));
    };
    let named = frame.header("id").map(detached);
    // STOMP 1.0 lets clients leave the id out and name the subscription by its destination.
    if named.is_none() && version > Version::V1_0 {
        return Err(missing_id("SUBSCRIBE"));
    }
    let ack = match frame.header("ack").map(|mode| &**mode) {
        None | Some("auto") => AckMode::Auto,
        Some("client") => AckMode::Client,
        Some("client-individual") if version > Version::V1_0 => AckMode::ClientIndividual,
        Some(_) => {
            return Err(Refusal::new(
                Code::BadAck,
                "Invalid header",
                "'ack' is one of auto, client and (from STOMP 1.1 on) client-individual.",
            ));
        }
    };
    let prefetch = match frame.header("prefetch-count") {
        None => None,
        Some(count) => Some(prefetch(count)?),
    };
    let request = SubscribeRequest {
        named: named.is_some(),
        id: named.unwrap_or_else(|| destination.clone()),
        destination,
        ack,
        receipt: frame.header("receipt").is_some(),
        headers: frame.headers,
        version,
    };
    Ok((request, prefetch))
}

fn prefetch(count: &str) -> Result<usize, Refusal> {
    let digits = !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit());
    // A number over all bounds is a wish for as many as there may be.
    if digits {
        return Ok(count.parse().unwrap_or(usize::MAX));
    }
    Err(Refusal::invalid_header(
        "'prefetch-count' is a number: how many messages may be unacknowledged at a time; 0 leaves it to the server.",
    ))
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
    /// What waits for the client's word; none in mode `auto`.
    window: Option<Window>,
}

/// The subscriptions of one session.
#[derive(Debug)]
pub(super) struct Subscriptions {
    by_id: HashMap<ByteString, Subscription>,
    /// Those that are asked for messages, the one whose turn is next first.
    turns: VecDeque<ByteString>,
    most: usize,
    prefetch: usize,
    most_unacked: usize,
}

impl Subscriptions {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            by_id: HashMap::new(),
            turns: VecDeque::new(),
            most: settings.subscriptions,
            prefetch: settings.prefetch,
            most_unacked: settings.unacked,
        }
    }

    pub(super) fn get(&self, id: &str) -> Option<&Subscription> {
        self.by_id.get(id)
    }

    /// What waits for the client's word in this subscription; none in mode `auto`.
    pub(super) fn window(&self, id: &str) -> Option<&Window> {
        self.by_id.get(id)?.window.as_ref()
    }

    pub(super) fn window_mut(&mut self, id: &str) -> Option<&mut Window> {
        self.by_id.get_mut(id)?.window.as_mut()
    }

    /// The subscription whose window this holds for.
    pub(super) fn holder(&self, holds: impl Fn(&Window) -> bool) -> Option<ByteString> {
        let found = self
            .by_id
            .iter()
            .find(|(_, subscription)| subscription.window.as_ref().is_some_and(&holds));
        found.map(|(id, _)| id.clone())
    }

    /// The oldest unsettled delivery of a message in any subscription.
    pub(super) fn oldest(&self, message_id: &str) -> Option<(ByteString, DeliveryNumber)> {
        let windows = self
            .by_id
            .iter()
            .filter_map(|(id, subscription)| Some((id, subscription.window.as_ref()?)));
        windows
            .filter_map(|(id, window)| Some((id, window.find(message_id)?)))
            .min_by_key(|(_, number)| *number)
            .map(|(id, number)| (id.clone(), number))
    }

    /// How many messages wait for the client's word.
    pub(super) fn unacked(&self) -> usize {
        let windows = self
            .by_id
            .values()
            .filter_map(|subscription| subscription.window.as_ref());
        windows.map(Window::len).sum()
    }

    /// Notes that any destination may have more.
    pub(super) fn nudge(&mut self) {
        for subscription in self.by_id.values_mut() {
            if let Some(window) = &mut subscription.window {
                window.nudge();
            }
        }
    }

    /// Whether a subscription is to be asked for messages.
    pub(super) fn wants_messages(&self) -> bool {
        let wants = |id: &ByteString| self.window(id).is_some_and(|window| window.room() > 0);
        self.turns.iter().any(wants) && self.unacked() < self.most_unacked
    }

    /// The subscription that is to be asked for messages now, and for how many at most.
    pub(super) fn next_turn(&mut self) -> Option<(ByteString, usize)> {
        let left = self.most_unacked.saturating_sub(self.unacked());
        for _ in 0..self.turns.len() {
            self.turns.rotate_left(1);
            let id = self.turns.back()?;
            let room = self.window(id).map_or(0, Window::room).min(left);
            if room > 0 {
                return Some((id.clone(), room));
            }
        }
        None
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
        if self.by_id.len() >= self.most {
            return Err(Refusal::new(
                Code::Forbidden,
                "Too many subscriptions",
                format!(
                    "A session may have {} subscriptions. UNSUBSCRIBE from some first.",
                    self.most
                ),
            ));
        }
        Ok(())
    }

    /// What is to be kept of a subscription whose client wants to have this many messages unacknowledged.
    pub(super) fn prepare(
        &self,
        request: &SubscribeRequest,
        prefetch: Option<usize>,
    ) -> Subscription {
        let size = match prefetch {
            None => self.prefetch,
            Some(0) => self.most_unacked,
            Some(wanted) => wanted,
        };
        Subscription {
            named: request.named,
            destination: request.destination.clone(),
            window: (request.ack != AckMode::Auto).then(|| Window::new(request.ack, size)),
        }
    }

    pub(super) fn insert(&mut self, id: ByteString, subscription: Subscription) {
        if subscription.window.is_some() {
            self.turns.push_back(id.clone());
        }
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
            self.turns.retain(|own| *own != id);
            return Ok(id);
        }
        Err(Refusal::new(
            Code::NoSuchSubscription,
            "Subscription not found",
            format!("There is no subscription identified by '{key}'."),
        ))
    }
}
