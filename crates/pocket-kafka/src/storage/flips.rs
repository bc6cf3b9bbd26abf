//! Bits that flip, pages that are zeroed and ends that are cut off anywhere in the files: whatever is read is as it was written.
//!
//! `MARU_TEST_FLIPS` says how many copies are damaged, `MARU_TEST_SEED` repeats them.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::thread;

use super::{Changes, Opened, Span, inspect, open, salvage};
use crate::batch::{self, Batch, sample};
use crate::partition::{Admission, PartitionId, Stored};
use crate::sequence::Sequenced;
use crate::settings::{Credentials, Durability, Limits, Settings};

const PARTITIONS: i64 = 4;
const TOPIC: &str = "a";

type Content = BTreeMap<(i64, i64), Stored>;

fn settings(directory: &Path) -> Settings {
    Settings {
        directory: directory.to_owned(),
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        credentials: Credentials {
            username: "a".to_owned(),
            password: "b".to_owned(),
        },
        durability: Durability::Always,
        memory_topics: Vec::new(),
        limits: Limits::default(),
    }
}

/// Writes groups of batches with their sequences; some are larger than a page.
fn write(opened: &mut Opened, from: i64, to: i64) -> Content {
    let mut content = Content::new();
    for number in from..to {
        let partition = opened.log.topic(TOPIC).unwrap().partitions
            [usize::try_from(number % PARTITIONS).unwrap()]
        .clone();
        let producer = Sequenced {
            producer: 7,
            epoch: 0,
            first: i32::try_from(number / PARTITIONS).unwrap(),
        };
        let size = if number % 11 == 0 {
            9_000
        } else {
            60 + usize::try_from(number % 200).unwrap()
        };
        let batch = Batch::parse(&sample(1, Some(producer), size), 1 << 20, 9).unwrap();
        let Admission::Append(admitted) = partition.appender().admit(batch, 1_000 + number) else {
            panic!("batch {number}")
        };
        content.insert(
            (partition.id.0, admitted.batch.base_offset),
            admitted.batch.clone(),
        );
        let changes = Changes {
            partition: partition.id,
            topic: TOPIC,
            number: partition.number,
            start_offset: 0,
            next_offset: admitted.batch.end(),
            last_time: admitted.batch.time,
            admitted: &[admitted],
        };
        opened.writer.append(&[changes]).unwrap();
    }
    content
}

/// Files as a crash leaves them: some batches in the database, some in the write-ahead log only.
fn make(directory: &Path, crashed: &Path) -> Content {
    let mut opened = open(&settings(directory)).unwrap();
    opened
        .writer
        .create_topic(TOPIC, 0, i32::try_from(PARTITIONS).unwrap())
        .unwrap();
    drop(opened);
    let mut opened = open(&settings(directory)).unwrap();
    let mut content = write(&mut opened, 0, 400);
    drop(opened);
    let mut opened = open(&settings(directory)).unwrap();
    content.extend(write(&mut opened, 400, 460));
    fs::create_dir(crashed).unwrap();
    for file in ["log.sqlite", "log.sqlite-wal"] {
        fs::copy(directory.join(file), crashed.join(file)).unwrap();
    }
    content
}

/// What can be had of a log through the readers that serve it; `Err` if it does not open.
fn read(directory: &Path) -> Result<Content, String> {
    let opened = open(&settings(directory)).map_err(|error| error.to_string())?;
    let mut content = Content::new();
    let Some(topic) = opened.log.topic(TOPIC) else {
        return Ok(content);
    };
    for partition in &topic.partitions {
        let end = partition.published().end;
        let mut offset = 0;
        while offset < end {
            let span = Span {
                partition: partition.id,
                offset,
                end,
                limit: 20_000,
            };
            offset = match opened.readers.with(|reader| reader.read(span)) {
                Ok(batches) => {
                    let next = batches.last().unwrap().end();
                    content.extend(
                        batches
                            .into_iter()
                            .map(|batch| ((partition.id.0, batch.base_offset), batch)),
                    );
                    next
                }
                Err(_) => offset + 1,
            };
        }
        let time = opened
            .readers
            .with(|reader| reader.first_since(partition.id, 0, end, 1_200));
        if let Ok(Some(found)) = time {
            content.insert((partition.id.0, found.base_offset), found);
        }
    }
    Ok(content)
}

fn assert_true(what: &str, found: &Content, written: &Content) {
    for (at, batch) in found {
        assert_eq!(
            written.get(at),
            Some(batch),
            "{what}: something else is served at {at:?}"
        );
    }
}

/// In memory where the system has such a place: nothing here depends on what a disk does.
fn place() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        tempfile::tempdir_in(memory)
    } else {
        tempfile::tempdir()
    }
    .unwrap()
}

/// splitmix64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(end).unwrap()).unwrap()
    }
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

