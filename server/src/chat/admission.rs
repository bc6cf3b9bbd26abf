//! Whether a SEND may become a record, and which one: pure rules.

use bytestring::ByteString;
use protocol::limits;
use protocol::message::RECORD_VERSION;
use protocol::{Kind, Record, RoomName, Sender, header};
use serde_json::{Map, Value};
use stomp::Headers;

use crate::stomp::{Code, Refusal};

/// Most headers of a client's own that travel with its message (decision 16). Those whose name begins with `x-` are the server's.
const PASSED_ON: usize = 16;

/// Headers with a meaning of their own, which do not travel.
const STANDARD: [&str; 7] = [
    "destination",
    "content-type",
    "content-length",
    "receipt",
    "transaction",
    "persistent",
    header::CLIENT_MSG_ID,
];

/// Headers by which some clients say with every frame who they are: nobody else's business, whatever their case.
const SECRETS: [&str; 3] = ["login", "passcode", "authorization"];

/// The record that a SEND asks for, or the reason why it is refused.
///
/// The sender comes from the session. `fresh_id` is used when the client gave no id of its own.
pub fn admit(
    room: RoomName,
    sender: Sender,
    headers: &Headers,
    body: &[u8],
    fresh_id: impl FnOnce() -> String,
) -> Result<Record, Refusal> {
    let body = text(body)?;
    let id = match headers.get(header::CLIENT_MSG_ID) {
        Some(id) => client_msg_id(id)?,
        None => fresh_id(),
    };
    let mut other = Map::new();
    let passed_on = passed_on(headers)?;
    if !passed_on.is_empty() {
        other.insert("headers".to_owned(), Value::Object(passed_on));
    }
    Ok(Record {
        v: RECORD_VERSION,
        kind: Kind::Message,
        id,
        room,
        sender,
        reference: None,
        body,
        other,
    })
}

fn text(body: &[u8]) -> Result<String, Refusal> {
    let refuse = |detail: &'static str| {
        Err(Refusal::new(
            Code::InvalidMessage,
            "Invalid message",
            detail,
        ))
    };
    if body.len() > limits::TEXT_BYTES {
        return refuse(
            "a message has at most 4,000 characters and 16 KiB; shorten it or send it in parts",
        );
    }
    let Ok(text) = std::str::from_utf8(body) else {
        return refuse("a message is text in UTF-8; encode it as UTF-8");
    };
    if text.chars().count() > limits::TEXT_CHARS {
        return refuse(
            "a message has at most 4,000 characters and 16 KiB; shorten it or send it in parts",
        );
    }
    if text
        .chars()
        .any(|letter| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t'))
    {
        return refuse("a message has no control characters but line ends and tabs");
    }
    if text.trim().is_empty() {
        return refuse("a message is not empty");
    }
    Ok(text.to_owned())
}

fn client_msg_id(id: &ByteString) -> Result<String, Refusal> {
    let length = 1..=limits::CLIENT_MSG_ID_BYTES;
    if !length.contains(&id.len())
        || id
            .chars()
            .any(|letter| letter.is_control() || letter.is_whitespace())
    {
        let detail = "client-msg-id has 1 to 64 bytes without blanks, for example a UUID";
        return Err(Refusal::new(Code::BadHeader, "Invalid header", detail));
    }
    Ok(id.to_string())
}

fn passed_on(headers: &Headers) -> Result<Map<String, Value>, Refusal> {
    if let Some((name, _)) = headers.iter().find(|(name, _)| name.starts_with("x-")) {
        return Err(Refusal::invalid_header(format!(
            "'{name}' is not allowed on 'SEND': the server sets it."
        )));
    }
    let mut kept = Map::new();
    for (name, value) in headers.iter().filter(|(name, _)| travels(name)) {
        // The first of repeated headers counts.
        if !kept.contains_key(&**name) {
            kept.insert(name.to_string(), Value::String(value.to_string()));
        }
    }
    if kept.len() > PASSED_ON {
        let detail = "a message carries at most 16 headers of its own";
        return Err(Refusal::new(
            Code::TooManyHeaders,
            "Too many headers",
            detail,
        ));
    }
    Ok(kept)
}

fn travels(name: &str) -> bool {
    !STANDARD.contains(&name)
        && !SECRETS
            .iter()
            .any(|secret| name.eq_ignore_ascii_case(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(headers: Headers, body: &[u8]) -> Result<Record, Refusal> {
        let sender = Sender {
            uid: "u".to_owned(),
            name: "n".to_owned(),
        };
        admit("a".parse().unwrap(), sender, &headers, body, || {
            "fresh".to_owned()
        })
    }

    #[test]
    fn what_becomes_of_a_send() {
        let headers = Headers::new()
            .with("destination", "/app/rooms.a.send")
            .with("receipt", "r1")
            .with("client-msg-id", "m1")
            .with("mood", "good")
            .with("mood", "bad");
        let record = admitted(headers, "안녕\n하세요".as_bytes()).unwrap();
        assert_eq!(
            (record.id.as_str(), record.body.as_str()),
            ("m1", "안녕\n하세요")
        );
        assert_eq!(
            serde_json::to_string(&record.other).unwrap(),
            r#"{"headers":{"mood":"good"}}"#
        );
        assert_eq!(admitted(Headers::new(), b"x").unwrap().id, "fresh");
    }

    #[test]
    fn what_a_client_says_of_itself_does_not_travel() {
        let headers = Headers::new()
            .with("login", "bot")
            .with("passcode", "a secret of mine")
            .with("Authorization", "Bearer token")
            .with("authorization", "Bearer token");
        assert!(admitted(headers, b"x").unwrap().other.is_empty());
    }

    #[test]
    fn refusals() {
        for (headers, body, code) in [
            (
                Headers::new(),
                " \n\t".as_bytes().to_vec(),
                Code::InvalidMessage,
            ),
            (Headers::new(), vec![0xff, 0xfe], Code::InvalidMessage),
            (
                Headers::new(),
                "가".repeat(4_001).into_bytes(),
                Code::InvalidMessage,
            ),
            (
                Headers::new(),
                vec![b'a'; 16 * 1024 + 1],
                Code::InvalidMessage,
            ),
            (Headers::new(), b"a\x00b".to_vec(), Code::InvalidMessage),
            (
                Headers::new().with("client-msg-id", ""),
                b"x".to_vec(),
                Code::BadHeader,
            ),
            (
                Headers::new().with("client-msg-id", "a b"),
                b"x".to_vec(),
                Code::BadHeader,
            ),
            (
                Headers::new().with("client-msg-id", "x".repeat(65)),
                b"x".to_vec(),
                Code::BadHeader,
            ),
            (
                Headers::new().with("x-sender", "somebody"),
                b"x".to_vec(),
                Code::BadHeader,
            ),
            (
                (0..17).fold(Headers::new(), |headers, n| {
                    headers.with(format!("h{n}"), "v")
                }),
                b"x".to_vec(),
                Code::TooManyHeaders,
            ),
        ] {
            assert_eq!(admitted(headers, &body).unwrap_err().code, code);
        }
        assert!(admitted(Headers::new(), "가".repeat(4_000).as_bytes()).is_ok());
    }
}
