//! What can be wrong with a stream of frames.

use crate::Command;

/// Why a stream cannot be read on. The connection is to be closed after an ERROR that says so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The command, at most [`Limits::command`](super::Limits::command) octets long, is none of STOMP's.
    #[error("The command {0:?} is not known.")]
    UnknownCommand(String),
    /// A part of the frame is longer than it may be.
    #[error("The {part} is longer than {limit} octets.")]
    TooLarge {
        /// What is too long.
        part: Part,
        /// How many octets it may have.
        limit: usize,
    },
    /// The frame has more different headers than it may have.
    #[error("The frame has more than {limit} headers.")]
    TooManyHeaders {
        /// How many it may have.
        limit: usize,
    },
    /// The command or a header is not UTF-8.
    #[error("The command and the headers must be UTF-8.")]
    NotUtf8,
    /// A header line has no colon.
    #[error("A header line has no colon.")]
    MissingColon,
    /// A header line begins with its colon.
    #[error("A header has no name.")]
    MissingName,
    /// A backslash with the character that follows it, if any, is no escape sequence.
    #[error("A backslash in a header is followed by {}, which is not an escape sequence.", after(*.0))]
    UndefinedEscape(Option<char>),
    /// A carriage return without the line feed that has to follow.
    #[error("A carriage return is not followed by a line feed.")]
    CarriageReturn,
    /// A NUL within the command or the headers; most likely the blank line before the body is missing.
    #[error("The frame ends before the blank line that follows its headers.")]
    NulInHead,
    /// `content-length` is not a number of octets.
    #[error("The header content-length is not a number of octets.")]
    ContentLength,
    /// No NUL follows the octets that `content-length` announced.
    #[error(
        "The body does not end with NUL after as many octets as the header content-length says."
    )]
    MissingNul,
    /// Only SEND, MESSAGE and ERROR may have a body.
    #[error("Only SEND, MESSAGE and ERROR frames may have a body, not {}.", .0.as_str())]
    BodyNotAllowed(Command),
}

/// A part of a frame that has a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The line of the command.
    Command,
    /// The line of a header.
    HeaderLine,
    /// The body.
    Body,
    /// All of it, its NUL included.
    Frame,
}

impl std::fmt::Display for Part {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Command => "command",
            Self::HeaderLine => "header line",
            Self::Body => "body",
            Self::Frame => "frame",
        })
    }
}

fn after(character: Option<char>) -> String {
    character.map_or_else(
        || "nothing".to_owned(),
        |character| format!("{character:?}"),
    )
}
