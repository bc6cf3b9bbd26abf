//! What must hold for any input of the fuzz target `stomp_session`, which includes this file: whatever some clients of the
//! conformance profile do, and however time passes.

#[path = "client.rs"]
mod client;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use server::conformance::{Broker, Limits};
use stomp::{Command, Frame};

use client::Client;

/// Small enough that short inputs reach each of them.
const LIMITS: Limits = Limits {
    bytes: 8 * 1024,
    queue_messages: 8,
    backlog_messages: 6,
    backlog_bytes: 4 * 1024,
    transaction_messages: 3,
    transaction_bytes: 2 * 1024,
};

/// How many clients there are.
const CLIENTS: usize = 3;

/// Headers that a frame may get, each with its possible values. `{}` is replaced by something that the client was told.
const HEADERS: [(&str, &[&str]); 12] = [
    (
        "destination",
        &[
            "/queue/a",
            "/queue/b",
            "/topic/a",
            "/topic/b",
            "/temp-queue/a",
            "/reply-queue/a",
            "/queue/",
            "/x",
            "{reply-to}",
        ],
    ),
    ("id", &["1", "2", "3", "/queue/a", "/temp-queue/a", "{ack}"]),
    ("ack", &["client", "client-individual", "auto", "x"]),
    ("transaction", &["1", "2", "3"]),
    ("message-id", &["{message-id}", "1"]),
    ("subscription", &["1", "2", "/queue/a"]),
    (
        "prefetch-count",
        &["1", "2", "0", "99999999999999999999", "-1"],
    ),
    ("accept-version", &["1.2", "1.1", "1.0", "1.0,1.1,1.2", "3"]),
    (
        "heart-beat",
        &["1000,1000", "0,0", "60000,1", "1,4999", "x"],
    ),
    (
        "reply-to",
        &["/temp-queue/a", "/temp-queue/b", "/queue/a", "/temp-queue/"],
    ),
    ("login", &["guest", "other"]),
    ("passcode", &["guest"]),
];

/// What clients mostly do; the other commands come by way of `Command::ALL`.
const USUAL: [Command; 8] = [
    Command::Send,
    Command::Subscribe,
    Command::Ack,
    Command::Nack,
    Command::Begin,
    Command::Commit,
    Command::Abort,
    Command::Unsubscribe,
];

/// What every client may see, together.
pub(crate) struct World {
    broker: Arc<Broker>,
    now: Instant,
    connections: u64,
    frames: usize,
    /// Ids of the messages that came to somebody.
    seen: HashSet<String>,
}

/// Each two octets are something that happens: the first says to whom and what, the second how; frames take as many more
/// as they have headers.
pub(crate) fn check(input: &[u8]) {
    let mut world = World {
        broker: Arc::new(Broker::new(LIMITS)),
        now: Instant::now(),
        connections: 0,
        frames: 0,
        seen: HashSet::new(),
    };
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| Client::new(&mut world)).collect();
    let mut input = input.iter().copied();
    while let (Some(what), Some(how)) = (input.next(), input.next()) {
        let client = &mut clients[usize::from(what) % CLIENTS];
        match usize::from(what) / CLIENTS % 16 {
            0..=9 => {
                let command = if how < 0xe0 {
                    USUAL[usize::from(how) % USUAL.len()]
                } else {
                    Command::ALL[usize::from(how) % Command::ALL.len()]
                };
                let frame = frame(command, usize::from(how >> 3) % 4, &mut input, client);
                client.receive(frame, &mut world);
            }
            10 => {
                let frame = Frame::new(Command::Connect)
                    .with(
                        "accept-version",
                        ["1.0", "1.1", "1.2"][usize::from(how) % 3],
                    )
                    .with("heart-beat", if how < 0x40 { "1000,1000" } else { "0,0" });
                client.receive(frame, &mut world);
            }
            11 => {
                world.now += Duration::from_millis(u64::from(how).pow(2));
                for client in &mut clients {
                    client.tick(&mut world);
                }
            }
            12 => client.hear(how, &world),
            13 => client.end(how, &mut world),
            _ => client.read(&mut world),
        }
        for client in &mut clients {
            client.settle_down(&mut world);
        }
        let (bytes, _) = world.broker.usage();
        assert!(bytes <= LIMITS.bytes, "{bytes} bytes are kept");
    }
    drop(clients);
    // Nothing stays behind but what waits in the queues, and that can be had.
    let mut last = Client::new(&mut world);
    last.receive(Frame::new(Command::Connect), &mut world);
    for queue in ["/queue/a", "/queue/b"] {
        let subscribe = Frame::new(Command::Subscribe).with("destination", queue);
        last.receive(subscribe, &mut world);
    }
    last.read(&mut world);
    drop(last);
    assert_eq!(world.broker.usage(), (0, 0), "something stays behind");
}

/// A frame with so many of the headers, each chosen by an octet, and one that it cannot do without.
fn frame(
    command: Command,
    headers: usize,
    input: &mut impl Iterator<Item = u8>,
    client: &Client,
) -> Frame {
    let mut frame = Frame::new(command);
    let usual = match command {
        Command::Send => &[0][..],
        Command::Subscribe => &[0, 1],
        Command::Unsubscribe => &[1],
        Command::Ack | Command::Nack => &[4, 5],
        Command::Begin | Command::Commit | Command::Abort => &[3],
        _ => &[],
    };
    let chosen = usual
        .iter()
        .map(|header| Some(*header))
        .chain(std::iter::repeat_n(None, headers));
    for header in chosen {
        let Some(octet) = input.next().map(usize::from) else {
            break;
        };
        let (name, values) = HEADERS[header.unwrap_or(octet % HEADERS.len())];
        let place = if header.is_some() {
            octet
        } else {
            octet / HEADERS.len()
        };
        let value = client.fill_in(values[place % values.len()], place);
        frame.headers.push(name, value);
    }
    if command == Command::Ack || command == Command::Nack {
        frame.headers.push("id", client.fill_in("{ack}", 0));
    }
    if command == Command::Send {
        frame = frame.with_body(vec![
            b'x';
            input.next().map_or(0, |octet| usize::from(octet) * 8)
        ]);
    }
    frame
}
