//! Whom one may mean by `@` and the beginning of a name: a list above the composer, for keyboard and pointer.

use js_sys::JsString;
use leptos::prelude::*;
use leptos::web_sys::{Element, HtmlTextAreaElement};
use protocol::Sender;

use super::feed::Feed;
use crate::i18n::Text;
use crate::markup::{Maker, Markup};

/// Most names in the list.
const MOST: usize = 6;
/// Longest beginning of a name in characters.
const LONGEST: usize = 20;

/// The list and where one is in it.
#[derive(Clone, Copy)]
pub(super) struct Naming {
    feed: Feed,
    names: RwSignal<Vec<Sender>>,
    index: RwSignal<usize>,
}

impl Naming {
    pub(super) fn new(feed: Feed) -> Self {
        Self {
            feed,
            names: RwSignal::default(),
            index: RwSignal::default(),
        }
    }

    /// The text or the caret has changed.
    pub(super) fn look_at(self, field: &HtmlTextAreaElement) {
        let names = match beginning(&before_caret(field)) {
            Some(beginning) => fitting(self.feed, beginning),
            None => Vec::new(),
        };
        if self.names.get_untracked() != names {
            self.index.set(0);
            self.names.set(names);
        }
    }

    pub(super) fn is_open(self) -> bool {
        !self.names.get_untracked().is_empty()
    }

    pub(super) fn close(self) {
        if self.is_open() {
            self.names.set(Vec::new());
        }
    }

    /// Moves by one, around the ends.
    pub(super) fn step(self, forward: bool) {
        let count = self.names.get_untracked().len();
        let step = if forward { 1 } else { count - 1 };
        self.index.set((self.index.get_untracked() + step) % count);
    }

    /// Writes the name at the place of its beginning.
    pub(super) fn choose(self, field: &HtmlTextAreaElement) {
        let index = self.index.get_untracked();
        let person = self.names.get_untracked().into_iter().nth(index);
        let before = before_caret(field);
        if let (Some(person), Some(beginning)) = (person, beginning(&before)) {
            let caret = units(&before);
            let start = caret - units(beginning);
            let name = person.name + " ";
            // Positions within the text cannot be refused.
            let _ = field.set_range_text_with_start_and_end(&name, start, caret);
            let behind = start + units(&name);
            let _ = field.set_selection_range(behind, behind);
        }
        self.close();
    }

    /// The id of the name that Enter would choose, for screen readers.
    pub(super) fn active(self) -> Option<String> {
        let is_open = !self.names.get().is_empty();
        is_open.then(|| id(self.index.get()))
    }

    /// This name is meant.
    pub(super) fn point_to(self, option: &Element) {
        let id = option.id();
        let number = id.strip_prefix("naming-").and_then(|id| id.parse().ok());
        self.index.set(number.unwrap_or_default());
    }

    /// The list.
    pub(super) fn view(self) -> Markup {
        let index = self.index.get();
        let mut list = Maker::new("ul");
        list.class("naming")
            .attr("id", "naming")
            .attr("role", "listbox")
            .attr("aria-label", Text::Mentions.to(self.feed.language));
        for (number, person) in self.names.get().iter().enumerate() {
            let selected = if number == index { "true" } else { "false" };
            list.open("li")
                .attr("role", "option")
                .attr("id", &id(number))
                .attr("aria-selected", selected);
            list.open("bdi").text(&person.name).close().close();
        }
        list.finish()
    }
}

fn id(number: usize) -> String {
    "naming-".to_owned() + &number.to_string()
}

/// The length as the browser counts it.
fn units(text: &str) -> u32 {
    u32::try_from(text.encode_utf16().count()).unwrap_or(u32::MAX)
}

fn before_caret(field: &HtmlTextAreaElement) -> String {
    let caret = field.selection_end().ok().flatten().unwrap_or_default();
    JsString::from(field.value()).slice(0, caret).into()
}

/// What stands between the last `@` and the end of a text, if it can be the beginning of a name.
fn beginning(text: &str) -> Option<&str> {
    let (before, beginning) = text.rsplit_once('@')?;
    let is_address = before
        .chars()
        .next_back()
        .is_some_and(|letter| letter.is_ascii_alphanumeric());
    let is_short = beginning.chars().count() <= LONGEST && !beginning.contains('\n');
    (!is_address && is_short).then_some(beginning)
}

/// The names that begin like this. The last letter may still be in the making: ㅈ, 지, 지우.
fn fitting(feed: Feed, beginning: &str) -> Vec<Sender> {
    let beginning = beginning.trim_end_matches(|letter| ('ㄱ'..='ㅣ').contains(&letter));
    let me = feed.me();
    let fits = |name: &str| {
        let start = name.get(..beginning.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(beginning))
    };
    let known = feed.known().into_iter();
    known
        .filter(|person| me.as_ref().is_none_or(|me| me.uid != person.uid) && fits(&person.name))
        .take(MOST)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_a_name() {
        for (text, expected) in [
            ("@", Some("")),
            ("안녕 @지", Some("지")),
            ("안녕@지우 씨", Some("지우 씨")),
            ("mail@example", None),
            ("@지우\n", None),
            ("안녕", None),
        ] {
            assert_eq!(beginning(text), expected, "{text}");
        }
        assert_eq!(units("@지🙂"), 4);
    }
}
