//! Why the log did not start, in sentences a person can act on.

use std::{error::Error, io, net::SocketAddr, path::PathBuf};

/// Why [`PocketKafka::start`](crate::PocketKafka::start) gave up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The address is not a loopback address.
    #[error("the embedded log listens on a loopback address only, not on {0}: use 127.0.0.1")]
    NotLoopback(SocketAddr),
    /// SASL/PLAIN cannot carry these credentials.
    #[error(
        "the embedded log needs a username and a password, both not empty and without NUL characters"
    )]
    Credentials,
    /// The directory cannot be made, locked or read.
    #[error("cannot use the log directory {}", directory.display())]
    Directory {
        /// The directory of the settings.
        directory: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Another process, or another log of this process, holds the directory.
    #[error("the log directory {} is in use by another process: stop that one, or choose another directory", directory.display())]
    InUse {
        /// The directory of the settings.
        directory: PathBuf,
    },
    /// The file in the directory was not written by this program, or by a newer one.
    #[error("{} has format {found}, and this version reads format {expected}: use the version that wrote it", file.display())]
    Format {
        /// The database file.
        file: PathBuf,
        /// What the file says.
        found: String,
        /// What this version writes.
        expected: i64,
    },
    /// The file's own structure, or a row that is needed to start, is damaged.
    #[error("{} is damaged ({what}): restore the directory from a copy, or save what can still be read of it", file.display())]
    Damaged {
        /// The database file.
        file: PathBuf,
        /// What was found.
        what: String,
    },
    /// The database cannot be opened for another reason.
    #[error("cannot open {}", file.display())]
    Open {
        /// The database file.
        file: PathBuf,
        /// What SQLite said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The port is taken, or may not be used.
    #[error("the embedded log cannot listen on {address}")]
    Listen {
        /// The address of the settings.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
    /// The thread that writes the log could not be started.
    #[error("cannot start the thread that writes the log")]
    Thread(#[source] io::Error),
}
