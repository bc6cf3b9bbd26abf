//! What the server says in JSON, put together from values that somebody else has parsed.
//!
//! The browser has a parser already, so the program brings none: `serde_json` would be a seventh of it. The server writes by
//! `serde`; the tests hold the two against each other.

use std::str::FromStr;

use protocol::{
    Folded, HistoryPage, Kind, Language, Message, Quote, Reaction, RoomEvent, RoomState,
    RoomSummary, RoomUpdate, RoomsUpdate, Sender, Theme, Viewer,
};
use serde_json::Map;

use crate::chat::Passing;

/// A parsed value.
pub(crate) trait Json: Sized {
    /// A field of an object; nothing if it is absent or null.
    fn field(&self, name: &str) -> Option<Self>;
    /// A text.
    fn text(&self) -> Option<String>;
    /// A whole number, exact up to 2 to the power of 53.
    fn whole(&self) -> Option<i64>;
    /// True or false.
    fn truth(&self) -> Option<bool>;
    /// The items of an array.
    fn list(&self) -> Option<Vec<Self>>;
}

/// The field that is missing, or not what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable(pub(crate) &'static str);

type Result<T> = std::result::Result<T, Unreadable>;

/// What a room's page was rendered from.
pub(crate) fn room_state(json: &impl Json) -> Result<RoomState> {
    Ok(RoomState {
        focus: optional(json, "focus")?,
        read: json.field("read").and_then(|read| read.whole()),
        viewer: viewer(&object(json, "viewer")?)?,
        room: parsed(json, "room")?,
        rooms: list(json, "rooms", room_summary)?,
        epoch: parsed(json, "epoch")?,
        head: whole(json, "head")?,
        history: history_page(&object(json, "history")?)?,
        notice: json.field("notice").and_then(|notice| notice.text()),
    })
}

/// A page of a room's history.
pub(crate) fn history_page(json: &impl Json) -> Result<HistoryPage> {
    let more = json.field("more").and_then(|more| more.truth());
    Ok(HistoryPage {
        messages: list(json, "messages", message)?,
        more: more.ok_or(Unreadable("more"))?,
        newer: truth(json, "newer"),
        head: whole(json, "head")?,
    })
}

/// A message of whatever kind. [`Message::other`] stays empty: nothing on the page shows it.
pub(crate) fn message(json: &impl Json) -> Result<Message> {
    Ok(Message {
        position: parsed(json, "position")?,
        prev: json.field("prev").and_then(|prev| prev.whole()),
        ts: whole(json, "ts")?,
        kind: Kind::from_word(&text(json, "type")?),
        id: text(json, "id")?,
        sender: sender(&object(json, "sender")?)?,
        reference: optional(json, "ref")?,
        body: text(json, "body")?,
        folded: Folded {
            above: json.field("above").and_then(|above| above.whole()),
            quote: match json.field("quote") {
                Some(json) => Some(Box::new(quote(&json)?)),
                None => None,
            },
            edited: json.field("edited").and_then(|edited| edited.whole()),
            deleted: truth(json, "deleted"),
            reactions: match json.field("reactions") {
                Some(_) => list(json, "reactions", reaction)?,
                None => Vec::new(),
            },
        },
        other: Map::new(),
    })
}

fn quote(json: &impl Json) -> Result<Quote> {
    Ok(Quote {
        sender: sender(&object(json, "sender")?)?,
        text: text(json, "text")?,
        deleted: truth(json, "deleted"),
    })
}

fn reaction<J: Json>(json: &J) -> Result<Reaction> {
    let uid = |json: &J| json.text().ok_or(Unreadable("by"));
    let by = object(json, "by")?.list().ok_or(Unreadable("by"))?;
    Ok(Reaction {
        emoji: text(json, "emoji")?,
        by: by.iter().map(uid).collect::<Result<_>>()?,
    })
}

fn sender(json: &impl Json) -> Result<Sender> {
    Ok(Sender {
        uid: text(json, "uid")?,
        name: text(json, "name")?,
    })
}

