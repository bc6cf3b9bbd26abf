//! The people of the room and the other rooms: what the page shows of them, as the server tells of it in passing.

#![expect(
    unreachable_pub,
    reason = "the component macro declares more than the component that it is given"
)]

use leptos::prelude::*;
use protocol::{Message, RoomName, RoomState, Sender, person};

use super::feed::Feed;
use crate::i18n::{self, Text};
use crate::markup::{Maker, Markup};
use crate::person::{hue_class, initial};
use crate::rooms::{Listed, list, listed};
use crate::timeline::{Key, Look, Row, Source};

/// What is known of them.
#[derive(Clone, Copy)]
pub(crate) struct Company {
    /// The list of rooms.
    pub(crate) rooms: RwSignal<Vec<Listed>>,
    /// How many people are in the room; 0 as long as that is not known.
    pub(crate) count: RwSignal<usize>,
    /// Who types, or who came and went just now.
    pub(crate) aside: RwSignal<String>,
    /// For every member the offset up to which they have read, ascending.
    pub(crate) read: RwSignal<Vec<i64>>,
    /// The offset up to which the viewer had read the room when they came, while that is shown.
    pub(crate) divider: RwSignal<Option<i64>>,
    /// Names that more than one person has, in order.
    doubles: RwSignal<Vec<String>>,
}

impl Company {
    /// What the server rendered.
    pub(crate) fn new(state: &RoomState) -> Self {
        let me = state.viewer.person.as_ref().map(|me| &me.uid);
        let is_news = |read: &i64| {
            let mut messages = state.history.messages.iter();
            messages
                .any(|message| message.position.offset > *read && Some(&message.sender.uid) != me)
        };
        let rooms = listed(&state.rooms, Some(&state.room), state.viewer.language);
        Self {
            rooms: RwSignal::new(rooms),
            count: RwSignal::new(0),
            aside: RwSignal::default(),
            read: RwSignal::default(),
            divider: RwSignal::new(state.read.filter(is_news)),
            doubles: RwSignal::default(),
        }
    }

    /// How many members have not read the message at this offset.
    pub(crate) fn not_read_by(self, offset: i64) -> usize {
        self.read
            .with_untracked(|read| read.partition_point(|reach| *reach < offset))
    }

    /// What tells a person from others of the same name.
    pub(crate) fn tag(self, sender: &Sender) -> Option<String> {
        let is_double = self
            .doubles
            .with(|doubles| doubles.binary_search(&sender.name).is_ok());
        is_double.then(|| format!("#{}", person::tag(&sender.uid)))
    }

    /// Looks for people of the same name among those in view.
    pub(crate) fn look_for_doubles<'a>(
        self,
        messages: impl Iterator<Item = &'a Message>,
        people: &'a [Sender],
    ) {
        let senders = messages.map(|message| &message.sender).chain(people);
        let mut names: Vec<(&str, &str)> = Vec::new();
        let mut doubles: Vec<String> = Vec::new();
        for Sender { uid, name } in senders {
            // Sorting would cost the page 2 kB.
            match names.binary_search_by(|(known, _)| (*known).cmp(name)) {
                Err(index) => names.insert(index, (name, uid)),
                Ok(index) if names[index].1 != uid => {
                    if let Err(index) = doubles.binary_search(name) {
                        doubles.insert(index, name.clone());
                    }
                }
                Ok(_) => {}
            }
        }
        if self.doubles.with_untracked(|shown| *shown != doubles) {
            self.doubles.set(doubles);
        }
    }

    /// Puts the divider before the first message of others that the viewer had not read.
    pub(crate) fn divide(self, rows: &mut Vec<Row<'_>>, me: Option<&str>) {
        let Some(read) = self.divider.get_untracked() else {
            return;
        };
        let mut above = None;
        let mut crossed = false;
        let first = rows.iter().position(|row| {
            let Source::Message(message) = row.source else {
                return false;
            };
            let before = above.or(message.folded.above).or(message.prev);
            above = Some(message.position.offset);
            crossed |= before.unwrap_or(-1) <= read && read < message.position.offset;
            crossed && me != Some(message.sender.uid.as_str())
        });
        let Some(index) = first else { return };
        // The day's chip belongs to the message, and a run does not go on across the divider.
        rows[index].look.continues = false;
        let index = match index.checked_sub(1) {
            Some(before) if matches!(rows[before].source, Source::Day(_)) => before,
            Some(before) => {
                rows[before].look.shows_time = rows[before].look.placed.is_some();
                index
            }
            None => index,
        };
        rows.insert(
            index,
            Row {
                key: Key::Unread,
                source: Source::Unread,
                look: Look::default(),
            },
        );
    }
}

