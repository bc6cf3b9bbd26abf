//! What tells people of the same name apart.

/// Letters and digits that are not taken for one another.
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Four letters made of a person's id, to be shown after the name (`지우 #k3f9`) where a page knows two people of that name.
///
/// The same everywhere and for good. Ids are what counts: one in a million pairs of people shares a tag.
pub fn tag(uid: &str) -> String {
    // FNV-1a; ids come from the server's key or its random numbers, so nobody chooses theirs.
    let hash = uid.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mixed = hash ^ (hash >> 32);
    let letters = mixed.to_le_bytes().into_iter().take(4);
    letters
        .map(|byte| char::from(LETTERS[usize::from(byte & 31)]))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn tags_stay_and_differ() {
        assert_eq!(tag("TQ6xcJwyS3OrcQXZ6PiOXw"), tag("TQ6xcJwyS3OrcQXZ6PiOXw"));
        let tags: HashSet<_> = (0..1_000).map(|n| tag(&format!("person-{n}"))).collect();
        assert!(tags.len() > 990, "{}", tags.len());
        assert!(tags.iter().all(|tag| tag.len() == 4));
    }
}
