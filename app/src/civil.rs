//! Instants as civil dates: which day a message belongs to, and UTC text for readers without JavaScript.

const DAY_MS: i64 = 86_400_000;
const MINUTE_MS: i64 = 60_000;

/// A moment on the wall calendar of some time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Civil {
    /// The year of the common era.
    pub(crate) year: i64,
    /// The month, 1 to 12.
    pub(crate) month: u8,
    /// The day of the month, 1 to 31.
    pub(crate) day: u8,
    /// The day of the week, 0 for Sunday.
    pub(crate) weekday: u8,
    /// Minutes since midnight.
    pub(crate) minute: u16,
    /// Days since 1970-01-01, the same for all moments of a day.
    days: i64,
}

impl Civil {
    /// The civil time of an instant.
    ///
    /// `ts` is in Unix milliseconds, `offset` says how many minutes the zone is ahead of UTC at that instant.
    /// Proleptic Gregorian, by Howard Hinnant's `civil_from_days`.
    pub(crate) fn at(ts: i64, offset: i32) -> Self {
        let local = ts.saturating_add(i64::from(offset) * MINUTE_MS);
        let days = local.div_euclid(DAY_MS);
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        // Counted from March, so that the leap day comes last.
        let month_from_march = (5 * day_of_year + 2) / 153;
        let month = if month_from_march < 10 {
            month_from_march + 3
        } else {
            month_from_march - 9
        };
        Self {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month: small(month),
            day: small(day_of_year - (153 * month_from_march + 2) / 5 + 1),
            weekday: small((days + 4).rem_euclid(7)),
            minute: u16::try_from(local.rem_euclid(DAY_MS) / MINUTE_MS).unwrap_or_default(),
            days,
        }
    }

    /// Whether both moments lie on the same day.
    pub(crate) fn same_day(self, other: Self) -> bool {
        self.days == other.days
    }

    /// The instant at which it is noon in UTC on this day, in Unix milliseconds.
    #[cfg(feature = "hydrate")]
    pub(crate) fn noon_utc(self) -> i64 {
        self.days * DAY_MS + DAY_MS / 2
    }

    /// The hour and minute as `06:12`.
    pub(crate) fn clock(self) -> String {
        format!("{:02}:{:02}", self.minute / 60, self.minute % 60)
    }

    /// The date as `2026-11-23`.
    pub(crate) fn date(self) -> String {
        format!("{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// An instant in UTC as `<time datetime>` wants it, `2026-11-23T06:12:05Z`.
pub fn utc_datetime(ts: i64) -> String {
    let civil = Civil::at(ts, 0);
    format!(
        "{}T{}:{:02}Z",
        civil.date(),
        civil.clock(),
        ts.rem_euclid(MINUTE_MS) / 1000
    )
}

/// Calendar parts are below 256 by their arithmetic.
fn small(part: i64) -> u8 {
    u8::try_from(part).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_instants() {
        for (ts, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400_000, "2000-02-29T00:00:00Z"),
            (1_795_414_325_999, "2026-11-23T06:12:05Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (4_107_542_399_000, "2100-02-28T23:59:59Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(utc_datetime(ts), text);
        }
    }

    #[test]
    fn one_instant_lies_on_different_days() {
        let ts = 1_795_451_400_000; // 2026-11-23T16:30:00Z
        assert_eq!(Civil::at(ts, 9 * 60).date(), "2026-11-24");
        assert_eq!(Civil::at(ts, -5 * 60).date(), "2026-11-23");
        assert_eq!(Civil::at(ts, 0).weekday, 1);
        assert_eq!(Civil::at(ts, 5 * 60 + 45).clock(), "22:15");
    }

    #[test]
    fn absurd_instants_do_not_panic() {
        for ts in [i64::MIN, i64::MAX] {
            let _ = utc_datetime(ts);
        }
    }
}
