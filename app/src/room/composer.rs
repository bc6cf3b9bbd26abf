//! Where one writes.
//!
//! The field owns its text: it is never written back from a signal, so nothing can disturb a syllable in the making or lose
//! what was typed before hydration. It is read when it is sent, and emptied when the engine has taken the text. Every change
//! is kept in the browser, and put back into an empty field when the page opens.
//!
//! Enter: whatever would have typed a line break sends instead (`beforeinput`), which is one Enter for Korean and the
//! confirming Enter for nothing in Japanese and Chinese. Touch keyboards keep their line break; there the button sends.

#![expect(
    unreachable_pub,
    reason = "the component macro declares more than the component that it is given"
)]

use js_sys::Reflect;
use leptos::ev;
use leptos::html::Textarea;
use leptos::prelude::*;
use leptos::web_sys::{self, Element, HtmlTextAreaElement};
use protocol::{Action, RoomName, limits};
use wasm_bindgen::JsCast;

use super::draft;
use super::feed::{Feed, Writing};
use super::naming::Naming;
use super::panel::edit_last;
use crate::chat::{ComposeError, Composition, Event};
use crate::i18n::{self, Text};
use crate::markup::{Maker, Markup};

/// From how many characters below the limit the counter is shown.
const COUNTER_FROM: usize = limits::TEXT_CHARS / 10;

/// What the keyboard is doing, which `beforeinput` does not tell.
#[derive(Clone, Copy, Default)]
struct Keystroke {
    shift: bool,
    /// This press of a key has sent already; a key that is held down repeats.
    sent: bool,
}

/// The field and what is said about its text.
#[derive(Clone, Copy)]
struct Draft {
    feed: Feed,
    field: NodeRef<Textarea>,
    refusal: RwSignal<Option<Text>>,
    left: RwSignal<Option<usize>>,
    keystroke: StoredValue<Keystroke>,
    room: StoredValue<RoomName>,
    naming: Naming,
}

impl Draft {
    fn new(feed: Feed, room: RoomName) -> Self {
        Self {
            feed,
            field: NodeRef::new(),
            refusal: RwSignal::new(None),
            left: RwSignal::new(None),
            keystroke: StoredValue::new(Keystroke::default()),
            room: StoredValue::new(room),
            naming: Naming::new(feed),
        }
    }

    /// What was being written when the page was left.
    fn restore(self, field: &HtmlTextAreaElement) {
        if field.value().is_empty()
            && let Some(text) = self.room.with_value(draft::load)
        {
            field.set_value(&text);
        }
    }

    /// The text has changed.
    fn look_at(self, field: &HtmlTextAreaElement) {
        let text = field.value();
        self.refusal.set(None);
        self.left.set(room_left(&text));
        fit(field);
        self.naming.look_at(field);
        // Another text for a message that is there already is not what one was about to say.
        if !self.is_editing() {
            self.room.with_value(|room| draft::save(room, &text));
        }
    }

    fn is_editing(self) -> bool {
        matches!(self.feed.writing.get_untracked(), Writing::Edit(..))
    }

    /// What is written from now on has another purpose. Only the text of an edited message makes room for what was being
    /// written before it.
    fn turn_to(self, field: &HtmlTextAreaElement, writing: &Writing, has_edited: bool) {
        if let Writing::Edit(_, message) = writing {
            field.set_value(&message.body);
        } else if has_edited {
            let text = self.room.with_value(draft::load);
            field.set_value(&text.unwrap_or_default());
        }
        self.look_at(field);
        let _ = field.focus();
    }

    /// Writes a message again, and leaves the other one as it is.
    fn cancel(self) -> bool {
        let cancels = !matches!(self.feed.writing.get_untracked(), Writing::New);
        if cancels {
            self.feed.writing.set(Writing::New);
        }
        cancels
    }

    fn choose_name(self) {
        if let Some(field) = self.field.get_untracked() {
            self.naming.choose(&field);
            self.look_at(&field);
        }
    }

    /// What the text is to become.
    fn composition(self, text: String) -> Composition {
        let writing = self.feed.writing.get_untracked();
        let (action, target) = match writing {
            Writing::New => (Action::Send, None),
            Writing::Answer(target, _) => (Action::Send, Some(target)),
            Writing::Edit(target, _) => (Action::Edit, Some(target)),
        };
        Composition {
            action,
            target,
            text,
        }
    }

    fn send(self) {
        let Some(field) = self.field.get_untracked() else {
            return;
        };
        let text = field.value();
        let writing = self.feed.writing.get_untracked();
        if matches!(&writing, Writing::Edit(_, message) if message.body == text) {
            self.cancel();
            return;
        }
        match self.feed.compose(self.composition(text)) {
            Ok(()) => {
                if !self.is_editing() {
                    field.set_value("");
                    self.look_at(&field);
                }
                self.cancel();
            }
            Err(error) => self.refusal.set(Some(match error {
                ComposeError::Empty => Text::Blank,
                ComposeError::TooLong => Text::TooLong,
                ComposeError::Full => Text::OutboxFull,
            })),
        }
        // A touch keyboard stays open.
        let _ = field.focus();
    }

