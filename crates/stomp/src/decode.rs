//! Bytes to frames.

mod buffer;
mod error;
mod head;

use std::mem;

use bytes::Bytes;
use memchr::{memchr, memchr2};

use self::buffer::Buffer;
pub use self::error::{DecodeError, Part};
use self::head::Head;
use crate::{Command, Frame, Version};

/// How large the parts of a frame may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Octets of the command, its line end not counted.
    pub command: usize,
    /// Headers with different names, `content-length` not counted. Repeated ones are not kept.
    pub headers: usize,
    /// Octets of a header line as it is written, its line feed not counted.
    pub header_line: usize,
    /// Octets of the body.
    pub body: usize,
    /// Octets of all of it, its NUL included.
    pub frame: usize,
}

impl Default for Limits {
    /// Command 32 octets, 64 headers of 4 KiB each, frame 64 KiB.
    fn default() -> Self {
        Self {
            command: 32,
            headers: 64,
            header_line: 4 * 1024,
            body: 64 * 1024,
            frame: 64 * 1024,
        }
    }
}

/// What a stream is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// One or more line ends between frames: the peer lives.
    HeartBeat,
    /// A frame.
    Frame(Frame),
}

/// Reads frames out of bytes that arrive in chunks, however they are cut.
///
/// ```
/// use stomp::{Decoder, Item, Limits};
///
/// let mut decoder = Decoder::new(Limits::default());
/// decoder.push("SEND\ndestination:/a\n\nhi\0\nSEND\n".into());
/// let Some(Item::Frame(frame)) = decoder.next()? else { panic!("a frame is whole") };
/// assert_eq!(frame.header("destination").map(|value| &**value), Some("/a"));
/// assert_eq!(frame.body, "hi");
/// assert_eq!(decoder.next()?, Some(Item::HeartBeat));
/// assert_eq!(decoder.next()?, None); // the rest of the frame has not arrived
/// # Ok::<(), stomp::DecodeError>(())
/// ```
///
/// No octet is searched twice. Headers and bodies share the memory of the chunk they arrived in; they are copied only
/// if they straddle chunks or are escaped. Once [`next`](Self::next) gave `None`, no more is held than one incomplete
/// frame within its limits; while its body arrives, its headers still share the one chunk that they came in.
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    version: Version,
    buffer: Buffer,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Between frames or in the head of one.
    Head {
        /// Known once its line arrived.
        command: Option<Command>,
        /// Where in the head the current line begins.
        line: usize,
    },
    /// In the body of a frame.
    Body(Head),
    /// What was wrong; nothing is read any more.
    Failed(DecodeError),
}

impl State {
    const START: Self = Self::Head {
        command: None,
        line: 0,
    };
}

