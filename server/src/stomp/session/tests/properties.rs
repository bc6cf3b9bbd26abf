//! What holds whatever clients, destinations and the clock do.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use ::stomp::{Command, DecodeError, Frame, Headers};
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;

use super::{REPLIES, Script, refusal};
use crate::stomp::destinations::{Progress, Ticket};
use crate::stomp::refusal::Code;
use crate::stomp::session::{Output, Session, Settings};

/// Something that happens to a session.
#[derive(Clone, Debug)]
enum Event {
    /// A frame, and how the destinations take it if it comes to that.
    Frame(Frame, Fate),
    /// The outcome of the SEND with this ticket, which may never have been given.
    Complete(u64, bool),
    /// So many milliseconds pass, and whether the session is told.
    Time(u64, bool),
    Heard,
    Pong,
    Wrote,
    Malformed,
    Shutdown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Done,
    Pending,
    Refused,
}

/// Mostly frames that a session can carry out, so that it lives for a while.
fn frame() -> impl Strategy<Value = Frame> {
    let command = prop_oneof![
        20 => Just(Command::Send),
        10 => Just(Command::Subscribe),
        3 => Just(Command::Unsubscribe),
        1 => Just(Command::Disconnect),
        1 => select(&Command::ALL[..]),
    ];
    let destination = weighted(0.98, select(vec!["/a", "/b", REPLIES]));
    let id = weighted(0.98, select(vec!["1", "2", "3", "4", "5", "6"]));
    let odd = weighted(
        0.1,
        select(vec![
            ("accept-version", "9"),
            ("heart-beat", "x"),
            ("ack", "auto"),
            ("ack", "client"),
            ("x-offset", "1"),
            ("transaction", "t"),
            ("client-msg-id", "m"),
        ]),
    );
    (command, destination, id, odd).prop_map(|(command, destination, id, odd)| {
        let headers = [
            destination.map(|to| ("destination", to)),
            id.map(|id| ("id", id)),
            odd,
        ];
        let add = |frame: Frame, (name, value)| frame.with(name, value);
        headers.into_iter().flatten().fold(Frame::new(command), add)
    })
}

fn event() -> impl Strategy<Value = Event> {
    let fate = prop_oneof![
        Just(Fate::Done),
        Just(Fate::Pending),
        Just(Fate::Pending),
        Just(Fate::Refused)
    ];
    prop_oneof![
        20 => (frame(), fate).prop_map(|(frame, fate)| Event::Frame(frame, fate)),
        8 => (0..20_u64, any::<bool>()).prop_map(|(ticket, good)| Event::Complete(ticket, good)),
        4 => (0..20_000_u64, any::<bool>()).prop_map(|(milliseconds, told)| Event::Time(milliseconds, told)),
        1 => Just(Event::Heard),
        1 => Just(Event::Pong),
        1 => Just(Event::Wrote),
        1 => prop_oneof![4 => Just(Event::Heard), 1 => Just(Event::Malformed), 1 => Just(Event::Shutdown)],
    ]
}

/// A session under watch.
struct Watched {
    session: Session<Script>,
    now: Instant,
    /// The receipts of pending SENDs, by ticket.
    pending: HashMap<Ticket, String>,
    /// Receipts that may be answered by now.
    earned: HashSet<String>,
    answered: HashSet<String>,
    /// The receipt of DISCONNECT, which has to wait for those of pending SENDs.
    farewell: Option<String>,
    closed: bool,
}

impl Watched {
    fn new() -> Self {
        let now = Instant::now();
        let settings = Settings {
            subscriptions: 5,
            pending_sends: 4,
            ..Settings::default()
        };
        Self {
            session: Session::new("s", Script::default(), settings, now),
            now,
            pending: HashMap::new(),
            earned: HashSet::new(),
            answered: HashSet::new(),
            farewell: None,
            closed: false,
        }
    }

    fn apply(&mut self, number: usize, event: Event) -> Vec<Output> {
        let mut out = Vec::new();
        match event {
            Event::Frame(frame, fate) => self.receive(number, frame, fate, &mut out),
            Event::Complete(number, good) => {
                let ticket = Ticket(number);
                let outcome = if good {
                    Ok(Headers::new())
                } else {
                    Err(refusal(Code::Unconfirmed))
                };
                if let Some(receipt) = self.pending.remove(&ticket).filter(|_| good) {
                    self.earned.insert(receipt);
                }
                if self.pending.is_empty() {
                    self.earned.extend(self.farewell.take());
                }
                self.session.complete(ticket, outcome, &mut out);
            }
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

    /// Gives every frame a receipt of its own, its number.
    fn receive(&mut self, number: usize, frame: Frame, fate: Fate, out: &mut Vec<Output>) {
        let receipt = number.to_string();
        let script = self.session.destinations_mut();
        script.sends.clear();
        script.sends.push_back(match fate {
            Fate::Done => Ok(Progress::Done(Headers::new())),
            Fate::Pending => Ok(Progress::Pending),
            Fate::Refused => Err(refusal(Code::RateLimited)),
        });
        let (command, tickets) = (frame.command, script.tickets.len());
        if command == Command::Disconnect && !self.pending.is_empty() {
            self.farewell.get_or_insert(receipt.clone());
        }
        self.session
            .receive(frame.with("receipt", receipt.clone()), self.now, out);
        match self.session.destinations().tickets.get(tickets) {
            Some(ticket) => {
                self.pending.insert(*ticket, receipt);
            }
            None if self.farewell.is_none() && (command != Command::Send || fate == Fate::Done) => {
                self.earned.insert(receipt);
            }
            None => {}
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
                Output::HeartBeat | Output::Frame(_) => {}
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
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn items_63_64_67_68_no_panic_nothing_after_close_and_receipts_once_and_only_for_what_was_done(
        login in prop::bool::weighted(0.9),
        events in vec(event(), 0..60),
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
