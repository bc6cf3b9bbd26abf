//! What the page shows of the room, and what it can ask of it.
//!
//! The views read signals and call [`Feed`]; in the browser `live` writes the signals and answers the calls. On the server
//! and until `live` is attached the signals hold what the server rendered, and calls do nothing.

use std::rc::Rc;
use std::sync::Arc;

use leptos::prelude::*;
use protocol::{Language, Message, RoomState, Sender};

use super::company::Company;
use crate::chat::{ComposeError, Connection, Event, Older, Pending};
use crate::civil::Civil;
use crate::clock::Clock;
use crate::timeline::{Key, Look, Row, Source, lay_out};

/// One row on the page. Its content never changes; its look is one signal.
#[derive(Clone)]
pub(crate) struct ShownRow {
    /// What it is.
    pub(crate) key: Key,
    /// What it shows.
    pub(crate) content: Content,
    /// What may change about it.
    pub(crate) look: ArcRwSignal<Look>,
}

/// What a row shows for as long as it exists.
#[derive(Clone)]
pub(crate) enum Content {
    /// A new day.
    Day(Civil),
    /// Up to here the viewer had read.
    Unread,
    /// A message of the room.
    Message(Arc<Message>),
    /// A message that the viewer composed here.
    Composed(Arc<str>),
}

/// The bar below the header.
#[cfg_attr(
    not(feature = "hydrate"),
    allow(dead_code, reason = "only the browser loses connections")
)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Banner {
    /// All is well, or has not been otherwise for long enough to be mentioned.
    #[default]
    None,
    /// An attempt is under way.
    Reconnecting,
    /// The next attempt is made in so many seconds.
    Waiting(u32),
    /// The browser says that there is no network.
    Offline,
    /// The server does not let this page in; the reason is in [`Feed::connection`].
    Refused,
    /// Connected again, for a moment.
    Back,
}

/// Who carries out what the views ask for.
pub(crate) trait Desk {
    /// Takes a message that the viewer wrote.
    fn send(self: Rc<Self>, text: String) -> Result<(), ComposeError>;
    /// Tells the engine what the viewer wants.
    fn tell(self: Rc<Self>, event: Event);
    /// Shows the end of the timeline.
    fn jump_to_latest(self: Rc<Self>);
}

/// The seam between the views and `live`.
#[derive(Clone, Copy)]
pub(crate) struct Feed {
    /// The language of the page.
    pub(crate) language: Language,
    /// How instants are written.
    pub(crate) clock: Clock,
    /// The part of the timeline that is on the page.
    pub(crate) rows: RwSignal<Vec<ShownRow>>,
    /// Whether there are messages before the first row.
    pub(crate) older: RwSignal<Older>,
    /// How the page stands with the server.
    pub(crate) connection: RwSignal<Connection>,
    /// What is said about it.
    pub(crate) banner: RwSignal<Banner>,
    /// Whether the end of the timeline is far out of sight.
    pub(crate) is_away: RwSignal<bool>,
    /// How many messages arrived out of sight.
    pub(crate) unseen: RwSignal<usize>,
    /// What screen readers say next.
    pub(crate) announcement: RwSignal<String>,
    /// Everybody who is in the room, by name.
    pub(crate) people: RwSignal<Vec<Sender>>,
    /// What else is known of people and rooms.
    pub(crate) company: Company,
    /// The scrolling element.
    pub(crate) timeline: NodeRef<leptos::html::Section>,
    me: StoredValue<Option<Sender>>,
    desk: StoredValue<Option<Rc<dyn Desk>>, LocalStorage>,
}

impl Feed {
    /// What the server rendered.
    pub(crate) fn new(state: &RoomState) -> Self {
        let language = state.viewer.language;
        let older = if state.history.more {
            Older::More
        } else {
            Older::None
        };
        let feed = Self {
            language,
            clock: Clock::new(language),
            rows: RwSignal::default(),
            older: RwSignal::new(older),
            connection: RwSignal::new(Connection::Connecting),
            banner: RwSignal::default(),
            is_away: RwSignal::new(false),
            unseen: RwSignal::new(0),
            announcement: RwSignal::default(),
            people: RwSignal::default(),
            company: Company::new(state),
            timeline: NodeRef::new(),
            me: StoredValue::new(state.viewer.person.clone()),
            desk: StoredValue::new_local(None),
        };
        let messages: Vec<_> = state
            .history
            .messages
            .iter()
            .cloned()
            .map(Arc::new)
            .collect();
        feed.show(&messages, &[]);
        feed
    }

