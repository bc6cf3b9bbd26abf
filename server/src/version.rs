//! Which Maru this is.

use crate::{bridge, history};

/// The version, with the commit where the build knew it: `0.1.0 (0123456789ab)`.
pub fn short() -> String {
    let version = env!("CARGO_PKG_VERSION");
    match env!("MARU_COMMIT") {
        "" => version.to_owned(),
        commit => format!("{version} ({commit})"),
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
