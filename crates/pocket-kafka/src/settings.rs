//! What a caller chooses before the log starts.

use std::{fmt, net::SocketAddr, path::PathBuf, time::Duration};

use crate::frame::Bounds;

/// Everything [`PocketKafka::start`](crate::PocketKafka::start) needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the log lives. Created (readable by its owner only) when it is missing; one process at a time holds it.
    pub directory: PathBuf,
    /// A loopback address; port 0 takes any free one, see [`PocketKafka::address`](crate::PocketKafka::address).
    pub listen: SocketAddr,
    /// The one name and password that SASL/PLAIN accepts.
    pub credentials: Credentials,
    /// When an acknowledged batch is on the disk.
    pub durability: Durability,
    /// Topics whose batches are kept in memory only: quick, bounded by [`Limits::memory_partition_bytes`], and empty after a restart.
    pub memory_topics: Vec<String>,
    /// Sizes and counts beyond which requests are refused.
    pub limits: Limits,
}

/// The name and password of SASL/PLAIN. Its `Debug` form hides the password.
#[derive(Clone)]
pub struct Credentials {
    /// The client's `sasl.username`.
    pub username: String,
    /// The client's `sasl.password`.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// When an acknowledged batch is on the disk. Whatever is chosen, `kill -9` of the process alone loses nothing; the choice is about power loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Before it is acknowledged; the batches that arrive during one sync share the next.
    #[default]
    Always,
    /// At most this long after it was acknowledged.
    Interval(Duration),
    /// Whenever the operating system writes it.
    Off,
}

/// Sizes and counts beyond which requests are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest request, in bytes; a longer one closes its connection. Default 8 MiB.
    pub request_bytes: usize,
    /// The largest record batch, in bytes, as it arrives (that is, compressed). Default 1,048,588, as Kafka's `message.max.bytes`.
    pub batch_bytes: usize,
    /// The most record bytes one Fetch answers, unless its first batch alone is larger. Default 16 MiB.
    pub fetch_bytes: usize,
    /// The most bytes a partition of a memory topic keeps; the oldest batches leave first. Default 1 MiB.
    pub memory_partition_bytes: usize,
    /// Simultaneous connections. Default 256.
    pub connections: usize,
    /// Topics. Default 64.
    pub topics: usize,
    /// Partitions of all topics together. Default 1,024.
    pub partitions: usize,
    /// Produce to durable topics is refused while the disk has fewer free bytes than this. Default 64 MiB.
    pub free_space_floor: u64,
}

impl Limits {
    /// How large a request of an authenticated client may be. It may name everything there is, with some settings of each.
    pub(crate) fn request_bounds(&self) -> Bounds {
        Bounds {
            bytes: self.request_bytes,
            elements: self
                .topics
                .saturating_add(self.partitions)
                .saturating_mul(4),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_bytes: 8 << 20,
            batch_bytes: 1_048_588,
            fetch_bytes: 16 << 20,
            memory_partition_bytes: 1 << 20,
            connections: 256,
            topics: 64,
            partitions: 1024,
            free_space_floor: 64 << 20,
        }
    }
}
