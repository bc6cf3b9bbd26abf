//! How long to wait before the next attempt: exponential windows, and a random moment within them.

/// No window is longer than this, in milliseconds.
const CAP_MS: u64 = 30_000;

/// Random moments from a seed that the page draws once. Spreads the reconnects of many pages; needs no more than that.
#[derive(Debug)]
pub(super) struct Jitter(u64);

impl Jitter {
    /// Starts from a seed.
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A moment within the window of this attempt (0 is the first), which is `first_ms` doubled each time up to the cap.
    ///
    /// Full jitter: any moment of the window is as likely, so pages that lost the same server come back spread out.
    pub(super) fn delay(&mut self, first_ms: u64, attempt: u32) -> u64 {
        let window = first_ms.saturating_mul(1 << attempt.min(16)).min(CAP_MS);
        self.next() % (window + 1)
    }

    /// `SplitMix64`.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_double_up_to_the_cap_and_are_used_whole() {
        for (attempt, window) in [
            (0, 2_000),
            (1, 4_000),
            (3, 16_000),
            (4, 30_000),
            (u32::MAX, 30_000),
        ] {
            let delays: Vec<u64> = (0..1_000)
                .map(|seed| Jitter::new(seed).delay(2_000, attempt))
                .collect();
            assert!(
                delays.iter().all(|delay| *delay <= window),
                "attempt {attempt}"
            );
            let thirds = |third: u64| {
                delays
                    .iter()
                    .filter(|delay| **delay * 3 / (window + 1) == third)
                    .count()
            };
            assert!(
                (0..3).all(|third| thirds(third) > 270),
                "attempt {attempt}: evenly over the window"
            );
        }
    }
}