    /// Shows these messages: rows that are there already stay the same pieces of the page.
    pub(crate) fn show(self, messages: &[Arc<Message>], pending: &[Pending]) {
        let me = self.me.get_value();
        let me = me.as_ref().map(|me| me.uid.as_str());
        let mut laid_out = untrack(|| lay_out(messages, pending, me, |ts| self.clock.civil(ts)));
        self.company.divide(&mut laid_out, me);
        self.people.with_untracked(|people| {
            let messages = messages.iter().map(AsRef::as_ref);
            self.company.look_for_doubles(messages, people);
        });
        let (rows, changed) = self.rows.with_untracked(|shown| reconcile(shown, laid_out));
        if changed {
            self.rows.set(rows);
        }
    }

    /// Whether the viewer wrote this.
    pub(crate) fn is_mine(self, message: &Message) -> bool {
        self.me
            .with_value(|me| me.as_ref().is_some_and(|me| me.uid == message.sender.uid))
    }

    /// The connection in a word, for programs that look at the page.
    pub(crate) fn connection_word(self) -> &'static str {
        self.connection.with(|connection| match connection {
            Connection::Connecting => "connecting",
            Connection::Live => "live",
            Connection::Waiting { .. } => "waiting",
            Connection::Offline => "offline",
            Connection::Refused(_) => "refused",
        })
    }

    /// Who carries out the calls from now on.
    #[cfg(feature = "hydrate")]
    pub(crate) fn open_desk(self, desk: Rc<dyn Desk>) {
        self.desk.set_value(Some(desk));
    }

    /// Sends a message; on an error the text is still the composer's.
    pub(crate) fn send(self, text: String) -> Result<(), ComposeError> {
        // Before the desk is open there are no handlers that could call this.
        self.desk()
            .map_or(Err(ComposeError::Full), |desk| desk.send(text))
    }

    /// Tells the engine what the viewer wants.
    pub(crate) fn tell(self, event: Event) {
        if let Some(desk) = self.desk() {
            desk.tell(event);
        }
    }

    /// Shows the end of the timeline.
    pub(crate) fn jump_to_latest(self) {
        if let Some(desk) = self.desk() {
            desk.jump_to_latest();
        }
    }

    fn desk(self) -> Option<Rc<dyn Desk>> {
        self.desk.try_get_value().flatten()
    }
}

/// Takes over the rows that are shown already and says whether the list itself changed.
fn reconcile(shown: &[ShownRow], laid_out: Vec<Row<'_>>) -> (Vec<ShownRow>, bool) {
    // Rows keep their order, so the next one is looked for behind the one that was found last.
    let mut next = 0;
    let mut find = |key: &Key| {
        let (before, behind) = shown.split_at(next);
        let found = behind
            .iter()
            .chain(before)
            .position(|row| row.key == *key)?;
        let index = (next + found) % shown.len();
        next = index + 1;
        shown.get(index)
    };
    let rows: Vec<ShownRow> = laid_out
        .into_iter()
        .map(|row| {
            if let Some(known) = find(&row.key) {
                if known.look.with_untracked(|look| *look != row.look) {
                    known.look.set(row.look);
                }
                return known.clone();
            }
            let content = match row.source {
                Source::Day(day) => Content::Day(day),
                Source::Unread => Content::Unread,
                Source::Message(message) => Content::Message(Arc::clone(message)),
                Source::Pending(pending) => Content::Composed(Arc::from(pending.text.as_str())),
            };
            ShownRow {
                key: row.key,
                content,
                look: ArcRwSignal::new(row.look),
            }
        })
        .collect();
    let same =
        rows.len() == shown.len() && rows.iter().zip(shown).all(|(new, old)| new.key == old.key);
    (rows, !same)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(keys: &[&str]) -> Vec<Row<'static>> {
        keys.iter()
            .map(|key| Row {
                key: Key::Own((*key).to_owned()),
                source: Source::Day(Civil::at(0, 0)),
                look: Look::default(),
            })
            .collect()
    }

    #[test]
    fn rows_that_are_shown_already_stay_wherever_they_go() {
        let (shown, _) = reconcile(&[], rows(&["a", "b", "c", "d"]));
        for keys in [
            &["a", "b", "c", "d"][..],
            &["new", "a", "b", "newer", "d"],
            &["d", "c", "b", "a", "new"],
            &["c"],
            &[],
        ] {
            let (now, changed) = reconcile(&shown, rows(keys));
            assert_eq!(changed, keys != ["a", "b", "c", "d"], "{keys:?}");
            for row in &now {
                // The mark is made on the look that is kept.
                row.look.update(|look| look.continues = true);
            }
            for row in &shown {
                let stays = now.iter().any(|other| other.key == row.key);
                assert_eq!(row.look.get_untracked().continues, stays, "{keys:?}");
                row.look.set(Look::default());
            }
        }
    }
}
