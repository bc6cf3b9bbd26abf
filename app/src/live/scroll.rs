//! Where the reader is in the timeline, and how they stay there while rows come and go around them.

use web_sys::Element;

/// A reader this close to the end, in CSS pixels, goes along with it.
const FOLLOWS_WITHIN: f64 = 100.0;
/// Further away than this, there is a button that leads back.
const AWAY_BEYOND: f64 = 300.0;
/// This close to either end of the rows, more are shown.
const NEAR: f64 = 600.0;

/// Where the reader is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    /// At the end, and stays there.
    pub(super) follows: bool,
    /// So far from the end that a button should lead back.
    pub(super) is_away: bool,
    /// Close to the first row.
    pub(super) near_start: bool,
    /// Close to the last row.
    pub(super) near_end: bool,
}

/// Looks where the reader is.
pub(super) fn place(timeline: &Element) -> Place {
    let above = f64::from(timeline.scroll_top());
    let below = f64::from(timeline.scroll_height() - timeline.client_height()) - above;
    Place {
        follows: below <= FOLLOWS_WITHIN,
        is_away: below > AWAY_BEYOND,
        near_start: above < NEAR,
        near_end: below < NEAR,
    }
}

/// Goes to the end.
pub(super) fn to_end(timeline: &Element) {
    timeline.set_scroll_top(timeline.scroll_height());
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
        let now = self.row.get_bounding_client_rect().top() - timeline.get_bounding_client_rect().top();
        let moved = now - self.offset;
        if moved.abs() >= 0.5 {
            timeline.scroll_by_with_x_and_y(0.0, moved);
        }
    }
}

