//! What can be done with a message: the bar over its corner, and the one place where presses and keys in the timeline arrive.

use leptos::either::EitherOf3;
use leptos::ev;
use leptos::prelude::*;
use leptos::web_sys::{Element, EventTarget, HtmlElement, HtmlInputElement};
use protocol::{Action, Position};
use wasm_bindgen::JsCast;

use super::feed::{Content, Feed, Panel, ShownRow, Writing};
use crate::i18n::Text;

/// What is offered first to react with.
const EMOJI: [&str; 12] = [
    "👍", "❤️", "😂", "😮", "😢", "🙏", "👏", "🎉", "🔥", "👀", "✅", "💯",
];

impl Feed {
    /// Opens a row's panel and closes the one that was open.
    fn open(self, row: &ShownRow, panel: Panel) {
        self.close_panel();
        row.panel.set(panel);
        self.open_panel.set_value(Some(row.panel.clone()));
    }

    /// Closes the panel that is open.
    fn close_panel(self) {
        if let Some(open) = self.open_panel.try_update_value(Option::take).flatten()
            && open.get_untracked() != Panel::None
        {
            open.set(Panel::None);
        }
    }

    /// Which panel is open.
    fn panel(self) -> Panel {
        let open = self.open_panel.get_value();
        open.map_or(Panel::None, |open| open.get_untracked())
    }
}

/// The panel of a row. What its buttons do is in [`on_click`].
pub(super) fn panel_of(panel: Panel, own: bool, feed: Feed) -> Option<impl IntoView + use<>> {
    let label = Text::Actions.to(feed.language);
    let content = match panel {
        Panel::None => return None,
        Panel::Actions => EitherOf3::A(actions(own, feed)),
        Panel::Emoji => EitherOf3::B(emoji(feed)),
        Panel::Delete => EitherOf3::C(view! {
            <span>{Text::DeleteQuestion.to(feed.language)}</span>
            {words("really-delete", Text::Discard, feed)}
            {words("close", Text::Cancel, feed)}
        }),
    };
    Some(view! {
        <div class="actions" role="group" aria-label=label>
            {content}
        </div>
    })
}

fn actions(own: bool, feed: Feed) -> impl IntoView + use<> {
    let writes = feed.me().is_some();
    let button = |act: &'static str, text: Text, path: &'static str| {
        let label = text.to(feed.language);
        view! {
            <button type="button" data-act=act aria-label=label title=label>
                <svg viewBox="0 0 24 24" aria-hidden="true">
                    <path d=path />
                </svg>
            </button>
        }
    };
    let mut buttons = Vec::with_capacity(6);
    if writes {
        buttons.push(button(
            "react",
            Text::React,
            "M12 21a9 9 0 1 1 0-18 9 9 0 0 1 0 18m-4-7c2 3 6 3 8 0M9 9.5v.1m6-.1v.1",
        ));
        buttons.push(button(
            "answer",
            Text::Answer,
            "m9 6-5 5 5 5m-5-5h10a6 6 0 0 1 6 6v1",
        ));
    }
    buttons.push(button("copy", Text::Copy, "M9 9h11v11H9zM5 15H4V4h11v1"));
    buttons.push(button(
        "copy-link",
        Text::CopyLink,
        "M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1m2 4a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1",
    ));
    if own && writes {
        buttons.push(button("edit", Text::Edit, "m4 20 1-4L16 5l3 3L8 19z"));
        buttons.push(button(
            "delete",
            Text::Discard,
            "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
        ));
    }
    buttons
}

fn emoji(feed: Feed) -> impl IntoView + use<> {
    let choices: Vec<_> = EMOJI
        .into_iter()
        .map(|emoji| {
            view! {
                <button type="button" data-act="toggle" data-emoji=emoji>
                    {emoji}
                </button>
            }
        })
        .collect();
    view! {
        {choices}
        <input class="any-emoji" maxlength="16" placeholder="+" aria-label=Text::AnyEmoji.to(feed.language) />
    }
}

fn words(act: &'static str, text: Text, feed: Feed) -> impl IntoView + use<> {
    view! {
        <button type="button" class="words" data-act=act>
            {text.to(feed.language)}
        </button>
    }
}

/// The row around an element, if it is a message that the room has: its element, the row and its place.
fn row_of(feed: Feed, element: &Element) -> Option<(HtmlElement, ShownRow, Position)> {
    let item = element.closest("li[data-position]").ok()??;
    let position = item.get_attribute("data-position")?.parse().ok()?;
    let row = feed.row(position)?;
    Some((item.dyn_into().ok()?, row, position))
}

