//! What must hold for any input of the fuzz target `stomp_codec`, which includes this file.

use bytes::{Bytes, BytesMut};
use stomp::{
    Command, DecodeError, Decoder, Frame, Headers, Item, Limits, Version, encode_to_bytes,
};

/// Small enough that short inputs reach each of them.
const SMALL: Limits = Limits {
    command: 12,
    headers: 4,
    header_line: 24,
    body: 40,
    frame: 90,
};

/// What is written here is never longer than what was read times the longest escape.
const LARGE: Limits = Limits {
    command: 32,
    headers: 1 << 20,
    header_line: 1 << 20,
    body: 1 << 20,
    frame: 1 << 20,
};

/// The first octet chooses the version, the limits and the question; the second how the stream is cut.
pub(crate) fn check(input: &[u8]) {
    let [choice, cut, rest @ ..] = input else {
        return;
    };
    let version = Version::ALL[usize::from(choice & 0b11) % Version::ALL.len()];
    if choice & 0b1000 == 0 {
        let limits = if choice & 0b100 == 0 {
            Limits::default()
        } else {
            SMALL
        };
        check_stream(version, limits, rest, *cut);
    } else {
        check_frame(version, &made_of(version, rest));
    }
}

/// However the stream is cut, the same frames come out of it within the limits, and writing one of them writes the same frame.
fn check_stream(version: Version, limits: Limits, stream: &[u8], cut: u8) {
    let whole = read(version, limits, [stream]);
    let pieces = stream.chunks(usize::from(cut).max(1));
    for cut in [
        read(version, limits, pieces),
        read(version, limits, stream.chunks(1)),
    ] {
        assert_eq!(cut.frames, whole.frames, "cut otherwise");
        assert_eq!(cut.outcome, whole.outcome, "cut otherwise");
        assert!(cut.outcome.is_err() || cut.heart_beats == whole.heart_beats);
        assert!(cut.held <= limits.frame, "{} octets are held", cut.held);
    }
    for frame in whole.frames {
        assert!(frame.headers.len() <= limits.headers && frame.body.len() <= limits.body);
        assert!(frame.command.may_have_body() || frame.body.is_empty());
        // A bare carriage return is the one thing that may be read and cannot be written where nothing is escaped.
        let is_writable = |text: &str| !is_plain(frame.command, version) || !text.contains('\r');
        if frame
            .headers
            .iter()
            .all(|(name, value)| is_writable(name) && is_writable(value))
        {
            check_frame(version, &frame);
        }
    }
}

/// What is written is read back, and nothing else.
fn check_frame(version: Version, frame: &Frame) {
    let written = encode_to_bytes(frame, version);
    let again = read(version, LARGE, [&written[..]]);
    assert_eq!(again.outcome, Ok(()));
    assert_eq!(again.frames, [frame.clone()]);
    assert!(!again.heart_beats && again.held == 0);
}

struct Read {
    frames: Vec<Frame>,
    outcome: Result<(), DecodeError>,
    heart_beats: bool,
    /// The most octets that were held while waiting for more.
    held: usize,
}

fn read<'a>(version: Version, limits: Limits, chunks: impl IntoIterator<Item = &'a [u8]>) -> Read {
    let mut decoder = Decoder::new(limits);
    decoder.set_version(version);
    let mut read = Read {
        frames: Vec::new(),
        outcome: Ok(()),
        heart_beats: false,
        held: 0,
    };
    for chunk in chunks {
        decoder.push(Bytes::copy_from_slice(chunk));
        loop {
            match decoder.next() {
                Ok(Some(Item::Frame(frame))) => read.frames.push(frame),
                Ok(Some(Item::HeartBeat)) => read.heart_beats = true,
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(decoder.held(), 0, "nothing is kept after an error");
                    assert_eq!(decoder.next(), Err(error.clone()), "it stays at the error");
                    read.outcome = Err(error);
                    return read;
                }
            }
        }
        read.held = read.held.max(decoder.held());
    }
    read
}

/// Whether frames of this command are written without escapes.
fn is_plain(command: Command, version: Version) -> bool {
    version == Version::V1_0
        || matches!(
            command,
            Command::Connect | Command::Stomp | Command::Connected
        )
}

/// A frame out of the input's parts, which end at octets that no UTF-8 has: command, names and values in turn, body.
/// Only what this version can express remains of it.
fn made_of(version: Version, input: &[u8]) -> Frame {
    let mut parts = input.split(|octet| *octet == 0xff);
    let first = parts.next().and_then(<[u8]>::first).copied().unwrap_or(0);
    let command = Command::ALL[usize::from(first) % Command::ALL.len()];
    let mut texts: Vec<_> = parts.collect();
    let body = texts.pop().unwrap_or_default();
    let plain = is_plain(command, version);
    let mut headers = Headers::new();
    for pair in texts.chunks_exact(2) {
        let text = |at: usize| String::from_utf8_lossy(pair[at]).replace('\0', "");
        let (mut name, mut value) = (text(0), text(1));
        if plain {
            name.retain(|character| !":\r\n".contains(character));
            value.retain(|character| !"\r\n".contains(character));
        }
        // A frame that asks for no version asks for 1.0, which pads values.
        if version == Version::V1_0 || command.opens_session() {
            value = value.trim_start_matches(' ').to_owned();
        }
        if !name.is_empty() && name != "content-length" && headers.get(&name).is_none() {
            headers.push(name, value);
        }
    }
    let body = if command.may_have_body() {
        BytesMut::from(body).freeze()
    } else {
        Bytes::new()
    };
    Frame {
        command,
        headers,
        body,
    }
}
