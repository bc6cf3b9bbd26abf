//! SQLite's write-ahead log as bytes: SQLite takes the first frame that does not fit for the end of what was written, and drops all
//! behind it without a word. That is right after a power loss and wrong after damage, so the two are told apart here.
//!
//! With `synchronous=FULL` a transaction is written only when the one before it was synced. So a frame that continues behind a commit proves
//! that everything up to that commit had been on the disk. The format is that of <https://www.sqlite.org/fileformat2.html#walformat>.

use std::ops::Range;

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
const MAGIC: u32 = 0x377f_0682;
const LARGEST_PAGE: usize = 65_536;

/// The running checksum over header and frames.
type Sum = (u32, u32);

/// What a write-ahead log holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Examined {
    /// Something that was synced is damaged: what, for the operator. SQLite would not tell.
    pub(super) damage: Option<String>,
    /// Every frame that is whole, in order, up to the last commit: also those behind the damage.
    pub(super) frames: Vec<Frame>,
    /// How many pages the database has after the last commit.
    pub(super) pages: u32,
    pub(super) page_size: usize,
}

/// One page as a transaction left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// Counted from 1.
    pub(super) page: u32,
    /// Where its bytes lie in the file.
    pub(super) bytes: Range<usize>,
}

/// Reads a write-ahead log. `page_size` is that of the database, for a log whose own header is damaged.
pub(super) fn examine(wal: &[u8], page_size: usize) -> Examined {
    let header = Header::read(wal);
    let page_size = header.as_ref().map_or(page_size, |header| header.page_size);
    let mut examined = Examined {
        damage: None,
        frames: Vec::new(),
        pages: 0,
        page_size,
    };
    let Some(body) = wal
        .get(HEADER..)
        .filter(|body| body.iter().any(|byte| *byte != 0))
    else {
        return examined;
    };
    if !(512..=LARGEST_PAGE).contains(&page_size) {
        examined.damage = Some("the write-ahead log has no header".to_owned());
        return examined;
    }
    let slot = FRAME_HEADER + page_size;
    let slots: Vec<Slot<'_>> = body.chunks_exact(slot).map(Slot).collect();
    let (big_endian, salts, first) = if let Some(header) = &header {
        (header.big_endian, header.salts, Some(header.sum))
    } else {
        examined.damage = Some("the header of the write-ahead log is damaged".to_owned());
        // Every frame repeats the salts; the first may have been lost together with the header. Every system that Maru runs on is little-endian.
        let Some(salts) = slots.get(1).or(slots.first()).map(Slot::salts) else {
            return examined;
        };
        (false, salts, None)
    };
    examined.walk(&slots, big_endian, salts, first);
    examined
}

impl Examined {
    fn walk(
        &mut self,
        slots: &[Slot<'_>],
        big_endian: bool,
        salts: (u32, u32),
        first: Option<Sum>,
    ) {
        let slot_bytes = FRAME_HEADER + self.page_size;
        // What the frame before says its checksum is, and what it should be.
        let mut before = [first, None];
        let mut first_broken = None;
        let mut behind_a_commit = false;
        let mut committed = 0;
        for (number, slot) in slots.iter().enumerate() {
            let begins = number == 0 && first.is_none();
            let follows = slot.salts() == salts
                && (begins
                    || before
                        .iter()
                        .flatten()
                        .any(|sum| slot.sum_after(*sum, big_endian) == slot.sum()));
            if follows {
                if let (Some(broken), true, None) = (first_broken, behind_a_commit, &self.damage) {
                    self.damage = Some(format!("frame {broken} of the write-ahead log is damaged"));
                }
                let begin = HEADER + number * slot_bytes;
                let bytes = begin + FRAME_HEADER..begin + slot_bytes;
                self.frames.push(Frame {
                    page: slot.page(),
                    bytes,
                });
                if slot.pages() != 0 && (first_broken.is_none() || self.damage.is_some()) {
                    self.pages = slot.pages();
                    committed = self.frames.len();
                }
            } else {
                first_broken.get_or_insert(number + 1);
            }
            // Only the very next frame counts: what a failed write left behind a shorter one continues nothing.
            behind_a_commit = slot.pages() != 0 && first_broken.is_some();
            before = [
                Some(slot.sum()),
                before[0].map(|sum| slot.sum_after(sum, big_endian)),
            ];
        }
        self.frames.truncate(committed);
    }
}

struct Header {
    page_size: usize,
    salts: (u32, u32),
    sum: Sum,
    big_endian: bool,
}

impl Header {
    fn read(wal: &[u8]) -> Option<Self> {
        let header = wal.get(..HEADER)?;
        let magic = word(header, 0, true);
        let big_endian = magic & 1 == 1;
        let sum = checksum((0, 0), &header[..24], big_endian);
        let page_size = usize::try_from(word(header, 8, true)).ok()?;
        let is_sound = magic & !1 == MAGIC
            && sum == (word(header, 24, true), word(header, 28, true))
            && (512..=LARGEST_PAGE).contains(&page_size);
        is_sound.then(|| Self {
            page_size,
            salts: (word(header, 16, true), word(header, 20, true)),
            sum,
            big_endian,
        })
    }
}

/// A frame's header and page.
struct Slot<'a>(&'a [u8]);

