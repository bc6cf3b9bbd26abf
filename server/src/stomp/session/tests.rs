//! Frames in, outputs out: the session against destinations that follow a script.
//!
//! Numbers in the names of tests are those of the checklist in the protocol's design.

mod acknowledging;
mod beating;
mod committing;
mod connecting;
mod leaving;
mod properties;
mod pulling;
mod sending;
mod subscribing;

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use ::stomp::{Command, Frame, Headers};
use bytestring::ByteString;

use super::{Output, Session, Settings};
use crate::stomp::destinations::{
    CatchUp, Credentials, Destinations, Progress, Pulled, SendRequest, SubscribeRequest, Tag,
    Ticket, Verdict,
};
use crate::stomp::refusal::{Code, Refusal};

const REPLIES: &str = "/user/queue/replies";

/// Destinations that write down what they are asked and answer as told: yes, unless something else is scripted.
#[derive(Debug, Default)]
struct Script {
    connect: Option<Result<Headers, Refusal>>,
    sends: VecDeque<Result<Progress, Refusal>>,
    checks: VecDeque<Result<(), Refusal>>,
    subscribes: VecDeque<Result<Headers, Refusal>>,
    /// The numbers of the messages that wait for each subscription.
    stock: HashMap<ByteString, VecDeque<u64>>,
    pull: Option<Refusal>,
    /// What messages carry beside that.
    carried: Headers,
    asked: Vec<String>,
    tickets: Vec<Ticket>,
    replies: Option<ByteString>,
}

impl Destinations for Script {
    fn connect(&mut self, credentials: Credentials) -> Result<Headers, Refusal> {
        let text = |value: Option<ByteString>| value.map_or_else(|| "-".to_owned(), String::from);
        self.asked.push(format!(
            "connect {} {}",
            text(credentials.login),
            text(credentials.passcode)
        ));
        self.connect.take().unwrap_or_else(|| Ok(Headers::new()))
    }

    fn send(
        &mut self,
        request: SendRequest,
        ticket: Ticket,
        _: Instant,
    ) -> Result<Progress, Refusal> {
        self.asked.push(format!(
            "send {} {}",
            request.destination,
            String::from_utf8_lossy(&request.body)
        ));
        let answer = self
            .sends
            .pop_front()
            .unwrap_or_else(|| Ok(Progress::Done(Headers::new())));
        if answer == Ok(Progress::Pending) {
            self.tickets.push(ticket);
        }
        answer
    }

    fn subscribe(&mut self, request: SubscribeRequest) -> Result<Headers, Refusal> {
        let SubscribeRequest {
            id,
            named,
            destination,
            receipt,
            version,
            ..
        } = &request;
        self.asked.push(format!(
            "subscribe {id} named={named} {destination} receipt={receipt} {version}"
        ));
        let answer = self
            .subscribes
            .pop_front()
            .unwrap_or_else(|| Ok(Headers::new()));
        if answer.is_ok() && &**destination == REPLIES {
            self.replies = Some(id.clone());
        }
        answer
    }

    fn unsubscribe(&mut self, id: &ByteString) {
        self.asked.push(format!("unsubscribe {id}"));
        if self.replies.as_ref() == Some(id) {
            self.replies = None;
        }
    }

    fn check(&mut self, request: &SendRequest, _: Instant) -> Result<(), Refusal> {
        self.asked.push(format!(
            "check {} {}",
            request.destination,
            String::from_utf8_lossy(&request.body)
        ));
        self.checks.pop_front().unwrap_or(Ok(()))
    }

    fn catch_up(&mut self) -> Result<CatchUp, Refusal> {
        Ok(CatchUp::Done)
    }

    fn pull(&mut self, id: &ByteString, limit: usize) -> Result<Vec<Pulled>, Refusal> {
        self.asked.push(format!("pull {id} {limit}"));
        if let Some(refusal) = self.pull.take() {
            return Err(refusal);
        }
        let stock = self.stock.entry(id.clone()).or_default();
        let numbers = stock.drain(..limit.min(stock.len()));
        let message = |number: u64| {
            let usual = Frame::new(Command::Message)
                .with("message-id", format!("m{number}"))
                .with("destination", "/q")
                .with_body(number.to_string());
            let carried = self.carried.iter();
            carried.fold(usual, |frame, (name, value)| {
                frame.with(name.clone(), value.clone())
            })
        };
        Ok(numbers
            .map(|number| Pulled {
                tag: Tag(number),
                message: message(number),
            })
            .collect())
    }

    fn settle(&mut self, id: &ByteString, tag: Tag, verdict: Verdict) {
        self.asked.push(format!("{verdict:?} {id} {}", tag.0));
    }

    fn replies(&self) -> Option<ByteString> {
        self.replies.clone()
    }
}

/// A session and the clock of its test.
struct Client {
    session: Session<Script>,
    now: Instant,
}

impl Client {
    fn with(settings: Settings) -> Self {
        let now = Instant::now();
        Self {
            session: Session::new("s1", Script::default(), settings, now),
            now,
        }
    }

    fn new() -> Self {
        Self::with(Settings::default())
    }

    /// A client in an open session of STOMP 1.2 without heart-beats.
    fn connected() -> Self {
        let mut client = Self::new();
        client.log_in("1.2");
        client
    }

