//! From messages to rows: days, runs of one author, which row of a minute shows the time.

use std::sync::Arc;

use protocol::{Kind, Message, Position};

use crate::chat::{Failure, Pending, Status, grouping};
use crate::civil::Civil;

/// What a row is, whatever else changes about it: the same key keeps the same piece of the page.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    /// The chip above the first message of a day: another one if the reader's zone makes it another day.
    Day(Position, Civil),
    /// The divider above what the viewer had not read.
    Unread,
    /// A message at its place.
    Placed(Position),
    /// The viewer's own message by its `client-msg-id`, from composing on.
    Own(String),
}

/// A row to be.
#[derive(Clone, Debug)]
pub(crate) struct Row<'a> {
    /// What it is.
    pub(crate) key: Key,
    /// What it shows, for as long as it exists.
    pub(crate) source: Source<'a>,
    /// What may change about it.
    pub(crate) look: Look,
}

/// Where a row comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source<'a> {
    /// A new day begins.
    Day(Civil),
    /// Up to here the viewer had read.
    Unread,
    /// A message of the room.
    Message(&'a Arc<Message>),
    /// A message that is not in the room yet.
    Pending(&'a Pending),
}

/// What may change about a row while it is on the page.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each holds or not, whatever the others do"
)]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Look {
    /// Where it stands and when the log took it, once it is in the room.
    pub(crate) placed: Option<(Position, i64)>,
    /// Whether it continues the run of the row before.
    pub(crate) continues: bool,
    /// Whether it is the last of its author in this minute, and so shows the time.
    pub(crate) shows_time: bool,
    /// How many members of the room have not read it.
    pub(crate) lacking: usize,
    /// Whether the reader came to see it.
    pub(crate) focused: bool,
    /// How far it has come, if it is not in the room yet.
    pub(crate) status: Option<Status>,
    /// The `client-msg-id` of what failed, and why: the message itself, or what the viewer wanted to make of it.
    pub(crate) trouble: Option<(String, Failure)>,
    /// Whether it is lost with the page, because the browser could not store it.
    pub(crate) unkept: bool,
}

/// What the viewer adds to the room's rows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Composed<'a> {
    /// What they composed and the room does not have yet.
    pub(crate) pending: &'a [Pending],
    /// Whether messages that are not in the room yet follow on the rows.
    pub(crate) at_end: bool,
    /// The message that the reader came to see.
    pub(crate) focus: Option<Position>,
}

/// Lays out messages in the order of the log, and after them what is not in the room yet.
///
/// `me` is the viewer's id, `civil` tells the viewer's wall calendar at an instant.
pub(crate) fn lay_out<'a>(
    messages: &'a [Arc<Message>],
    composed: Composed<'a>,
    me: Option<&str>,
    civil: impl Fn(i64) -> Civil,
) -> Vec<Row<'a>> {
    let Composed {
        pending,
        at_end,
        focus,
    } = composed;
    let trouble = |item: &Pending| match &item.status {
        Status::Failed(failure) => Some((item.id.clone(), failure.clone())),
        _ => None,
    };
    let mut rows: Vec<Row<'a>> = Vec::with_capacity(messages.len() + pending.len() + 4);
    let mut own = Vec::new();
    let mut before: Option<(&Message, Civil)> = None;
    for message in messages {
        let moment = civil(message.ts);
        let same_day = before.is_some_and(|(_, last)| last.same_day(moment));
        if !same_day {
            rows.push(Row {
                key: Key::Day(message.position, moment),
                source: Source::Day(moment),
                look: Look::default(),
            });
        }
        let continues =
            same_day && before.is_some_and(|(last, _)| grouping::continues(last, message));
        if let Some(((_, last), previous)) = before.zip(rows.last_mut()).filter(|_| continues) {
            previous.look.shows_time = last.minute != moment.minute;
        }
        // Another program may use one id twice; two rows with one key would break the list.
        let is_mine = me == Some(message.sender.uid.as_str()) && insert(&mut own, &message.id);
        let key = if is_mine {
            Key::Own(message.id.clone())
        } else {
            Key::Placed(message.position)
        };
        let look = Look {
            placed: Some((message.position, message.ts)),
            continues,
            shows_time: true,
            lacking: 0,
            focused: focus == Some(message.position),
            trouble: pending
                .iter()
                .filter(|item| item.changes() == Some(message.position))
                .find_map(trouble),
            status: None,
            unkept: false,
        };
        rows.push(Row {
            key,
            source: Source::Message(message),
            look,
        });
        before = Some((message, moment));
    }
    let mut continues = before.is_some_and(|(last, _)| {
        last.kind == Kind::Message && me == Some(last.sender.uid.as_str())
    });
    let said = pending.iter().filter(|item| item.changes().is_none());
    for item in said.filter(|_| at_end) {
        if insert(&mut own, &item.id) {
            let look = Look {
                placed: None,
                continues,
                shows_time: false,
                lacking: 0,
                focused: false,
                trouble: trouble(item),
                status: Some(item.status.clone()),
                unkept: !item.is_kept(),
            };
            rows.push(Row {
                key: Key::Own(item.id.clone()),
                source: Source::Pending(item),
                look,
            });
            continues = true;
        }
    }
    rows
}

