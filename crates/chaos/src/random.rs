//! Random numbers that a seed repeats: splitmix64.

use std::time::Duration;

/// A source of random numbers.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// The same numbers for the same seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `end`, exclusive; 0 for an `end` of 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.next() % end).unwrap_or_default()
    }

    /// A time in this range.
    pub(crate) fn between(&mut self, least: Duration, most: Duration) -> Duration {
        let span = most.saturating_sub(least).as_micros();
        let span = usize::try_from(span).unwrap_or(usize::MAX);
        least + Duration::from_micros(u64::try_from(self.below(span)).unwrap_or_default())
    }

    /// A time between `least` and `usual`, short ones as likely as long ones of any length; one in ten is up to `most`.
    pub(crate) fn mostly_short(
        &mut self,
        least: Duration,
        usual: Duration,
        most: Duration,
    ) -> Duration {
        let (from, to) = if self.below(10) == 0 {
            (usual, most)
        } else {
            (least, usual)
        };
        let factor = to.as_secs_f64() / from.as_secs_f64();
        let part = f64::from(u32::try_from(self.below(1001)).unwrap_or_default()) / 1000.0;
        from.mul_f64(factor.powf(part))
    }

    /// One of these.
    pub(crate) fn of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_pauses_are_short_and_none_is_out_of_range() {
        let mut random = Random::new(1);
        let seconds = Duration::from_secs;
        let pauses: Vec<_> = (0..1000)
            .map(|_| random.mostly_short(Duration::from_millis(100), seconds(5), seconds(60)))
            .collect();
        let long = pauses.iter().filter(|pause| **pause > seconds(5)).count();
        assert!((50..150).contains(&long), "{long}");
        let (least, most) = (pauses.iter().min().unwrap(), pauses.iter().max().unwrap());
        assert!(*least >= Duration::from_millis(99) && *most <= seconds(61));
        assert!(*least < Duration::from_millis(150) && *most > seconds(40));
    }
}
