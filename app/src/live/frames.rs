//! What changes on the page, once per animation frame, and with the reader kept where they are.

use std::rc::Rc;

use leptos::prelude::*;
use leptos::task::{spawn_local, tick};

use super::Live;
use super::scroll::{self, Anchor, Place};
use crate::chat::{Changes, Event, Older};

impl Live {
    /// Takes note of changes and has them shown in the next frame.
    pub(super) fn collect(self: &Rc<Self>, changes: Changes) {
        if changes.connection {
            self.feed.connection.set(self.engine.borrow().connection());
            self.bar.follow();
        }
        let before = self.changes.get();
        let reset = before.reset || changes.reset;
        self.changes.set(Changes {
            reset,
            // After a reset the rows are counted anew.
            appended: if reset {
                0
            } else {
                before.appended + changes.appended
            },
            prepended: if reset {
                0
            } else {
                before.prepended + changes.prepended
            },
            ..Changes::default()
        });
        if changes.reset
            || changes.appended > 0
            || changes.prepended > 0
            || changes.pending
            || changes.older
        {
            self.redraw();
        }
    }

    /// Has the page brought up to date in the next frame.
    pub(super) fn redraw(self: &Rc<Self>) {
        if !self.frame_is_due.replace(true) {
            let live = Rc::clone(self);
            request_animation_frame(move || live.frame());
        }
    }

    /// Shows the end of the timeline, and stays there.
    pub(super) fn go_to_end(self: &Rc<Self>) {
        let mut window = self.window.get();
        window.show_end();
        self.window.set(window);
        self.follows.set(true);
        self.redraw();
    }

    /// Shows earlier messages: from memory, or from the server.
    pub(super) fn show_earlier(self: &Rc<Self>) {
        let mut window = self.window.get();
        if window.has_earlier() {
            window.show_earlier();
            self.window.set(window);
            self.redraw();
        } else {
            self.dispatch(Event::LoadOlder);
        }
    }

    /// The reader moved.
    pub(super) fn scrolled(self: &Rc<Self>) {
        let Some(timeline) = self.feed.timeline.get_untracked() else {
            return;
        };
        let place = Place::of(&timeline);
        let mut window = self.window.get();
        let follows = place.follows() && window.has_end();
        self.follows.set(follows);
        if follows && self.feed.unseen.get_untracked() > 0 {
            self.feed.unseen.set(0);
        }
        self.look();
        let is_away = place.is_away() || !window.has_end();
        if self.feed.is_away.get_untracked() != is_away {
            self.feed.is_away.set(is_away);
        }
        // After a failure the reader decides, or a page that cannot be loaded would be asked for without end.
        if place.is_near_start()
            && (window.has_earlier() || self.engine.borrow().older() == Older::More)
        {
            self.show_earlier();
        } else if place.is_near_end() && !window.has_end() {
            window.show_later();
            self.window.set(window);
            self.redraw();
        }
    }

    /// The timeline or its content has another size: a keyboard, another font, a rotated screen.
    pub(super) fn resized(&self) {
        if self.follows.get()
            && let Some(timeline) = self.feed.timeline.get_untracked()
        {
            scroll::to_end(&timeline);
        }
    }

    fn frame(self: &Rc<Self>) {
        self.frame_is_due.set(false);
        let Some(timeline) = self.feed.timeline.get_untracked() else {
            return;
        };
        let follows = self.follows.get();
        let anchor = if follows {
            None
        } else {
            Anchor::take(&timeline)
        };
        self.show(follows);
        let live = Rc::clone(self);
        spawn_local(async move {
            // The views change in tasks of their own; rows that are new make further ones.
            tick().await;
            tick().await;
            if let Some(anchor) = anchor {
                anchor.restore(&timeline);
            } else if live.follows.get() {
                scroll::to_end(&timeline);
            }
            live.scrolled();
        });
    }

    /// Writes what changed into the signals that the views read.
    fn show(&self, follows: bool) {
        let feed = self.feed;
        let engine = self.engine.borrow();
        let rows = engine.rows();
        let changes = self.changes.take();
        let mut window = self.window.get();
        if changes.reset {
            window.reset(rows.len());
        } else {
            window.prepend(changes.prepended);
            window.append(changes.appended, follows);
        }
        self.window.set(window);

        let arrived = &rows[rows.len().saturating_sub(changes.appended)..];
        let others = || arrived.iter().filter(|message| !feed.is_mine(message));
        if !follows && let Some(first) = others().next() {
            if feed.unseen.get_untracked() == 0 {
                self.unseen_from.set(Some(first.position));
            }
            feed.unseen.update(|unseen| *unseen += others().count());
        }
        if !document().hidden() {
            others().for_each(|message| self.announcer.arrived(message));
        }

        let older = if window.has_earlier() {
            Older::More
        } else {
            engine.older()
        };
        if feed.older.get_untracked() != older {
            feed.older.set(older);
        }
        let pending = if window.has_end() {
            engine.pending()
        } else {
            &[]
        };
        feed.show(rows.get(window.range()).unwrap_or_default(), pending);
    }
}
