//! One client: its session, with what a connection does for it, and what has come of it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use server::conformance::ConformanceDestinations;
use server::hub::{ConnectionId, Outbox, Outgoing, encode};
use server::stomp::session::{Output, Session, Settings};
use server::stomp::{CatchUp, Code, Destinations as _, Refusal};
use stomp::{Command, DecodeError, Decoder, Frame, Item, Version};

use super::World;

/// Small enough that short inputs reach each of them.
fn settings() -> Settings {
    Settings {
        subscriptions: 4,
        pending_sends: 2,
        prefetch: 3,
        unacked: 5,
        pull: 2,
        transactions: 2,
        transaction_frames: 3,
        transaction_bytes: 4 * 1024,
        ..Settings::default()
    }
}

/// What may wait for a client, and from when on it is asked for nothing more.
const OUTBOX: usize = 512 * 1024;
const REPLAY: usize = 2 * 1024;

pub(crate) struct Client {
    session: Session<ConformanceDestinations>,
    outbox: Arc<Outbox>,
    catch_up: CatchUp,
    /// Receipts that were asked for and did not come.
    receipts: HashSet<String>,
    /// What MESSAGE frames said lately.
    acks: Vec<String>,
    message_ids: Vec<String>,
    reply_to: Vec<String>,
}

impl Client {
    pub(crate) fn new(world: &mut World) -> Self {
        world.connections += 1;
        let outbox = Arc::new(Outbox::new(OUTBOX));
        let id = ConnectionId(world.connections);
        let destinations =
            ConformanceDestinations::new(Arc::clone(&world.broker), id, Arc::clone(&outbox));
        let session_id = format!("s-{}", world.connections);
        Self {
            session: Session::new(session_id, destinations, settings(), world.now),
            outbox,
            catch_up: CatchUp::Done,
            receipts: HashSet::new(),
            acks: Vec::new(),
            message_ids: Vec::new(),
            reply_to: Vec::new(),
        }
    }

    /// A header's value with what the client was told in the place of its braces.
    pub(crate) fn fill_in(&self, value: &str, place: usize) -> String {
        let told = match value {
            "{ack}" => &self.acks,
            "{message-id}" => &self.message_ids,
            "{reply-to}" => &self.reply_to,
            _ => return value.to_owned(),
        };
        told.len()
            .checked_sub(1 + place % 8)
            .map_or_else(|| "none".to_owned(), |at| told[at].clone())
    }

    /// Every frame asks for a receipt of its own.
    pub(crate) fn receive(&mut self, frame: Frame, world: &mut World) {
        world.frames += 1;
        let receipt = world.frames.to_string();
        self.receipts.insert(receipt.clone());
        let now = world.now;
        self.does(world, |session, out| {
            session.receive(frame.with("receipt", receipt), now, out);
        });
        self.catch_up = CatchUp::More;
        self.settle_down(world);
    }

    pub(crate) fn tick(&mut self, world: &mut World) {
        let now = world.now;
        self.does(world, |session, out| session.tick(now, out));
        let next = self.session.next_deadline();
        // One tick does one thing: the second is for a heart-beat beside the end of something.
        if next.is_some_and(|next| next <= now) {
            self.does(world, |session, out| session.tick(now, out));
        }
        let next = self.session.next_deadline();
        assert!(
            next.is_none_or(|next| next > now),
            "a deadline stays behind the clock"
        );
    }

    /// Signs of life.
    pub(crate) fn hear(&mut self, how: u8, world: &World) {
        match how % 3 {
            0 => self.session.heard(world.now),
            1 => self.session.pong(world.now),
            _ => self.session.wrote(world.now),
        }
    }

    /// The session ends for another reason than a frame.
    pub(crate) fn end(&mut self, how: u8, world: &mut World) {
        match how % 4 {
            0 => self.does(world, |session, out| {
                session.shutdown(Duration::from_millis(7), out);
            }),
            1 => self.does(world, |session, out| {
                session.malformed(&DecodeError::NulInHead, out);
            }),
            2 => {
                let refusal = Refusal::new(Code::SlowConsumer, "Slow consumer", "too slow");
                self.does(world, |session, out| session.fail(refusal, out));
            }
            _ => *self = Self::new(world),
        }
    }

