//! The engine's sense of time: the page's clock, made to never run backwards.

/// Turns what `Date.now()` says into a time that only grows. A clock that is set back makes it stand still for no longer
/// than one event; one that is set forward counts as time that passed, as a sleeping computer does.
#[derive(Debug, Default)]
pub(super) struct Clock {
    latest: u64,
    /// How far the page's clock was set back in all.
    set_back: u64,
}

impl Clock {
    /// Takes the page's clock in Unix milliseconds and gives the engine's time.
    pub(super) fn advance(&mut self, now_ms: u64) -> u64 {
        let time = now_ms.saturating_add(self.set_back);
        if time < self.latest {
            self.set_back += self.latest - time;
        } else {
            self.latest = time;
        }
        self.latest
    }

    /// The page's clock at an engine time of now or later.
    pub(super) fn page_time(&self, time: u64) -> u64 {
        time.saturating_sub(self.set_back)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_backwards_and_never_stuck() {
        let mut clock = Clock::default();
        assert_eq!(clock.advance(5_000), 5_000);
        assert_eq!(clock.advance(1_000), 5_000, "set back by four seconds");
        assert_eq!(clock.advance(1_100), 5_100, "runs on at once");
        assert_eq!(clock.page_time(6_000), 2_000, "shown in the page's clock");
        assert_eq!(clock.advance(9_000), 13_000, "set forward");
    }
}
