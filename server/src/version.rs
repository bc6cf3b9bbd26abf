//! Which Maru this is.

use std::path::Path;

use crate::{bridge, history};

/// The version, with the commit where the release says it: `0.1.0 (0123456789ab)`.
pub fn short() -> String {
    let version = env!("CARGO_PKG_VERSION");
    let program = std::env::current_exe().unwrap_or_default();
    match commit(&program.with_file_name("commit.txt")) {
        Some(commit) => format!("{version} ({commit})"),
        None => version.to_owned(),
    }
}

/// The version, with what else a report of a fault should say.
pub fn long() -> String {
    format!(
        "{}\nfor {}, built by {}, with librdkafka {} and SQLite {}",
        short(),
        env!("MARU_TARGET"),
        env!("MARU_RUSTC"),
        bridge::librdkafka_version(),
        history::sqlite_version(),
    )
}

/// The commit as scripts/dist.sh writes it beside the program. Compiled in, it would have every commit optimize and link
/// the whole program anew, for two minutes.
fn commit(file: &Path) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let commit = text.trim();
    let good = !commit.is_empty()
        && commit.len() < 80
        && commit.bytes().all(|byte| byte.is_ascii_graphic());
    good.then(|| commit.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commit_is_a_word_or_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("commit.txt");
        assert_eq!(commit(&file), None);
        for (text, expected) in [
            ("0123456789ab-dirty\n", Some("0123456789ab-dirty")),
            ("\n", None),
            ("two words", None),
        ] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(commit(&file).as_deref(), expected, "{text}");
        }
    }
}
