//! What a frame is made of: command, headers, body.

use bytes::Bytes;
use bytestring::ByteString;

/// The command of a frame, of client and server alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// Client: opens a session (STOMP 1.0 on).
    Connect,
    /// Client: the same as CONNECT (STOMP 1.1 on).
    Stomp,
    /// Client: sends a message.
    Send,
    /// Client: starts to receive from a destination.
    Subscribe,
    /// Client: stops to receive.
    Unsubscribe,
    /// Client: took a message.
    Ack,
    /// Client: refuses a message (STOMP 1.1 on).
    Nack,
    /// Client: starts a transaction.
    Begin,
    /// Client: carries a transaction out.
    Commit,
    /// Client: drops a transaction.
    Abort,
    /// Client: ends the session.
    Disconnect,
    /// Server: the session is open.
    Connected,
    /// Server: a message for a subscription.
    Message,
    /// Server: a client frame was processed.
    Receipt,
    /// Server: something went wrong; the connection closes after it.
    Error,
}

impl Command {
    /// Every command, the client's first.
    pub const ALL: [Self; 15] = [
        Self::Connect,
        Self::Stomp,
        Self::Send,
        Self::Subscribe,
        Self::Unsubscribe,
        Self::Ack,
        Self::Nack,
        Self::Begin,
        Self::Commit,
        Self::Abort,
        Self::Disconnect,
        Self::Connected,
        Self::Message,
        Self::Receipt,
        Self::Error,
    ];

    /// The command that is written this way; case counts.
    pub fn from_wire(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|command| command.as_str() == name)
    }

    /// As written on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "CONNECT",
            Self::Stomp => "STOMP",
            Self::Send => "SEND",
            Self::Subscribe => "SUBSCRIBE",
            Self::Unsubscribe => "UNSUBSCRIBE",
            Self::Ack => "ACK",
            Self::Nack => "NACK",
            Self::Begin => "BEGIN",
            Self::Commit => "COMMIT",
            Self::Abort => "ABORT",
            Self::Disconnect => "DISCONNECT",
            Self::Connected => "CONNECTED",
            Self::Message => "MESSAGE",
            Self::Receipt => "RECEIPT",
            Self::Error => "ERROR",
        }
    }

    /// Whether the specification lets this frame have a body.
    pub fn may_have_body(self) -> bool {
        matches!(self, Self::Send | Self::Message | Self::Error)
    }

    /// Whether this frame opens a session: CONNECT or STOMP.
    pub fn opens_session(self) -> bool {
        matches!(self, Self::Connect | Self::Stomp)
    }

    /// Whether headers of this frame are escaped in the versions that escape. Those that open a session are not,
    /// so that a STOMP 1.0 peer reads them.
    pub(crate) fn escapes_headers(self) -> bool {
        !self.opens_session() && self != Self::Connected
    }
}

/// The headers of a frame in their order; names may repeat, the first one counts.
///
/// `content-length` is no header here: the encoder writes it from the body, the decoder takes it off.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(ByteString, ByteString)>);

impl Headers {
    /// No headers.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of the first header with this name.
    pub fn get(&self, name: &str) -> Option<&ByteString> {
        self.0
            .iter()
            .find(|(own, _)| &**own == name)
            .map(|(_, value)| value)
    }

    /// Adds a header at the end.
    pub fn push(&mut self, name: impl Into<ByteString>, value: impl Into<ByteString>) {
        self.0.push((name.into(), value.into()));
    }

    /// Adds a header at the end and gives the headers back.
    #[must_use]
    pub fn with(mut self, name: impl Into<ByteString>, value: impl Into<ByteString>) -> Self {
        self.push(name, value);
        self
    }

    /// All headers in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&ByteString, &ByteString)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    /// How many headers there are, repeated ones included.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A whole frame. A decoded one shares the memory that its bytes arrived in: what outlives the frame, such as an
/// identifier kept in a table, should be copied, or it keeps that memory alive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What it asks or says.
    pub command: Command,
    /// Its headers, unescaped.
    pub headers: Headers,
    /// Its body; empty for most commands.
    pub body: Bytes,
}

impl Frame {
    /// A frame without headers and body.
    pub fn new(command: Command) -> Self {
        Self {
            command,
            headers: Headers::new(),
            body: Bytes::new(),
        }
    }

    /// The value of the first header with this name.
    pub fn header(&self, name: &str) -> Option<&ByteString> {
        self.headers.get(name)
    }

    /// Adds a header and gives the frame back.
    #[must_use]
    pub fn with(mut self, name: impl Into<ByteString>, value: impl Into<ByteString>) -> Self {
        self.headers.push(name, value);
        self
    }

    /// Sets the body and gives the frame back.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_found_by_what_is_written() {
        for command in Command::ALL {
            assert_eq!(Command::from_wire(command.as_str()), Some(command));
        }
        assert_eq!(Command::from_wire("send"), None);
        assert_eq!(Command::from_wire(""), None);
    }

    #[test]
    fn the_first_of_repeated_headers_counts() {
        let frame = Frame::new(Command::Send).with("foo", "1").with("foo", "2");
        assert_eq!(frame.header("foo").map(|value| &**value), Some("1"));
        assert_eq!(frame.headers.len(), 2);
    }
}