fn viewer(json: &impl Json) -> Result<Viewer> {
    let language = Language::from_tag(&text(json, "language")?);
    Ok(Viewer {
        theme: Theme::default(),
        person: json
            .field("person")
            .map(|person| sender(&person))
            .transpose()?,
        language: language.ok_or(Unreadable("language"))?,
    })
}

fn room_summary(json: &impl Json) -> Result<RoomSummary> {
    Ok(RoomSummary {
        unread: count(json, "unread"),
        mentions: count(json, "mentions"),
        room: parsed(json, "room")?,
        last: message(&object(json, "last")?)?,
    })
}

/// What is said in passing, of people or of rooms; nothing if it is neither.
pub(crate) fn passing(json: &impl Json) -> Option<Passing> {
    if json.field("rooms").is_some() {
        let rooms = list(json, "rooms", room_update).ok()?;
        return Some(Passing::Rooms(RoomsUpdate { rooms }));
    }
    let people = |name| list(json, name, sender).ok();
    let count = count(json, "count");
    Some(Passing::Room(match &*json.field("type")?.text()? {
        "presence" => RoomEvent::Presence {
            people: people("people")?,
            count,
        },
        "changed" => RoomEvent::Changed {
            joined: people("joined")?,
            left: people("left")?,
            count,
        },
        "typing" => RoomEvent::Typing {
            sender: sender(&json.field("sender")?).ok()?,
        },
        "read" => RoomEvent::Read {
            offsets: list(json, "offsets", |offset| {
                offset.whole().ok_or(Unreadable("offsets"))
            })
            .ok()?,
        },
        _ => return None,
    }))
}

fn room_update(json: &impl Json) -> Result<RoomUpdate> {
    let RoomSummary {
        room,
        last,
        unread,
        mentions,
    } = room_summary(json)?;
    Ok(RoomUpdate {
        room,
        last,
        unread,
        mentions,
        read: json.field("read").and_then(|read| read.whole()),
    })
}

/// A count that is left out where there is nothing to count.
fn count(json: &impl Json, name: &str) -> usize {
    let whole = json.field(name).and_then(|count| count.whole());
    whole
        .and_then(|count| usize::try_from(count).ok())
        .unwrap_or_default()
}

fn object<J: Json>(json: &J, name: &'static str) -> Result<J> {
    json.field(name).ok_or(Unreadable(name))
}

fn text(json: &impl Json, name: &'static str) -> Result<String> {
    object(json, name)?.text().ok_or(Unreadable(name))
}

fn whole(json: &impl Json, name: &'static str) -> Result<i64> {
    object(json, name)?.whole().ok_or(Unreadable(name))
}

fn parsed<T: FromStr>(json: &impl Json, name: &'static str) -> Result<T> {
    text(json, name)?.parse().map_err(|_| Unreadable(name))
}

/// A value that may be absent, but not something else.
fn optional<T: FromStr>(json: &impl Json, name: &'static str) -> Result<Option<T>> {
    match json.field(name) {
        Some(_) => parsed(json, name).map(Some),
        None => Ok(None),
    }
}

/// False if it is absent.
fn truth(json: &impl Json, name: &str) -> bool {
    json.field(name)
        .and_then(|value| value.truth())
        .unwrap_or(false)
}

