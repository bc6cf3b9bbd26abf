//! The form of the table.
//!
//! ```text
//! [15 17] a body with content-length may hold NULs (1.1 1.2)
//! > SUBSCRIBE␊id:s␊destination:/topic/{own}␊␊␀
//! > SEND␊destination:/topic/{own}␊content-length:3␊␊a␀b␀
//! < MESSAGE␊content-length:3␊␊a␀b
//! ```
//!
//! A row begins with the numbers of its checklist items, its name, and the versions that it runs in (all, where none are
//! given). Peers log in by themselves when they are first named, unless the row opens their socket or says `raw`. Then:
//!
//! - `>`: the peer sends a WebSocket text message; `> binary` a binary one; `> octets` one binary message for each
//!   octet; `> unchecked` a text message that need not be UTF-8; `> cut` sends the bytes in two binary messages, and
//!   again for every place to cut, and each time the lines that follow up to an empty `>` must hold.
//! - `<`: the next WebSocket message is a text message with just this frame; `< binary` a binary one. Headers that are
//!   named must be there and have the value; `*` at a value's end stands for anything, and `name:{=x}` catches the value
//!   as `{x}`. `!name` must not be there. The body is compared where one is given. `<3` is three such frames, and
//!   `< exactly` is the whole message, byte for byte.
//! - `x 1002 reason`: the server closes with this code, and has said nothing more.
//! - `open Name: value; …`: opens the socket with these headers, and `= 101 v12.stomp` is the answer's status and
//!   subprotocol, `-` for none. `raw` opens it without.
//! - `drop`: the peer is gone without a word.
//!
//! A letter before an operation names a peer: `b> …`. Without one it is the peer `a`.

use std::fmt;

use stomp::Version;

/// Which program a row runs against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    Chat,
    Conformance,
}

/// One case.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) chapter: &'static str,
    pub(crate) profile: Profile,
    pub(crate) items: Vec<u32>,
    pub(crate) name: &'static str,
    pub(crate) versions: Vec<Version>,
    pub(crate) steps: Vec<Step>,
}

/// One line of a case.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) peer: char,
    pub(crate) line: &'static str,
    pub(crate) act: Act,
    pub(crate) text: &'static str,
}

/// What a line does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Send(Form),
    Cut,
    EndOfCut,
    Expect { binary: bool, times: usize },
    ExpectExactly,
    Close,
    Open,
    Answer,
    Raw,
    Drop,
}

/// How bytes are put into WebSocket messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    Binary,
    Octets,
    Unchecked,
}

impl fmt::Display for Row {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {:?} {}", self.chapter, self.items, self.name)
    }
}

/// Reads a chapter. Lines that begin with `#` are remarks.
pub(crate) fn parse(chapter: &'static str, profile: Profile, table: &'static str) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for line in table.lines() {
        if line.is_empty() || line.starts_with('#') {
        } else if let Some(head) = line.strip_prefix('[') {
            rows.push(row(chapter, profile, head));
        } else {
            let row = rows
                .last_mut()
                .unwrap_or_else(|| panic!("{chapter}: {line}"));
            row.steps.push(step(line));
        }
    }
    rows
}

fn row(chapter: &'static str, profile: Profile, head: &'static str) -> Row {
    let (items, name) = head.split_once("] ").expect("[items] name");
    let (name, versions) = match name.split_once(" (1.") {
        Some((name, _)) => (
            name,
            &head[head.rfind('(').expect("versions") + 1..head.len() - 1],
        ),
        None => (name, "1.0 1.1 1.2"),
    };
    let version = |name| Version::from_wire(name).unwrap_or_else(|| panic!("version {name}"));
    Row {
        chapter,
        profile,
        items: items
            .split(' ')
            .map(|item| item.parse().expect("an item"))
            .collect(),
        name,
        versions: versions.split(' ').map(version).collect(),
        steps: Vec::new(),
    }
}

fn step(line: &'static str) -> Step {
    let mut characters = line.chars();
    let (peer, rest) = match (characters.next(), characters.next()) {
        (Some(peer), Some('>' | '<' | ' '))
            if peer.is_ascii_lowercase() && !line.starts_with("x ") =>
        {
            (peer, line[1..].trim_start())
        }
        _ => ('a', line),
    };
    let (word, text) = rest.split_once(' ').unwrap_or((rest, ""));
    let (form, after) = text.split_once(' ').unwrap_or((text, ""));
    let (act, text) = match (word, form) {
        (">", "binary") => (Act::Send(Form::Binary), after),
        (">", "octets") => (Act::Send(Form::Octets), after),
        (">", "unchecked") => (Act::Send(Form::Unchecked), after),
        (">", "cut") => (Act::Cut, after),
        (">", "") => (Act::EndOfCut, ""),
        (">", _) => (Act::Send(Form::Text), text),
        ("<", "binary") => (
            Act::Expect {
                binary: true,
                times: 1,
            },
            after,
        ),
        ("<", "exactly") => (Act::ExpectExactly, after),
        ("x", _) => (Act::Close, text),
        ("open", _) => (Act::Open, text),
        ("=", _) => (Act::Answer, text),
        ("raw", _) => (Act::Raw, text),
        ("drop", _) => (Act::Drop, text),
        (word, _) if word.starts_with('<') => {
            let times = if word == "<" {
                1
            } else {
                word[1..].parse().expect("<3")
            };
            (
                Act::Expect {
                    binary: false,
                    times,
                },
                text,
            )
        }
        _ => panic!("no such operation: {line}"),
    };
    Step {
        peer,
        line,
        act,
        text,
    }
}
