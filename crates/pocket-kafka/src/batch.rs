//! A record batch of the Kafka protocol (magic 2): its header is checked and stamped, its records are never decoded.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use kafka_protocol::error::ResponseError;

use crate::sequence::Sequenced;

const BASE_OFFSET: Range<usize> = 0..8;
const LENGTH: Range<usize> = 8..12;
const LEADER_EPOCH: Range<usize> = 12..16;
const MAGIC: usize = 16;
const CRC: Range<usize> = 17..21;
const ATTRIBUTES: Range<usize> = 21..23;
const LAST_OFFSET_DELTA: Range<usize> = 23..27;
const MAX_TIMESTAMP: Range<usize> = 35..43;
const PRODUCER_ID: Range<usize> = 43..51;
const PRODUCER_EPOCH: Range<usize> = 51..53;
const BASE_SEQUENCE: Range<usize> = 53..57;
const RECORD_COUNT: Range<usize> = 57..61;
const HEADER_BYTES: usize = 61;

const COMPRESSION: i16 = 0b111;
const LOG_APPEND_TIME: i16 = 1 << 3;
const TRANSACTIONAL: i16 = 1 << 4;
const CONTROL: i16 = 1 << 5;
const ZSTD: i16 = 4;

/// The first version of Produce and of Fetch whose client is known to read zstd.
const ZSTD_PRODUCE: i16 = 7;
const ZSTD_FETCH: i16 = 10;

/// A checked batch that has no place in the log yet.
#[derive(Debug)]
pub(crate) struct Batch {
    bytes: BytesMut,
    count: i32,
    producer: Option<Sequenced>,
}

impl Batch {
    /// Checks the records of one partition of a Produce request: exactly one whole batch, as Kafka demands since version 3.
    /// The bytes are copied, so that a small batch does not keep the whole request alive.
    pub(crate) fn parse(records: &[u8], limit: usize, version: i16) -> Result<Self, ResponseError> {
        if records.len() > limit {
            return Err(ResponseError::MessageTooLarge);
        }
        if records.len() < HEADER_BYTES || records[MAGIC] != 2 {
            return Err(ResponseError::InvalidRecord);
        }
        let length =
            usize::try_from(i32_at(records, LENGTH)).map_err(|_| ResponseError::CorruptMessage)?;
        if LENGTH.end + length != records.len() {
            return Err(ResponseError::InvalidRecord);
        }
        if crc32c::crc32c(&records[CRC.end..]).to_be_bytes() != records[CRC] {
            return Err(ResponseError::CorruptMessage);
        }
        let attributes = i16_at(records, ATTRIBUTES);
        let count = i32_at(records, RECORD_COUNT);
        if count < 1
            || i32_at(records, LAST_OFFSET_DELTA) != count - 1
            || attributes & (TRANSACTIONAL | CONTROL) != 0
        {
            return Err(ResponseError::InvalidRecord);
        }
        let compression = attributes & COMPRESSION;
        if compression > ZSTD || (compression == ZSTD && version < ZSTD_PRODUCE) {
            return Err(ResponseError::UnsupportedCompressionType);
        }
        let sequenced = Sequenced {
            producer: i64_at(records, PRODUCER_ID),
            epoch: i16_at(records, PRODUCER_EPOCH),
            first: i32_at(records, BASE_SEQUENCE),
        };
        let producer = (sequenced.producer >= 0).then_some(sequenced);
        if producer.is_some_and(|sequenced| sequenced.epoch < 0 || sequenced.first < 0) {
            return Err(ResponseError::InvalidRecord);
        }
        Ok(Self {
            bytes: BytesMut::from(records),
            count,
            producer,
        })
    }

    pub(crate) fn count(&self) -> i32 {
        self.count
    }

    pub(crate) fn producer(&self) -> Option<Sequenced> {
        self.producer
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Gives the batch its place and its time (`LogAppendTime`). Offset and leader epoch lie outside the CRC, the time inside.
    pub(crate) fn stamp(mut self, base_offset: i64, time: i64) -> Bytes {
        let attributes = i16_at(&self.bytes, ATTRIBUTES) | LOG_APPEND_TIME;
        self.bytes[BASE_OFFSET].copy_from_slice(&base_offset.to_be_bytes());
        self.bytes[LEADER_EPOCH].copy_from_slice(&0_i32.to_be_bytes());
        self.bytes[ATTRIBUTES].copy_from_slice(&attributes.to_be_bytes());
        self.bytes[MAX_TIMESTAMP].copy_from_slice(&time.to_be_bytes());
        let crc = crc32c::crc32c(&self.bytes[CRC.end..]);
        self.bytes[CRC].copy_from_slice(&crc.to_be_bytes());
        self.bytes.freeze()
    }
}

/// A batch that holds the place of lost records: so many offsets without a record, as Kafka's compaction leaves them.
pub(crate) fn empty(base_offset: i64, count: i32, time: i64) -> Bytes {
    let mut bytes = BytesMut::zeroed(HEADER_BYTES);
    let length = i32::try_from(HEADER_BYTES - LENGTH.end).unwrap_or(0);
    bytes[LENGTH].copy_from_slice(&length.to_be_bytes());
    bytes[MAGIC] = 2;
    bytes[LAST_OFFSET_DELTA].copy_from_slice(&(count - 1).to_be_bytes());
    for none in [PRODUCER_ID, PRODUCER_EPOCH, BASE_SEQUENCE] {
        bytes[none].fill(0xff);
    }
    let batch = Batch {
        bytes,
        count,
        producer: None,
    };
    batch.stamp(base_offset, time)
}

/// Whether a client of this version of Fetch can read a stored batch.
pub(crate) fn readable(stored: &[u8], fetch_version: i16) -> bool {
    fetch_version >= ZSTD_FETCH
        || stored
            .get(ATTRIBUTES)
            .is_none_or(|_| i16_at(stored, ATTRIBUTES) & COMPRESSION != ZSTD)
}

fn i16_at(bytes: &[u8], at: Range<usize>) -> i16 {
    i16::from_be_bytes(array(bytes, at))
}

fn i32_at(bytes: &[u8], at: Range<usize>) -> i32 {
    i32::from_be_bytes(array(bytes, at))
}

fn i64_at(bytes: &[u8], at: Range<usize>) -> i64 {
    i64::from_be_bytes(array(bytes, at))
}

fn array<const N: usize>(bytes: &[u8], at: Range<usize>) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[at]);
    array
}

