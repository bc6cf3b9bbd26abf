//! What holds whatever clients, destinations and the clock do.

mod events;

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use ::stomp::{Command, DecodeError, Frame, Headers};
use proptest::collection::vec;
use proptest::prelude::*;

use self::events::{Event, Fate, event};
use super::{Script, refusal};
use crate::stomp::destinations::{Progress, Ticket};
use crate::stomp::refusal::Code;
use crate::stomp::session::{Output, Session, Settings};

const UNACKED: usize = 9;
const TRANSACTION_BYTES: usize = 3_000;

/// Receipts that are earned when all of these SENDs have been carried out.
#[derive(Default)]
struct Wait {
    tickets: HashSet<Ticket>,
    failed: bool,
    receipts: Vec<String>,
}

/// A session under watch.
struct Watched {
    session: Session<Script>,
    now: Instant,
    waits: Vec<Wait>,
    /// The receipts of the frames of open transactions.
    transactions: HashMap<String, Vec<String>>,
    /// Receipts that may be answered by now.
    earned: HashSet<String>,
    answered: HashSet<String>,
    /// The receipt of DISCONNECT, which has to wait for those of pending SENDs.
    farewell: Option<String>,
    /// How many messages have come up.
    arrived: u64,
    /// The numbers of the messages that were handed out, and their ids for ACK.
    handed_out: HashSet<String>,
    ack_ids: HashSet<String>,
    closed: bool,
}

impl Watched {
    fn new() -> Self {
        let now = Instant::now();
        let settings = Settings {
            subscriptions: 5,
            pending_sends: 4,
            prefetch: 4,
            unacked: UNACKED,
            pull: 2,
            transactions: 3,
            transaction_frames: 4,
            transaction_bytes: TRANSACTION_BYTES,
            ..Settings::default()
        };
        Self {
            session: Session::new("s", Script::default(), settings, now),
            now,
            waits: Vec::new(),
            transactions: HashMap::new(),
            earned: HashSet::new(),
            answered: HashSet::new(),
            farewell: None,
            arrived: 0,
            handed_out: HashSet::new(),
            ack_ids: HashSet::new(),
            closed: false,
        }
    }

    fn apply(&mut self, number: usize, event: Event) -> Vec<Output> {
        let mut out = Vec::new();
        match event {
            Event::Frame(frame, fate) => self.receive(number, frame, fate, &mut out),
            Event::Complete(number, good) => self.complete(Ticket(number), good, &mut out),
            Event::Arrive(count) => self.arrive(count, &mut out),
            Event::Time(milliseconds, told) => {
                self.now += Duration::from_millis(milliseconds);
                if told {
                    // How long DISCONNECT waits is tested elsewhere.
                    self.earned.extend(self.farewell.take());
                    self.session.tick(self.now, &mut out);
                    assert!(
                        self.session
                            .next_deadline()
                            .is_none_or(|deadline| deadline > self.now),
                        "ticks settle"
                    );
                }
            }
            Event::Heard => self.session.heard(self.now),
            Event::Pong => self.session.pong(self.now),
            Event::Wrote => self.session.wrote(self.now),
            Event::Malformed => self.session.malformed(&DecodeError::NotUtf8, &mut out),
            Event::Shutdown => self.session.shutdown(Duration::from_secs(1), &mut out),
        }
        out
    }

    fn complete(&mut self, ticket: Ticket, good: bool, out: &mut Vec<Output>) {
        for wait in &mut self.waits {
            if wait.tickets.remove(&ticket) {
                wait.failed |= !good;
            }
        }
        self.earn();
        let outcome = if good {
            Ok(Headers::new())
        } else {
            Err(refusal(Code::Unconfirmed))
        };
        self.session.complete(ticket, outcome, out);
    }

    /// Notes what is earned now that SENDs have ended.
    fn earn(&mut self) {
        self.waits.retain(|wait| {
            let over = wait.tickets.is_empty();
            if over && !wait.failed {
                self.earned.extend(wait.receipts.iter().cloned());
            }
            !over
        });
        if self.waits.is_empty() {
            self.earned.extend(self.farewell.take());
        }
    }

    fn arrive(&mut self, count: u64, out: &mut Vec<Output>) {
        for id in ["1", "2", "3", "4", "5", "6"] {
            let numbers = self.arrived..self.arrived + count;
            self.arrived += count;
            let stock = &mut self.session.destinations_mut().stock;
            stock.entry(id.into()).or_default().extend(numbers);
        }
        self.session.nudge();
        let mut rounds = 0;
        while self.session.wants_messages() {
            self.session.deliver(out);
            rounds += 1;
            assert!(rounds <= 100, "deliveries come to an end");
        }
    }