impl Slot<'_> {
    fn page(&self) -> u32 {
        word(self.0, 0, true)
    }

    /// The size of the database in pages if this frame ends a transaction, else 0.
    fn pages(&self) -> u32 {
        word(self.0, 4, true)
    }

    fn salts(&self) -> (u32, u32) {
        (word(self.0, 8, true), word(self.0, 12, true))
    }

    fn sum(&self) -> Sum {
        (word(self.0, 16, true), word(self.0, 20, true))
    }

    /// The checksum that this frame has to have when the one before it has `sum`.
    fn sum_after(&self, sum: Sum, big_endian: bool) -> Sum {
        let sum = checksum(sum, &self.0[..8], big_endian);
        checksum(sum, &self.0[FRAME_HEADER..], big_endian)
    }
}

fn checksum(sum: Sum, bytes: &[u8], big_endian: bool) -> Sum {
    bytes.chunks_exact(8).fold(sum, |(one, two), pair| {
        let one = one
            .wrapping_add(word(pair, 0, big_endian))
            .wrapping_add(two);
        (
            one,
            two.wrapping_add(word(pair, 4, big_endian))
                .wrapping_add(one),
        )
    })
}

fn word(bytes: &[u8], at: usize, big_endian: bool) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    if big_endian {
        u32::from_be_bytes(word)
    } else {
        u32::from_le_bytes(word)
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    const PAGE: usize = 4096;
    const SLOT: usize = FRAME_HEADER + PAGE;

    /// The write-ahead log of so many transactions, as a crash leaves it.
    fn sample(transactions: u16) -> Vec<u8> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a");
        let connection = Connection::open(&file).unwrap();
        connection
            .pragma_update(None, "journal_mode", "WAL")
            .unwrap();
        connection.execute_batch("CREATE TABLE a(b)").unwrap();
        for number in 1..transactions {
            connection
                .execute("INSERT INTO a VALUES (?1)", [number])
                .unwrap();
        }
        std::fs::read(directory.path().join("a-wal")).unwrap()
    }

    fn damage(wal: &[u8]) -> bool {
        examine(wal, PAGE).damage.is_some()
    }

    #[test]
    fn a_whole_log_and_one_that_a_power_loss_cut_are_sound() {
        let wal = sample(10);
        let whole = examine(&wal, PAGE);
        assert_eq!(
            (whole.damage, whole.frames.len() * SLOT + HEADER),
            (None, wal.len())
        );
        for length in (0..wal.len()).step_by(97) {
            assert!(!damage(&wal[..length]), "cut at {length}");
        }
        // The last transaction was not synced: any of its sectors may be missing.
        let mut torn = wal.clone();
        torn[wal.len() - 512..].fill(0);
        let torn = examine(&torn, PAGE);
        assert_eq!(
            (torn.damage, torn.frames.len()),
            (None, whole.frames.len() - 1)
        );
        assert!(!damage(&[]) && !damage(&[0; 32]) && !damage(&[0; 9000]));
    }

    #[test]
    fn a_flipped_bit_before_the_last_transaction_is_damage_and_everything_else_is_kept() {
        let wal = sample(6);
        let frames = examine(&wal, PAGE).frames.len();
        // The page number and size of the database at the beginning are as much part of it as the page.
        for at in (0..HEADER + FRAME_HEADER).chain((0..HEADER + (frames - 1) * SLOT).step_by(29)) {
            let mut flipped = wal.clone();
            flipped[at] ^= 1 << (at % 8);
            let examined = examine(&flipped, PAGE);
            // SQLite does not look at the version or the number of checkpoints, but their checksum covers them.
            assert!(examined.damage.is_some(), "byte {at}");
            let lost = frames - examined.frames.len();
            assert!(lost <= 1, "byte {at}: {lost} frames of {frames} are lost");
        }
    }

    #[test]
    fn what_failed_writes_left_behind_is_no_damage() {
        let wal = sample(8);
        let slots: Vec<_> = wal[HEADER..].chunks_exact(SLOT).collect();
        // Two transactions that never came about lie behind the end, one on top of the other.
        let mut left: Vec<u8> = wal[..HEADER + 3 * SLOT].to_vec();
        for stale in [5, 6, 4, 7] {
            left.extend(slots[stale]);
        }
        left[HEADER + 3 * SLOT] ^= 1;
        assert!(damage(&left), "the fifth and sixth follow one another");
        left.truncate(HEADER + 3 * SLOT);
        for stale in [6, 5, 7] {
            left.extend(slots[stale]);
        }
        assert!(!damage(&left));
    }
}
