//! SEND into MESSAGE.

use ::stomp::{Command, Frame, Headers};
use bytes::Bytes;
use bytestring::ByteString;

use crate::stomp::SendRequest;

/// What keeping a message costs beside its text, about.
const ENTRY: usize = 256;
/// The same for each of its headers.
const HEADER: usize = 128;

/// What is kept of a SEND: its MESSAGE, without the headers that are of one delivery. Everything is a copy, so that the
/// memory which the SEND came in is free.
pub(super) fn message(request: &SendRequest) -> Frame {
    let mut headers = Headers::new().with("destination", detached(&request.destination));
    for (name, value) in request
        .headers
        .iter()
        .filter(|(name, _)| is_passed_on(name))
    {
        headers.push(detached(name), detached(value));
    }
    Frame {
        command: Command::Message,
        headers,
        body: Bytes::copy_from_slice(&request.body),
    }
}

/// How many bytes keeping this message costs, about.
pub(super) fn cost(message: &Frame) -> usize {
    let headers: usize = message
        .headers
        .iter()
        .map(|(name, value)| HEADER + name.len() + value.len())
        .sum();
    ENTRY + headers + message.body.len()
}

/// A copy that keeps nothing else alive.
pub(super) fn detached(value: &ByteString) -> ByteString {
    ByteString::from(&**value)
}

/// Whether a header is the sender's word to the receiver, and not to the server, nor the server's own.
fn is_passed_on(name: &str) -> bool {
    !matches!(
        name,
        "destination"
            | "receipt"
            | "transaction"
            | "login"
            | "passcode"
            | "reply-to"
            | "message-id"
            | "subscription"
            | "ack"
            | "redelivered"
    )
}
