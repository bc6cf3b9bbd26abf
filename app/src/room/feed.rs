//! What the page shows of the room, and what it can ask of it.
//!
//! The views read signals and call [`Feed`]; in the browser `live` writes the signals and answers the calls. On the server
//! and until `live` is attached the signals hold what the server rendered, and calls do nothing.

use std::rc::Rc;
use std::sync::Arc;

use leptos::prelude::*;
use protocol::{Epoch, Language, Message, Position, RoomState, Sender};

use super::company::Company;
use crate::chat::{Beyond, ComposeError, Composition, Connection, Event};
use crate::civil::Civil;
use crate::clock::Clock;
use crate::i18n::Text;
use crate::timeline::{Composed, Key, Look, Row, Source, lay_out};

/// One row on the page.
#[derive(Clone)]
pub(crate) struct ShownRow {
    /// What it is.
    pub(crate) key: Key,
    /// All that is to be seen of it.
    pub(crate) state: ArcRwSignal<RowState>,
}

/// What a row shows at the moment.
#[derive(Clone)]
pub(crate) struct RowState {
    /// What it says.
    pub(crate) content: Content,
    /// Where it stands among the others, and how far it has come.
    pub(crate) look: Look,
    /// What can be done with it.
    pub(crate) panel: Panel,
}

/// What lies over the corner of a row.
#[cfg_attr(
    not(feature = "hydrate"),
    allow(dead_code, reason = "only the browser has somebody who asks for it")
)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Panel {
    /// Nothing.
    #[default]
    None,
    /// What can be done.
    Actions,
    /// The choice of emoji.
    Emoji,
    /// The question before a message is deleted.
    Delete,
}

/// What the composer writes.
#[cfg_attr(
    not(feature = "hydrate"),
    allow(dead_code, reason = "only the browser has somebody who chooses")
)]
#[derive(Clone, Debug, Default)]
pub(crate) enum Writing {
    /// A message.
    #[default]
    New,
    /// An answer to this message.
    Answer(Position, Arc<Message>),
    /// Another text for this message.
    Edit(Position, Arc<Message>),
}

/// What a row shows.
#[derive(Clone)]
pub(crate) enum Content {
    /// A new day.
    Day(Civil),
    /// Up to here the viewer had read.
    Unread,
    /// A message of the room, or one that the viewer composed here; where it stands is in [`Look::placed`].
    Message(Arc<Message>),
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
    /// Takes what the viewer composed.
    fn compose(self: Rc<Self>, composition: Composition) -> Result<(), ComposeError>;
    /// Tells the engine what the viewer wants.
    fn tell(self: Rc<Self>, event: Event);
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
    pub(crate) older: RwSignal<Beyond>,
    /// Whether there are messages behind the last row, where the page was opened at an old one.
    pub(crate) newer: RwSignal<Beyond>,
    /// Everybody who wrote one of the rows.
    writers: RwSignal<Vec<Sender>>,
    /// What the composer writes.
    pub(crate) writing: RwSignal<Writing>,
    /// A sentence that goes by itself.
    pub(crate) toast: RwSignal<Option<Text>>,
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
    /// Everybody who is in the room, by name; they can be mentioned as those can who wrote the rows.
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
        let beyond = |more| if more { Beyond::More } else { Beyond::None };
        let feed = Self {
            language,
            clock: Clock::new(language),
            rows: RwSignal::default(),
            older: RwSignal::new(beyond(state.history.more)),
            newer: RwSignal::new(beyond(state.history.newer)),
            people: RwSignal::default(),
            writers: RwSignal::default(),
            writing: RwSignal::default(),
            toast: RwSignal::default(),
            connection: RwSignal::new(Connection::Connecting),
            banner: RwSignal::default(),
            is_away: RwSignal::new(state.history.newer),
            unseen: RwSignal::new(0),
            announcement: RwSignal::default(),
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
        let composed = Composed {
            focus: state.focus,
            ..Composed::default()
        };
        feed.show(&messages, composed);
        feed
    }

