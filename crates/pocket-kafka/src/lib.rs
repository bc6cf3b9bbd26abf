//! An embedded, durable, single-node log that speaks the part of Kafka's wire protocol that librdkafka needs, over SQLite.
//!
//! A program that talks to Kafka through librdkafka can run without a broker: [`PocketKafka::start`] serves a directory on a loopback port,
//! and an unmodified client connects to it with SASL/PLAIN. It is one node, never a cluster; who outgrows it points the client at Apache Kafka.
//!
//! What it promises: an acknowledged batch is synced to disk ([`Durability::Always`]), is never reordered, and an idempotent producer's retry
//! never doubles it, also across `kill -9`. A stored row that was damaged is reported, never served. Messages are kept for ever; topics named
//! in [`Settings::memory_topics`] are kept in memory only.
//!
//! What it is not: there are no consumer groups (consumers assign partitions themselves and set `enable.auto.commit=false`, or closing them waits
//! in vain for a coordinator), no transactions, no deletion, and one user, who may do everything.
//!
//! The path of a batch: `connection` frames the request, `request::produce` checks the batch and queues it, `commit` admits a group of them
//! (sequence, offset, time), writes the group in one transaction through `storage`, publishes it to waiting fetches and answers.

#![allow(clippy::doc_markdown, reason = "SQLite is a name, not code")]

mod batch;
mod broker;
mod commit;
mod connection;
mod directory;
mod error;
mod frame;
mod partition;
mod request;
mod sasl;
mod sequence;
mod server;
mod settings;
mod storage;
mod topic;

pub use error::StartError;
pub use server::PocketKafka;
pub use settings::{Credentials, Durability, Limits, Settings};
pub use storage::{Inspection, Lost, PartitionState};
pub use topic::{Health, Trouble};

use std::path::Path;

/// Reads everything in a directory whose log is stopped, and tells what is damaged or lost. Changes nothing but needs as much free space again if
/// the write-ahead log is damaged. Blocks the thread; waits up to 5 s for another process that holds the directory.
pub fn inspect(directory: &Path) -> Result<Inspection, StartError> {
    storage::inspect(directory)
}

/// Writes a log into the directory `to`, which has none, of everything that is whole in `from`, and tells what is not.
///
/// Records keep their offsets. Lost ones between them leave offsets without a record, which are never given out again; lost ones behind the last
/// are given out again, so positions that clients remember must not be trusted afterwards. Producers are forgotten. `expected` names the
/// topics that should be there, with their partitions, for when the rows that say so are damaged. Blocks the thread.
pub fn salvage(
    from: &Path,
    to: &Path,
    expected: &[(String, i32)],
) -> Result<Inspection, StartError> {
    storage::salvage(from, to, expected)
}
