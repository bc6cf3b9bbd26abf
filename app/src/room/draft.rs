//! The text in the making, kept in the browser for when the page comes back: each room has its own.

use leptos::web_sys::{self, Storage};
use protocol::RoomName;

/// What was being written in this room.
pub(super) fn load(room: &RoomName) -> Option<String> {
    area()?.get_item(&key(room)).ok()?
}

/// Keeps what is being written. A browser without room for it keeps nothing: the text is in its field all the same.
pub(super) fn save(room: &RoomName, text: &str) {
    let Some(area) = area() else { return };
    let key = key(room);
    if text.is_empty() || area.set_item(&key, text).is_err() {
        let _ = area.remove_item(&key);
    }
}

fn area() -> Option<Storage> {
    web_sys::window()?.local_storage().ok()?
}

fn key(room: &RoomName) -> String {
    format!("maru/draft/{room}")
}
