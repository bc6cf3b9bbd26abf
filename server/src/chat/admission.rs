//! Whether a SEND may become a record, and which one: pure rules.

use bytestring::ByteString;
use protocol::message::RECORD_VERSION;
use protocol::{
    Kind, Message, Position, Reaction, Record, RoomName, Sender, folding, header, limits,
};
use serde_json::{Map, Value};
use stomp::Headers;

use crate::names;
use crate::stomp::{Code, Refusal};

/// Most headers of a client's own that travel with its message (decision 16). Those whose name begins with `x-` are the server's.
const PASSED_ON: usize = 16;

/// Headers with a meaning of their own, which do not travel.
const STANDARD: [&str; 8] = [
    "destination",
    "content-type",
    "content-length",
    "receipt",
    "transaction",
    "persistent",
    header::CLIENT_MSG_ID,
    header::REF,
];

/// Headers by which some clients say with every frame who they are: nobody else's business, whatever their case.
const SECRETS: [&str; 3] = ["login", "passcode", "authorization"];

/// The record of a kind that a SEND asks for, or the reason why it is refused.
///
/// The sender comes from the session. `fresh_id` is used when the client gave no id of its own.
pub fn admit(
    room: RoomName,
    kind: Kind,
    sender: Sender,
    headers: &Headers,
    body: &[u8],
    fresh_id: impl FnOnce() -> String,
) -> Result<Record, Refusal> {
    let reference = reference(kind, headers)?;
    let body = match kind {
        Kind::React | Kind::Unreact => emoji(body)?,
        Kind::Delete if body.is_empty() => String::new(),
        Kind::Delete => return Err(invalid_message("a deletion has no body")),
        _ => text(body)?,
    };
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
        kind,
        id,
        room,
        sender,
        reference,
        body,
        other,
    })
}

/// Whether a record may change or answer the row that it names, as that is now (decision 6).
pub fn permit(record: &Record, named: Option<&Message>) -> Result<(), Refusal> {
    let Some(named) = named else {
        return Err(no_such_message("there is no such message in this room"));
    };
    if record.kind == Kind::Message {
        return Ok(());
    }
    if named.kind != Kind::Message {
        return Err(no_such_message("only what people say can be changed"));
    }
    if named.folded.deleted {
        return Err(no_such_message("the message was deleted"));
    }
    match record.kind {
        Kind::Edit | Kind::Delete if named.sender.uid != record.sender.uid => Err(Refusal::new(
            Code::Forbidden,
            "Access refused",
            "only who wrote a message may edit or delete it",
        )),
        Kind::React => has_room_for(record, &named.folded.reactions),
        _ => Ok(()),
    }
}

/// Whether one more reaction would change anything.
fn has_room_for(record: &Record, reactions: &[Reaction]) -> Result<(), Refusal> {
    let known = reactions.iter().find(|known| known.emoji == record.body);
    match known {
        None if reactions.len() >= limits::REACTIONS => Err(invalid_message(
            "a message has at most 20 different reactions; choose one that is there",
        )),
        Some(known)
            if known.by.len() >= limits::REACTORS && !known.by.contains(&record.sender.uid) =>
        {
            Err(invalid_message(
                "at most 1,000 people have the same reaction to a message; choose another",
            ))
        }
        _ => Ok(()),
    }
}

/// What a SEND names by its header `ref`; only a message need not name any.
fn reference(kind: Kind, headers: &Headers) -> Result<Option<Position>, Refusal> {
    match headers.get(header::REF) {
        Some(position) => match position.parse() {
            Ok(position) => Ok(Some(position)),
            Err(_) => Err(no_such_message(
                "'ref' is the message-id of a message, for example 5f2c9a01-3-18231",
            )),
        },
        None if kind == Kind::Message => Ok(None),
        None => Err(Refusal::new(
            Code::MissingHeader,
            "Missing header",
            "name the message by the header 'ref': its message-id",
        )),
    }
}

fn emoji(body: &[u8]) -> Result<String, Refusal> {
    let emoji = std::str::from_utf8(body).ok();
    let emoji = emoji.filter(|emoji| folding::is_reaction(emoji) && names::is_symbol(emoji));
    emoji
        .map(ToOwned::to_owned)
        .ok_or_else(|| invalid_message("the body of a reaction is one emoji, of at most 64 bytes"))
}

fn no_such_message(detail: &'static str) -> Refusal {
    Refusal::new(Code::NoSuchMessage, "No such message", detail)
}

fn invalid_message(detail: &'static str) -> Refusal {
    Refusal::new(Code::InvalidMessage, "Invalid message", detail)
}