/// Damages one file at one place; gives what was done.
fn damage(bytes: &mut Vec<u8>, random: &mut Random) -> String {
    let at = random.below(bytes.len());
    match random.below(20) {
        0 => {
            bytes.truncate(at);
            format!("cut at {at}")
        }
        1 => {
            let page = at - at % 4096;
            let end = bytes.len().min(page + 4096);
            bytes[page..end].fill(0);
            format!("zeros from {page}")
        }
        _ => {
            let bit = random.below(8);
            bytes[at] ^= 1 << bit;
            format!("bit {bit} of byte {at}")
        }
    }
}

/// What became of a damaged copy.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Refused,
    Noticed,
    Harmless,
    /// As after a power loss: batches are gone that the write-ahead log no longer proves to have been written.
    Cut,
}

const FILES: [&str; 2] = ["log.sqlite", "log.sqlite-wal"];

/// Damages one copy in every way that it can be read.
fn try_one(
    seed: u64,
    round: u64,
    place: &Path,
    originals: &[Vec<u8>; 2],
    written: &Content,
) -> Fate {
    let mut random = Random(seed.wrapping_mul(1_000_003) + round);
    let mut damaged = originals.clone();
    let file = random.below(2);
    let done = damage(&mut damaged[file], &mut random);
    let what = format!("copy {round} of seed {seed}: {done} of {}", FILES[file]);
    let (copy, salvaged) = (
        place.join(format!("copy-{round}")),
        place.join(format!("salvaged-{round}")),
    );
    fs::create_dir(&copy).unwrap();
    let lay = || {
        drop(fs::remove_file(copy.join("log.sqlite-shm")));
        for (file, bytes) in FILES.iter().zip(&damaged) {
            fs::write(copy.join(file), bytes).unwrap();
        }
    };
    lay();
    let inspected = inspect(&copy);
    if salvage(&copy, &salvaged, &[(TOPIC.to_owned(), 4)]).is_ok() {
        let mut left = read(&salvaged)
            .unwrap_or_else(|error| panic!("{what}: what was saved does not open: {error}"));
        left.retain(|_, stored| {
            stored.data != batch::empty(stored.base_offset, stored.count, stored.time)
        });
        assert_true(&what, &left, written);
    }
    for (file, bytes) in FILES.iter().zip(&damaged) {
        assert_eq!(
            &fs::read(copy.join(file)).unwrap(),
            bytes,
            "{what}: inspecting changed {file}"
        );
    }
    lay();
    let fate = match read(&copy) {
        Err(_) => Fate::Refused,
        Ok(found) => {
            assert_true(&what, &found, written);
            let missing = written.len() - found.len();
            if missing == 0 {
                Fate::Harmless
            } else if inspected.is_ok_and(|inspection| inspection.is_whole()) {
                assert!(
                    file == 1,
                    "{what}: {missing} batches are gone and nobody notices"
                );
                assert!(
                    missing == 1 || !done.starts_with("bit"),
                    "{what}: {missing} batches"
                );
                Fate::Cut
            } else {
                Fate::Noticed
            }
        }
    };
    drop(fs::remove_dir_all(&copy));
    drop(fs::remove_dir_all(&salvaged));
    fate
}

#[test]
fn nothing_else_is_ever_served_than_was_written() {
    // SQLite waits for seconds where locks seem to be held, so several copies are tried at the same time.
    const WORKERS: u64 = 16;
    let (count, seed) = (number("MARU_TEST_FLIPS", 300), number("MARU_TEST_SEED", 1));
    let parent = place();
    let crashed = parent.path().join("crashed");
    let written = make(&parent.path().join("original"), &crashed);
    let originals = FILES.map(|file| fs::read(crashed.join(file)).unwrap());
    let fates: Vec<Fate> = thread::scope(|scope| {
        let try_some = |first: u64| {
            let (originals, written, place) = (&originals, &written, parent.path());
            let rounds = (first..count).step_by(usize::try_from(WORKERS).unwrap());
            move || {
                rounds
                    .map(|round| try_one(seed, round, place, originals, written))
                    .collect::<Vec<_>>()
            }
        };
        let workers: Vec<_> = (0..WORKERS)
            .map(|first| scope.spawn(try_some(first)))
            .collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap())
            .collect()
    });
    let of = |fate: Fate| fates.iter().filter(|other| **other == fate).count();
    let (refused, noticed, harmless, cut) = (
        of(Fate::Refused),
        of(Fate::Noticed),
        of(Fate::Harmless),
        of(Fate::Cut),
    );
    println!(
        "{count} copies: {refused} refused at the start, {noticed} noticed when read, {harmless} harmless, {cut} as if the power had failed before the last commit"
    );
    assert!(refused > 0 && noticed > 0 && harmless > 0);
}

#[test]
fn a_copy_that_is_not_damaged_opens_whole() {
    let parent = place();
    let crashed = parent.path().join("crashed");
    let written = make(&parent.path().join("original"), &crashed);
    assert_eq!(written.len(), 460);
    assert!(inspect(&crashed).unwrap().is_whole());
    assert_eq!(read(&crashed).unwrap(), written);
    assert_eq!(PartitionId(1).row(0), 1 << 40);
}
