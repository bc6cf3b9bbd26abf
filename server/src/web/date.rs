//! Days as people name them in an address.

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;
/// No clock is further from UTC, in minutes.
const FURTHEST: i64 = 14 * 60;

/// When the day YYYY-MM-DD of the Gregorian calendar begins where clocks are `zone` minutes ahead of UTC, in Unix milliseconds.
pub(super) fn begins(day: &str, zone: i64) -> Option<i64> {
    let mut parts = day.splitn(3, '-').map(|part| {
        let digits = part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<i64>().ok().filter(|_| digits)
    });
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let months = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = |month: i64| {
        let known = usize::try_from(month - 1)
            .ok()
            .and_then(|index| months.get(index));
        known.map(|days| days + i64::from(leap && month == 2))
    };
    if !(1970..=9999).contains(&year)
        || !(1..=length(month)?).contains(&day)
        || zone.abs() > FURTHEST
    {
        return None;
    }
    let before = year - 1;
    let years = before * 365 + before / 4 - before / 100 + before / 400 - 719_162;
    let months: i64 = (1..month).filter_map(length).sum();
    Some((years + months + day - 1) * DAY - zone * MINUTE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_begin_when_clocks_say_so() {
        for (day, zone, begins_at) in [
            ("1970-01-01", 0, Some(0)),
            ("1970-01-01", 540, Some(-540 * MINUTE)),
            ("2024-02-29", 0, Some(1_709_164_800_000)),
            ("2026-11-23", 0, Some(1_795_392_000_000)),
            ("2026-11-23", -300, Some(1_795_392_000_000 + 300 * MINUTE)),
            ("2025-02-29", 0, None),
            ("2025-13-01", 0, None),
            ("2025-00-10", 0, None),
            ("2025-04-31", 0, None),
            ("2025-04", 0, None),
            ("+2025-04-01", 0, None),
            ("2025-04-01", 100_000, None),
            ("", 0, None),
        ] {
            assert_eq!(begins(day, zone), begins_at, "{day}");
        }
    }
}
