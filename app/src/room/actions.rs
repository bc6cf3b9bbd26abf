//! What can be done with a message: the bar over its corner, and the one place where presses and keys in the timeline arrive.

use std::sync::Arc;

use leptos::ev;
use leptos::prelude::*;
use leptos::web_sys::{Element, EventTarget, HtmlElement, HtmlInputElement};
use protocol::{Action, Kind, Message, Position};
use wasm_bindgen::JsCast;

use super::feed::{Content, Feed, Panel, ShownRow, Writing};
use crate::chat::Event;
use crate::i18n::Text;
use crate::markup::Maker;

/// What is offered first to react with.
const EMOJI: [&str; 12] = [
    "👍", "❤️", "😂", "😮", "😢", "🙏", "👏", "🎉", "🔥", "👀", "✅", "💯",
];

impl Feed {
    /// Opens a row's panel and closes the one that was open.
    fn open(self, row: &ShownRow, panel: Panel) {
        self.close_panel();
        set_panel(row, panel);
    }

    /// Closes the panel that is open.
    fn close_panel(self) {
        if let Some(open) = self.open_row() {
            set_panel(&open, Panel::None);
        }
    }

    /// The row whose panel is open.
    fn open_row(self) -> Option<ShownRow> {
        self.find(&|row| panel(row) != Panel::None)
    }
}

fn set_panel(row: &ShownRow, panel: Panel) {
    let mut state = row.state.get_untracked();
    state.panel = panel;
    row.state.set(state);
}

fn panel(row: &ShownRow) -> Panel {
    row.state.get_untracked().panel
}

/// The message of a row.
fn message(row: &ShownRow) -> Option<Arc<Message>> {
    match row.state.get_untracked().content {
        Content::Message(message) => Some(message),
        Content::Day(_) => None,
    }
}

/// The panel of a row. What its buttons do is in [`on_click`].
pub(super) fn panel_of(row: &mut Maker, panel: Panel, own: bool, feed: Feed) {
    if panel == Panel::None {
        return;
    }
    let language = feed.language;
    row.open("div")
        .class("actions")
        .attr("role", "group")
        .attr("aria-label", Text::Actions.to(language));
    match panel {
        Panel::None => {}
        Panel::Actions => actions(row, own, feed),
        Panel::Emoji => {
            for emoji in EMOJI {
                row.button("toggle").attr("data-emoji", emoji);
                row.text(emoji).close();
            }
            row.open("input")
                .class("any-emoji")
                .attr("maxlength", "16")
                .attr("placeholder", "+")
                .attr("aria-label", Text::AnyEmoji.to(language))
                .close();
        }
        Panel::Delete => {
            let question = Text::DeleteQuestion.to(language);
            row.open("span").text(question).close();
            for (act, text) in [("really-delete", Text::Discard), ("close", Text::Cancel)] {
                row.button(act).class("words");
                row.text(text.to(language)).close();
            }
        }
    }
    row.close();
}

fn actions(row: &mut Maker, own: bool, feed: Feed) {
    let writes = feed.me().is_some();
    for (offered, act, text, path) in [
        (
            writes,
            "react",
            Text::React,
            "M12 21a9 9 0 1 1 0-18 9 9 0 0 1 0 18m-4-7c2 3 6 3 8 0M9 9.5v.1m6-.1v.1",
        ),
        (
            writes,
            "answer",
            Text::Answer,
            "m9 6-5 5 5 5m-5-5h10a6 6 0 0 1 6 6v1",
        ),
        (true, "copy", Text::Copy, "M9 9h11v11H9zM5 15H4V4h11v1"),
        (
            true,
            "copy-link",
            Text::CopyLink,
            "M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1m2 4a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1",
        ),
        (
            own && writes,
            "edit",
            Text::Edit,
            "m4 20 1-4L16 5l3 3L8 19z",
        ),
        (
            own && writes,
            "delete",
            Text::Discard,
            "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
        ),
    ] {
        if offered {
            let label = text.to(feed.language);
            row.button(act)
                .attr("aria-label", label)
                .attr("title", label)
                .icon(path)
                .close();
        }
    }
}

/// The row around an element, if it is a message that the room has: its element, the row and its place.
fn row_of(feed: Feed, element: &Element) -> Option<(HtmlElement, ShownRow, Position)> {
    let item = element.closest("li[data-position]").ok()??;
    let position = item.get_attribute("data-position")?.parse().ok()?;
    let row = feed.row(position)?;
    Some((item.dyn_into().ok()?, row, position))
}

fn target(target: Option<EventTarget>) -> Option<Element> {
    target?.dyn_into().ok()
}

