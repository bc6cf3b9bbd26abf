//! `maru verify` and `maru repair`: what an operator asks of the data directory of a server that is stopped.
//!
//! # Layout
//!
//! - `examine`: what is wrong with log and history, as a report
//! - `compare`: the history held against the log, folded once more
//! - `repair`: the steps that make the directory whole again; each can be done again after a crash

mod compare;
mod examine;
mod repair;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tokio::runtime::{self, Runtime};

use crate::bridge;
use crate::config::Config;
use crate::directory::{Directory, DirectoryError};
use crate::history::HistoryError;
use crate::keys::KeysError;
use crate::run::{self, RunError};

pub use repair::is_unfinished;

/// Why the data directory could not be checked or mended.
#[derive(Debug, thiserror::Error)]
pub enum MaintenanceError {
    /// There is nothing to look at.
    #[error("there is no data directory {0}; name the server's with MARU_DATA")]
    Nothing(PathBuf),
    /// It is in use, or cannot be used.
    #[error(transparent)]
    Data(#[from] DirectoryError),
    /// The embedded log cannot be opened.
    #[error(transparent)]
    Embedded(#[from] pocket_kafka::StartError),
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] bridge::StartError),
    /// The history cannot be read or moved.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// No keys, so no way into the embedded log.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// What a server needs is not there.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A file cannot be read, written or moved.
    #[error(
        "{path}: {source}; nothing was lost, so run the same command again when that is mended"
    )]
    File {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What was found cannot be told.
    #[error("cannot write the report: {0}")]
    Report(#[from] io::Error),
}

impl MaintenanceError {
    fn file(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        |source| Self::File {
            path: path.to_owned(),
            source,
        }
    }
}

/// Reads everything in the data directory and writes a report; tells whether all is whole. Changes nothing of log and history.
pub fn verify(config: &Config, said: &mut dyn Write) -> Result<bool, MaintenanceError> {
    let site = Site::open(config)?;
    if is_unfinished(&config.data) {
        writeln!(
            said,
            "A repair was begun and not finished: run `maru repair --yes` once more."
        )?;
        return Ok(false);
    }
    let found = examine::examine(&site)?;
    write!(said, "{found}")?;
    let verdict = if found.is_whole() {
        "All is whole."
    } else {
        "Not all is whole. `maru repair` says how it would be mended."
    };
    writeln!(said, "{verdict}")?;
    Ok(found.is_whole())
}

/// Says what is wrong and how it would be mended, or mends it; tells whether all is whole now.
pub fn repair(config: &Config, yes: bool, said: &mut dyn Write) -> Result<bool, MaintenanceError> {
    let site = Site::open(config)?;
    repair::repair(&site, yes, said)
}

/// The data directory of a stopped server, held for as long as this value lives.
struct Site<'a> {
    config: &'a Config,
    runtime: Runtime,
    _data: Directory,
}

impl<'a> Site<'a> {
    fn open(config: &'a Config) -> Result<Self, MaintenanceError> {
        if !config.data.is_dir() {
            return Err(MaintenanceError::Nothing(config.data.clone()));
        }
        let runtime = runtime::Builder::new_multi_thread().enable_all().build()?;
        let data = runtime.block_on(Directory::open(&config.data))?;
        Ok(Self {
            config,
            runtime,
            _data: data,
        })
    }

    /// Where the embedded log lies; none with Kafka.
    fn log_directory(&self) -> Option<PathBuf> {
        let directory = crate::embedded::directory(self.config);
        self.config.kafka_brokers.is_none().then_some(directory)
    }

    /// The topics that a server makes, with their partitions.
    fn topics(&self) -> [(String, i32); 2] {
        let prefix = &self.config.topic_prefix;
        [
            (format!("{prefix}.state"), 1),
            (format!("{prefix}.messages"), self.config.partitions),
        ]
    }

    /// Does something with the log, which is started for that if it is embedded.
    fn with_log<T>(
        &self,
        work: impl FnOnce(&Runtime, bridge::LogSettings) -> Result<T, MaintenanceError>,
    ) -> Result<T, MaintenanceError> {
        let keys = run::load_keys(self.config)?;
        let (settings, embedded) = self
            .runtime
            .block_on(run::log_settings(self.config, &keys))?;
        let result = work(&self.runtime, settings);
        if let Some(embedded) = embedded {
            self.runtime.block_on(embedded.shutdown());
        }
        result
    }
}