    fn send_by_key(self) {
        let is_first = !self.keystroke.with_value(|key| key.sent);
        self.keystroke.update_value(|key| key.sent = true);
        if is_first {
            self.send();
        }
    }

    /// A key goes down.
    fn on_keydown(self, event: ev::KeyboardEvent) {
        self.keystroke.update_value(|key| {
            key.shift = event.shift_key();
            key.sent &= event.repeat();
        });
        // 229: the key belongs to the input method, also in Safari, which ends the composition before it says so.
        let is_enter = event.key() == "Enter" && !event.is_composing() && event.key_code() != 229;
        if !event.is_composing() && event.key_code() != 229 && self.takes_key(&event) {
            return event.prevent_default();
        }
        let always = event.ctrl_key() || event.meta_key();
        let fallback = !announces_input(&event) && !event.shift_key() && enter_sends();
        if is_enter && (always || fallback) {
            event.prevent_default();
            self.send_by_key();
        }
    }

    /// Keys that have another meaning while a list is open, something else is written, or nothing is written yet.
    fn takes_key(self, event: &ev::KeyboardEvent) -> bool {
        let key = event.key();
        if self.naming.is_open() {
            match key.as_str() {
                "ArrowDown" | "ArrowUp" => self.naming.step(key == "ArrowDown"),
                "Enter" | "Tab" => self.choose_name(),
                "Escape" => self.naming.close(),
                _ => return false,
            }
            return true;
        }
        let is_empty = || {
            let field = self.field.get_untracked();
            field.is_some_and(|field| field.value().is_empty())
        };
        match key.as_str() {
            "Escape" => self.cancel(),
            "ArrowUp" => !self.is_editing() && is_empty() && edit_last(self.feed),
            _ => false,
        }
    }

    /// The text is about to change.
    fn on_beforeinput(self, event: ev::InputEvent) {
        let breaks_line = matches!(
            event.input_type().as_str(),
            "insertLineBreak" | "insertParagraph"
        );
        let shift = self.keystroke.with_value(|key| key.shift);
        if breaks_line && !event.is_composing() && !shift && enter_sends() {
            event.prevent_default();
            if self.naming.is_open() {
                self.choose_name();
            } else {
                self.send_by_key();
            }
        }
    }

    /// A button was pressed.
    fn on_click(self, event: &ev::MouseEvent) {
        let button = pressed(event, "[data-act]");
        match button
            .and_then(|button| button.get_attribute("data-act"))
            .as_deref()
        {
            Some("send") => self.send(),
            Some("cancel") => {
                self.cancel();
            }
            _ => {}
        }
    }

    /// The field keeps the keyboard whatever is pressed beside it.
    fn on_mousedown(self, event: &ev::MouseEvent) {
        if let Some(option) = pressed(event, "[role=option]") {
            event.prevent_default();
            self.naming.point_to(&option);
            self.choose_name();
        } else if pressed(event, "button").is_some() {
            event.prevent_default();
        }
    }

    /// The text has changed by the person's doing.
    fn on_input(self) {
        if let Some(field) = self.field.get_untracked() {
            self.look_at(&field);
            if !field.value().is_empty() {
                self.feed.tell(Event::Typed);
            }
        }
    }
}

/// The field, the button, and what is said about the text.
#[component]
pub(crate) fn Composer(
    feed: Feed,
    room: RoomName,
    /// Why the last form was refused.
    notice: Option<String>,
) -> impl IntoView {
    let language = feed.language;
    let label = i18n::composer_label(language, room.as_str());
    let draft = Draft::new(feed, room);
    // Text that was typed before hydration is there already.
    Effect::new(move |_| {
        if let Some(field) = draft.field.get() {
            draft.restore(&field);
            draft.look_at(&field);
        }
    });
    Effect::new(move |has_edited: Option<bool>| {
        let writing = draft.feed.writing.get();
        if let Some((has_edited, field)) = has_edited.zip(draft.field.get_untracked()) {
            draft.turn_to(&field, &writing, has_edited);
        }
        matches!(writing, Writing::Edit(..))
    });
    view! {
        <form
            class="composer"
            id="composer"
            on:submit=move |event| event.prevent_default()
            on:click=move |event| draft.on_click(&event)
            on:mousedown=move |event| draft.on_mousedown(&event)
        >
            {notice.map(|notice| view! { <p class="notice" role="alert">{notice}</p> })}
            {move || purpose(feed)}
            {move || draft.naming.view()}
            <div class="box">
                <label class="hidden" for="body">{label}</label>
                <textarea
                    id="body"
                    name="body"
                    rows="1"
                    dir="auto"
                    autocomplete="off"
                    enterkeyhint="enter"
                    placeholder=Text::ComposerPlaceholder.to(language)
                    aria-describedby="composer-note"
                    aria-autocomplete="list"
                    aria-controls="naming"
                    aria-activedescendant=move || draft.naming.active()
                    node_ref=draft.field
                    on:keydown=move |event| draft.on_keydown(event)
                    on:beforeinput=move |event| draft.on_beforeinput(event)
                    on:input=move |_| draft.on_input()
                ></textarea>
                // A submit button would leave the page, text and all, if it were pressed before hydration.
                <button
                    type="button"
                    class="send"
                    aria-label=Text::Send.to(language)
                    data-act="send"
                >
                    <svg viewBox="0 0 24 24" aria-hidden="true">
                        <path d="M12 19V5m-6 6 6-6 6 6" />
                    </svg>
                </button>
            </div>
            <Notes draft />
        </form>
    }
}