/// Something in the timeline was pressed.
pub(super) fn on_click(feed: Feed, event: &ev::MouseEvent) {
    let Some(pressed) = target(event.target()) else {
        return;
    };
    let Ok(Some(button)) = pressed.closest("[data-act]") else {
        return;
    };
    let act = button.get_attribute("data-act").unwrap_or_default();
    let event_of = |event: fn(String) -> Event| {
        let id = button.get_attribute("data-id");
        id.into_iter().for_each(|id| feed.tell(event(id)));
    };
    match act.as_str() {
        "older" => return feed.tell(Event::LoadOlder),
        "newer" => return feed.tell(Event::LoadNewer),
        "retry" => return event_of(|id| Event::Retry { id }),
        "discard" => return event_of(|id| Event::Discard { id }),
        _ => {}
    }
    let Some((item, row, position)) = row_of(feed, &button) else {
        return;
    };
    let Some(message) = message(&row) else {
        return;
    };
    match act.as_str() {
        "jump" => {
            event.prevent_default();
            if let Some(target) = message.reference {
                feed.go_to(target);
            }
            return;
        }
        "copy-code" => {
            // It stands in the head of its block.
            let code = button
                .parent_element()
                .and_then(|head| head.next_element_sibling()?.text_content());
            feed.copy(code.unwrap_or_default(), Text::Copied);
            return;
        }
        "toggle" => toggle(feed, &message, position, button.get_attribute("data-emoji")),
        "copy" => feed.copy(message.body.clone(), Text::Copied),
        "copy-link" => {
            let path = feed
                .room
                .with_value(|room| format!("/rooms/{room}?at={position}"));
            let origin = location().origin().unwrap_or_default();
            feed.copy(origin + &path, Text::LinkCopied);
        }
        "answer" => feed.writing.set(Writing::Answer(position, message)),
        "edit" => feed.writing.set(Writing::Edit(position, message)),
        "really-delete" => feed.change(Action::Delete, position, String::new()),
        "react" | "delete" => {
            let panel = if act == "react" {
                Panel::Emoji
            } else {
                Panel::Delete
            };
            feed.open(&row, panel);
            focus_panel(item);
            return;
        }
        _ => {}
    }
    feed.close_panel();
}

/// Reacts with an emoji, or takes that back.
fn toggle(feed: Feed, message: &Message, position: Position, emoji: Option<String>) {
    let (Some(emoji), Some(me)) = (emoji.filter(|emoji| !emoji.is_empty()), feed.me()) else {
        return;
    };
    let mut reactions = message.folded.reactions.iter();
    let is_own = reactions.any(|reaction| reaction.emoji == emoji && reaction.by.contains(&me.uid));
    let action = if is_own {
        Action::Unreact
    } else {
        Action::React
    };
    feed.change(action, position, emoji);
}

/// The keyboard goes into the panel once it is there.
fn focus_panel(item: HtmlElement) {
    request_animation_frame(move || {
        let first = item.query_selector(".actions button").ok().flatten();
        if let Some(first) = first.and_then(|first| first.dyn_into::<HtmlElement>().ok()) {
            let _ = first.focus();
        }
    });
}

/// The pointer is over something else, or a touch has ended there.
pub(super) fn on_mouseover(feed: Feed, event: &ev::MouseEvent) {
    let Some(over) = target(event.target()) else {
        return;
    };
    // Who has to choose is not disturbed by a pointer that passes.
    let open = feed.open_row();
    let open = open.as_ref().map_or(Panel::None, panel);
    if matches!(open, Panel::Emoji | Panel::Delete) {
        return;
    }
    if let Ok(Some(chip)) = over.closest("[aria-pressed]") {
        name_people(feed, &chip);
    }
    show_actions(feed, &over);
}

/// Shows what can be done with the row around an element.
fn show_actions(feed: Feed, over: &Element) {
    let row = row_of(feed, over).filter(|(_, row, _)| can_act(row));
    match row {
        Some((_, row, _)) if panel(&row) == Panel::None => {
            feed.open(&row, Panel::Actions);
        }
        Some(_) => {}
        None => feed.close_panel(),
    }
}

/// Nothing can be done with what the house says, or with a deleted message.
fn can_act(row: &ShownRow) -> bool {
    message(row).is_some_and(|message| message.kind == Kind::Message && !message.folded.deleted)
}

/// The pointer has left the timeline.
pub(super) fn on_mouseleave(feed: Feed) {
    let open = feed.open_row();
    if open.is_some_and(|row| panel(&row) == Panel::Actions) {
        feed.close_panel();
    }
}

