//! Several connections with one broker, without sessions and sockets.

mod bounds;
mod connecting;
mod properties;
mod queues;
mod replies;
mod topics;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use ::stomp::{Decoder, Frame, Headers, Item, Version};
use bytestring::ByteString;

use super::{Broker, ConformanceDestinations, Limits};
use crate::hub::{ConnectionId, Outbox, Outgoing};
use crate::stomp::{
    AckMode, CatchUp, Destinations, Progress, Pulled, Refusal, SendRequest, SubscribeRequest, Tag,
    Ticket, Verdict,
};

/// A connection. Dropping it is losing it.
struct Client {
    destinations: ConformanceDestinations,
    outbox: Arc<Outbox>,
}

impl Client {
    fn new(broker: &Arc<Broker>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let outbox = Arc::new(Outbox::new(1 << 20));
        let destinations = ConformanceDestinations::new(
            Arc::clone(broker),
            ConnectionId(NEXT.fetch_add(1, Ordering::Relaxed)),
            Arc::clone(&outbox),
        );
        Self {
            destinations,
            outbox,
        }
    }

    fn try_send(&mut self, request: SendRequest) -> Result<(), Refusal> {
        let progress = self.destinations.send(request, Ticket(1), Instant::now())?;
        assert_eq!(progress, Progress::Done(Headers::new()));
        Ok(())
    }

    fn send(&mut self, destination: &str, body: &str) {
        self.try_send(send(destination, &[], body)).unwrap();
    }

    fn try_subscribe(&mut self, id: &str, to: &str, ack: AckMode) -> Result<(), Refusal> {
        let request = SubscribeRequest {
            id: id.into(),
            named: true,
            destination: to.into(),
            headers: Headers::new(),
            ack,
            receipt: false,
            version: Version::V1_2,
        };
        self.destinations.subscribe(request).map(|_| ())
    }

    /// Subscribes and asks for messages once, as a session does.
    fn subscribe(&mut self, id: &str, to: &str, ack: AckMode) {
        self.try_subscribe(id, to, ack).unwrap();
        match ack {
            AckMode::Auto => drop(self.destinations.catch_up().unwrap()),
            AckMode::Client | AckMode::ClientIndividual => drop(self.pull(id, 0)),
        }
    }

    fn pull(&mut self, id: &str, limit: usize) -> Vec<Pulled> {
        self.destinations.pull(&id.into(), limit).unwrap()
    }

    /// Pulls and gives the texts, marked where they come again.
    fn pull_texts(&mut self, id: &str, limit: usize) -> Vec<String> {
        let pulled = self.pull(id, limit);
        pulled.iter().map(|pulled| text(&pulled.message)).collect()
    }

    fn settle(&mut self, id: &str, tag: Tag, verdict: Verdict) {
        self.destinations.settle(&id.into(), tag, verdict);
    }

    fn unsubscribe(&mut self, id: &str) {
        self.destinations.unsubscribe(&id.into());
    }

    /// What was put into the outbox since the last time, decoded.
    fn frames(&self) -> Vec<Frame> {
        let batch = self.outbox.take();
        assert!(!batch.overflowed, "the outbox is never filled too far");
        let frames = batch.frames.into_iter().map(|outgoing| {
            let bytes = match outgoing {
                Outgoing::Frame(text) => text.into(),
                Outgoing::Binary(bytes) => bytes,
                other => panic!("{other:?}"),
            };
            let mut decoder = Decoder::new(::stomp::Limits {
                body: 4 << 20,
                frame: 4 << 20,
                ..Default::default()
            });
            decoder.set_version(Version::V1_2);
            decoder.push(bytes);
            match decoder.next() {
                Ok(Some(Item::Frame(frame))) => frame,
                other => panic!("{other:?}"),
            }
        });
        frames.collect()
    }

    /// The same, as texts.
    fn texts(&self) -> Vec<String> {
        self.frames().iter().map(text).collect()
    }

    /// As its connection does when it was nudged or has written.
    fn catch_up(&mut self) -> CatchUp {
        self.destinations.catch_up().unwrap()
    }

    fn is_nudged(&self) -> bool {
        self.outbox.take().nudged
    }
}

fn broker() -> Arc<Broker> {
    Arc::new(Broker::default())
}

fn small_broker(limits: Limits) -> Arc<Broker> {
    Arc::new(Broker::new(limits))
}

fn send(destination: &str, headers: &[(&str, &str)], body: &str) -> SendRequest {
    let mut all = Headers::new().with("destination", destination);
    for (name, value) in headers {
        all.push(*name, *value);
    }
    SendRequest {
        destination: destination.into(),
        headers: all,
        body: body.to_owned().into(),
        version: Version::V1_2,
    }
}

/// The body, with a star where the message has been handed out before.
fn text(frame: &Frame) -> String {
    let star = match frame.header("redelivered").map(|value| &**value) {
        None => "",
        Some("true") => "*",
        Some(other) => panic!("redelivered:{other}"),
    };
    format!("{star}{}", String::from_utf8_lossy(&frame.body))
}

fn header(frame: &Frame, name: &str) -> String {
    frame
        .header(name)
        .map(ByteString::to_string)
        .unwrap_or_default()
}
