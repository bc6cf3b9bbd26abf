//! The checker checked: histories as they should be have no violation, and every way to break one is found, with the
//! witness that proves it.

#![allow(clippy::unwrap_used, reason = "tests")]

mod mutants;
mod runs;

use checker::check;

use mutants::MUTATIONS;
use runs::{Random, run};

const SEEDS: u64 = 60;

#[test]
fn a_good_history_has_no_violation() {
    for seed in 0..SEEDS {
        let history = run(seed);
        let report = check(&history);
        assert!(report.is_clean(), "seed {seed}: {report}");
        assert!(
            report.statistics.acked > 0 && report.statistics.recovered > 0,
            "seed {seed}: {report}"
        );
    }
}

#[test]
fn every_mutant_is_caught_with_its_witness() {
    let mut caught = 0;
    for (name, mutate) in MUTATIONS {
        let mut of_this_kind = 0;
        for seed in 0..SEEDS {
            let mut history = run(seed);
            let Some(expected) = mutate(&mut history, &mut Random::new(seed)) else {
                continue;
            };
            let report = check(&history);
            assert!(
                report.violations.contains(&expected),
                "{name}, seed {seed}: expected {expected:?}, found {report}"
            );
            of_this_kind += 1;
        }
        assert!(
            of_this_kind >= SEEDS / 2,
            "{name}: only {of_this_kind} histories had a place for it"
        );
        caught += of_this_kind;
    }
    assert!(caught >= 1_000, "only {caught} mutants");
}

#[test]
fn a_history_survives_being_written_down() {
    let history = run(7);
    let mut lines = Vec::new();
    checker::history::write(&history, &mut lines).unwrap();
    assert_eq!(checker::history::read(&*lines).unwrap(), history);
}

#[test]
fn a_line_that_is_no_event_is_named() {
    let lines = "{\"at\":1,\"event\":\"quiet\"}\n{\"at\":2,\"event\":\"party\"}\n";
    let error = checker::history::read(lines.as_bytes())
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("line 2 of the history is no event"),
        "{error}"
    );
}