/// Puts an id into a sorted list unless it is there already. A set of the standard library would cost the page 2 kB.
fn insert<'a>(ids: &mut Vec<&'a str>, id: &'a str) -> bool {
    let place = ids.binary_search(&id);
    if let Err(index) = place {
        ids.insert(index, id);
    }
    place.is_err()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use protocol::{Epoch, Sender};

    use super::*;
    use protocol::Folded;

    const MINUTE: i64 = 60_000;
    /// 2026-11-23T23:50:00Z.
    const LATE: i64 = 1_795_477_800_000;

    fn message(offset: i64, uid: &str, ts: i64) -> Arc<Message> {
        Arc::new(Message {
            reference: None,
            folded: Folded::default(),
            position: Position {
                epoch: Epoch(1),
                partition: 3,
                offset,
            },
            prev: None,
            ts,
            kind: Kind::Message,
            id: format!("id-{offset}"),
            sender: Sender {
                uid: uid.to_owned(),
                name: uid.to_owned(),
            },
            body: "안녕".to_owned(),
            other: serde_json::Map::new(),
        })
    }

    /// One letter a row: a day, a first or continuing message, upper case where the time is shown.
    fn shape(messages: &[Arc<Message>], offset: i32) -> String {
        let none = Composed::default();
        lay_out(messages, none, Some("me"), |ts| Civil::at(ts, offset))
            .iter()
            .map(
                |row| match (&row.source, row.look.continues, row.look.shows_time) {
                    (Source::Day(_), ..) => '|',
                    (_, false, false) => 'f',
                    (_, false, true) => 'F',
                    (_, true, false) => 'c',
                    (_, true, true) => 'C',
                },
            )
            .collect()
    }

    #[test]
    fn runs_and_times() {
        let messages = [
            message(1, "a", LATE),
            message(2, "a", LATE + 1_000),
            message(3, "a", LATE + MINUTE),
            message(4, "b", LATE + MINUTE),
            message(5, "b", LATE + 7 * MINUTE),
        ];
        assert_eq!(shape(&messages, 0), "|fCCFF");
        assert_eq!(shape(&messages[1..], 0), "|FCFF");
    }

    #[test]
    fn days_are_the_viewers() {
        let messages = [
            message(1, "a", LATE),
            message(2, "a", LATE + 4 * MINUTE),
            message(3, "a", LATE + 11 * MINUTE),
        ];
        assert_eq!(
            shape(&messages, 0),
            "|FC|F",
            "midnight in London splits the run"
        );
        assert_eq!(shape(&messages, 9 * 60), "|FCF", "a morning in Seoul");
        assert_eq!(shape(&messages[..2], -23 * 60), "|FC");
    }

    #[test]
    fn keys_are_unique_and_stay_with_the_message() {
        let mut twice = message(2, "me", LATE);
        Arc::make_mut(&mut twice).id = "id-1".to_owned();
        let messages = [message(1, "me", LATE), twice, message(3, "a", LATE)];
        let none = Composed::default();
        let rows = lay_out(&messages, none, Some("me"), |ts| Civil::at(ts, 0));
        let keys: Vec<_> = rows.iter().map(|row| &row.key).collect();
        assert_eq!(*keys[1], Key::Own("id-1".to_owned()));
        assert_eq!(*keys[2], Key::Placed(messages[1].position));
        assert_eq!(keys.iter().collect::<HashSet<_>>().len(), keys.len());
    }
}
