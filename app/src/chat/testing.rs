//! What the engine's tests share: a page whose socket and clock are in the test's hands.

mod frames;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use protocol::{Action, HistoryPage, Message, Sender, header};
use stomp::{Command, Frame};

pub(super) use self::frames::{
    EPOCH, ME, change, decode, encode, folded_to, message, message_frame, page, position,
};
use super::{Changes, Composition, Effect, Engine, Entry, Event, PageRequest, Setup, Status};

/// An engine whose effects are kept for the test to look at. Its timer runs by itself as time goes on.
#[derive(Debug)]
pub(super) struct Harness {
    pub(super) engine: Engine,
    pub(super) now: u64,
    timer: Option<u64>,
    /// Frames that were transmitted and not looked at yet.
    pub(super) sent: Vec<Frame>,
    /// The other effects that were not looked at yet, without wake-ups and changes.
    pub(super) asked: Vec<Effect>,
    /// The changes that were not looked at yet.
    pub(super) changes: Vec<Changes>,
    pub(super) generation: u64,
    /// What is in the storage, by id.
    pub(super) stored: BTreeMap<String, Entry>,
    composed: u8,
}

impl Harness {
    /// A page with messages at offsets 10, 12 and 15 (and more before them), not started.
    pub(super) fn new() -> Self {
        Self::with(page(&[10, 12, 15], true), 15)
    }

    /// A page with these messages.
    pub(super) fn with(history: HistoryPage, head: i64) -> Self {
        let me = Sender {
            uid: ME.to_owned(),
            name: "지우".to_owned(),
        };
        let setup = Setup {
            room: "general".parse().unwrap(),
            me: Some(me),
            epoch: EPOCH,
            head,
            history,
            read: Some(10),
            rooms: Vec::new(),
            host: "localhost:8080".to_owned(),
            seed: 7,
            parse_message: crate::json::tests::parse_message,
            parse_passing: crate::json::tests::parse_passing,
        };
        Self {
            engine: Engine::new(setup),
            now: 1_763_900_000_000,
            timer: None,
            sent: Vec::new(),
            asked: Vec::new(),
            changes: Vec::new(),
            generation: 0,
            stored: BTreeMap::new(),
            composed: 0,
        }
    }

    /// A page that follows its room.
    pub(super) fn live() -> Self {
        let mut page = Self::new();
        page.event(Event::Start);
        page.go_live();
        page
    }

    /// The socket that was asked for opens, and the server lets the page in.
    pub(super) fn go_live(&mut self) {
        self.go_live_keeping_frames();
        self.sent.clear();
        self.asked.clear();
        self.changes.clear();
    }

    /// The same, and what was sent can still be looked at.
    pub(super) fn go_live_keeping_frames(&mut self) {
        self.open();
        self.subscribed(true);
    }

    /// The socket that was asked for opens, and the session too.
    pub(super) fn open(&mut self) {
        self.event(Event::Opened {
            generation: self.generation,
        });
        self.receive(
            &Frame::new(Command::Connected)
                .with("version", "1.2")
                .with("heart-beat", "10000,0"),
        );
    }

    /// The receipt of the latest SUBSCRIBE to the room.
    pub(super) fn subscribed(&mut self, recovered: bool) {
        let subscribe = self
            .sent
            .iter()
            .rfind(|frame| frame.header("id").is_some_and(|id| id == "room"))
            .unwrap();
        let receipt = Frame::new(Command::Receipt)
            .with("receipt-id", subscribe.header("receipt").unwrap().clone())
            .with(header::EPOCH, EPOCH.to_string())
            .with(header::OFFSET, "15")
            .with(header::RECOVERED, recovered.to_string())
            .with(header::REPLAY_COUNT, "0");
        self.receive(&receipt);
    }

    /// The receipt of a SEND.
    pub(super) fn receipt(&mut self, id: &str, offset: i64) {
        let receipt = Frame::new(Command::Receipt)
            .with("receipt-id", id)
            .with(header::EPOCH, EPOCH.to_string())
            .with(header::OFFSET, offset.to_string());
        self.receive(&receipt);
    }

    /// A refusal on the session's own queue.
    pub(super) fn refusal(
        &mut self,
        id: &str,
        code: &str,
        retryable: bool,
        retry_after: Option<u64>,
    ) {
        let mut frame = Frame::new(Command::Message)
            .with("subscription", "replies")
            .with(header::CODE, code)
            .with(header::RETRYABLE, retryable.to_string())
            .with(header::CLIENT_MSG_ID, id)
            .with_body("Please wait.");
        if let Some(retry_after) = retry_after {
            frame = frame.with(header::RETRY_AFTER_MS, retry_after.to_string());
        }
        self.receive(&frame);
    }

