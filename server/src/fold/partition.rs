//! Which partition a room lives in: murmur2 of its name, as Java's default producer computes it (decision 2).

use protocol::RoomName;

/// The partition of `maru.messages` that holds a room, with `partitions` partitions in all.
///
/// A foreign producer that sets the key to the room and lets Java's default partitioner choose lands in the same one.
pub fn partition_of(room: &RoomName, partitions: i32) -> i32 {
    let positive = murmur2(room.as_str().as_bytes()) & 0x7fff_ffff;
    // Below 2^31 by the mask, and a remainder of a positive count.
    positive.cast_signed() % partitions.max(1)
}

/// Kafka's `Utils.murmur2`: 32-bit murmur2 with Kafka's seed, in wrapping arithmetic.
fn murmur2(data: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a key is far shorter than 4 GiB; Java's length is 32 bits too"
    )]
    let mut hash = SEED ^ data.len() as u32;
    let (words, rest) = data.as_chunks::<4>();
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    if !rest.is_empty() {
        for (index, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * index);
        }
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known answers of Kafka's own `UtilsTest.testMurmur2`.
    #[test]
    fn equals_kafkas_known_answers() {
        for (text, hash) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            (
                "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8",
                -58_897_971,
            ),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(text.as_bytes()).cast_signed(), hash, "{text}");
        }
    }

    /// What `BuiltInPartitioner.partitionForKey` of Kafka 4.3.1 answers.
    #[test]
    fn equals_javas_default_partitioner() {
        for (room, of_64, of_7) in [
            ("자유게시판", 16, 5),
            ("general", 23, 5),
            ("launch-2026", 61, 3),
            ("a", 60, 5),
            ("日本語", 10, 6),
        ] {
            let room = room.parse().unwrap();
            assert_eq!(
                (partition_of(&room, 64), partition_of(&room, 7)),
                (of_64, of_7),
                "{room}"
            );
            assert_eq!(partition_of(&room, 1), 0);
        }
    }
}