/// The list of rooms; its frame is the page's.
#[component]
pub(crate) fn RoomList(feed: Feed, current: RoomName) -> impl IntoView {
    move || {
        let rooms = feed.company.rooms.get();
        list(&rooms, Some(current.as_str()), feed.clock, feed.language)
    }
}

/// Who is in the room.
#[component]
pub(crate) fn PeoplePanel(feed: Feed) -> impl IntoView {
    let language = feed.language;
    view! {
        <details class="people">
            <summary class="icon-button">
                <svg viewBox="0 0 24 24" aria-hidden="true">
                    <circle cx="9" cy="8" r="3.5" />
                    <path d="M2.5 20v-1.5a4 4 0 0 1 4-4h5a4 4 0 0 1 4 4V20M16 4.8a3.5 3.5 0 0 1 0 6.4m2.5 3.8a4 4 0 0 1 3 3.5V20" />
                </svg>
                <span class="hidden">{Text::People.to(language)}</span>
            </summary>
            {move || people(feed)}
        </details>
    }
}

fn people(feed: Feed) -> Markup {
    let mut panel = Maker::new("div");
    panel.class("panel").open("h2");
    match feed.company.count.get() {
        0 => panel.text(Text::People.to(feed.language)),
        count => panel.text(&i18n::people(feed.language, count)),
    };
    panel.close().open("ul");
    for sender in feed.people.get() {
        panel.open("li").open("span");
        panel
            .class(&("avatar ".to_owned() + hue_class(&sender.uid)))
            .attr("aria-hidden", "true");
        panel.text(&initial(&sender.name)).close();
        name(&mut panel, &sender, feed);
        panel.close();
    }
    panel.finish()
}

/// A name, and what tells it from the same name of others.
pub(super) fn name(into: &mut Maker, sender: &Sender, feed: Feed) {
    into.open("bdi").text(&sender.name).close();
    if let Some(tag) = feed.company.tag(sender) {
        into.open("span").class("tag").text(&tag).close();
    }
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "helpers of tests")]

    use super::*;

    fn state(read: &str, messages: &[(i64, &str)]) -> RoomState {
        let messages: Vec<_> = messages
            .iter()
            .map(|(offset, uid)| {
                format!(
                    r#"{{"position":"00000007-0-{offset}","ts":0,"type":"message","id":"m","sender":{{"uid":"{uid}","name":"n"}},"body":""}}"#
                )
            })
            .collect();
        let text = format!(
            r#"{{"viewer":{{"person":{{"uid":"me","name":"나"}},"language":"ko"}},"room":"a","rooms":[],"epoch":"00000007",
            "head":9,"history":{{"messages":[{}],"more":false}},"read":{read},"notice":null}}"#,
            messages.join(",")
        );
        serde_json::from_str(&text).unwrap()
    }

    /// Signals live in it.
    fn owner() -> Owner {
        let owner = Owner::new_root(None);
        owner.set();
        owner
    }

    #[test]
    fn nothing_is_divided_where_others_have_said_nothing_since() {
        let _owner = owner();
        for (read, messages, expected) in [
            ("3", &[(3, "u"), (4, "u")][..], Some(3)),
            ("3", &[(3, "u"), (4, "me"), (5, "u")], Some(3)),
            // What comes while one looks on is no news either.
            ("3", &[(3, "u"), (4, "me")], None),
            ("4", &[(3, "u"), (4, "u")], None),
            ("null", &[(3, "u")], None),
        ] {
            let company = Company::new(&state(read, messages));
            assert_eq!(
                company.divider.get_untracked(),
                expected,
                "{read} {messages:?}"
            );
        }
    }

    #[test]
    fn a_message_lacks_those_who_have_read_less() {
        let _owner = owner();
        let company = Company::new(&state("null", &[]));
        company.read.set(vec![3, 5, 5, 9]);
        for (offset, count) in [(3, 0), (4, 1), (6, 3), (9, 3), (10, 4)] {
            assert_eq!(company.not_read_by(offset), count, "{offset}");
        }
    }
}