    /// What a connection does after everything that happens: subscriptions get what waits for them, within bounds.
    pub(crate) fn settle_down(&mut self, world: &mut World) {
        for _ in 0..1_000 {
            if self.catch_up == CatchUp::More && self.outbox.bytes() < REPLAY {
                // Who waits in a queue asks again when it has read.
                self.catch_up = CatchUp::Done;
                if let Err(refusal) = self.session.destinations_mut().catch_up() {
                    self.does(world, |session, out| session.fail(refusal, out));
                }
            } else if self.session.wants_messages() && self.outbox.bytes() < REPLAY {
                self.does(world, Session::deliver);
            } else {
                assert!(self.session.unacked() <= settings().unacked);
                assert!(self.session.pending_sends() <= settings().pending_sends);
                return;
            }
        }
        panic!("deliveries do not come to an end");
    }

    /// Reads everything that was written to it.
    pub(crate) fn read(&mut self, world: &mut World) {
        for _ in 0..1_000 {
            let batch = self.outbox.take();
            assert!(!batch.overflowed, "more waits than may");
            if batch.nudged {
                self.session.nudge();
                self.catch_up = CatchUp::More;
            }
            if batch.frames.is_empty() && !batch.nudged {
                return;
            }
            for outgoing in batch.frames {
                match outgoing {
                    Outgoing::Frame(text) => self.learn(Bytes::from(text), world),
                    Outgoing::Binary(bytes) => self.learn(bytes, world),
                    Outgoing::HeartBeat | Outgoing::Close { .. } => {}
                }
            }
            self.session.wrote(world.now);
            self.catch_up = CatchUp::More;
            self.settle_down(world);
        }
        panic!("there is always something more");
    }

    /// Takes in a frame that was written.
    fn learn(&mut self, bytes: Bytes, world: &mut World) {
        let mut decoder = Decoder::new(stomp::Limits::default());
        decoder.set_version(self.session.version());
        decoder.push(bytes);
        let Ok(Some(Item::Frame(frame))) = decoder.next() else {
            panic!("what is written is a frame");
        };
        assert!(
            decoder.next() == Ok(None) && decoder.held() == 0,
            "and nothing else"
        );
        let value = |name| frame.header(name).map(ToString::to_string);
        if frame.command == Command::Message {
            let id = value("message-id").expect("a MESSAGE has an id");
            let again = value("redelivered").is_some();
            assert!(
                world.seen.insert(id.clone()) || again,
                "{id} comes twice without saying so"
            );
            assert!(value("ack").is_none() || self.session.version() == Version::V1_2);
            self.message_ids.push(id);
        }
        self.acks.extend(value("ack"));
        self.reply_to.extend(value("reply-to"));
    }

    /// Lets something happen to the session, and looks at what it says. A session that has closed makes way for a new one.
    fn does(
        &mut self,
        world: &mut World,
        act: impl FnOnce(&mut Session<ConformanceDestinations>, &mut Vec<Output>),
    ) {
        let mut out = Vec::new();
        act(&mut self.session, &mut out);
        let version = self.session.version();
        let is_error = |output: &Output| matches!(output, Output::Frame(frame) if frame.command == Command::Error);
        match &out[..] {
            [before @ .., error, Output::Close { code: 1001.., .. }] => {
                assert!(
                    is_error(error) && !before.iter().any(is_error),
                    "one ERROR, then the close: {out:?}"
                );
            }
            _ => assert!(
                !out.iter().any(is_error),
                "an ERROR without its close: {out:?}"
            ),
        }
        let last = out.len().saturating_sub(1);
        for (place, output) in out.into_iter().enumerate() {
            let outgoing = match output {
                Output::Frame(frame) => {
                    if frame.command == Command::Receipt {
                        let id = frame
                            .header("receipt-id")
                            .map(ToString::to_string)
                            .unwrap_or_default();
                        assert!(
                            self.receipts.remove(&id),
                            "a second RECEIPT, or one that nobody asked for: {id}"
                        );
                    }
                    encode::outgoing(&frame, version)
                }
                Output::HeartBeat => Outgoing::HeartBeat,
                Output::Close { code, reason } => {
                    assert!(
                        place == last && self.session.is_closed(),
                        "something after the close"
                    );
                    Outgoing::Close { code, reason }
                }
            };
            self.outbox.push(outgoing);
        }
        if self.session.is_closed() {
            let mut out = Vec::new();
            self.session.tick(world.now, &mut out);
            self.session.shutdown(Duration::ZERO, &mut out);
            self.session.deliver(&mut out);
            assert!(
                out.is_empty() && self.session.next_deadline().is_none(),
                "something after the close"
            );
            *self = Self::new(world);
        }
    }
}