    /// Shows these messages: rows that are there already stay the same pieces of the page.
    pub(crate) fn show(self, messages: &[Arc<Message>], composed: Composed<'_>) {
        let mut writers = self.writers.get_untracked();
        for message in messages {
            meet(&mut writers, &message.sender);
        }
        // Nobody waits for it: rows name people as they are drawn.
        self.writers.update_untracked(|known| *known = writers);
        let me = self.me.get_value();
        let uid = me.as_ref().map(|me| me.uid.as_str());
        let civil = |ts| self.clock.civil(ts);
        let mut laid_out = untrack(|| lay_out(messages, composed, uid, civil));
        for row in &mut laid_out {
            let offset = row.look.placed.map(|(position, _)| position.offset);
            row.look.lacking = offset.map_or(0, |offset| self.company.not_read_by(offset));
        }
        self.company.divide(&mut laid_out, uid);
        self.people.with_untracked(|people| {
            let messages = messages.iter().map(AsRef::as_ref);
            self.company.look_for_doubles(messages, people);
        });
        let shown = self.rows.get_untracked();
        let (rows, changed) = reconcile(&shown, laid_out, me.as_ref());
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

    /// Sends what the viewer composed; on an error the text is still the composer's.
    pub(crate) fn compose(self, composition: Composition) -> Result<(), ComposeError> {
        // Before the desk is open there are no handlers that could call this.
        self.desk()
            .map_or(Err(ComposeError::Full), |desk| desk.compose(composition))
    }

    /// The last row on the page that is like this.
    pub(crate) fn find(self, is_sought: &dyn Fn(&ShownRow) -> bool) -> Option<ShownRow> {
        self.rows
            .with_untracked(|rows| rows.iter().rfind(|row| is_sought(row)).cloned())
    }

    /// The viewer.
    pub(crate) fn me(self) -> Option<Sender> {
        self.me.get_value()
    }

    /// Everybody who can be mentioned.
    pub(crate) fn known(self) -> Vec<Sender> {
        let mut known = self.writers.get_untracked();
        for person in self.people.get_untracked() {
            meet(&mut known, &person);
        }
        known
    }

    /// Tells the engine what the viewer wants.
    pub(crate) fn tell(self, event: Event) {
        if let Some(desk) = self.desk() {
            desk.tell(event);
        }
    }

    fn desk(self) -> Option<Rc<dyn Desk>> {
        self.desk.try_get_value().flatten()
    }
}

/// Takes over the rows that are shown already and says whether the list itself changed.
fn reconcile(
    shown: &[ShownRow],
    laid_out: Vec<Row<'_>>,
    me: Option<&Sender>,
) -> (Vec<ShownRow>, bool) {
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
                let mut state = known.state.get_untracked();
                let says_else = !says_the_same(&state.content, row.source);
                if says_else {
                    state.content = content(row.source, me);
                }
                if says_else || state.look != row.look {
                    state.look = row.look;
                    known.state.set(state);
                }
                return known.clone();
            }
            ShownRow {
                key: row.key,
                state: ArcRwSignal::new(RowState {
                    content: content(row.source, me),
                    look: row.look,
                    panel: Panel::None,
                }),
            }
        })
        .collect();
    let same =
        rows.len() == shown.len() && rows.iter().zip(shown).all(|(new, old)| new.key == old.key);
    (rows, !same)
}

/// The position of what is not in the room yet. Nothing is looked up by it.
const NOWHERE: Position = Position {
    epoch: Epoch(0),
    partition: 0,
    offset: -1,
};

/// What a row says.
fn content(source: Source<'_>, me: Option<&Sender>) -> Content {
    match source {
        Source::Day(day) => Content::Day(day),
        Source::Unread => Content::Unread,
        Source::Message(message) => Content::Message(Arc::clone(message)),
        Source::Pending(pending) => {
            let nobody = Sender {
                uid: String::new(),
                name: String::new(),
            };
            Content::Message(Arc::new(pending.message(me.unwrap_or(&nobody), NOWHERE)))
        }
    }
}

/// Whether a row says already what it should. What is on its way never changes.
fn says_the_same(content: &Content, source: Source<'_>) -> bool {
    let (Content::Message(one), Source::Message(other)) = (content, source) else {
        return true;
    };
    Arc::ptr_eq(one, other) || (one.body == other.body && one.folded == other.folded)
}

/// Adds somebody who is not there yet, or goes by another name now.
fn meet(known: &mut Vec<Sender>, person: &Sender) {
    match known.iter_mut().find(|known| known.uid == person.uid) {
        Some(known) if known.name == person.name => {}
        Some(known) => known.name.clone_from(&person.name),
        None => known.push(person.clone()),
    }
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
        let (shown, _) = reconcile(&[], rows(&["a", "b", "c", "d"]), None);
        for keys in [
            &["a", "b", "c", "d"][..],
            &["new", "a", "b", "newer", "d"],
            &["d", "c", "b", "a", "new"],
            &["c"],
            &[],
        ] {
            let (now, changed) = reconcile(&shown, rows(keys), None);
            assert_eq!(changed, keys != ["a", "b", "c", "d"], "{keys:?}");
            for row in &now {
                // The mark is made on the look that is kept.
                row.state.update(|state| state.look.continues = true);
            }
            for row in &shown {
                let stays = now.iter().any(|other| other.key == row.key);
                assert_eq!(row.state.get_untracked().look.continues, stays, "{keys:?}");
                row.state.update(|state| state.look = Look::default());
            }
        }
    }
}