impl Decoder {
    /// A decoder at the start of a stream. It reads by the rules of STOMP 1.2 until told otherwise.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            version: Version::V1_2,
            buffer: Buffer::default(),
            state: State::START,
        }
    }

    /// Sets the version that the peers agreed on. It counts from the next frame on, even if that one arrived already,
    /// so it is to be set before [`next`](Self::next) is called again.
    ///
    /// CONNECT and STOMP frames do not need it: they are read by the rules of the version that they ask for.
    pub fn set_version(&mut self, version: Version) {
        self.version = version;
    }

    /// Sets other limits, as when a session is let in. They count at once.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Adds bytes that arrived. [`next`](Self::next) should be called until it gives `None` before more are added:
    /// the limits are checked there.
    pub fn push(&mut self, chunk: Bytes) {
        if !matches!(self.state, State::Failed(_)) {
            self.buffer.push(chunk);
        }
    }

    /// The next frame or heart-beat; `None` until more bytes are there. After an error it stays at that error.
    #[expect(
        clippy::should_implement_trait,
        reason = "none says that bytes are missing, not that this is the end"
    )]
    pub fn next(&mut self) -> Result<Option<Item>, DecodeError> {
        let outcome = self.advance();
        if let Err(error) = &outcome {
            self.state = State::Failed(error.clone());
            self.buffer = Buffer::default();
        }
        outcome
    }

    /// How many octets are held of a frame that is not complete.
    pub fn held(&self) -> usize {
        let head = if let State::Body(head) = &self.state {
            head.size
        } else {
            0
        };
        head + self.buffer.len()
    }

    fn advance(&mut self) -> Result<Option<Item>, DecodeError> {
        let head = match mem::replace(&mut self.state, State::START) {
            State::Failed(error) => return Err(error),
            State::Body(head) => head,
            State::Head { command, line } => {
                if self.skip_line_ends()? {
                    return Ok(Some(Item::HeartBeat));
                }
                match self.read_head(command, line)? {
                    Some(head) => head,
                    None => return Ok(None),
                }
            }
        };
        let Some(body) = self.read_body(&head)? else {
            self.state = State::Body(head);
            return Ok(None);
        };
        Ok(Some(Item::Frame(Frame {
            command: head.command,
            headers: head.headers,
            body,
        })))
    }

    /// Skips what may stand between frames. Whether there were line ends; stray NULs are no sign of life, only noise.
    fn skip_line_ends(&mut self) -> Result<bool, DecodeError> {
        let mut line_ends = false;
        loop {
            match (self.buffer.taken(), self.buffer.rest()) {
                ([], [0, ..]) => self.buffer.skip(1),
                ([], [b'\n', ..]) => {
                    self.buffer.skip(1);
                    line_ends = true;
                }
                ([], [b'\r', ..]) => self.buffer.take(1),
                (b"\r", [b'\n', ..]) => {
                    self.buffer.take(1);
                    self.buffer.cut();
                    line_ends = true;
                }
                (b"\r", [_, ..]) => return Err(DecodeError::CarriageReturn),
                _ => return Ok(line_ends),
            }
        }
    }

    /// The head, if all of it is there.
    fn read_head(
        &mut self,
        mut command: Option<Command>,
        mut line: usize,
    ) -> Result<Option<Head>, DecodeError> {
        loop {
            let found = self.buffer.find(|rest| memchr2(b'\n', 0, rest));
            let run = found.unwrap_or(self.buffer.rest().len());
            self.check_line(command, line, self.buffer.taken().len() + run)?;
            let Some(end) = found else {
                self.buffer.take_rest();
                self.state = State::Head { command, line };
                return Ok(None);
            };
            if self.buffer.rest()[end] == 0 {
                return Err(DecodeError::NulInHead);
            }
            self.buffer.take(end + 1);
            let head = self.buffer.taken();
            let text = &head[line..head.len() - 1];
            let text = text.strip_suffix(b"\r").unwrap_or(text);
            line = head.len();
            match command {
                None => command = Some(parse_command(text)?),
                Some(command) if text.is_empty() => {
                    return head::parse(command, self.buffer.cut(), self.version, &self.limits)
                        .map(Some);
                }
                Some(_) => {}
            }
        }
    }

    /// Checks a line of the head that begins at `start` and reaches to `end` at least. Of two limits the nearer one
    /// counts, so that it does not matter how much of the line is there already.
    fn check_line(
        &self,
        command: Option<Command>,
        start: usize,
        end: usize,
    ) -> Result<(), DecodeError> {
        let (part, limit) = match command {
            None => (Part::Command, self.limits.command),
            Some(_) => (Part::HeaderLine, self.limits.header_line),
        };
        let line_end = start.saturating_add(limit);
        let frame_end = self.limits.frame.saturating_sub(1);
        if end <= line_end.min(frame_end) {
            Ok(())
        } else if line_end <= frame_end {
            Err(DecodeError::TooLarge { part, limit })
        } else {
            Err(DecodeError::TooLarge {
                part: Part::Frame,
                limit: self.limits.frame,
            })
        }
    }

    /// The body, if all of it and the NUL after it are there.
    fn read_body(&mut self, head: &Head) -> Result<Option<Bytes>, DecodeError> {
        let taken = self.buffer.taken().len();
        let there = taken + self.buffer.rest().len();
        let (length, whole) = match head.content_length {
            Some(length) => (length, length < there),
            None => match self.buffer.find(|rest| memchr(0, rest)) {
                Some(end) => (taken + end, true),
                None => (there, false),
            },
        };
        self.check_body(head, length)?;
        if !whole {
            self.buffer.take_rest();
            return Ok(None);
        }
        self.buffer.take(length + 1 - taken);
        let mut body = self.buffer.cut();
        if body[length] != 0 {
            return Err(DecodeError::MissingNul);
        }
        body.truncate(length);
        // An empty slice would keep its chunk alive.
        Ok(Some(if body.is_empty() { Bytes::new() } else { body }))
    }

    /// Checks a body of `length` octets at least, before they are kept.
    fn check_body(&self, head: &Head, length: usize) -> Result<(), DecodeError> {
        let around = head.size + 1;
        let frame_rest = self.limits.frame.saturating_sub(around);
        if length > 0 && !head.command.may_have_body() {
            Err(DecodeError::BodyNotAllowed(head.command))
        } else if length > self.limits.body && self.limits.body <= frame_rest {
            Err(DecodeError::TooLarge {
                part: Part::Body,
                limit: self.limits.body,
            })
        } else if length > frame_rest || around > self.limits.frame {
            Err(DecodeError::TooLarge {
                part: Part::Frame,
                limit: self.limits.frame,
            })
        } else {
            Ok(())
        }
    }
}

fn parse_command(line: &[u8]) -> Result<Command, DecodeError> {
    let name = str::from_utf8(line).map_err(|_| DecodeError::NotUtf8)?;
    Command::from_wire(name).ok_or_else(|| DecodeError::UnknownCommand(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;
    use crate::encode;

    fn octet_by_octet(decoder: &mut Decoder, stream: &[u8]) -> Vec<Frame> {
        let mut frames = Vec::new();
        for octet in stream {
            decoder.push(Bytes::copy_from_slice(&[*octet]));
            while let Some(item) = decoder.next().unwrap() {
                frames.extend(match item {
                    Item::Frame(frame) => Some(frame),
                    Item::HeartBeat => None,
                });
            }
        }
        frames
    }

    #[test]
    fn item_23_no_octet_is_searched_twice() {
        let long = Frame::new(Command::Send)
            .with("a", "x".repeat(2_000))
            .with("b", "y\n:".repeat(500))
            .with_body(vec![b'z'; 20_000]);
        let mut stream = BytesMut::new();
        for _ in 0..3 {
            encode(&long, Version::V1_2, &mut stream);
            stream.extend_from_slice(b"\n\r\n\0MESSAGE\n\nno length but long");
            stream.extend_from_slice(&long.body);
            stream.extend_from_slice(b"\0");
        }
        let mut decoder = Decoder::new(Limits::default());
        assert_eq!(octet_by_octet(&mut decoder, &stream).len(), 6);
        let searched = decoder.buffer.searched;
        assert!(searched <= stream.len(), "{searched} of {}", stream.len());
        assert!(
            searched > stream.len() / 2,
            "the work is counted: {searched}"
        );
    }
}
