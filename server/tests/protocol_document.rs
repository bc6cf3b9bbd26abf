//! The tables of docs/PROTOCOL.md say what the code says.

use std::collections::BTreeSet;

use protocol::limits;
use server::people::record;
use server::stomp::{Code, Settings};
use stomp::Limits;

const DOCUMENT: &str = include_str!("../../docs/PROTOCOL.md");

/// Every code. The test below fails when one is missing here.
const CODES: [Code; 27] = [
    Code::UnsupportedVersion,
    Code::MalformedFrame,
    Code::NotUtf8,
    Code::BadEscape,
    Code::FrameTooLarge,
    Code::TooManyHeaders,
    Code::BadHeader,
    Code::MissingHeader,
    Code::UnknownCommand,
    Code::NotConnected,
    Code::AlreadyConnected,
    Code::DuplicateSubscription,
    Code::NoSuchSubscription,
    Code::BadAck,
    Code::BadTransaction,
    Code::InvalidCredentials,
    Code::UnknownDestination,
    Code::Forbidden,
    Code::InvalidMessage,
    Code::NoSuchMessage,
    Code::RateLimited,
    Code::Unavailable,
    Code::Unconfirmed,
    Code::SlowConsumer,
    Code::HeartbeatTimeout,
    Code::LoginTimeout,
    Code::Draining,
];

/// The cells of the table whose head begins with this.
fn table(head: &str) -> Vec<Vec<&'static str>> {
    let rows = DOCUMENT
        .lines()
        .skip_while(|line| !line.starts_with(head))
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect())
        .collect()
}

#[test]
fn every_code_is_there_as_it_is() {
    let mut documented = BTreeSet::new();
    for row in table("| x-code | close |") {
        for word in row[0].split(", ") {
            let word = word.trim_matches('`');
            assert!(documented.insert(word), "{word} is there twice");
            let code = CODES.into_iter().find(|code| code.as_str() == word);
            let code = code.unwrap_or_else(|| panic!("there is no code {word}"));
            assert_eq!(row[1], code.close_code().to_string(), "{word}");
            assert_eq!(row[2] == "yes", code.retryable(), "{word}");
        }
    }
    let words: BTreeSet<_> = CODES.iter().map(|code| code.as_str()).collect();
    assert_eq!(documented, words);
    // An enumeration cannot be counted; its words in the source can.
    let source = include_str!("../src/stomp/refusal.rs");
    let words = source
        .lines()
        .filter(|line| line.trim_start().starts_with("Self::") && line.trim_end().ends_with("\","));
    assert_eq!(words.count(), CODES.len());
}

/// Whether the table of limits says so.
fn is_limited(limits: &[(&str, String)]) {
    let rows = table("| what | how much |");
    for (what, much) in limits {
        let row = rows.iter().find(|row| row[0] == *what);
        let row = row.unwrap_or_else(|| panic!("no row: {what}"));
        assert_eq!(row[1], *much, "{what}");
    }
}

#[test]
fn every_limit_of_a_session_is_there_as_it_is() {
    let (codec, session) = (Limits::default(), Settings::default());
    is_limited(&[
        ("frame", kibibytes(codec.frame)),
        ("command", format!("{} bytes", codec.command)),
        ("headers with different names", codec.headers.to_string()),
        ("header line", kibibytes(codec.header_line)),
        (
            "subscriptions of a session",
            session.subscriptions.to_string(),
        ),
        ("SENDs without an outcome", thousands(session.pending_sends)),
        (
            "unacknowledged messages of a subscription without `prefetch-count`",
            session.prefetch.to_string(),
        ),
        (
            "unacknowledged messages of a session",
            thousands(session.unacked),
        ),
        (
            "open transactions of a session",
            session.transactions.to_string(),
        ),
        (
            "frames in a transaction",
            session.transaction_frames.to_string(),
        ),
        (
            "bytes in all open transactions of a session",
            format!("{} MiB", session.transaction_bytes >> 20),
        ),
        (
            "until CONNECT",
            format!("{} s", session.login_timeout.as_secs()),
        ),
        (
            "until DISCONNECT is answered",
            format!("{} s", session.farewell_timeout.as_secs()),
        ),
    ]);
}

#[test]
fn every_limit_of_messages_is_there_as_it_is() {
    is_limited(&[
        (
            "text of a message",
            format!(
                "{} characters, {}",
                thousands(limits::TEXT_CHARS),
                kibibytes(limits::TEXT_BYTES)
            ),
        ),
        (
            "`client-msg-id`",
            format!("{} bytes", limits::CLIENT_MSG_ID_BYTES),
        ),
        (
            "different emoji on a message",
            limits::REACTIONS.to_string(),
        ),
        ("people with the same emoji", thousands(limits::REACTORS)),
        ("emoji", format!("{} bytes", limits::EMOJI_BYTES)),
        ("room name", format!("{} characters", limits::ROOM_CHARS)),
        (
            "nickname",
            format!("{} characters", limits::NICKNAME_GRAPHEMES),
        ),
        (
            "messages that one SUBSCRIBE replays",
            thousands(limits::RECOVER),
        ),
        (
            "messages in a page of history",
            limits::PAGE_MAX.to_string(),
        ),
        (
            "until a SEND is `unconfirmed`",
            format!("{} s", server::chat::listeners::PATIENCE.as_secs()),
        ),
    ]);
}

/// The lines of the block of JSON with this name.
fn json(name: &str) -> Vec<&'static str> {
    let head = format!("```json {name}");
    let lines = DOCUMENT.lines().skip_while(|line| **line != head).skip(1);
    let lines: Vec<_> = lines.take_while(|line| *line != "```").collect();
    assert!(!lines.is_empty(), "no block {name}");
    lines
}

/// Whether these lines are what the program reads and writes.
fn is_spoken<T: serde::Serialize + serde::de::DeserializeOwned>(name: &str) {
    for line in json(name) {
        let read: T = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        let written = serde_json::to_string(&read).unwrap_or_default();
        assert_eq!(written, line);
    }
}

#[test]
fn what_is_said_in_passing_is_there_as_it_is() {
    is_spoken::<protocol::RoomEvent>("events");
    is_spoken::<protocol::RoomsUpdate>("rooms");
    is_spoken::<record::Marker>("markers");
    is_spoken::<record::Passing>("passing");
    assert_eq!(json("events").len(), 4, "each kind of event");
}

fn kibibytes(bytes: usize) -> String {
    format!("{} KiB", bytes / 1024)
}

fn thousands(count: usize) -> String {
    format!("{},{:03}", count / 1_000, count % 1_000)
}
