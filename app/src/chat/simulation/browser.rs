//! People of the simulation: what is theirs however often their pages are loaded, and what they expect of them.

use crate::chat::store::memory::Memory;

/// Somebody with a browser.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) uid: String,
    /// The storage that all tabs share.
    pub(super) memory: Memory,
    /// What the clock is ahead of the world's, in milliseconds.
    pub(super) clock: u64,
    /// What was composed, in order.
    pub(super) said: Vec<Said>,
}

/// A message, as the person remembers it.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each may come to pass with any other"
)]
pub(super) struct Said {
    pub(super) id: String,
    /// Which room.
    pub(super) room: usize,
    /// On which page.
    pub(super) page: usize,
    /// It changes another message.
    pub(super) change: bool,
    /// A copy was sent.
    pub(super) sent: bool,
    /// The page once said that it is not sent.
    pub(super) failed: bool,
    /// The page once said that it is lost with the page.
    pub(super) unkept: bool,
    /// Another tab took it over while this one was asleep.
    pub(super) moved: bool,
    /// Deleted before it was sent.
    pub(super) deleted: bool,
    /// Deleted after it failed.
    pub(super) given_up: bool,
}

/// A tab: shows one page after the other.
#[derive(Debug)]
pub(super) struct Tab {
    pub(super) person: usize,
    /// The page that it shows, or showed last.
    pub(super) page: usize,
    /// It has no network until then.
    pub(super) offline_until: u64,
}

impl Person {
    pub(super) fn new(uid: &str, quota: Option<usize>, clock: u64) -> Self {
        let memory = Memory {
            quota,
            ..Memory::default()
        };
        Self {
            uid: uid.to_owned(),
            memory,
            clock,
            said: Vec::new(),
        }
    }

    /// Whether a message would outlive all pages.
    pub(super) fn has_stored(&self, id: &str) -> bool {
        let texts = self.memory.texts.borrow();
        texts.keys().any(|key| key.ends_with(id))
    }

    pub(super) fn said(&mut self, id: &str) -> &mut Said {
        let mut said = self.said.iter_mut();
        said.find(|said| said.id == id).unwrap()
    }
}
