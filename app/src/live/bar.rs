//! When the bar about the connection is shown: not for a moment's loss, and with the seconds until the next attempt.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;

use crate::chat::Connection;
use crate::room::feed::{Banner, Feed};

/// A connection that is back sooner was never gone, as far as people are concerned.
const GRACE: Duration = Duration::from_secs(1);
/// How long the good news stands.
const GOOD_NEWS: Duration = Duration::from_millis(1_500);

/// Follows the connection.
pub(super) struct Bar {
    feed: Feed,
    /// Whether the room has been followed before: only then a connection can be lost.
    was_live: Cell<bool>,
    /// Whether the loss has lasted long enough to be shown.
    is_shown: Cell<bool>,
    timer: RefCell<Option<TimeoutHandle>>,
}

impl Bar {
    /// Nothing to say so far.
    pub(super) fn new(feed: Feed) -> Rc<Self> {
        Rc::new(Self {
            feed,
            was_live: Cell::new(false),
            is_shown: Cell::new(false),
            timer: RefCell::default(),
        })
    }

    /// The connection changed.
    pub(super) fn follow(self: &Rc<Self>) {
        if self
            .feed
            .connection
            .with_untracked(|connection| *connection == Connection::Live)
        {
            self.was_live.set(true);
            if self.is_shown.replace(false) {
                self.say(Banner::Back);
                self.after(GOOD_NEWS, |bar| bar.say(Banner::None));
            } else if self.feed.banner.get_untracked() != Banner::Back {
                self.stop();
            }
        } else if self.is_shown.get() {
            self.tell();
        } else if self.feed.banner.get_untracked() == Banner::Back || self.timer.borrow().is_none()
        {
            self.say(Banner::None);
            self.after(GRACE, |bar| {
                bar.is_shown.set(true);
                bar.tell();
            });
        }
    }

    /// Says how it stands, and once more when the next second begins.
    fn tell(self: &Rc<Self>) {
        self.stop();
        let now = super::now();
        let banner = self
            .feed
            .connection
            .with_untracked(|connection| match connection {
                Connection::Live => Banner::None,
                // The first connection is not lost yet, however long it takes; the line in the header says so.
                Connection::Connecting if !self.was_live.get() => Banner::None,
                Connection::Connecting => Banner::Reconnecting,
                Connection::Waiting { until } => {
                    Banner::Waiting(seconds(until.saturating_sub(now)))
                }
                Connection::Offline => Banner::Offline,
                Connection::Refused(_) => Banner::Refused,
            });
        self.say(banner);
        if let Connection::Waiting { until } = self.feed.connection.get_untracked()
            && until > now
        {
            let rest = (until - now - 1) % 1_000 + 1;
            self.after(Duration::from_millis(rest), Self::tell);
        }
    }

    fn say(&self, banner: Banner) {
        if self.feed.banner.get_untracked() != banner {
            self.feed.banner.set(banner);
        }
    }

    fn after(self: &Rc<Self>, wait: Duration, then: impl FnOnce(&Rc<Self>) + 'static) {
        self.stop();
        let bar = Rc::clone(self);
        let timer = set_timeout_with_handle(
            move || {
                bar.timer.take();
                then(&bar);
            },
            wait,
        );
        *self.timer.borrow_mut() = timer.ok();
    }

    fn stop(&self) {
        if let Some(timer) = self.timer.take() {
            timer.clear();
        }
    }
}

/// Whole seconds, counted up.
fn seconds(milliseconds: u64) -> u32 {
    u32::try_from(milliseconds.div_ceil(1_000)).unwrap_or(u32::MAX)
}