    fn log_in(&mut self, version: &str) {
        let outputs = self.says(&format!("CONNECT\naccept-version:{version}\n\n"));
        assert!(outputs[0].starts_with("CONNECTED "), "{outputs:?}");
        assert_eq!(outputs.len(), 1);
        self.session.destinations_mut().asked.clear();
    }

    fn says(&mut self, text: &str) -> Vec<String> {
        self.does(|session, now, out| session.receive(frame(text), now, out))
    }

    fn does(
        &mut self,
        act: impl FnOnce(&mut Session<Script>, Instant, &mut Vec<Output>),
    ) -> Vec<String> {
        let mut out = Vec::new();
        act(&mut self.session, self.now, &mut out);
        out.iter().map(shown).collect()
    }

    fn completes(&mut self, nth: usize, outcome: Result<Headers, Refusal>) -> Vec<String> {
        let ticket = self.session.destinations().tickets[nth];
        self.does(|session, _, out| session.complete(ticket, outcome, out))
    }

    /// Ticks whenever the session asks for it until so much time has passed; gives what came, and after how many
    /// milliseconds of the whole wait.
    fn waits(&mut self, duration: Duration) -> Vec<(u128, String)> {
        let (start, end) = (self.now, self.now + duration);
        let mut seen = Vec::new();
        while let Some(deadline) = self
            .session
            .next_deadline()
            .filter(|deadline| *deadline <= end)
        {
            assert!(
                deadline >= self.now,
                "a deadline is not behind the clock that was told"
            );
            self.now = deadline;
            let outputs = self.does(Session::tick);
            assert!(!outputs.is_empty(), "a deadline is there for something");
            assert!(seen.len() < 10_000, "deadlines come to an end");
            seen.extend(
                outputs
                    .into_iter()
                    .map(|output| ((deadline - start).as_millis(), output)),
            );
        }
        self.now = end;
        seen
    }

    fn asked(&self) -> &[String] {
        &self.session.destinations().asked
    }

    /// What was asked since this was last called.
    fn takes_asked(&mut self) -> Vec<String> {
        std::mem::take(&mut self.session.destinations_mut().asked)
    }

    /// Puts messages with these numbers up for a subscription.
    fn stocks(&mut self, id: &'static str, numbers: impl IntoIterator<Item = u64>) {
        let stock = &mut self.session.destinations_mut().stock;
        let stock = stock.entry(ByteString::from_static(id)).or_default();
        stock.extend(numbers);
        self.session.nudge();
    }

    /// Everything that the session hands out, each message as its `ack` header (in earlier versions, its `message-id`).
    fn receives(&mut self) -> Vec<String> {
        let mut out = Vec::new();
        let mut rounds = 0;
        while self.session.wants_messages() {
            self.session.deliver(&mut out);
            rounds += 1;
            assert!(rounds < 10_000, "deliveries come to an end");
        }
        let name = |output| match output {
            Output::Frame(frame) => {
                let id = frame.header("ack").or_else(|| frame.header("message-id"));
                id.map_or_else(|| shown(&Output::Frame(frame.clone())), ToString::to_string)
            }
            other => shown(&other),
        };
        out.into_iter().map(name).collect()
    }
}

/// Reads `COMMAND\nname:value\n\nbody`, without escapes.
fn frame(text: &str) -> Frame {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let mut frame = Frame::new(Command::from_wire(lines.next().unwrap()).unwrap());
    for line in lines {
        let (name, value) = line.split_once(':').unwrap();
        frame.headers.push(name, value);
    }
    frame.with_body(body.to_owned())
}

/// `COMMAND name:value | body`, `BEAT` or `CLOSE code reason`.
fn shown(output: &Output) -> String {
    match output {
        Output::HeartBeat => "BEAT".to_owned(),
        Output::Close { code, reason } => format!("CLOSE {code} {reason}").trim_end().to_owned(),
        Output::Frame(frame) => {
            let mut text = frame.command.as_str().to_owned();
            for (name, value) in frame.headers.iter() {
                text = format!("{text} {name}:{value}");
            }
            if frame.body.is_empty() {
                return text;
            }
            format!("{text} | {}", String::from_utf8_lossy(&frame.body))
        }
    }
}

/// Asserts that there is an ERROR of this wording and code, then the close that belongs to it, and nothing else.
#[track_caller]
fn assert_refused(outputs: &[String], message: &str, code: Code) {
    let [error, close] = outputs else {
        panic!("one ERROR and one close, not {outputs:?}")
    };
    let word = code.as_str();
    let start =
        format!("ERROR message:{message} content-type:text/plain x-code:{word} x-retryable:");
    assert!(
        error.starts_with(&start),
        "{error:?} is to start with {start:?}"
    );
    assert!(
        error
            .split(" | ")
            .nth(1)
            .is_some_and(|body| body.len() > 10),
        "{error:?} explains itself"
    );
    assert_eq!(*close, format!("CLOSE {} {word}", code.close_code()));
}

fn headers(pairs: &[(&str, &str)]) -> Headers {
    pairs.iter().fold(Headers::new(), |headers, (name, value)| {
        headers.with(*name, *value)
    })
}

fn refusal(code: Code) -> Refusal {
    Refusal::new(code, "No", "This is why not.")
}
