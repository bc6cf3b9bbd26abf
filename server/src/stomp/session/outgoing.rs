//! The frames that the server answers with.

use ::stomp::{Command, Frame, Headers, HeartBeat, Version};
use bytes::Bytes;
use bytestring::ByteString;
use protocol::header;

use super::pending::Sent;
use super::subscriptions::Subscription;
use crate::stomp::refusal::{Code, Refusal, SUPPORTED_VERSIONS};

/// Name and version of this program.
const SERVER: &str = concat!("maru/", env!("CARGO_PKG_VERSION"));

/// CONNECTED. It is never escaped, so nothing in it may hold a line end (checklist item 9).
pub(super) fn connected(
    session: &ByteString,
    version: Version,
    heartbeat: Option<HeartBeat>,
    extra: &Headers,
) -> Frame {
    let mut frame = Frame::new(Command::Connected)
        .with("version", version.as_str())
        .with("session", session.clone())
        .with("server", SERVER);
    if let Some(heartbeat) = heartbeat {
        frame.headers.push("heart-beat", heartbeat.to_string());
    }
    append(&mut frame, extra);
    frame
}

/// RECEIPT, with what the destination has to say about what was carried out.
pub(super) fn receipt(id: &ByteString, extra: &Headers) -> Frame {
    let mut frame = Frame::new(Command::Receipt).with("receipt-id", id.clone());
    append(&mut frame, extra);
    frame
}

/// ERROR, after which the connection closes (checklist items 64 and 65).
pub(super) fn error(refusal: &Refusal, receipt: Option<&ByteString>) -> Frame {
    let mut frame = Frame::new(Command::Error);
    explain(&mut frame, refusal);
    if matches!(
        refusal.code,
        Code::UnsupportedVersion | Code::UnknownCommand
    ) {
        frame.headers.push("version", SUPPORTED_VERSIONS);
    }
    if let Some(id) = receipt {
        frame.headers.push("receipt-id", id.clone());
    }
    frame
}

/// A MESSAGE that says why a SEND was refused; the connection stays.
pub(super) fn notice(
    refusal: &Refusal,
    sent: &Sent,
    message_id: &str,
    id: &ByteString,
    to: &Subscription,
) -> Frame {
    let mut frame = Frame::new(Command::Message);
    if to.named {
        frame.headers.push("subscription", id.clone());
    }
    frame.headers.push("message-id", message_id);
    frame.headers.push("destination", to.destination.clone());
    explain(&mut frame, refusal);
    if let Some(id) = &sent.client_msg_id {
        frame.headers.push(header::CLIENT_MSG_ID, id.clone());
    }
    if let Some(id) = &sent.receipt {
        frame.headers.push("receipt-id", id.clone());
    }
    frame
}

fn explain(frame: &mut Frame, refusal: &Refusal) {
    frame.headers.push("message", &*refusal.message);
    frame.headers.push("content-type", "text/plain");
    frame.headers.push(header::CODE, refusal.code.as_str());
    frame.headers.push(
        header::RETRYABLE,
        if refusal.code.retryable() {
            "true"
        } else {
            "false"
        },
    );
    if let Some(wait) = refusal.retry_after {
        frame
            .headers
            .push(header::RETRY_AFTER_MS, wait.as_millis().to_string());
    }
    frame.body = Bytes::copy_from_slice(refusal.detail.as_bytes());
}

fn append(frame: &mut Frame, extra: &Headers) {
    for (name, value) in extra.iter() {
        frame.headers.push(name.clone(), value.clone());
    }
}
