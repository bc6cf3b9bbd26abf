//! The embedded log on a disk that is full or fails: senders are told, reading goes on, and nothing that was acknowledged is lost.
//!
//! Needs strace (which makes system calls fail) or root (for a small disk), and says so where it has to skip.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test that fails may panic, and says what it skips"
)]

mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use stomp::{Command as Word, Frame};
use support::{Client, Maru, PATIENCE, header};

/// What senders were told.
#[derive(Default)]
struct Told {
    acknowledged: BTreeSet<String>,
    refused: BTreeSet<String>,
}

/// A sender that is told of refusals without losing its connection, and follows its room.
async fn sender(maru: &Maru) -> Client {
    let mut client = Client::connect(maru, "bot").await;
    client
        .send(
            "SUBSCRIBE",
            &[("id", "r"), ("destination", "/user/queue/replies")],
            "",
        )
        .await;
    let room = [
        ("id", "a"),
        ("destination", "/topic/rooms.a"),
        ("receipt", "following"),
    ];
    client.send("SUBSCRIBE", &room, "").await;
    client.receipt("following").await;
    client
}

async fn send(client: &mut Client, id: &str) {
    let headers = [
        ("destination", "/app/rooms.a.send"),
        ("client-msg-id", id),
        ("receipt", id),
    ];
    client.send("SEND", &headers, "말").await;
}

impl Told {
    /// Takes note of a frame; a refusal has to be one that may be repeated, with a sentence that says what to do.
    fn take(&mut self, frame: &Frame) {
        match frame.command {
            Word::Receipt => drop(
                self.acknowledged
                    .insert(header(frame, "receipt-id").to_owned()),
            ),
            Word::Message if header(frame, "subscription") == "r" => {
                assert_eq!(
                    (header(frame, "x-code"), header(frame, "x-retryable")),
                    ("unavailable", "true"),
                    "{frame:?}"
                );
                let sentence = support::body(frame);
                assert!(
                    sentence.contains("the server's disk") && sentence.contains("send it again"),
                    "{sentence}"
                );
                self.refused
                    .insert(header(frame, "client-msg-id").to_owned());
            }
            Word::Message => {}
            _ => panic!("{frame:?}"),
        }
    }

    /// Sends message after message until `enough`.
    async fn send_until(
        &mut self,
        client: &mut Client,
        prefix: &str,
        mut enough: impl FnMut(&Self) -> bool,
    ) {
        let deadline = Instant::now() + PATIENCE;
        let mut number = 0;
        while !enough(self) {
            assert!(
                Instant::now() < deadline,
                "{} acknowledged, {} refused",
                self.acknowledged.len(),
                self.refused.len()
            );
            number += 1;
            send(client, &format!("{prefix}{number}")).await;
            while let Some(frame) = client.frame_within(Duration::from_millis(20)).await {
                self.take(&frame);
            }
        }
    }
}

fn page(maru: &Maru) -> String {
    let (status, page) = maru.get("/api/rooms/a/messages?limit=200");
    assert_eq!(status, 200, "{page}");
    page
}

/// Whatever was acknowledged is there once, and what was refused is not there.
fn assert_kept(maru: &Maru, told: &Told) {
    let page = page(maru);
    let times = |id: &String| page.matches(&format!("\"id\":\"{id}\"")).count();
    for id in &told.acknowledged {
        assert!(
            id == "following" || times(id) == 1,
            "{id} is there {} times",
            times(id)
        );
    }
    for id in &told.refused {
        assert_eq!(times(id), 0, "{id} was refused");
    }
}

/// A server of which some system calls will fail; none without strace.
fn under_strace(injection: &str) -> Option<(Maru, tempfile::TempDir)> {
    if Command::new("strace").arg("-V").output().is_err() {
        eprintln!("SKIPPED: {injection}: strace is not installed");
        return None;
    }
    let data = tempfile::tempdir().unwrap();
    // Everything is made before anything fails.
    assert!(Maru::start(data.path(), SETTINGS).stop().success());
    let words = [
        "-D",
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        "trace=pwrite64,fsync,fdatasync",
        "-e",
        injection,
    ];
    Some((
        Maru::start_under("strace", &words, data.path(), SETTINGS),
        data,
    ))
}

