//! `checker FILE`: checks a history that a run has written down.

use std::fs::File;
use std::io::{BufReader, Write as _};
use std::process::ExitCode;

use checker::history;

fn main() -> ExitCode {
    let Some(path) = std::env::args_os().nth(1) else {
        return complain("Give the file that the run has written: checker FILE");
    };
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) => return complain(&format!("cannot open {}: {error}", path.display())),
    };
    match history::read(BufReader::new(file)) {
        Ok(history) => {
            let report = checker::check(&history);
            // A closed pipe needs no answer: the exit code has it.
            let _ = writeln!(std::io::stdout(), "{report}");
            if report.is_clean() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(error) => complain(&error.to_string()),
    }
}

fn complain(sentence: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{sentence}");
    ExitCode::from(2)
}