/// What is answered or changed, and the way back; empty for a message.
fn purpose(feed: Feed) -> Markup {
    let language = feed.language;
    let mut purpose = Maker::new("div");
    purpose.class("purpose");
    let (label, message) = match feed.writing.get() {
        Writing::New => return purpose.finish(),
        Writing::Answer(_, message) => (i18n::answering(language, &message.sender.name), message),
        Writing::Edit(_, message) => (Text::Editing.to(language).to_owned(), message),
    };
    purpose.open("p").open("b").text(&label).close();
    purpose.open("span").attr("dir", "auto").text(&message.body);
    purpose.close().close();
    purpose
        .button("cancel")
        .class("icon-button")
        .attr("aria-label", Text::Cancel.to(language))
        .icon("m6 6 12 12M18 6 6 18");
    purpose.finish()
}

/// What stands below the field: how it works, or what is wrong.
#[component]
fn Notes(draft: Draft) -> impl IntoView {
    let language = draft.feed.language;
    let refusal = move || draft.refusal.get().map(|text| text.to(language));
    let left = move || {
        draft
            .left
            .get()
            .map(|left| i18n::characters_left(language, left))
    };
    view! {
        <div class="under" id="composer-note">
            <span class="hint">{Text::ComposerHint.to(language)}</span>
            <span class="needs-script">{Text::NeedsScript.to(language)}</span>
            <span class="refusal" role="alert">
                {refusal}
            </span>
            <span class="counter">{left}</span>
        </div>
    }
}

/// How many characters may follow, once that is worth saying.
fn room_left(text: &str) -> Option<usize> {
    let by_chars = limits::TEXT_CHARS.checked_sub(text.chars().count())?;
    let by_bytes = limits::TEXT_BYTES.checked_sub(text.len())?;
    // A character takes up to four bytes, so the bytes can only be the nearer limit for such.
    let left = by_chars.min(by_bytes);
    (left <= COUNTER_FROM).then_some(left)
}

/// Touch keyboards keep their line break.
fn enter_sends() -> bool {
    !is_touched()
}

/// Whether fingers are what points. Asked anew each time: a tablet may have got a mouse meanwhile.
///
/// Not asked as "is there a fine pointer", which is false in a browser without any pointer.
pub(crate) fn is_touched() -> bool {
    let coarse =
        web_sys::window().and_then(|window| window.match_media("(pointer: coarse)").ok().flatten());
    coarse.is_some_and(|query| query.matches())
}

/// Whether the browser says what a key is about to do; otherwise the key itself is what there is.
fn announces_input(event: &ev::KeyboardEvent) -> bool {
    event
        .target()
        .is_some_and(|target| Reflect::has(&target, &"onbeforeinput".into()).unwrap_or(false))
}

/// What was pressed, if it is in something like this.
fn pressed(event: &ev::MouseEvent, selector: &str) -> Option<Element> {
    let target = event.target()?.dyn_into::<Element>().ok()?;
    target.closest(selector).ok()?
}

/// Grows the field with its text where the style sheet cannot (`field-sizing`).
fn fit(field: &HtmlTextAreaElement) {
    if web_sys::css::supports_with_value("field-sizing", "content").unwrap_or(false) {
        return;
    }
    let style = web_sys::HtmlElement::style(field);
    // Setting these two properties cannot fail.
    let _ = style.set_property("height", "auto");
    let _ = style.set_property("height", &format!("{}px", field.scroll_height()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counter_appears_near_either_limit() {
        assert_eq!(room_left("안녕"), None);
        assert_eq!(room_left(&"가".repeat(3_600)), Some(400));
        assert_eq!(room_left(&"가".repeat(4_000)), Some(0));
        assert_eq!(room_left(&"가".repeat(4_001)), None);
        assert_eq!(room_left(&"🙂".repeat(4_000)), Some(0));
    }
}
