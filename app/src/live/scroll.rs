//! Where the reader is in the timeline, and how they stay there while rows come and go around them.

use web_sys::Element;

/// A reader this close to the end, in CSS pixels, goes along with it.
const FOLLOWS_WITHIN: f64 = 100.0;
/// Further away than this, there is a button that leads back.
const AWAY_BEYOND: f64 = 300.0;
/// This close to either end of the rows, more are shown.
const NEAR: f64 = 600.0;

/// Where the reader is, in CSS pixels of rows out of sight.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    above: f64,
    below: f64,
}

impl Place {
    /// Looks where the reader is.
    pub(super) fn of(timeline: &Element) -> Self {
        let above = f64::from(timeline.scroll_top());
        let whole = f64::from(timeline.scroll_height() - timeline.client_height());
        Self {
            above,
            below: whole - above,
        }
    }

    /// At the end, and stays there.
    pub(super) fn follows(self) -> bool {
        self.below <= FOLLOWS_WITHIN
    }

    /// So far from the end that a button should lead back.
    pub(super) fn is_away(self) -> bool {
        self.below > AWAY_BEYOND
    }

    /// Close to the first row.
    pub(super) fn is_near_start(self) -> bool {
        self.above < NEAR
    }

    /// Close to the last row.
    pub(super) fn is_near_end(self) -> bool {
        self.below < NEAR
    }
}

/// Goes to the end.
pub(super) fn to_end(timeline: &Element) {
    timeline.set_scroll_top(timeline.scroll_height());
}

/// Puts the message that the reader came to see into the middle.
pub(super) fn to_focus(timeline: &Element) {
    if let Ok(Some(row)) = timeline.query_selector(".focused") {
        let (frame, row) = (
            timeline.get_bounding_client_rect(),
            row.get_bounding_client_rect(),
        );
        let above = (frame.height() - row.height()) / 2.0;
        timeline.scroll_by_with_x_and_y(0.0, row.top() - frame.top() - above);
    }
}

/// The row under the reader's eye, and how far below the upper edge it begins.
pub(super) struct Anchor {
    row: Element,
    offset: f64,
}

impl Anchor {
    /// The first message that is at least partly in sight. Day chips do not count: they go when an earlier message of their
    /// day comes.
    pub(super) fn take(timeline: &Element) -> Option<Self> {
        let top = timeline.get_bounding_client_rect().top();
        let rows = timeline.query_selector("ol").ok().flatten()?.children();
        // The rows stand in order, so halving finds the first that ends below the edge.
        let (mut low, mut high) = (0, rows.length());
        while low < high {
            let middle = low + (high - low) / 2;
            if rows.item(middle)?.get_bounding_client_rect().bottom() > top {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        let row = (low..rows.length())
            .filter_map(|index| rows.item(index))
            .find(|row| row.has_attribute("data-position"))?;
        let offset = row.get_bounding_client_rect().top() - top;
        Some(Self { row, offset })
    }

    /// Puts the row back where it was.
    pub(super) fn restore(&self, timeline: &Element) {
        if !self.row.is_connected() {
            return;
        }
        let now =
            self.row.get_bounding_client_rect().top() - timeline.get_bounding_client_rect().top();
        let moved = now - self.offset;
        if moved.abs() >= 0.5 {
            timeline.scroll_by_with_x_and_y(0.0, moved);
        }
    }
}
