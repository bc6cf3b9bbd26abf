//! What one connection may do with the broker.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use ::stomp::Headers;
use bytestring::ByteString;

use super::address::{Kind, invalid};
use super::broker::{Broker, Place, Target};
use super::message::{detached, message};
use super::queue::{Consumer, Subscriber};
use crate::hub::{ConnectionId, Form, Outbox};
use crate::keys;
use crate::stomp::{
    AckMode, CatchUp, Code, Credentials, Destinations, Progress, Pulled, Refusal, SendRequest,
    SubscribeRequest, Tag, Ticket, Verdict,
};

/// The one login, and its passcode.
const GUEST: &str = "guest";
/// How many temporary queues a connection may have.
const TEMPORARY_QUEUES: usize = 100;

/// The broker's destinations for one connection.
pub struct ConformanceDestinations {
    broker: Arc<Broker>,
    connection: ConnectionId,
    outbox: Arc<Outbox>,
    subscriptions: HashMap<ByteString, Place>,
    /// The connection's own names for its temporary queues, each with the destination that others answer to.
    temporary: HashMap<ByteString, ByteString>,
}

impl ConformanceDestinations {
    /// The destinations of a new connection. The outbox holds at least 256 KiB and a message more.
    pub fn new(broker: Arc<Broker>, connection: ConnectionId, outbox: Arc<Outbox>) -> Self {
        Self {
            broker,
            connection,
            outbox,
            subscriptions: HashMap::new(),
            temporary: HashMap::new(),
        }
    }

    fn subscriber(&self, id: &ByteString) -> Subscriber {
        Subscriber {
            connection: self.connection,
            id: id.clone(),
        }
    }

    /// What others are to answer to when this connection says `reply-to`. A `/temp-queue/…` becomes the real name of a
    /// queue that the connection is subscribed to from then on, in mode `auto`, under its own name as the id.
    fn reply_to(&mut self, request: &SendRequest) -> Result<Option<ByteString>, Refusal> {
        let Some(wanted) = request.headers.get("reply-to").map(detached) else {
            return Ok(None);
        };
        if !wanted.starts_with("/temp-queue/") {
            return Ok(Some(wanted));
        }
        Kind::of(&wanted)?;
        if let Some(known) = self.temporary.get(&wanted) {
            return Ok(Some(known.clone()));
        }
        if self.temporary.len() >= TEMPORARY_QUEUES {
            let detail = format!(
                "A session may have {TEMPORARY_QUEUES} temporary queues. Use the ones you have."
            );
            return Err(Refusal::new(
                Code::Forbidden,
                "Too many temporary queues",
                detail,
            ));
        }
        let secret = keys::random_uid().map_err(|error| {
            tracing::error!(%error, "the system gives no random numbers");
            Refusal::new(
                Code::Unavailable,
                "Unavailable",
                "no temporary queue can be made at the moment; try again later",
            )
        })?;
        let name = ByteString::from(format!("/reply-queue/{secret}"));
        let form = Form {
            subscription: Some(wanted.clone()),
            version: request.version,
        };
        let consumer = Consumer::pushed(self.subscriber(&wanted), Arc::clone(&self.outbox), form);
        self.broker.attach(Place::Reply(name.clone()), consumer);
        self.temporary.insert(wanted, name.clone());
        Ok(Some(name))
    }
}

impl Destinations for ConformanceDestinations {
    /// Lets guest in, also where no login is given at all: so do brokers that are set up for tests.
    fn connect(&mut self, credentials: Credentials) -> Result<Headers, Refusal> {
        let login = credentials.login.as_deref();
        if (login, credentials.passcode.as_deref()) != (None, None)
            && (login, credentials.passcode.as_deref()) != (Some(GUEST), Some(GUEST))
        {
            return Err(bad_connect(format!(
                "Access refused for user '{}': in this profile the login is guest, and so is the passcode.",
                login.unwrap_or_default()
            )));
        }
        match credentials.host.as_deref() {
            Some(host) if host != "/" && host.contains('/') => Err(bad_connect(format!(
                "Virtual host '{host}' access denied: 'host' is / or a host name."
            ))),
            _ => Ok(Headers::new()),
        }
    }

