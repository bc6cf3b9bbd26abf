//! A run in one row of a table.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use checker::Report;

use crate::journal::Waits;
use crate::log::Content;

const HEAD: &str = "\
| run | faults | sent | acknowledged | refused | delivered | violations | repeats in the log, hidden | back: p50 / p99 / longest | longest without an acknowledgement | acknowledged again after mending: p50 / longest |
|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|
";

/// What a run came to.
pub(crate) struct Row<'a> {
    pub(crate) name: &'a str,
    pub(crate) report: &'a Report,
    pub(crate) sent: u64,
    pub(crate) waits: Waits,
    /// None without Kafka.
    pub(crate) log: Option<Content>,
}

impl Row<'_> {
    fn text(&self) -> String {
        let Self {
            name,
            report,
            sent,
            waits,
            log,
        } = self;
        let seconds = |times: &[Duration], percent: usize| percentile(times, percent).as_secs_f64();
        let (mut back, mut resumed) = (waits.returns.clone(), waits.resumed.clone());
        back.sort_unstable();
        resumed.sort_unstable();
        let mut row = String::new();
        let figures = &report.statistics;
        let repeats = log.map_or("–".to_owned(), |log| log.repeats.to_string());
        // Writing to a string does not fail.
        let _ = write!(
            row,
            "| {name} | {} | {sent} | {} | {} | {} | {} | {repeats} | {:.1} / {:.1} / {:.1} s of {} | {:.1} s |",
            waits.faults,
            figures.acked,
            figures.refused,
            figures.delivered,
            report.violations.len(),
            seconds(&back, 50),
            seconds(&back, 99),
            seconds(&back, 100),
            back.len(),
            waits.longest_silence.as_secs_f64(),
        );
        let _ = if resumed.is_empty() {
            writeln!(row, " – |")
        } else {
            let (half, longest) = (seconds(&resumed, 50), seconds(&resumed, 100));
            writeln!(row, " {half:.1} / {longest:.1} s |")
        };
        row
    }

    /// Adds the row to a table, which begins with its head; gives it.
    pub(crate) fn add_to(&self, table: Option<&Path>) -> io::Result<String> {
        let row = self.text();
        if let Some(path) = table {
            let mut file = File::options().create(true).append(true).open(path)?;
            if file.metadata()?.len() == 0 {
                file.write_all(HEAD.as_bytes())?;
            }
            file.write_all(row.as_bytes())?;
        }
        Ok(format!("{HEAD}{row}"))
    }
}

/// Of times in their order, the one that so many percent do not exceed.
pub(crate) fn percentile(times: &[Duration], percent: usize) -> Duration {
    let index = (times.len() * percent).div_ceil(100).saturating_sub(1);
    times.get(index).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(times: &[u64]) -> Vec<Duration> {
        times.iter().copied().map(Duration::from_secs).collect()
    }

    #[test]
    fn so_many_percent_do_not_exceed_a_percentile() {
        let hundred: Vec<u64> = (1..=100).collect();
        let times = seconds(&hundred);
        for percent in [1, 50, 99, 100] {
            let number = u64::try_from(percent).unwrap();
            assert_eq!(percentile(&times, percent), Duration::from_secs(number));
        }
        let three = seconds(&[1, 2, 30]);
        assert_eq!(percentile(&three, 50), Duration::from_secs(2));
        assert_eq!(percentile(&three, 99), Duration::from_secs(30));
        assert_eq!(percentile(&[], 99), Duration::ZERO);
    }

    #[test]
    fn a_row_has_a_cell_for_every_head() {
        let mut waits = Waits {
            returns: seconds(&[4, 1]),
            ..Waits::default()
        };
        for resumed in [vec![], seconds(&[3])] {
            waits.resumed = resumed;
            let row = Row {
                name: "a run",
                report: &Report {
                    statistics: checker::report::Statistics::default(),
                    violations: Vec::new(),
                },
                sent: 0,
                waits: waits.clone(),
                log: None,
            };
            let text = row.text();
            let cells = |line: &str| line.matches('|').count();
            assert_eq!(cells(&text), cells(HEAD.lines().next().unwrap()), "{text}");
            assert!(text.contains("| 1.0 / 4.0 / 4.0 s of 2 |"), "{text}");
        }
    }
}
