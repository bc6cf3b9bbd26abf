//! Why the server refuses a frame: the code, the wording, and whether the connection survives it.

use std::borrow::Cow;
use std::time::Duration;

use ::stomp::{Command, DecodeError};

/// The value of `version` in an ERROR that speaks of versions.
pub const SUPPORTED_VERSIONS: &str = "1.0,1.1,1.2";

/// A word that a client program can decide on (`x-code`), after `docs/PROTOCOL.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// No STOMP version in common.
    UnsupportedVersion,
    /// Bytes that are no frame.
    MalformedFrame,
    /// Text that is not UTF-8.
    NotUtf8,
    /// A backslash in a header that begins no escape sequence.
    BadEscape,
    /// A frame over the size limit.
    FrameTooLarge,
    /// More headers than allowed.
    TooManyHeaders,
    /// A header that clients may not set, or with a bad value.
    BadHeader,
    /// A required header is missing.
    MissingHeader,
    /// A command that clients do not send.
    UnknownCommand,
    /// A frame before CONNECT.
    NotConnected,
    /// A second CONNECT.
    AlreadyConnected,
    /// A subscription id in use.
    DuplicateSubscription,
    /// UNSUBSCRIBE of an unknown id.
    NoSuchSubscription,
    /// An `ack` mode or acknowledgement that does not fit.
    BadAck,
    /// A transaction that does not fit.
    BadTransaction,
    /// Login refused.
    InvalidCredentials,
    /// No such destination.
    UnknownDestination,
    /// The destination exists, but not for this client.
    Forbidden,
    /// Text empty, too long or not UTF-8.
    InvalidMessage,
    /// Sent too fast.
    RateLimited,
    /// The log takes nothing at the moment; nothing was stored.
    Unavailable,
    /// The log did not answer in time; the message may or may not be stored.
    Unconfirmed,
    /// The client reads too slowly.
    SlowConsumer,
    /// The client went silent.
    HeartbeatTimeout,
    /// The client did not connect in time.
    LoginTimeout,
    /// The server is going down.
    Draining,
}

impl Code {
    /// Every one of them.
    pub const EVERY: &'static [Self] = &[
        Self::UnsupportedVersion,
        Self::MalformedFrame,
        Self::NotUtf8,
        Self::BadEscape,
        Self::FrameTooLarge,
        Self::TooManyHeaders,
        Self::BadHeader,
        Self::MissingHeader,
        Self::UnknownCommand,
        Self::NotConnected,
        Self::AlreadyConnected,
        Self::DuplicateSubscription,
        Self::NoSuchSubscription,
        Self::BadAck,
        Self::BadTransaction,
        Self::InvalidCredentials,
        Self::UnknownDestination,
        Self::Forbidden,
        Self::InvalidMessage,
        Self::RateLimited,
        Self::Unavailable,
        Self::Unconfirmed,
        Self::SlowConsumer,
        Self::HeartbeatTimeout,
        Self::LoginTimeout,
        Self::Draining,
    ];

    /// The word in `x-code`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnsupportedVersion => "unsupported-version",
            Self::MalformedFrame => "malformed-frame",
            Self::NotUtf8 => "not-utf-8",
            Self::BadEscape => "bad-escape",
            Self::FrameTooLarge => "frame-too-large",
            Self::TooManyHeaders => "too-many-headers",
            Self::BadHeader => "bad-header",
            Self::MissingHeader => "missing-header",
            Self::UnknownCommand => "unknown-command",
            Self::NotConnected => "not-connected",
            Self::AlreadyConnected => "already-connected",
            Self::DuplicateSubscription => "duplicate-subscription",
            Self::NoSuchSubscription => "no-such-subscription",
            Self::BadAck => "bad-ack",
            Self::BadTransaction => "bad-transaction",
            Self::InvalidCredentials => "invalid-credentials",
            Self::UnknownDestination => "unknown-destination",
            Self::Forbidden => "forbidden",
            Self::InvalidMessage => "invalid-message",
            Self::RateLimited => "rate-limited",
            Self::Unavailable => "unavailable",
            Self::Unconfirmed => "unconfirmed",
            Self::SlowConsumer => "slow-consumer",
            Self::HeartbeatTimeout => "heartbeat-timeout",
            Self::LoginTimeout => "login-timeout",
            Self::Draining => "draining",
        }
    }

    /// Whether the same request may succeed later.
    pub fn retryable(self) -> bool {
        matches!(
            self,
            Self::RateLimited
                | Self::Unavailable
                | Self::Unconfirmed
                | Self::SlowConsumer
                | Self::HeartbeatTimeout
                | Self::LoginTimeout
                | Self::Draining
        )
    }

    /// The WebSocket close code after an ERROR with this code (checklist item 85).
    pub fn close_code(self) -> u16 {
        match self {
            Self::NotUtf8 => 1007,
            Self::FrameTooLarge | Self::TooManyHeaders => 1009,
            Self::InvalidCredentials
            | Self::UnknownDestination
            | Self::Forbidden
            | Self::InvalidMessage
            | Self::RateLimited
            | Self::LoginTimeout => 1008,
            Self::Draining => 1012,
            Self::SlowConsumer | Self::Unavailable | Self::Unconfirmed => 1013,
            _ => 1002,
        }
    }
}

