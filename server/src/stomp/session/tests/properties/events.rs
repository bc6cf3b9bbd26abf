//! What may happen to a session.

use ::stomp::{Command, Frame};
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;

use super::super::REPLIES;

/// Names of transactions: one more than may be open.
const TRANSACTIONS: [&str; 4] = ["1", "2", "3", "4"];

/// Something that happens to a session.
#[derive(Clone, Debug)]
pub(super) enum Event {
    /// A frame, and how the destinations take it if it comes to that.
    Frame(Frame, Fate),
    /// The outcome of the SEND with this ticket, which may never have been given.
    Complete(u64, bool),
    /// So many messages come up for every subscription that has to acknowledge them, and are asked for.
    Arrive(u64),
    /// So many milliseconds pass, and whether the session is told.
    Time(u64, bool),
    Heard,
    Pong,
    Wrote,
    Malformed,
    Shutdown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Done,
    Pending,
    Refused,
}

/// Mostly frames that a session can carry out, so that it lives for a while.
fn frame() -> impl Strategy<Value = Frame> {
    prop_oneof![3 => request(), 1 => acknowledgement(), 1 => transaction()]
}

fn acknowledgement() -> impl Strategy<Value = Frame> {
    let command = select(vec![Command::Ack, Command::Nack]);
    let transaction = weighted(0.4, select(TRANSACTIONS.to_vec()));
    (command, 1..30_u64, transaction).prop_map(|(command, number, transaction)| {
        let frame = Frame::new(command).with("id", format!("s-{number}"));
        let add = |frame: Frame, name| frame.with("transaction", name);
        transaction.into_iter().fold(frame, add)
    })
}

fn transaction() -> impl Strategy<Value = Frame> {
    let command = prop_oneof![
        6 => Just(Command::Begin),
        4 => Just(Command::Send),
        2 => Just(Command::Commit),
        1 => Just(Command::Abort),
    ];
    (command, select(TRANSACTIONS.to_vec())).prop_map(|(command, name)| {
        Frame::new(command)
            .with("destination", "/a")
            .with("transaction", name)
            .with_body("x".repeat(100))
    })
}

fn request() -> impl Strategy<Value = Frame> {
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
        0.4,
        select(vec![
            ("accept-version", "9"),
            ("heart-beat", "x"),
            ("ack", "auto"),
            ("ack", "client"),
            ("ack", "client"),
            ("ack", "client-individual"),
            ("ack", "client-individual"),
            ("prefetch-count", "3"),
            ("transaction", "1"),
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

pub(super) fn event() -> impl Strategy<Value = Event> {
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
        8 => (0..12_u64).prop_map(Event::Arrive),
        1 => Just(Event::Pong),
        1 => Just(Event::Wrote),
        1 => prop_oneof![4 => Just(Event::Heard), 1 => Just(Event::Malformed), 1 => Just(Event::Shutdown)],
    ]
}
