//! SQLite as the log's storage: one row per record batch, and beside them what has to survive a restart.
//!
//! Row ids are `partition << 40 | base offset`, so one B-tree holds every partition in reading order. The next offset lives outside the batches
//! (deleting all of them must not start at 0 again), and the producers' sequences are written in the same transaction as their batches.
//! SQLite's pages carry no checksum and a batch's CRC does not cover its offset, so every row has one over all its columns.

#[cfg(test)]
mod flips;
mod inspect;
mod open;
mod reader;
mod salvage;
mod wal;
mod writer;

pub(crate) use inspect::inspect;
pub use inspect::{Inspection, Lost, PartitionState};
pub(crate) use open::{Opened, open};
pub(crate) use reader::{READERS, ReadError, Reader, Readers, Span};
pub(crate) use salvage::salvage;
pub(crate) use writer::{Changes, Writer};

/// CRC32C over a row's numbers and bytes.
fn checksum(numbers: &[i64], bytes: &[u8]) -> u32 {
    let crc = numbers.iter().fold(0, |crc, number| {
        crc32c::crc32c_append(crc, &number.to_le_bytes())
    });
    crc32c::crc32c_append(crc, bytes)
}

/// The checksum of a row of `batches`.
fn batch_checksum(row: i64, count: i32, time: i64, data: &[u8]) -> u32 {
    checksum(&[row, i64::from(count), time], data)
}