/// Runs a server of which some system calls fail for a while.
async fn failing(injection: &str) {
    let Some((maru, data)) = under_strace(injection) else {
        return;
    };
    let mut client = sender(&maru).await;
    let mut told = Told::default();
    told.send_until(&mut client, "before", |told| !told.refused.is_empty())
        .await;
    let before = told.acknowledged.len();
    page(&maru);
    told.send_until(&mut client, "after", |told| {
        told.acknowledged.len() > before + 30
    })
    .await;
    assert_kept(&maru, &told);
    drop(client);
    maru.kill();
    assert_kept(&Maru::start(data.path(), SETTINGS), &told);
}

const SETTINGS: &[(&str, &str)] = &[
    ("MARU_PROFILE", "bench"),
    ("MARU_PARTITIONS", "1"),
    ("MARU_LOG", "error,pocket_kafka=off"),
];

#[tokio::test(flavor = "multi_thread")]
async fn syncs_that_fail() {
    failing("inject=fsync,fdatasync:error=EIO:when=30..45").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_fail() {
    failing("inject=pwrite64:error=EIO:when=90..100").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_has_become_read_only() {
    failing("inject=pwrite64:error=EROFS:when=90..100").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_full_although_it_said_otherwise() {
    failing("inject=pwrite64:error=ENOSPC:when=90..100").await;
}

/// Longer than a store may fail that has another server beside it (`fold::Limits::stalled`).
const LONG: Duration = Duration::from_secs(12);

#[tokio::test(flavor = "multi_thread")]
async fn reading_goes_on_however_long_nothing_can_be_written() {
    let Some((maru, _data)) = under_strace("inject=pwrite64:error=EROFS:when=90+") else {
        return;
    };
    let mut client = sender(&maru).await;
    let mut reader = sender(&maru).await;
    let mut told = Told::default();
    told.send_until(&mut client, "before", |told| !told.refused.is_empty())
        .await;
    let since = Instant::now();
    told.send_until(&mut client, "long", |_| since.elapsed() > LONG)
        .await;
    page(&maru);
    assert_eq!(maru.get("/healthz/ready").0, 200);
    // Everything that was acknowledged reached whoever follows the room, over the connection that it had.
    let mut seen = BTreeSet::new();
    while let Some(frame) = reader.frame_within(Duration::from_millis(500)).await {
        seen.insert(header(&frame, "client-msg-id").to_owned());
    }
    assert!(
        told.acknowledged
            .iter()
            .all(|id| id == "following" || seen.contains(id))
    );
    drop((client, reader));
    maru.kill();
}

/// A disk of this test's own in memory.
struct Disk(tempfile::TempDir);

impl Disk {
    fn new(options: &str) -> Option<Self> {
        let place = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(place.path())
            .output();
        mounted
            .is_ok_and(|done| done.status.success())
            .then_some(Self(place))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk() {
    let Some(disk) = Disk::new("size=96m") else {
        eprintln!("SKIPPED: a_full_disk: only root can make a small disk");
        return;
    };
    let (data, filler) = (disk.path().join("data"), disk.path().join("filler"));
    let maru = Maru::start(&data, SETTINGS);
    let mut client = sender(&maru).await;
    let mut told = Told::default();
    told.send_until(&mut client, "before", |told| told.acknowledged.len() >= 10)
        .await;
    std::fs::write(&filler, vec![0; 40 << 20]).unwrap();
    told.send_until(&mut client, "full", |told| told.refused.len() >= 10)
        .await;
    let acknowledged = told.acknowledged.len();
    page(&maru);
    let mut reader = sender(&maru).await;
    std::fs::remove_file(&filler).unwrap();
    told.send_until(&mut client, "after", |told| {
        told.acknowledged.len() > acknowledged + 10
    })
    .await;
    // Live sockets were not disturbed.
    assert_eq!(reader.frame().await.command, Word::Message);
    assert_kept(&maru, &told);
    drop((client, reader));
    maru.kill();
    let maru = Maru::start(&data, SETTINGS);
    assert_kept(&maru, &told);
    assert!(maru.stop().success());
}