/// Says on a chip who reacted, once somebody looks at it.
fn name_people(feed: Feed, chip: &Element) {
    let Some((_, row, _)) = row_of(feed, chip) else {
        return;
    };
    let Some(message) = message(&row) else {
        return;
    };
    let emoji = chip.get_attribute("data-emoji");
    let mut reactions = message.folded.reactions.iter();
    let Some(reaction) = reactions.find(|reaction| Some(&reaction.emoji) == emoji.as_ref()) else {
        return;
    };
    let mut known = feed.known();
    known.extend(
        feed.me()
            .filter(|me| known.iter().all(|person| person.uid != me.uid)),
    );
    let mut names = String::new();
    for person in known
        .iter()
        .filter(|person| reaction.by.contains(&person.uid))
    {
        if !names.is_empty() {
            names.push_str(", ");
        }
        names.push_str(&person.name);
    }
    let _ = chip.set_attribute("title", &names);
}

/// A row got the keyboard.
pub(super) fn on_focus(feed: Feed, event: &ev::FocusEvent) {
    if let Some(row) = target(event.target()).filter(|target| target.tag_name() == "LI") {
        show_actions(feed, &row);
    }
}

/// A long press on a touch screen.
pub(super) fn on_contextmenu(feed: Feed, event: &ev::MouseEvent) {
    let coarse = window().match_media("(pointer: coarse)").ok().flatten();
    if coarse.is_some_and(|query| query.matches())
        && let Some(pressed) = target(event.target())
        && pressed.closest("a").is_ok_and(|link| link.is_none())
    {
        event.prevent_default();
        show_actions(feed, &pressed);
    }
}

/// A key went down in the timeline: the arrows move between messages, Enter goes to what can be done, Escape back.
pub(super) fn on_keydown(feed: Feed, event: &ev::KeyboardEvent) {
    let Some(target) = target(event.target()) else {
        return;
    };
    if event.is_composing() || event.key_code() == 229 {
        return;
    }
    let key = event.key();
    let in_panel = target.closest(".actions").ok().flatten();
    let item = target.closest("li[data-position]").ok().flatten();
    let next = match (key.as_str(), in_panel, item) {
        ("Enter", Some(_), Some(item)) => {
            let field = target.dyn_into::<HtmlInputElement>();
            if let (Ok(field), Some((_, row, position))) = (field, row_of(feed, &item))
                && let Some(message) = message(&row)
            {
                let emoji = field.value().trim().to_owned();
                toggle(feed, &message, position, Some(emoji));
                feed.close_panel();
                Some(item)
            } else {
                return;
            }
        }
        ("Escape", Some(_), item) => {
            feed.close_panel();
            item
        }
        ("ArrowRight", Some(_), _) => target.next_element_sibling(),
        ("ArrowLeft", Some(_), _) => target.previous_element_sibling(),
        ("Escape", None, _) => {
            feed.close_panel();
            document().get_element_by_id("body")
        }
        ("Enter", None, Some(item)) if item == target => {
            show_actions(feed, &item);
            return item.dyn_into().map_or((), focus_panel);
        }
        ("ArrowUp", None, Some(item)) => neighbour(item, Element::previous_element_sibling),
        ("ArrowDown", None, Some(item)) => neighbour(item, Element::next_element_sibling),
        ("ArrowUp" | "ArrowDown", None, None) => last_in_sight(&target),
        _ => return,
    };
    if let Some(next) = next.and_then(|next| next.dyn_into::<HtmlElement>().ok()) {
        event.prevent_default();
        let _ = next.focus();
    }
}

/// The next message in one direction.
fn neighbour(item: Element, step: impl Fn(&Element) -> Option<Element>) -> Option<Element> {
    let mut item = step(&item)?;
    while !item.has_attribute("data-position") {
        item = step(&item)?;
    }
    Some(item)
}

/// The last message that begins above the lower edge of the timeline.
fn last_in_sight(timeline: &Element) -> Option<Element> {
    let edge = timeline.get_bounding_client_rect().bottom();
    let mut item = timeline.query_selector("li:last-child").ok()??;
    while !item.has_attribute("data-position") || item.get_bounding_client_rect().top() >= edge {
        item = item.previous_element_sibling()?;
    }
    Some(item)
}

/// The viewer's last message, to be written anew.
pub(super) fn edit_last(feed: Feed) -> bool {
    let is_own = |row: &ShownRow| {
        let is_placed = row.state.get_untracked().look.placed.is_some();
        is_placed && can_act(row) && message(row).is_some_and(|message| feed.is_mine(&message))
    };
    let own = feed.find(&is_own).and_then(|row| {
        let (position, _) = row.state.get_untracked().look.placed?;
        Some((position, message(&row)?))
    });
    let found = own.is_some();
    if let Some((position, message)) = own {
        feed.writing.set(Writing::Edit(position, message));
    }
    found
}
