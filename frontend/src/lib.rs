//! The WASM entry point: hydrate, nothing else.

use wasm_bindgen::prelude::wasm_bindgen;

/// Called by the page's script when the module has been loaded.
#[wasm_bindgen]
pub fn hydrate() {
    std::panic::set_hook(Box::new(|panic| {
        console_error_panic_hook::hook(panic);
        app::show_crash();
    }));
    app::hydrate();
}
