//! This server's data directory: made when it is missing, held by one server at a time.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long a server waits for the one before it to leave, as when it is restarted at once (decision 32).
const PATIENCE: Duration = Duration::from_secs(5);

/// The data directory, until it is dropped.
#[derive(Debug)]
pub struct Directory {
    /// The lock goes with the file, also when the process is killed.
    _lock: File,
}

/// Why the directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// It cannot be made or written.
    #[error("cannot use the data directory {path}: {source}; choose another with MARU_DATA")]
    Unusable {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another server works there.
    #[error(
        "another server uses the data directory {path}; stop it, or choose another with MARU_DATA"
    )]
    InUse {
        /// The directory.
        path: PathBuf,
    },
}

impl Directory {
    /// Makes the directory if need be and holds it.
    pub async fn open(path: &Path) -> Result<Self, DirectoryError> {
        let unusable = |source| DirectoryError::Unusable {
            path: path.to_owned(),
            source,
        };
        make(path).map_err(unusable)?;
        let lock = File::create(path.join("lock")).map_err(unusable)?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(Self { _lock: lock }),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(DirectoryError::InUse {
                        path: path.to_owned(),
                    });
                }
                Err(TryLockError::Error(source)) => return Err(unusable(source)),
            }
        }
    }
}

/// Makes a directory whose own entry, and those of the directories above that are made for it, survive a power loss as well as what is in it.
fn make(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent {
        make(parent)?;
    }
    std::fs::create_dir_all(path)?;
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}
