//! Which of the room's messages are on the page: all of them would make every new one slow.

use std::ops::Range;

/// Most rows on the page. Beyond a few hundred, adding one costs a frame.
const MOST: usize = 300;
/// How many stay when the reader is at the end and older ones go.
const KEPT: usize = 200;
/// How many come at a time when the reader moves through those that are in memory.
const STEP: usize = 50;

/// A part of the messages in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    start: usize,
    end: usize,
    total: usize,
}

impl Window {
    /// What the server rendered.
    pub(crate) fn new(total: usize) -> Self {
        Self {
            start: 0,
            end: total,
            total,
        }
    }

    /// The messages that are on the page.
    pub(crate) fn range(self) -> Range<usize> {
        self.start..self.end
    }

    /// Whether the last message is on the page.
    pub(crate) fn has_end(self) -> bool {
        self.end == self.total
    }

    /// Whether there are earlier messages in memory.
    pub(crate) fn has_earlier(self) -> bool {
        self.start > 0
    }

    /// Other messages than before: shows their end.
    pub(crate) fn reset(&mut self, total: usize) {
        *self = Self {
            start: total.saturating_sub(KEPT),
            end: total,
            total,
        };
    }

    /// New messages at the end, which a reader who is there `follows`.
    pub(crate) fn append(&mut self, count: usize, follows: bool) {
        let had_end = self.has_end();
        self.total += count;
        if follows {
            self.show_end();
        } else if had_end {
            self.end = self.total.min(self.start + MOST).max(self.end);
        }
    }

    /// Messages before the first one, which the reader asked for.
    pub(crate) fn prepend(&mut self, count: usize) {
        self.total += count;
        self.end += count;
        if self.start > 0 {
            self.start += count;
        } else {
            self.end = self.end.min(MOST);
        }
    }

    /// Earlier messages from memory.
    pub(crate) fn show_earlier(&mut self) {
        self.start = self.start.saturating_sub(STEP);
        self.end = self.end.min(self.start + MOST);
    }

    /// Later messages from memory.
    pub(crate) fn show_later(&mut self) {
        self.end = self.total.min(self.end + STEP);
        self.start = self.start.max(self.end.saturating_sub(MOST));
    }

    /// A message and those around it.
    pub(crate) fn show_around(&mut self, index: usize) {
        if !self.range().contains(&index) {
            self.start = index.saturating_sub(STEP);
            self.end = self.total.min(index + STEP);
        }
    }

    /// The end.
    pub(crate) fn show_end(&mut self) {
        let is_far = self.end + STEP < self.total;
        self.end = self.total;
        if is_far || self.end - self.start > MOST {
            self.start = self.end.saturating_sub(KEPT);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_at_the_end_keeps_few_rows() {
        let mut window = Window::new(50);
        for _ in 0..1_000 {
            window.append(1, true);
            assert!(window.has_end() && window.range().len() <= MOST);
        }
        assert!(window.has_earlier());
        assert_eq!(window.range().end, 1_050);
        window.append(5_000, true);
        assert_eq!(window.range(), 5_850..6_050);
    }

    #[test]
    fn a_reader_of_old_messages_is_left_alone() {
        let mut window = Window::new(50);
        window.append(100, false);
        assert_eq!(window.range(), 0..150);
        window.append(1_000, false);
        assert_eq!(window.range(), 0..300);
        assert!(!window.has_end());
        window.append(1, false);
        assert_eq!(window.range(), 0..300, "nothing moves");
        window.show_later();
        assert_eq!(window.range(), 50..350);
        window.show_end();
        assert_eq!(window.range(), 951..1_151);
    }

    #[test]
    fn to_the_beginning_and_back() {
        let mut window = Window::new(50);
        for _ in 0..10 {
            window.prepend(50);
        }
        assert_eq!(window.range(), 0..300);
        for _ in 0..10 {
            window.show_later();
        }
        assert_eq!(window.range(), 250..550);
        window.prepend(50);
        assert_eq!(
            window.range(),
            300..600,
            "a page that came late moves nothing"
        );
        for _ in 0..10 {
            window.show_earlier();
        }
        assert_eq!(window.range(), 0..300);
        window.show_around(580);
        assert_eq!(window.range(), 530..600);
        window.show_around(531);
        assert_eq!(window.range(), 530..600, "it is there already");
        window.reset(20);
        assert_eq!(window.range(), 0..20);
    }
}
