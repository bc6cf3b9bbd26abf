//! How fast a session may send: a token bucket without a clock of its own.

use std::time::{Duration, Instant};

/// A token bucket.
#[derive(Clone, Debug)]
pub struct Bucket {
    per_second: f64,
    burst: f64,
    tokens: f64,
    /// Tokens that were taken for what has been checked and follows. They pay, and permit nothing.
    aside: u32,
    at: Instant,
}

impl Bucket {
    /// A full bucket.
    pub fn new(per_second: u32, burst: u32, now: Instant) -> Self {
        Self {
            per_second: f64::from(per_second),
            burst: f64::from(burst),
            tokens: f64::from(burst),
            aside: 0,
            at: now,
        }
    }

    /// Takes a token, or says how long to wait for the next one.
    pub fn take(&mut self, now: Instant) -> Result<(), Duration> {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = now;
        self.tokens = (self.tokens + passed * self.per_second).min(self.burst);
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            Ok(())
        } else {
            Err(Duration::from_secs_f64(
                (1.0 - self.tokens) / self.per_second,
            ))
        }
    }

    /// Puts a token that was taken aside, for what has been checked and follows.
    pub fn put_aside(&mut self) {
        self.aside += 1;
    }

    /// Takes a token that was put aside, else one as [`Self::take`] does; tells whether it was put aside.
    pub fn spend(&mut self, now: Instant) -> Result<bool, Duration> {
        if self.aside > 0 {
            self.aside -= 1;
            return Ok(true);
        }
        self.take(now).map(|()| false)
    }

    /// Puts back what was put aside: what was checked does not follow after all.
    pub fn put_back(&mut self) {
        let aside = f64::from(std::mem::take(&mut self.aside));
        self.tokens = (self.tokens + aside).min(self.burst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_the_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::new(5, 20, start);
        assert_eq!((0..30).filter(|_| bucket.take(start).is_ok()).count(), 20);
        let wait = bucket.take(start).unwrap_err();
        assert!((wait.as_secs_f64() - 0.2).abs() < 1e-6, "{wait:?}");
        let later = start + Duration::from_secs(2);
        assert_eq!((0..30).filter(|_| bucket.take(later).is_ok()).count(), 10);
        let much_later = start + Duration::from_secs(3_600);
        assert_eq!(
            (0..30).filter(|_| bucket.take(much_later).is_ok()).count(),
            20,
            "never more than a burst"
        );
    }

    #[test]
    fn what_was_not_done_is_not_paid_for() {
        let now = Instant::now();
        let mut bucket = Bucket::new(5, 20, now);
        assert_eq!((0..20).filter(|_| bucket.take(now).is_ok()).count(), 20);
        for _ in 0..5 {
            bucket.put_aside();
        }
        assert_eq!(bucket.spend(now), Ok(true));
        assert_eq!(bucket.spend(now), Ok(true));
        bucket.put_back();
        assert_eq!(
            (0..20).filter(|_| bucket.spend(now) == Ok(false)).count(),
            3
        );
        for _ in 0..1_000 {
            bucket.put_aside();
        }
        bucket.put_back();
        assert_eq!((0..30).filter(|_| bucket.take(now).is_ok()).count(), 20);
    }
}
