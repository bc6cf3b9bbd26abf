//! How far the person has read: what stood before their eyes for a while, in a tab that they were looking at. And where they
//! go to read on.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use leptos::ev;
use leptos::prelude::*;
use protocol::Position;
use web_sys::{Element, VisibilityState};

use super::{Live, listener};
use crate::chat::Event;

/// How long a message has to be in sight.
const GLANCE: Duration = Duration::from_millis(700);

/// What was in sight when the present glance began.
#[derive(Default)]
pub(super) struct Reading(Cell<Option<Position>>);

impl Live {
    /// Looks whenever the person comes back to the page. Esc puts the divider away.
    pub(super) fn watch_reader(self: &Rc<Self>) {
        for event in ["focus", "visibilitychange"] {
            let live = Rc::clone(self);
            listener(&window(), event, move || live.look());
        }
        let live = Rc::clone(self);
        window_event_listener(ev::keydown, move |event| {
            let divider = live.feed.company.divider;
            if event.key() == "Escape"
                && !event.default_prevented()
                && !event.is_composing()
                && divider.get_untracked().is_some()
            {
                divider.set(None);
                live.redraw();
            }
        });
        self.look();
    }

    /// Something may have come into sight.
    pub(super) fn look(self: &Rc<Self>) {
        if self.reading.0.get().is_some() {
            return;
        }
        let Some(position) = self.last_in_sight() else {
            return;
        };
        self.reading.0.set(Some(position));
        let live = Rc::clone(self);
        set_timeout(
            move || {
                let first = live.reading.0.take();
                let Some((first, now)) = first.zip(live.last_in_sight()) else {
                    return;
                };
                // What was in sight at both times; what came meanwhile needs a glance of its own.
                live.dispatch(Event::Seen {
                    position: first.min(now),
                });
                if now > first {
                    live.look();
                }
            },
            GLANCE,
        );
    }

    /// The last message of which at least half is in sight; nothing while the person looks elsewhere.
    fn last_in_sight(&self) -> Option<Position> {
        let document = document();
        if document.visibility_state() != VisibilityState::Visible || !document.has_focus().ok()? {
            return None;
        }
        let timeline = self.feed.timeline.get_untracked()?;
        let end = timeline.get_bounding_client_rect().bottom();
        let rows = timeline.query_selector("ol").ok()??.children();
        // The rows stand in order, so halving finds how many have their middle above the edge.
        let (mut low, mut high) = (0, rows.length());
        while low < high {
            let middle = low + (high - low) / 2;
            let place = rows.item(middle)?.get_bounding_client_rect();
            if place.top() + place.bottom() <= 2.0 * end {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        (0..low).rev().find_map(|index| {
            let position = rows.item(index)?.get_attribute("data-position")?;
            position.parse().ok()
        })
    }

    /// The page opened at the first unread message: says how many there are below the reader.
    pub(super) fn count_unread(&self) {
        if let Some(read) = self.feed.company.divider.get_untracked()
            && !self.follows.get()
        {
            let engine = self.engine.borrow();
            let unread = engine.rows().iter();
            let unread = unread
                .filter(|row| row.position.offset > read && !self.feed.is_mine(row))
                .count();
            self.feed.unseen.set(unread);
        }
    }

    /// Puts the first unread message at a third of the height, if it is further down and does not come into sight at the end
    /// anyway. False if the reader should rather go to the end.
    pub(super) fn go_to_unread(&self) -> bool {
        self.try_to_go_to_unread().is_some()
    }

    fn try_to_go_to_unread(&self) -> Option<()> {
        // What was the first unread message once has been read.
        if self.feed.unseen.get_untracked() == 0 {
            return None;
        }
        let timeline = self.feed.timeline.get_untracked()?;
        let selector = match self.unseen_from.get() {
            Some(position) => format!("[data-position=\"{position}\"]"),
            None => ".unread".to_owned(),
        };
        let row: Element = timeline.query_selector(&selector).ok()??;
        let top = row.get_bounding_client_rect().top() - timeline.get_bounding_client_rect().top();
        let third = f64::from(timeline.client_height()) / 3.0;
        let below = f64::from(timeline.scroll_height() - timeline.scroll_top()) - top;
        if top <= third + 1.0 || below <= 2.0 * third {
            return None;
        }
        timeline.scroll_by_with_x_and_y(0.0, top - third);
        Some(())
    }
}
