//! What screen readers say of messages that arrive: one by its text, many by their number, at most once a second.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use leptos::prelude::*;
use protocol::{Kind, Message};

use crate::i18n;
use crate::room::feed::Feed;
use crate::rooms::shortened;

const PAUSE: Duration = Duration::from_secs(1);

/// Collects what arrived since it last spoke.
pub(super) struct Announcer {
    feed: Feed,
    count: Cell<usize>,
    last: RefCell<String>,
    waits: Cell<bool>,
}

impl Announcer {
    /// Silent so far.
    pub(super) fn new(feed: Feed) -> Rc<Self> {
        Rc::new(Self {
            feed,
            count: Cell::new(0),
            last: RefCell::default(),
            waits: Cell::new(false),
        })
    }

    /// A message of somebody else arrived.
    pub(super) fn arrived(self: &Rc<Self>, message: &Message) {
        let body = shortened(&message.body);
        *self.last.borrow_mut() = match message.kind {
            Kind::System => body,
            _ => i18n::announced(&message.sender.name, &body),
        };
        self.count.set(self.count.get() + 1);
        if !self.waits.replace(true) {
            let announcer = Rc::clone(self);
            set_timeout(move || announcer.speak(), PAUSE);
        }
    }

    fn speak(&self) {
        self.waits.set(false);
        let mut text = match self.count.take() {
            1 => self.last.take(),
            count => i18n::new_messages(self.feed.language, count),
        };
        // A text that stays the same is no news for a screen reader.
        if self.feed.announcement.with_untracked(|said| *said == text) {
            text.push('\u{a0}');
        }
        self.feed.announcement.try_set(text);
    }
}
