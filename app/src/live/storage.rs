//! Keeps the outbox in the browser's storage, and takes over what other pages left there.

use std::rc::Rc;
use std::time::Duration;

use leptos::ev;
use leptos::prelude::*;
use web_sys::Storage as Area;

use super::{Live, now, random};
use crate::chat::{Entry, Event, Storage, Store, Tending};

/// In `sessionStorage`: the name of the page that this tab showed last.
const PAGE: &str = "maru/page";

/// `localStorage`, or nothing where the browser does not allow it.
pub(super) struct Shared(Option<Area>);

impl Storage for Shared {
    fn keys(&self) -> Vec<String> {
        let Some(area) = &self.0 else {
            return Vec::new();
        };
        (0..area.length().unwrap_or_default())
            .filter_map(|index| area.key(index).ok().flatten())
            .collect()
    }

    fn get(&self, key: &str) -> Option<String> {
        self.0.as_ref()?.get_item(key).ok().flatten()
    }

    fn set(&self, key: &str, text: &str) -> bool {
        let area = self.0.as_ref();
        area.is_some_and(|area| area.set_item(key, text).is_ok())
    }

    fn remove(&self, key: &str) {
        if let Some(area) = &self.0 {
            let _ = area.remove_item(key);
        }
    }
}

/// This page's part of the storage, and the name of the page before it in the same tab.
pub(super) fn open(uid: String) -> (Store<Shared>, Option<String>) {
    let page = format!("{:016x}", u64::from_le_bytes(random()));
    let area = window().session_storage().ok().flatten();
    let before = area.as_ref().and_then(|area| area.get_item(PAGE).ok()?);
    if let Some(area) = area {
        let _ = area.set_item(PAGE, &page);
    }
    let shared = Shared(window().local_storage().ok().flatten());
    (Store::new(shared, uid, page), before)
}

impl Live {
    /// Looks after the stored messages from now on: those of this page, and those that nobody looks after.
    pub(super) fn look_after_storage(self: &Rc<Self>) {
        let before = self.before.take();
        self.tend(before.as_deref());
        let live = Rc::clone(self);
        set_interval(
            move || live.tend(None),
            Duration::from_millis(Store::<Shared>::TENDING_MS),
        );
        let live = Rc::clone(self);
        window_event_listener(ev::pagehide, move |_| {
            if let Some(store) = &*live.store.borrow() {
                store.release();
            }
        });
    }

    /// A page that slept may have lost its messages to another tab: it must not touch them before it knows.
    pub(super) fn tend_after_sleep(self: &Rc<Self>) {
        let store = self.store.borrow();
        let has_lapsed = store.as_ref().is_some_and(|store| store.has_lapsed(now()));
        drop(store);
        if has_lapsed {
            self.tend(None);
        }
    }

    /// Stores a message. False if it will be lost with the page.
    pub(super) fn keep(&self, entry: &Entry) -> bool {
        let mut store = self.store.borrow_mut();
        store.as_mut().is_some_and(|store| store.keep(now(), entry))
    }

    /// Removes a message from the storage.
    pub(super) fn forget(&self, id: &str) {
        if let Some(store) = &mut *self.store.borrow_mut() {
            store.forget(id);
        }
    }

    fn tend(self: &Rc<Self>, before: Option<&str>) {
        let tending = match &mut *self.store.borrow_mut() {
            Some(store) => store.tend(now(), before),
            None => return,
        };
        let Tending {
            adopted: entries,
            not_kept,
            taken_over: ids,
        } = tending;
        if !ids.is_empty() {
            self.dispatch(Event::TakenOver { ids });
        }
        if !entries.is_empty() {
            self.dispatch(Event::Adopted { entries });
        }
        for id in not_kept {
            self.dispatch(Event::NotKept { id });
        }
    }
}
