//! What the reader takes along: texts and addresses in the clipboard.

use std::time::Duration;

use js_sys::{Function, Reflect};
use leptos::prelude::*;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::HtmlTextAreaElement;

use crate::i18n::Text;
use crate::room::feed::Feed;

/// How long a sentence stays.
const STAYS: Duration = Duration::from_millis(2_000);

/// Says a sentence that goes by itself.
pub(super) fn toast(feed: Feed, text: Text) {
    let toast = feed.toast;
    toast.set(Some(text));
    set_timeout(
        move || {
            toast.try_set(None);
        },
        STAYS,
    );
}

/// Puts a text into the clipboard and says `said`, or that the browser does not let the page.
pub(super) fn copy(feed: Feed, text: &str, said: Text) {
    let promise = by_clipboard(text);
    // Plain `http` on a local network has no clipboard of its own.
    let copied = promise.is_some() || by_selection(text).unwrap_or(false);
    toast(feed, if copied { said } else { Text::NotCopied });
    if let Some(promise) = promise {
        let refused = Closure::once_into_js(move |_: JsValue| toast(feed, Text::NotCopied));
        call(&promise, "catch", &[refused]);
    }
}

fn by_clipboard(text: &str) -> Option<JsValue> {
    let clipboard = Reflect::get(&window().navigator(), &"clipboard".into()).ok()?;
    call(&clipboard, "writeText", &[text.into()])
}

/// The way of browsers before there was a clipboard: a field that is selected and copied.
fn by_selection(text: &str) -> Option<bool> {
    let document = document();
    let field = document.create_element("textarea").ok()?;
    let field = field.dyn_into::<HtmlTextAreaElement>().ok()?;
    let before = document.active_element();
    field.set_value(text);
    document.body()?.append_child(&field).ok()?;
    field.select();
    let copied = call(&document, "execCommand", &["copy".into()]);
    field.remove();
    if let Some(before) = before {
        call(&before, "focus", &[]);
    }
    copied?.as_bool()
}

/// Calls a method that not every browser has.
fn call(object: &JsValue, name: &str, arguments: &[JsValue]) -> Option<JsValue> {
    let method = Reflect::get(object, &name.into()).ok()?;
    let method = method.dyn_into::<Function>().ok()?;
    method.apply(object, &arguments.iter().collect()).ok()
}