    /// Gives every frame a receipt of its own, its number.
    fn receive(&mut self, number: usize, frame: Frame, fate: Fate, out: &mut Vec<Output>) {
        let receipt = number.to_string();
        let answer = match fate {
            Fate::Done => Ok(Progress::Done(Headers::new())),
            Fate::Pending => Ok(Progress::Pending),
            Fate::Refused => Err(refusal(Code::RateLimited)),
        };
        let script = self.session.destinations_mut();
        // As many as a transaction may hold.
        script.sends = std::iter::repeat_n(answer, 4).collect();
        let (command, tickets) = (frame.command, script.tickets.len());
        if command == Command::Disconnect && !self.waits.is_empty() {
            self.farewell.get_or_insert(receipt.clone());
        }
        let asked = script.asked.len();
        let transaction = frame.header("transaction").map(ToString::to_string);
        self.session
            .receive(frame.with("receipt", receipt.clone()), self.now, out);
        let script = self.session.destinations();
        let wait = Wait {
            tickets: script.tickets[tickets..].iter().copied().collect(),
            failed: fate == Fate::Refused
                && script.asked[asked..]
                    .iter()
                    .any(|line| line.starts_with("send ")),
            receipts: vec![receipt],
        };
        self.expect(command, transaction, wait);
    }

    /// Notes what a frame's receipt has to wait for.
    fn expect(&mut self, command: Command, transaction: Option<String>, mut wait: Wait) {
        match (command, transaction) {
            (Command::Send | Command::Ack | Command::Nack, Some(name)) => {
                let receipts = self.transactions.get_mut(&name);
                return receipts
                    .into_iter()
                    .for_each(|own| own.append(&mut wait.receipts));
            }
            (Command::Begin, Some(name)) => {
                self.transactions.entry(name).or_default();
            }
            (Command::Abort, Some(name)) => drop(self.transactions.remove(&name)),
            (Command::Commit, Some(name)) => {
                wait.receipts
                    .extend(self.transactions.remove(&name).unwrap_or_default());
            }
            _ => {}
        }
        if self.farewell.is_none() {
            self.waits.push(wait);
            self.earn();
        }
    }

    fn check(&mut self, out: &[Output]) {
        for output in out {
            assert!(!self.closed, "{output:?} after the close");
            match output {
                Output::Close { .. } => self.closed = true,
                Output::Frame(frame) if frame.command == Command::Receipt => {
                    let id = frame.header("receipt-id").unwrap().to_string();
                    assert!(
                        self.earned.contains(&id),
                        "RECEIPT {id} before its frame was carried out"
                    );
                    assert!(self.answered.insert(id), "a second {frame:?}");
                }
                Output::Frame(frame) => {
                    let id = frame.header("ack").map(ToString::to_string);
                    assert!(id.is_none_or(|id| self.ack_ids.insert(id)), "{frame:?}");
                    let number = frame
                        .header("message-id")
                        .and_then(|id| id.strip_prefix('m'));
                    self.handed_out.extend(number.map(str::to_owned));
                }
                Output::HeartBeat => {}
            }
        }
        let errors = out.iter().filter(
            |output| matches!(output, Output::Frame(frame) if frame.command == Command::Error),
        );
        assert_eq!(
            errors.count(),
            usize::from(matches!(out.last(), Some(Output::Close { code, .. }) if *code != 1000))
        );
        assert_eq!(self.closed, self.session.is_closed());
        assert!(self.session.pending_sends() <= 4);
        assert!(self.session.unacked() <= UNACKED);
        assert!(self.session.transactions.bytes() <= TRANSACTION_BYTES);
        if self.closed {
            assert_eq!(self.session.transactions.bytes(), 0);
            assert_eq!(self.session.pending_sends(), 0);
        }
        let mut settled: Vec<_> = self.settled().collect();
        let words = settled.len();
        assert!(
            settled
                .iter()
                .all(|number| self.handed_out.contains(*number))
        );
        settled.sort_unstable();
        settled.dedup();
        assert_eq!(settled.len(), words, "every message is settled once");
        assert!(words + self.session.unacked() <= self.handed_out.len());
    }

    /// The numbers of the messages that were settled.
    fn settled(&self) -> impl Iterator<Item = &str> {
        let asked = self.session.destinations().asked.iter();
        let settled = asked.filter(|line| line.starts_with("Ack ") || line.starts_with("Nack "));
        settled.filter_map(|line| line.rsplit(' ').next())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn items_63_64_67_68_no_panic_nothing_after_close_and_receipts_once_and_only_for_what_was_done(
        login in prop::bool::weighted(0.9),
        events in vec(event(), 0..80),
    ) {
        let mut watched = Watched::new();
        let connect = Frame::new(Command::Connect).with("accept-version", "1.0,1.2").with("heart-beat", "1000,1000");
        let first = login.then_some(Event::Frame(connect, Fate::Done));
        for (number, event) in first.into_iter().chain(events).enumerate() {
            let out = watched.apply(number, event);
            watched.check(&out);
        }
    }
}