fn element(target: Option<EventTarget>) -> Option<Element> {
    target?.dyn_into().ok()
}

/// Something in the timeline was pressed.
pub(super) fn on_click(feed: Feed, event: &ev::MouseEvent) {
    let Some(pressed) = element(event.target()) else {
        return;
    };
    let Ok(Some(button)) = pressed.closest("[data-act]") else {
        return;
    };
    let Some((item, row, position)) = row_of(feed, &button) else {
        return;
    };
    let Content::Message(said) = &row.content else {
        return;
    };
    let message = said.get_untracked();
    let act = button.get_attribute("data-act").unwrap_or_default();
    match act.as_str() {
        "jump" => {
            event.prevent_default();
            if let Some(target) = message.reference {
                feed.go_to(target);
            }
            return;
        }
        "copy-code" => {
            let code = item.query_selector("pre").ok().flatten();
            let code = button
                .closest(".code")
                .ok()
                .flatten()
                .and_then(|block| block.query_selector("pre").ok().flatten())
                .or(code);
            let code = code.and_then(|code| code.text_content());
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
fn toggle(feed: Feed, message: &protocol::Message, position: Position, emoji: Option<String>) {
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
    let Some(over) = element(event.target()) else {
        return;
    };
    // Who has to choose is not disturbed by a pointer that passes.
    if matches!(feed.panel(), Panel::Emoji | Panel::Delete) {
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
        Some((_, row, _)) if row.panel.get_untracked() == Panel::None => {
            feed.open(&row, Panel::Actions);
        }
        Some(_) => {}
        None => feed.close_panel(),
    }
}

/// Nothing can be done with what the house says, or with a deleted message.
fn can_act(row: &ShownRow) -> bool {
    match &row.content {
        Content::Message(said) => said.with_untracked(|message| {
            message.kind == protocol::Kind::Message && !message.folded.deleted
        }),
        _ => false,
    }
}

/// The pointer has left the timeline.
pub(super) fn on_mouseleave(feed: Feed) {
    if feed.panel() == Panel::Actions {
        feed.close_panel();
    }
}

/// Says on a chip who reacted, once somebody looks at it.
fn name_people(feed: Feed, chip: &Element) {
    let Some((_, row, _)) = row_of(feed, chip) else {
        return;
    };
    let Content::Message(said) = &row.content else {
        return;
    };
    let message = said.get_untracked();
    let emoji = chip.get_attribute("data-emoji");
    let mut reactions = message.folded.reactions.iter();
    let Some(reaction) = reactions.find(|reaction| Some(&reaction.emoji) == emoji.as_ref()) else {
        return;
    };
    let mut known = feed.known();
    known.extend(feed.me());
    let names: Vec<_> = reaction
        .by
        .iter()
        .filter_map(|uid| known.iter().find(|person| person.uid == *uid))
        .map(|person| person.name.as_str())
        .collect();
    let _ = chip.set_attribute("title", &names.join(", "));
}

/// A row got the keyboard.
pub(super) fn on_focus(feed: Feed, event: &ev::FocusEvent) {
    if let Some(row) = element(event.target()).filter(|target| target.tag_name() == "LI") {
        show_actions(feed, &row);
    }
}

/// A long press on a touch screen.
pub(super) fn on_contextmenu(feed: Feed, event: &ev::MouseEvent) {
    let coarse = window().match_media("(pointer: coarse)").ok().flatten();
    if coarse.is_some_and(|query| query.matches())
        && let Some(pressed) = element(event.target())
        && pressed.closest("a").is_ok_and(|link| link.is_none())
    {
        event.prevent_default();
        show_actions(feed, &pressed);
    }
}

/// A key went down in the timeline: the arrows move between messages, Enter goes to what can be done, Escape back.
pub(super) fn on_keydown(feed: Feed, event: &ev::KeyboardEvent) {
    let Some(target) = element(event.target()) else {
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
                && let Content::Message(said) = &row.content
            {
                let emoji = field.value().trim().to_owned();
                toggle(feed, &said.get_untracked(), position, Some(emoji));
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
    let own = feed.rows.with_untracked(|rows| {
        rows.iter().rev().find_map(|row| {
            let Content::Message(said) = &row.content else {
                return None;
            };
            let message = said.get_untracked();
            let (position, _) = row.look.with_untracked(|look| look.placed)?;
            (feed.is_mine(&message) && can_act(row)).then_some((position, message))
        })
    });
    let found = own.is_some();
    if let Some((position, message)) = own {
        feed.writing.set(Writing::Edit(position, message));
    }
    found
}