    fn send(&mut self, request: SendRequest, _: Ticket, _: Instant) -> Result<Progress, Refusal> {
        let target = target(&request)?;
        let mut message = message(&request);
        if let Some(reply_to) = self.reply_to(&request)? {
            message.headers.push("reply-to", reply_to);
        }
        self.broker.publish(target, message)?;
        Ok(Progress::Done(Headers::new()))
    }

    fn subscribe(&mut self, request: SubscribeRequest) -> Result<Headers, Refusal> {
        let subscriber = self.subscriber(&request.id);
        let place = match Kind::of(&request.destination)? {
            Kind::Queue => Place::Shared(request.destination),
            Kind::Topic => Place::Topic {
                topic: request.destination,
                subscriber: subscriber.clone(),
            },
            Kind::TempQueue | Kind::ReplyQueue => {
                let why = "a SEND with 'reply-to:/temp-queue/NAME' subscribes to the replies";
                return Err(invalid(&request.destination, why));
            }
        };
        let outbox = Arc::clone(&self.outbox);
        let consumer = match request.ack {
            AckMode::Auto => {
                let form = Form {
                    subscription: request.named.then(|| request.id.clone()),
                    version: request.version,
                };
                Consumer::pushed(subscriber, outbox, form)
            }
            AckMode::Client | AckMode::ClientIndividual => Consumer::pulling(subscriber, outbox),
        };
        self.broker.attach(place.clone(), consumer);
        self.subscriptions.insert(request.id, place);
        Ok(Headers::new())
    }

    fn unsubscribe(&mut self, id: &ByteString) {
        if let Some(place) = self.subscriptions.remove(id) {
            self.broker.detach(&place, &self.subscriber(id));
        }
    }

    fn check(&mut self, request: &SendRequest, _: Instant) -> Result<(), Refusal> {
        self.broker.check(target(request)?)
    }

    fn catch_up(&mut self) -> Result<CatchUp, Refusal> {
        let mut state = CatchUp::Done;
        for (id, place) in &self.subscriptions {
            state = state.max(self.broker.fill(place, &self.subscriber(id))?);
        }
        for (id, name) in &self.temporary {
            let place = Place::Reply(name.clone());
            state = state.max(self.broker.fill(&place, &self.subscriber(id))?);
        }
        Ok(state)
    }

    fn pull(&mut self, id: &ByteString, limit: usize) -> Result<Vec<Pulled>, Refusal> {
        match self.subscriptions.get(id) {
            Some(place) => self.broker.pull(place, &self.subscriber(id), limit),
            None => Ok(Vec::new()),
        }
    }

    fn settle(&mut self, id: &ByteString, tag: Tag, verdict: Verdict) {
        if let Some(place) = self.subscriptions.get(id) {
            self.broker
                .settle(place, &self.subscriber(id), tag, verdict);
        }
    }

    /// Refusals end the session, as they do at other brokers.
    fn replies(&self) -> Option<ByteString> {
        None
    }
}

impl Drop for ConformanceDestinations {
    fn drop(&mut self) {
        for (id, place) in &self.subscriptions {
            self.broker.detach(place, &self.subscriber(id));
        }
        for (id, name) in &self.temporary {
            let place = Place::Reply(name.clone());
            self.broker.detach(&place, &self.subscriber(id));
        }
    }
}

fn target(request: &SendRequest) -> Result<Target<'_>, Refusal> {
    let destination = &request.destination;
    match Kind::of(destination)? {
        Kind::Queue => Ok(Target::Queue(destination)),
        Kind::Topic => Ok(Target::Topic(destination)),
        Kind::ReplyQueue => Ok(Target::Reply(destination)),
        Kind::TempQueue => Err(invalid(
            destination,
            "it is good in 'reply-to' only; send to what the 'reply-to' of the MESSAGE says",
        )),
    }
}

fn bad_connect(detail: String) -> Refusal {
    Refusal::new(Code::InvalidCredentials, "Bad CONNECT", detail)
}