/// A valid batch without records' contents, for the unit tests of the modules that only move batches.
#[cfg(test)]
pub(crate) fn sample(count: i32, producer: Option<Sequenced>, payload: usize) -> Vec<u8> {
    let mut bytes = vec![0; HEADER_BYTES + payload];
    let length = i32::try_from(bytes.len() - LENGTH.end).unwrap();
    bytes[LENGTH].copy_from_slice(&length.to_be_bytes());
    bytes[MAGIC] = 2;
    bytes[LAST_OFFSET_DELTA].copy_from_slice(&(count - 1).to_be_bytes());
    bytes[RECORD_COUNT].copy_from_slice(&count.to_be_bytes());
    let producer = producer.unwrap_or(Sequenced {
        producer: -1,
        epoch: -1,
        first: -1,
    });
    bytes[PRODUCER_ID].copy_from_slice(&producer.producer.to_be_bytes());
    bytes[PRODUCER_EPOCH].copy_from_slice(&producer.epoch.to_be_bytes());
    bytes[BASE_SEQUENCE].copy_from_slice(&producer.first.to_be_bytes());
    reseal(&mut bytes);
    bytes
}

#[cfg(test)]
fn reseal(bytes: &mut [u8]) {
    let crc = crc32c::crc32c(&bytes[CRC.end..]);
    bytes[CRC].copy_from_slice(&crc.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 1 << 20;

    fn refusal(bytes: &[u8]) -> ResponseError {
        Batch::parse(bytes, LIMIT, 9).unwrap_err()
    }

    #[test]
    fn a_stamped_batch_is_valid_and_carries_its_place_and_time() {
        let producer = Sequenced {
            producer: 7,
            epoch: 0,
            first: 40,
        };
        let batch = Batch::parse(&sample(3, Some(producer), 100), LIMIT, 9).unwrap();
        assert_eq!(
            (batch.count(), batch.producer(), batch.len()),
            (3, Some(producer), 161)
        );
        let stamped = batch.stamp(1234, 99_999);
        assert_eq!(i64_at(&stamped, BASE_OFFSET), 1234);
        assert_eq!(i64_at(&stamped, MAX_TIMESTAMP), 99_999);
        assert_eq!(i16_at(&stamped, ATTRIBUTES), LOG_APPEND_TIME);
        assert_eq!(Batch::parse(&stamped, LIMIT, 9).unwrap().count(), 3);
    }

    #[test]
    fn a_flipped_bit_anywhere_under_the_crc_is_found() {
        let good = sample(1, None, 20);
        for at in CRC.start..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert_eq!(refusal(&bad), ResponseError::CorruptMessage, "byte {at}");
        }
    }

    #[test]
    fn only_one_whole_client_batch_is_taken() {
        let good = sample(1, None, 20);
        assert_eq!(refusal(&[]), ResponseError::InvalidRecord);
        assert_eq!(
            refusal(&good[..good.len() - 1]),
            ResponseError::InvalidRecord
        );
        assert_eq!(
            refusal(&[good.clone(), good.clone()].concat()),
            ResponseError::InvalidRecord
        );
        assert_eq!(
            Batch::parse(&good, good.len() - 1, 9).unwrap_err(),
            ResponseError::MessageTooLarge
        );
        let edited = |edit: &dyn Fn(&mut Vec<u8>)| {
            let mut bytes = good.clone();
            edit(&mut bytes);
            reseal(&mut bytes);
            bytes
        };
        assert_eq!(
            refusal(&edited(&|b| b[MAGIC] = 1)),
            ResponseError::InvalidRecord
        );
        assert_eq!(
            refusal(&edited(&|b| b[LENGTH.start] = 0xff)),
            ResponseError::CorruptMessage
        );
        assert_eq!(
            refusal(&edited(&|b| b[RECORD_COUNT.end - 1] = 2)),
            ResponseError::InvalidRecord
        );
        assert_eq!(
            refusal(&edited(&|b| b[ATTRIBUTES.end - 1] = 1 << 5)),
            ResponseError::InvalidRecord
        );
        assert_eq!(
            refusal(&edited(&|b| b[ATTRIBUTES.end - 1] = 5)),
            ResponseError::UnsupportedCompressionType
        );
        assert_eq!(
            refusal(&edited(&|b| b[PRODUCER_ID].fill(0))),
            ResponseError::InvalidRecord
        );
    }

    #[test]
    fn zstd_needs_clients_that_know_it() {
        let mut bytes = sample(1, None, 20);
        bytes[ATTRIBUTES.end - 1] = 4;
        reseal(&mut bytes);
        assert!(Batch::parse(&bytes, LIMIT, 7).is_ok());
        assert_eq!(
            Batch::parse(&bytes, LIMIT, 6).unwrap_err(),
            ResponseError::UnsupportedCompressionType
        );
        assert!(readable(&bytes, 10) && !readable(&bytes, 9));
    }
}
