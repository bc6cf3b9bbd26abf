//! The day after: what is written about days is written anew when the reader's next day begins.

use std::rc::Rc;
use std::time::Duration;

use leptos::prelude::*;

use super::{Live, now};

const DAY_MS: i64 = 86_400_000;

impl Live {
    /// Waits for the reader's midnight. A computer that slept over it is a little late, not a day.
    pub(super) fn await_midnight(self: &Rc<Self>) {
        let now = i64::try_from(now()).unwrap_or_default();
        let since =
            untrack(|| i64::from(self.feed.clock.civil(now).minute)) * 60_000 + now % 60_000;
        let live = Rc::clone(self);
        let rest = u64::try_from(DAY_MS - since).unwrap_or_default();
        set_timeout(
            move || {
                live.feed.clock.use_local_zone();
                live.redraw();
                live.await_midnight();
            },
            // Once more after the hour that a day may be longer or shorter by; never twice in one moment.
            Duration::from_millis(rest.max(1_000)),
        );
    }
}
