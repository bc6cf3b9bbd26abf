//! The part of the page that a touch keyboard leaves, where the browser does not resize the page itself (older iOS).

use leptos::prelude::{document, window};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{HtmlElement, VisualViewport};

/// Fits the page into what is to be seen of it, and undoes the browser's own scrolling of the page.
pub(super) fn make_room(viewport: &VisualViewport) {
    // Somebody who zooms in wants a part of the page, not a smaller page.
    if viewport.scale() > 1.01 {
        return;
    }
    let window = window();
    let whole = window
        .inner_height()
        .ok()
        .and_then(|height| height.as_f64())
        .unwrap_or_default();
    let root = document().document_element();
    let Some(root) = root.as_ref().and_then(|root| root.dyn_ref::<HtmlElement>()) else {
        return;
    };
    if whole - viewport.height() > 1.0 {
        // Joined by the browser: `format!` would bring the writing of floats into the program, 7 kB after compression.
        let height = JsValue::from(viewport.height()) + &JsValue::from("px");
        // Setting a custom property cannot fail.
        let _ = root
            .style()
            .set_property("--visible-height", &height.as_string().unwrap_or_default());
        window.scroll_to_with_x_and_y(0.0, 0.0);
    } else {
        let _ = root.style().remove_property("--visible-height");
    }
}