fn text(body: &[u8]) -> Result<String, Refusal> {
    let refuse = |detail: &'static str| Err(invalid_message(detail));
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
        admitted_as(Kind::Message, headers, body)
    }

    fn admitted_as(kind: Kind, headers: Headers, body: &[u8]) -> Result<Record, Refusal> {
        let fresh = || "fresh".to_owned();
        admit(
            "a".parse().unwrap(),
            kind,
            sender("u"),
            &headers,
            body,
            fresh,
        )
    }

    fn sender(uid: &str) -> Sender {
        Sender {
            uid: uid.to_owned(),
            name: "n".to_owned(),
        }
    }

    #[test]
    fn what_changes_a_message_names_it() {
        let named = || Headers::new().with("ref", "5f2c9a01-3-7");
        for (kind, body) in [
            (Kind::Edit, "b"),
            (Kind::Delete, ""),
            (Kind::React, "👍"),
            (Kind::Unreact, "❤️"),
            (Kind::Message, "b"),
        ] {
            let record = admitted_as(kind, named(), body.as_bytes()).unwrap();
            assert_eq!((record.kind, record.body.as_str()), (kind, body));
            assert_eq!(record.reference.unwrap().to_string(), "5f2c9a01-3-7");
            assert!(record.other.is_empty(), "it is no header of one's own");
            let refused = admitted_as(kind, Headers::new(), body.as_bytes());
            if kind == Kind::Message {
                assert_eq!(refused.unwrap().reference, None);
            } else {
                assert_eq!(refused.unwrap_err().code, Code::MissingHeader);
            }
            let strange = Headers::new().with("ref", "7");
            let refused = admitted_as(kind, strange, body.as_bytes()).unwrap_err();
            assert_eq!(refused.code, Code::NoSuchMessage);
        }
        for (kind, body) in [
            (Kind::Edit, ""),
            (Kind::Delete, "b"),
            (Kind::React, ""),
            (Kind::React, "ok"),
            (Kind::Unreact, "👍👍"),
        ] {
            let refused = admitted_as(kind, named(), body.as_bytes()).unwrap_err();
            assert_eq!(refused.code, Code::InvalidMessage, "{kind:?} {body}");
        }
    }

    #[test]
    fn who_may_change_what() {
        let said = || Message {
            position: "5f2c9a01-3-7".parse().unwrap(),
            prev: None,
            ts: 0,
            kind: Kind::Message,
            id: "m".to_owned(),
            sender: sender("author"),
            reference: None,
            body: "b".to_owned(),
            folded: protocol::Folded::default(),
            other: Map::new(),
        };
        let asks = |kind, uid: &str, named: Option<&Message>| {
            let record = Record {
                v: 1,
                kind,
                id: "r".to_owned(),
                room: "a".parse().unwrap(),
                sender: sender(uid),
                reference: Some(said().position),
                body: "👍".to_owned(),
                other: Map::new(),
            };
            permit(&record, named).map_err(|refusal| refusal.code)
        };
        let (deleted, mut system, mut full) = (&mut said(), said(), said());
        deleted.folded.deleted = true;
        system.kind = Kind::System;
        for number in 0..limits::REACTIONS {
            let mut one = said();
            one.kind = Kind::React;
            one.reference = Some(full.position);
            one.body = format!(":{number}");
            assert!(folding::fold(&mut full, &one));
        }
        let gone = Err(Code::NoSuchMessage);
        for (kind, of_author, of_others, of_deleted, of_system, of_full) in [
            (Kind::Message, Ok(()), Ok(()), Ok(()), Ok(()), Ok(())),
            (Kind::Edit, Ok(()), Err(Code::Forbidden), gone, gone, Ok(())),
            (
                Kind::Delete,
                Ok(()),
                Err(Code::Forbidden),
                gone,
                gone,
                Ok(()),
            ),
            (
                Kind::React,
                Ok(()),
                Ok(()),
                gone,
                gone,
                Err(Code::InvalidMessage),
            ),
            (Kind::Unreact, Ok(()), Ok(()), gone, gone, Ok(())),
        ] {
            assert_eq!(asks(kind, "author", Some(&said())), of_author, "{kind:?}");
            assert_eq!(asks(kind, "another", Some(&said())), of_others, "{kind:?}");
            assert_eq!(asks(kind, "author", Some(deleted)), of_deleted, "{kind:?}");
            assert_eq!(asks(kind, "author", Some(&system)), of_system, "{kind:?}");
            assert_eq!(asks(kind, "author", Some(&full)), of_full, "{kind:?}");
            assert_eq!(asks(kind, "author", None), gone, "{kind:?}");
        }
        full.folded.reactions[3].emoji = "👍".to_owned();
        assert_eq!(asks(Kind::React, "author", Some(&full)), Ok(()));
        let by = &mut full.folded.reactions[3].by;
        *by = (0..limits::REACTORS).map(|uid| uid.to_string()).collect();
        let too_many = Err(Code::InvalidMessage);
        assert_eq!(asks(Kind::React, "author", Some(&full)), too_many);
        assert_eq!(
            asks(Kind::React, "7", Some(&full)),
            Ok(()),
            "who is one of them"
        );
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
