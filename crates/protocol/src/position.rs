//! Where a message stands: the epoch of the log, the partition, and the offset in it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Identity of one life of the log: another epoch means that offsets of before say nothing.
///
/// Written as eight lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Epoch(pub u32);

impl fmt::Display for Epoch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:08x}", self.0)
    }
}

impl FromStr for Epoch {
    type Err = PositionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let canonical = text.len() == 8
            && text
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if !canonical {
            return Err(PositionError);
        }
        u32::from_str_radix(text, 16)
            .map(Self)
            .map_err(|_| PositionError)
    }
}

impl Serialize for Epoch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Epoch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// The place of a message in the log, written `epoch-partition-offset`.
///
/// Within one epoch and partition a higher offset is later; a room never leaves its partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// The life of the log that the offset belongs to.
    pub epoch: Epoch,
    /// The partition of `maru.messages`.
    pub partition: i32,
    /// The offset in that partition.
    pub offset: i64,
}

/// A text that is not a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a position is written epoch-partition-offset, for example 5f2c9a01-3-18231")]
pub struct PositionError;

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}-{}-{}",
            self.epoch, self.partition, self.offset
        )
    }
}

impl FromStr for Position {
    type Err = PositionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.splitn(3, '-');
        let (Some(epoch), Some(partition), Some(offset)) =
            (parts.next(), parts.next(), parts.next())
        else {
            return Err(PositionError);
        };
        let digits =
            |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(partition) || !digits(offset) {
            return Err(PositionError);
        }
        Ok(Self {
            epoch: epoch.parse()?,
            partition: partition.parse().map_err(|_| PositionError)?,
            offset: offset.parse().map_err(|_| PositionError)?,
        })
    }
}

impl Serialize for Position {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn written_and_read_again(epoch: u32, partition in 0..=i32::MAX, offset in 0..=i64::MAX) {
            let position = Position { epoch: Epoch(epoch), partition, offset };
            prop_assert_eq!(position.to_string().parse(), Ok(position));
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = text.parse::<Position>();
        }
    }

    #[test]
    fn one_spelling_only() {
        for text in [
            "",
            "1-2-3",
            "5F2C9A01-3-1",
            "5f2c9a01-3",
            "5f2c9a01-3-",
            "5f2c9a01--1",
            "5f2c9a01-+3-1",
            "5f2c9a01-3-1-4",
        ] {
            assert_eq!(text.parse::<Position>(), Err(PositionError), "{text}");
        }
    }
}