fn list<J: Json, T>(json: &J, name: &'static str, item: fn(&J) -> Result<T>) -> Result<Vec<T>> {
    let items = object(json, name)?.list().ok_or(Unreadable(name))?;
    items.iter().map(item).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use protocol::{Epoch, Position};
    use serde_json::{Value, json};

    use super::*;

    impl Json for Value {
        fn field(&self, name: &str) -> Option<Self> {
            self.get(name).filter(|value| !value.is_null()).cloned()
        }

        fn text(&self) -> Option<String> {
            self.as_str().map(ToOwned::to_owned)
        }

        fn whole(&self) -> Option<i64> {
            self.as_i64()
        }

        fn truth(&self) -> Option<bool> {
            self.as_bool()
        }

        fn list(&self) -> Option<Vec<Self>> {
            self.as_array().cloned()
        }
    }

    /// Stands in for the browser's parser.
    pub(crate) fn parse_message(text: &str) -> Option<Message> {
        message(&serde_json::from_str::<Value>(text).ok()?).ok()
    }

    /// The same for what is said in passing.
    pub(crate) fn parse_passing(text: &str) -> Option<Passing> {
        passing(&serde_json::from_str::<Value>(text).ok()?)
    }

    fn state(person: Option<Sender>, notice: Option<&str>) -> RoomState {
        let sender = Sender {
            uid: "u-1".to_owned(),
            name: "지우".to_owned(),
        };
        let at = |offset| Position {
            epoch: Epoch(7),
            partition: 3,
            offset,
        };
        let folded = || Folded {
            above: Some(1),
            quote: Some(Box::new(Quote {
                sender: sender.clone(),
                text: String::new(),
                deleted: true,
            })),
            edited: Some(1_795_414_326_000),
            deleted: true,
            reactions: vec![Reaction {
                emoji: "👍".to_owned(),
                by: vec!["u-1".to_owned(), "u-2".to_owned()],
            }],
        };
        let message = |offset, prev, kind| Message {
            position: at(offset),
            prev,
            ts: 1_795_414_325_999,
            kind,
            id: format!("m-{offset}"),
            sender: sender.clone(),
            reference: (offset == 2).then(|| at(1)),
            body: "안녕 \"<b>\"\n".to_owned(),
            folded: if offset == 2 {
                folded()
            } else {
                Folded::default()
            },
            other: Map::new(),
        };
        RoomState {
            focus: Some(at(2)),
            read: Some(1),
            viewer: Viewer {
                theme: Theme::default(),
                person,
                language: Language::En,
            },
            room: "자유게시판".parse().unwrap(),
            rooms: vec![RoomSummary {
                unread: 12,
                mentions: 2,
                room: "general".parse().unwrap(),
                last: message(9, Some(4), Kind::System),
            }],
            epoch: Epoch(0x5f2c_9a01),
            head: -1,
            history: HistoryPage {
                messages: vec![
                    message(1, None, Kind::Message),
                    message(2, Some(1), Kind::React),
                ],
                more: true,
                newer: true,
                head: 9,
            },
            notice: notice.map(ToOwned::to_owned),
        }
    }

    #[test]
    fn what_the_server_writes_is_read() {
        let person = Sender {
            uid: "나".to_owned(),
            name: "민준".to_owned(),
        };
        for state in [state(Some(person), Some("no")), state(None, None)] {
            assert_eq!(
                room_state(&serde_json::to_value(&state).unwrap()),
                Ok(state)
            );
        }
    }

    #[test]
    fn what_newer_servers_add_is_passed_over() {
        let state = state(None, None);
        let mut json = serde_json::to_value(&state).unwrap();
        json["history"]["messages"][0]["mood"] = json!("good");
        json["history"]["messages"][0]["type"] = json!("poll");
        let read = room_state(&json).unwrap();
        assert_eq!(read.history.messages[0].kind, Kind::Unsupported);
        assert_eq!(read.history.messages[1], state.history.messages[1]);
    }

    #[test]
    fn the_field_in_the_way_is_named() {
        let whole = serde_json::to_value(state(None, None)).unwrap();
        for (path, name) in [
            ("/viewer/language", "language"),
            ("/room", "room"),
            ("/rooms/0/last/position", "position"),
            ("/head", "head"),
            ("/history/messages/1/sender/uid", "uid"),
            ("/history/more", "more"),
            ("/history/head", "head"),
            ("/history/messages/1/ref", "ref"),
            ("/history/messages/1/quote/text", "text"),
            ("/history/messages/1/reactions/0/by/1", "by"),
            ("/focus", "focus"),
        ] {
            let mut json = whole.clone();
            *json.pointer_mut(path).unwrap() = json!([]);
            assert_eq!(room_state(&json), Err(Unreadable(name)), "{path}");
        }
    }
}