/// A request that was understood, or not, and is not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}: {detail}")]
pub struct Refusal {
    /// For programs.
    pub code: Code,
    /// The ERROR's `message` header, in `RabbitMQ`'s wording where it has one: existing clients match on it.
    pub message: Cow<'static, str>,
    /// The body: a sentence that says what to do.
    pub detail: Cow<'static, str>,
    /// How long to wait before trying again, where that is known.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// A refusal without a time to wait.
    pub fn new(
        code: Code,
        message: impl Into<Cow<'static, str>>,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            code,
            message: message.into(),
            detail: detail.into(),
            retry_after: None,
        }
    }

    /// The same refusal, with a time to wait before trying again.
    #[must_use]
    pub fn after(self, wait: Duration) -> Self {
        Self {
            retry_after: Some(wait),
            ..self
        }
    }

    /// CONNECT offers no version that the server speaks.
    pub fn unsupported_version() -> Self {
        let detail = format!("Supported versions are {SUPPORTED_VERSIONS}");
        Self::new(Code::UnsupportedVersion, "Version mismatch", detail)
    }

    /// Not a command, or not one that clients send, or not one of the session's version.
    pub fn bad_command(command: &str) -> Self {
        Self::new(
            Code::UnknownCommand,
            "Bad command",
            format!("Could not interpret command '{command}'."),
        )
    }

    /// A header that the client may not set, or with a bad value; the detail says which.
    pub fn invalid_header(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::BadHeader, "Invalid header", detail)
    }

    /// SEND or SUBSCRIBE without `destination`.
    pub fn missing_destination(command: Command) -> Self {
        let detail = format!("{} needs a 'destination'.", command.as_str());
        Self::new(Code::MissingHeader, "Missing destination", detail)
    }

    /// The server goes down; the client may come back, here or elsewhere, after the given time.
    pub fn draining(retry_after: Duration) -> Self {
        Self::new(
            Code::Draining,
            "Server going down",
            "This server is restarting. Connect again.",
        )
        .after(retry_after)
    }
}

impl From<&DecodeError> for Refusal {
    fn from(error: &DecodeError) -> Self {
        let (code, message) = match error {
            DecodeError::UnknownCommand(command) => return Self::bad_command(command),
            DecodeError::TooLarge { .. } => (Code::FrameTooLarge, "Frame too large"),
            DecodeError::TooManyHeaders { .. } => (Code::TooManyHeaders, "Too many headers"),
            DecodeError::NotUtf8 => (Code::NotUtf8, "Malformed frame"),
            DecodeError::UndefinedEscape(_) => (Code::BadEscape, "Undefined escape sequence"),
            // The enumeration may grow; whatever else cannot be read is malformed.
            _ => (Code::MalformedFrame, "Malformed frame"),
        };
        Self::new(code, message, error.to_string())
    }
}
