//! What is left to do when the program has stopped: say so, without the program.

use protocol::Language;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;

use crate::i18n::Text;

/// Puts a bar over the page that offers to load it again. Called from the panic hook, so it relies on nothing that may have
/// broken; doing it twice does no harm.
pub fn show_crash() {
    // Whatever is missing here, there is nobody left to tell.
    let _ = try_show();
}

fn try_show() -> Option<()> {
    let document = web_sys::window()?.document()?;
    let root = document.document_element()?;
    if document.query_selector(".crashed").ok()?.is_some() {
        return None;
    }
    let language = Language::from_tag(&root.get_attribute("lang")?).unwrap_or_default();
    let bar = document.create_element("div").ok()?;
    bar.set_class_name("crashed");
    bar.set_attribute("role", "alert").ok()?;
    let text = document.create_element("span").ok()?;
    text.set_text_content(Some(Text::Crashed.to(language)));
    let button = document.create_element("button").ok()?;
    button.set_text_content(Some(Text::Reload.to(language)));
    let reload = Closure::<dyn Fn()>::new(|| {
        if let Some(window) = web_sys::window() {
            let _ = window.location().reload();
        }
    });
    button
        .add_event_listener_with_callback("click", reload.as_ref().unchecked_ref())
        .ok()?;
    reload.forget();
    bar.append_with_node_2(&text, &button).ok()?;
    document.body()?.append_with_node_1(&bar).ok()
}
