//! Power loss: no acknowledgement leaves before its record is synced, and whatever a disk keeps of the rest, nothing acknowledged is missing.
//!
//! strace writes down what a real server does; it is skipped, and said so, where there is none. `MARU_TEST_CUTS` says how many copies of the data
//! directory are cut back, `MARU_TEST_SEED` repeats them.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that fails may panic, and says what it skips and counts"
)]

mod disk;
#[path = "../support/mod.rs"]
mod support;
mod trace;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use disk::Random;
use support::{Client, Maru, PATIENCE};
use trace::{Call, Kind};

const WRITERS: usize = 4;
const MESSAGES: usize = 40;

const SETTINGS: [(&str, &str); 3] = [
    ("MARU_PROFILE", "bench"),
    ("MARU_PARTITIONS", "2"),
    // So that the trace shows which record is where.
    ("MARU_KAFKA_PROPERTIES", "compression.type=none"),
];

/// Traces a server to which several people send, until it is killed.
async fn traced(data: &Path, fsync: &str) -> Option<Vec<Call>> {
    if Command::new("strace").arg("-V").output().is_err() {
        eprintln!("SKIPPED: power loss: strace is not installed");
        return None;
    }
    let file = data.with_extension("trace");
    let calls = "trace=pwrite64,write,writev,sendto,sendmsg,recvfrom,read,fsync,fdatasync,ftruncate,rename,renameat,renameat2,unlink,unlinkat,mkdir,openat,link,linkat";
    let file_name = file.to_str().unwrap();
    let words = [
        "-D", "-f", "-yy", "-xx", "-s", "2000000", "-o", file_name, "-e", calls,
    ];
    let mut settings = SETTINGS.to_vec();
    settings.push(("MARU_FSYNC", fsync));
    let maru = Maru::start_under("strace", &words, data, &settings);
    let mut writers = Vec::new();
    for writer in 0..WRITERS {
        let mut client = Client::connect(&maru, &format!("bot{writer}")).await;
        writers.push(tokio::spawn(async move {
            for number in 0..MESSAGES {
                let id = format!("m{}", 1_000 + number * WRITERS + writer);
                client.say(&format!("room{writer}"), &id, "말").await;
            }
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    maru.kill();
    // The tracer writes its last lines after the program is gone.
    let deadline = Instant::now() + PATIENCE;
    loop {
        let trace = fs::read_to_string(&file).unwrap();
        if trace
            .lines()
            .last()
            .is_some_and(|line| line.contains("+++ killed by"))
            || Instant::now() > deadline
        {
            return Some(trace::read(&trace));
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledgement_leaves_before_its_sync_and_no_cut_loses_one() {
    let parent = tempfile::tempdir().unwrap();
    let data = parent.path().join("above/data");
    fs::create_dir(parent.path().join("above")).unwrap();
    let Some(calls) = traced(&data, "always").await else {
        return;
    };
    assert_eq!(trace::violations(&calls), Vec::<String>::new());
    let receipts = trace::receipts(&calls);
    assert_eq!(receipts.len(), WRITERS * MESSAGES, "each was seen to leave");

    let (cuts, seed) = (number("MARU_TEST_CUTS", 12), number("MARU_TEST_SEED", 1));
    let root = data.parent().unwrap().to_str().unwrap();
    let last = calls.iter().map(|call| call.begin).max().unwrap();
    let mut checked = 0;
    for round in 0..cuts {
        let mut random = Random(u64::try_from(seed * 1_000_003 + round).unwrap());
        // Lines on which something is being written are the dangerous ones.
        let writes: Vec<usize> = calls
            .iter()
            .filter(|call| matches!(call.kind, Kind::Write { .. } | Kind::Sync(_)))
            .map(|call| call.begin)
            .collect();
        let at = if round % 2 == 0 {
            writes[random.below(writes.len())] + 1
        } else {
            random.below(last)
        };
        let disk = disk::cut(&calls, root, at, &mut random);
        let copy = parent.path().join(format!("cut-{round}"));
        let place = |path: &String| copy.join(path[root.len()..].trim_start_matches('/'));
        for directory in &disk.directories {
            fs::create_dir_all(place(directory)).unwrap();
        }
        for (path, bytes) in &disk.files {
            fs::create_dir_all(place(path).parent().unwrap()).unwrap();
            fs::write(place(path), bytes).unwrap();
        }
        let maru = Maru::start(&copy.join("data"), &SETTINGS);
        let pages: Vec<String> = (0..WRITERS)
            .map(|room| {
                maru.get(&format!("/api/rooms/room{room}/messages?limit=200"))
                    .1
            })
            .collect();
        let shown = pages.concat();
        for (name, _) in receipts.iter().filter(|(_, line)| *line < at) {
            checked += 1;
            let times = shown.matches(&format!("\"id\":\"{name}\"")).count();
            assert_eq!(
                times, 1,
                "cut {round} of seed {seed} on line {at}: {name} was acknowledged"
            );
        }
        maru.kill();
        fs::remove_dir_all(&copy).unwrap();
    }
    println!("{cuts} cuts, {checked} acknowledged messages looked for");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_sync_is_caught() {
    let parent = tempfile::tempdir().unwrap();
    let Some(calls) = traced(&parent.path().join("data"), "off").await else {
        return;
    };
    let found = trace::violations(&calls).len();
    assert_eq!(
        found,
        2 * WRITERS * MESSAGES,
        "every receipt and every answer of the log"
    );
}
