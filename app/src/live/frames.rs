//! What changes on the page, once per animation frame, and with the reader kept where they are.

use std::rc::Rc;

use leptos::prelude::*;
use leptos::task::{spawn_local, tick};
use protocol::Position;

use super::clipboard::toast;
use super::scroll::{self, Anchor, Place};
use super::{JUMP_MS, Live, now};
use crate::chat::{Beyond, Changes, Event};
use crate::i18n::Text;
use crate::timeline::Composed;

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
            heard: before.heard + changes.heard,
            ..Changes::default()
        });
        if changes.missed {
            self.seeks.set(false);
            toast(self.feed, Text::MessageMissing);
        }
        let others = Changes {
            connection: false,
            missed: false,
            ..changes
        };
        if others != Changes::default() {
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

    /// Shows a message in the middle of the timeline: from memory, or from the server.
    pub(super) fn seek(self: &Rc<Self>, position: Position) {
        self.focus.set(Some(position));
        self.seeks.set(true);
        let index = {
            let engine = self.engine.borrow();
            engine
                .rows()
                .binary_search_by_key(&position, |row| row.position)
        };
        if let Ok(index) = index {
            let mut window = self.window.get();
            window.show_around(index);
            self.window.set(window);
            self.follows.set(false);
            self.redraw();
        } else {
            self.dispatch(Event::GoTo(position));
        }
    }

    /// Shows the end of the timeline, and stays there.
    pub(super) fn go_to_end(self: &Rc<Self>) {
        self.seeks.set(false);
        self.focus.set(None);
        let is_detached = self.engine.borrow().newer() != Beyond::None;
        if is_detached {
            return self.dispatch(Event::GoToLatest);
        }
        let mut window = self.window.get();
        window.show_end();
        self.window.set(window);
        self.hold_end();
        self.redraw();
    }

    /// The reader is at the end from now on, whatever still moves.
    fn hold_end(&self) {
        self.follows.set(true);
        self.holds_until.set(now() + JUMP_MS);
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
        let holds = self.follows.get() && now() < self.holds_until.get();
        if holds && !place.follows() {
            // Browsers let a page of keys run on, even against what is written. The next frame shows the end by itself.
            if !self.frame_is_due.get() {
                scroll::to_end(&timeline);
            }
            return;
        }
        let mut window = self.window.get();
        let newer = self.engine.borrow().newer();
        let is_end = window.has_end() && newer == Beyond::None;
        let follows = place.follows() && is_end;
        self.follows.set(follows);
        if follows && self.feed.unseen.get_untracked() > 0 {
            self.feed.unseen.set(0);
        }
        self.look();
        let is_away = place.is_away() || !is_end;
        if self.feed.is_away.get_untracked() != is_away {
            self.feed.is_away.set(is_away);
        }
        // After a failure the reader decides, or a page that cannot be loaded would be asked for without end.
        if place.is_near_start()
            && (window.has_earlier() || self.engine.borrow().older() == Beyond::More)
        {
            self.show_earlier();
        } else if place.is_near_end() && !window.has_end() {
            window.show_later();
            self.window.set(window);
            self.redraw();
        } else if place.is_near_end() && newer == Beyond::More {
            self.dispatch(Event::LoadNewer);
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
        let changes = self.changes.get();
        if changes.reset {
            // Other rows than before: the latest, unless the reader wanted to see a certain one.
            let at_end = self.engine.borrow().newer() == Beyond::None;
            self.follows.set(false);
            if at_end && !self.seeks.get() {
                self.hold_end();
            }
        }
        let follows = self.follows.get();
        let seeks = self.seeks.get() && self.is_sought_here();
        let anchor = if follows || seeks {
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
            if seeks {
                live.seeks.set(false);
                scroll::to_focus(&timeline);
            } else if let Some(anchor) = anchor {
                anchor.restore(&timeline);
            } else if live.follows.get() {
                scroll::to_end(&timeline);
            }
            live.scrolled();
        });
    }

    /// Whether the message that the reader wants to see is among the rows.
    fn is_sought_here(&self) -> bool {
        let engine = self.engine.borrow();
        self.focus.get().is_some_and(|focus| {
            let index = engine
                .rows()
                .binary_search_by_key(&focus, |row| row.position);
            index.is_ok()
        })
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

        let arrived = || {
            let rows = engine.heard().rev().filter(|record| record.kind.is_row());
            rows.take(changes.heard)
                .filter(|message| !feed.is_mine(message))
        };
        if !follows && let Some(first) = arrived().last() {
            if feed.unseen.get_untracked() == 0 {
                self.unseen_from.set(Some(first.position));
            }
            feed.unseen.update(|unseen| *unseen += arrived().count());
        }
        if !document().hidden() {
            // From the first to the last.
            for message in arrived().collect::<Vec<_>>().into_iter().rev() {
                self.announcer.arrived(message);
            }
        }

        let beyond = |more_here: bool, state| if more_here { Beyond::More } else { state };
        let older = beyond(window.has_earlier(), engine.older());
        if feed.older.get_untracked() != older {
            feed.older.set(older);
        }
        // What is in memory comes by itself as the reader comes near.
        let newer = beyond(!window.has_end(), engine.newer());
        let is_detached = engine.newer() != Beyond::None;
        let newer = if is_detached { newer } else { Beyond::None };
        if feed.newer.get_untracked() != newer {
            feed.newer.set(newer);
        }
        let composed = Composed {
            pending: engine.pending(),
            at_end: window.has_end() && !is_detached,
            focus: self.focus.get(),
        };
        feed.show(&engine.expected(window.range()), composed);
    }
}
