//! What is told of a damaged log, and what a log is that was written from what is left of it.

use std::fs;
use std::path::Path;

use pocket_kafka::{Inspection, inspect, salvage};
use rdkafka::{Message as _, Offset};
use rusqlite::Connection;

use crate::{
    client::{
        consumer_at, create, next, offsets, producer, read_all, send_each, texts, watermarks,
    },
    target::{Pocket, database, settings},
};

const PARTITIONS: i32 = 2;

/// A stopped log with twenty batches of one message in partition 1.
fn filled(directory: &Path) -> String {
    let pocket = Pocket::start(settings(directory));
    let topic = create(&pocket.config(), "salvage", PARTITIONS);
    let producer = producer(&pocket.config());
    send_each(&producer, &topic, 1, (0..20).map(|i| i.to_string()));
    drop(producer);
    pocket.shutdown();
    topic
}

fn execute(directory: &Path, damage: &str) {
    let connection = Connection::open(database(directory)).unwrap();
    assert!(connection.execute(damage, []).unwrap() > 0, "{damage}");
}

fn lost(inspection: &Inspection) -> Vec<(i32, i64, i64)> {
    inspection
        .lost
        .iter()
        .map(|lost| (lost.partition, lost.first, lost.end))
        .collect()
}

#[test]
fn a_sound_log_is_whole_and_its_copy_is_the_same() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let topic = filled(from.path());
    let found = inspect(from.path()).unwrap();
    assert!(found.is_whole(), "{found:?}");
    assert_eq!((found.batches, found.partitions.len()), (20, 2));
    let copied = salvage(from.path(), to.path(), &[]).unwrap();
    assert_eq!(
        (copied.batches, copied.bytes, &copied.partitions),
        (found.batches, found.bytes, &found.partitions)
    );
    assert_eq!(inspect(to.path()).unwrap(), found);
    let pocket = Pocket::start(settings(to.path()));
    assert_eq!(
        offsets(&read_all(&pocket.config(), &topic, 1)),
        (0..20).collect::<Vec<_>>()
    );
}

#[test]
fn lost_offsets_are_told_and_never_given_out_again() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let topic = filled(from.path());
    execute(
        from.path(),
        "UPDATE batches SET time = time + 1 WHERE id = (1 << 40) + 4",
    );
    execute(
        from.path(),
        "DELETE FROM batches WHERE id BETWEEN (1 << 40) + 10 AND (1 << 40) + 12",
    );
    execute(
        from.path(),
        "UPDATE batches SET data = zeroblob(70) WHERE id = (1 << 40)",
    );
    let before = fs::read(database(from.path())).unwrap();
    let expected = [(1, 0, 1), (1, 4, 5), (1, 10, 13)];
    let found = inspect(from.path()).unwrap();
    assert_eq!(lost(&found), expected);
    let copied = salvage(from.path(), to.path(), &[]).unwrap();
    assert_eq!(lost(&copied), expected);
    assert_eq!(
        fs::read(database(from.path())).unwrap(),
        before,
        "the original is as it was"
    );

    let pocket = Pocket::start(settings(to.path()));
    let config = pocket.config();
    let left: Vec<i64> = (0..20)
        .filter(|offset| {
            !expected
                .iter()
                .any(|(_, first, end)| (first..end).contains(&offset))
        })
        .collect();
    assert_eq!(offsets(&read_all(&config, &topic, 1)), left);
    // Reading may begin in a gap.
    let consumer = consumer_at(&config, &topic, 1, Offset::Offset(11));
    assert_eq!(next(&consumer).unwrap().offset(), 13);
    send_each(&producer(&config), &topic, 1, ["after"]);
    assert_eq!(watermarks(&config, &topic, 1), (0, 21));
    assert_eq!(
        texts(&read_all(&config, &topic, 1)).last().unwrap(),
        "after"
    );
    pocket.shutdown();
    assert!(inspect(to.path()).unwrap().is_whole());
}

#[test]
fn what_is_lost_behind_the_last_record_is_told() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let topic = filled(from.path());
    execute(
        from.path(),
        "DELETE FROM batches WHERE id >= (1 << 40) + 18",
    );
    assert_eq!(
        lost(&salvage(from.path(), to.path(), &[]).unwrap()),
        [(1, 18, 20)]
    );
    let pocket = Pocket::start(settings(to.path()));
    assert_eq!(watermarks(&pocket.config(), &topic, 1), (0, 18));
}

#[test]
fn rows_that_are_needed_to_start_are_made_again() {
    for damage in [
        "UPDATE partitions SET next_offset = next_offset + 1 WHERE id = 1",
        "UPDATE partitions SET topic = 'x' WHERE id = 0",
        "UPDATE sequences SET last = last + 1 WHERE slot = 0",
        "UPDATE counters SET value = value + 1",
        "DELETE FROM partitions",
    ] {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let topic = filled(from.path());
        execute(from.path(), damage);
        assert!(!inspect(from.path()).unwrap().damage.is_empty(), "{damage}");
        let copied = salvage(from.path(), to.path(), &[(topic.clone(), PARTITIONS)]).unwrap();
        assert_eq!(
            (lost(&copied), copied.batches),
            (Vec::new(), 20),
            "{damage}"
        );
        let pocket = Pocket::start(settings(to.path()));
        assert_eq!(
            offsets(&read_all(&pocket.config(), &topic, 1)),
            (0..20).collect::<Vec<_>>(),
            "{damage}"
        );
        send_each(&producer(&pocket.config()), &topic, 1, ["after"]);
    }
}

#[test]
fn a_damaged_page_costs_no_more_than_its_own_batches() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let topic = {
        let pocket = Pocket::start(settings(from.path()));
        let topic = create(&pocket.config(), "page", 1);
        send_each(
            &producer(&pocket.config()),
            &topic,
            0,
            (0..500).map(|i| format!("{i} {}", "x".repeat(300))),
        );
        pocket.shutdown();
        topic
    };
    let mut bytes = fs::read(database(from.path())).unwrap();
    let marker = |number: usize| format!("{number} xxxx").into_bytes();
    let at = bytes
        .windows(8)
        .position(|window| window == &marker(250)[..8])
        .unwrap();
    let page = at - at % 4096;
    bytes[page..page + 4096].fill(0);
    fs::write(database(from.path()), &bytes).unwrap();
    let copied = salvage(from.path(), to.path(), &[]).unwrap();
    assert_eq!(copied.lost.len(), 1, "{copied:?}");
    let lost = &copied.lost[0];
    assert!(
        (lost.first..lost.end).contains(&250) && lost.end - lost.first < 15,
        "{lost:?}"
    );
    assert!(lost.between.0.is_some() && lost.between.1.is_some());
    let pocket = Pocket::start(settings(to.path()));
    let left: Vec<i64> = (0..500)
        .filter(|offset| !(lost.first..lost.end).contains(offset))
        .collect();
    assert_eq!(offsets(&read_all(&pocket.config(), &topic, 0)), left);
}