    /// An ERROR.
    pub(super) fn error(&mut self, code: &str, retryable: bool, receipt: Option<&str>) {
        let mut frame = Frame::new(Command::Error)
            .with("message", "Refused")
            .with(header::CODE, code)
            .with(header::RETRYABLE, retryable.to_string())
            .with_body("You are not welcome here.");
        if let Some(receipt) = receipt {
            frame = frame.with("receipt-id", receipt);
        }
        self.receive(&frame);
    }

    /// A frame of the server on the latest socket.
    pub(super) fn receive(&mut self, frame: &Frame) {
        self.event(Event::Received {
            generation: self.generation,
            bytes: encode(frame),
        });
    }

    /// A message of the room.
    pub(super) fn hear(&mut self, message: &Message) {
        self.receive(&message_frame(message));
    }

    /// A heart-beat.
    pub(super) fn beat(&mut self) {
        self.event(Event::Received {
            generation: self.generation,
            bytes: Bytes::from_static(b"\n"),
        });
    }

    pub(super) fn closed(&mut self) {
        self.event(Event::Closed {
            generation: self.generation,
        });
    }

    /// Composes a text and gives its id.
    pub(super) fn compose(&mut self, text: &str) -> String {
        self.do_to(Action::Send, None, text)
    }

    /// Composes an answer or a change of the message at an offset, and gives its id.
    pub(super) fn do_to(&mut self, action: Action, target: Option<i64>, text: &str) -> String {
        self.composed += 1;
        let composition = Composition {
            action,
            target: target.map(position),
            text: text.to_owned(),
        };
        let effects = self
            .engine
            .compose(self.now, composition.clone(), [self.composed; 10])
            .unwrap();
        self.keep(effects);
        let mut pending = self.engine.pending().iter();
        let composed = pending.rfind(|pending| pending.composition == composition);
        composed.unwrap().id.clone()
    }

    pub(super) fn event(&mut self, event: Event) {
        let effects = self.engine.handle(self.now, event);
        self.keep(effects);
    }

    /// Lets time pass; the timer goes off where the engine asked for it.
    pub(super) fn pass(&mut self, duration: u64) {
        let end = self.now + duration;
        while let Some(due) = self.timer.filter(|due| *due <= end) {
            (self.now, self.timer) = (due, None);
            self.event(Event::Tick);
        }
        self.now = end;
    }

    /// The commands sent since the last look.
    pub(super) fn commands(&mut self) -> Vec<Command> {
        self.sent.drain(..).map(|frame| frame.command).collect()
    }

    /// The ids of the messages sent since the last look.
    pub(super) fn sends(&mut self) -> Vec<String> {
        let sends = self
            .sent
            .drain(..)
            .filter(|frame| frame.command == Command::Send);
        sends
            .map(|frame| frame.header(header::CLIENT_MSG_ID).unwrap().to_string())
            .collect()
    }

    /// How far each pending message has come.
    pub(super) fn statuses(&self) -> Vec<Status> {
        self.engine
            .pending()
            .iter()
            .map(|pending| pending.status.clone())
            .collect()
    }

    /// The offsets of the rows.
    pub(super) fn offsets(&self) -> Vec<i64> {
        self.engine
            .rows()
            .iter()
            .map(|row| row.position.offset)
            .collect()
    }

    /// How many sockets were asked for since the last look.
    pub(super) fn connects(&mut self) -> usize {
        self.asked
            .drain(..)
            .filter(|effect| matches!(effect, Effect::Connect { .. }))
            .count()
    }

    /// The pages asked for since the last look.
    pub(super) fn fetches(&mut self) -> Vec<PageRequest> {
        let fetches = self.asked.drain(..).filter_map(|effect| match effect {
            Effect::Fetch(request) => Some(request),
            _ => None,
        });
        fetches.collect()
    }

    fn keep(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Transmit { generation, text } => {
                    assert_eq!(generation, self.generation, "never on an old socket");
                    let frame = decode(&text);
                    if let Some(id) = frame.header(header::CLIENT_MSG_ID) {
                        assert!(self.stored[&**id].attempted, "stored before it is sent");
                    }
                    self.sent.push(frame);
                }
                Effect::WakeAfter(after) => {
                    assert!(
                        after <= Duration::from_secs(80),
                        "no timer is set for longer than any rule needs"
                    );
                    self.timer = Some(self.now + u64::try_from(after.as_millis()).unwrap());
                }
                Effect::Store(entry) => {
                    self.stored.insert(entry.id.clone(), entry);
                }
                Effect::Forget { id } => {
                    assert!(self.stored.remove(&id).is_some(), "once, and what is there");
                }
                Effect::Changed(changes) => self.changes.push(changes),
                Effect::Connect { generation } => {
                    self.generation = generation;
                    self.asked.push(effect);
                }
                Effect::Disconnect { .. } | Effect::Fetch(_) => self.asked.push(effect),
            }
        }
    }
}
