//! Presses, pointers and keys in the timeline: rows have no handlers of their own. What a button means stands in `data-act`.

use std::cell::Cell;
use std::rc::Rc;

use leptos::prelude::*;
use protocol::{Action, Message, Position};
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{
    Element, Event, EventTarget, FocusEvent, HtmlElement, HtmlInputElement, KeyboardEvent,
    MouseEvent,
};

use super::{Live, clipboard};
use crate::chat::{Composition, Event as Wish};
use crate::i18n::Text;
use crate::room::composer::is_touched;
use crate::room::feed::{Feed, Panel, ShownRow, Writing};
use crate::room::panel::{can_act, message};

const HEARD: [&str; 7] = [
    "click",
    "mouseover",
    "mouseleave",
    "focusin",
    "focusout",
    "contextmenu",
    "keydown",
];

/// Listens for as long as the page exists, by one function for all.
pub(super) fn listen(live: Rc<Live>, stage: &Element) {
    let feed = live.feed;
    // Where something was chosen last. The browser says that the pointer is over what lay below the bar as soon as the bar
    // is gone; only a pointer that moves asks for it again.
    let chosen_at = Cell::new((0, 0));
    let hear = Closure::<dyn Fn(Event)>::new(move |event: Event| {
        let Some(target) = element(event.target()) else {
            return;
        };
        let place = event.dyn_ref().map_or((0, 0), |event: &MouseEvent| {
            (event.client_x(), event.client_y())
        });
        match event.type_().as_str() {
            "click" => {
                chosen_at.set(place);
                on_click(&live, &event, &target);
            }
            // Whoever chooses by keyboard is not disturbed by a pointer that lies somewhere.
            "mouseover" | "mouseleave" if is_chosen_by_key() => {}
            "mouseover" if chosen_at.get() != place => on_mouseover(feed, &target),
            "mouseleave" => feed.close_bar(),
            // A finger or a mouse has other ways to ask.
            "focusin" if target.tag_name() == "LI" && matches(&target, ":focus-visible") => {
                show_actions(feed, &target);
            }
            "focusout" => on_focusout(feed, &event),
            "contextmenu" => on_contextmenu(feed, &event, &target),
            "keydown" => {
                if let Some(event) = event.dyn_ref() {
                    on_keydown(feed, event, target);
                }
            }
            _ => {}
        }
    });
    for name in HEARD {
        // Fails for no event name.
        let _ = stage.add_event_listener_with_callback(name, hear.as_ref().unchecked_ref());
    }
    hear.forget();
}

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

    /// Closes what was only offered; who has to choose is not disturbed.
    fn close_bar(self) {
        if self.open_panel() == Panel::Actions {
            self.close_panel();
        }
    }

    /// The row whose panel is open.
    fn open_row(self) -> Option<ShownRow> {
        self.find(&|row| panel(row) != Panel::None)
    }

    fn open_panel(self) -> Panel {
        self.open_row().as_ref().map_or(Panel::None, panel)
    }

    /// Changes a message, without a text that could be lost.
    fn change(self, action: Action, target: Position, text: String) {
        let composition = Composition {
            action,
            target: Some(target),
            text,
        };
        if self.compose(composition).is_err() {
            self.toast.set(Some(Text::OutboxFull));
        }
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

/// The row around an element, if it is a message that the room has: its element, the row and its place.
fn row_of(feed: Feed, inside: &Element) -> Option<(HtmlElement, ShownRow, Position)> {
    let item = closest(inside, "li[data-position]")?;
    let position: Position = item.get_attribute("data-position")?.parse().ok()?;
    let row = feed.find(&|row| {
        let placed = row.state.get_untracked().look.placed;
        placed.is_some_and(|(place, _)| place == position)
    })?;
    Some((item.dyn_into().ok()?, row, position))
}

fn element(target: Option<EventTarget>) -> Option<Element> {
    target?.dyn_into().ok()
}

fn closest(inside: &Element, selector: &str) -> Option<Element> {
    inside.closest(selector).ok()?
}

fn matches(element: &Element, selector: &str) -> bool {
    element.matches(selector).unwrap_or(false)
}

/// Something was pressed.
fn on_click(live: &Rc<Live>, event: &Event, pressed: &Element) {
    let feed = live.feed;
    let Some(button) = closest(pressed, "[data-act]") else {
        return on_press_beside(feed, pressed);
    };
    let act = button.get_attribute("data-act").unwrap_or_default();
    let id = button.get_attribute("data-id").unwrap_or_default();
    match act.as_str() {
        "latest" => {
            if !live.go_to_unread() {
                live.go_to_end();
            }
            return;
        }
        "older" => return live.show_earlier(),
        "newer" => return live.dispatch(Wish::LoadNewer),
        "retry" => return live.dispatch(Wish::Retry { id }),
        "discard" => return live.dispatch(Wish::Discard { id }),
        _ => {}
    }
    let Some((item, row, position)) = row_of(feed, &button) else {
        return;
    };
    let Some(message) = message(&row) else {
        return;
    };
    match act.as_str() {
        "react" | "delete" => {
            let panel = if act == "react" {
                Panel::Emoji
            } else {
                Panel::Delete
            };
            feed.open(&row, panel);
            return focus_panel(item);
        }
        "jump" => {
            event.prevent_default();
            if let Some(target) = message.reference {
                live.seek(target);
            }
        }
        "copy-code" => {
            // It stands in the head of its block.
            let code = button
                .parent_element()
                .and_then(|head| head.next_element_sibling()?.text_content());
            clipboard::copy(feed, &code.unwrap_or_default(), Text::Copied);
        }
        "toggle" => toggle(feed, &message, position, button.get_attribute("data-emoji")),
        "copy" => clipboard::copy(feed, &message.body, Text::Copied),
        "copy-link" => {
            let origin = location().origin().unwrap_or_default();
            let link = format!("{origin}/rooms/{}?at={position}", live.room);
            clipboard::copy(feed, &link, Text::LinkCopied);
        }
        "answer" => feed.writing.set(Writing::Answer(position, message)),
        "edit" => feed.writing.set(Writing::Edit(position, message)),
        "really-delete" => feed.change(Action::Delete, position, String::new()),
        // To close is to do nothing.
        _ => {}
    }
    // With the bar its button goes; the keyboard would be nowhere.
    if is_chosen_by_key() {
        let _ = item.focus();
    }
    feed.close_panel();
}

/// A press beside the buttons ends every choice; a finger asks by it what can be done.
fn on_press_beside(feed: Feed, pressed: &Element) {
    if closest(pressed, "a, .actions").is_some() {
        return;
    }
    let is_closed = |(_, row, _): (_, ShownRow, _)| panel(&row) == Panel::None;
    if !is_touched() {
        if feed.open_panel() != Panel::Actions {
            feed.close_panel();
        }
    } else if row_of(feed, pressed).is_some_and(is_closed) {
        show_actions(feed, pressed);
    } else {
        feed.close_panel();
    }
}

/// Whether the keyboard is in what can be done with a message.
fn is_chosen_by_key() -> bool {
    let chosen = document().query_selector(".actions :focus-visible");
    chosen.is_ok_and(|chosen| chosen.is_some())
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

/// The pointer is over something else. What a finger leaves behind is none.
fn on_mouseover(feed: Feed, over: &Element) {
    if is_touched() || matches!(feed.open_panel(), Panel::Emoji | Panel::Delete) {
        return;
    }
    if let Some(chip) = closest(over, "[aria-pressed]") {
        name_people(feed, &chip);
    }
    show_actions(feed, over);
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

/// The keyboard goes elsewhere; what was offered in its row is offered no more.
fn on_focusout(feed: Feed, event: &Event) {
    let next = event.dyn_ref().and_then(FocusEvent::related_target);
    let next = element(next).and_then(|next| row_of(feed, &next));
    if next.is_none_or(|(_, row, _)| panel(&row) == Panel::None) {
        feed.close_bar();
    }
}

/// A long press on a touch screen.
fn on_contextmenu(feed: Feed, event: &Event, pressed: &Element) {
    if is_touched() && closest(pressed, "a").is_none() {
        event.prevent_default();
        show_actions(feed, pressed);
    }
}

/// A key went down in the timeline: the arrows move between messages, Enter goes to what can be done, Escape back.
fn on_keydown(feed: Feed, event: &KeyboardEvent, target: Element) {
    if event.is_composing() || event.key_code() == 229 {
        return;
    }
    let key = event.key();
    let in_panel = closest(&target, ".actions");
    let item = closest(&target, "li[data-position]");
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
    // The messages themselves may hold lists; only the end of the timeline is of this class.
    let mut item = timeline.query_selector("li.top:last-child").ok()??;
    while !item.has_attribute("data-position") || item.get_bounding_client_rect().top() >= edge {
        item = item.previous_element_sibling()?;
    }
    Some(item)
}
