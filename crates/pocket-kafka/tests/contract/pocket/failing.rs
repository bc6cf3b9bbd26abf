//! Commits that fail, and disks that are full: producers wait and try again, and nothing is lost, doubled or reordered.

use std::time::Duration;

use rdkafka::{error::KafkaError, types::RDKafkaErrorCode};
use rusqlite::Connection;

use crate::{
    client::{
        create, delivered, offsets, producer, producer_with, read_all, send, send_each, texts,
        try_create, watermarks,
    },
    target::{Pocket, database, settings, unique},
};

#[test]
fn a_third_of_the_writes_fails_and_everything_is_right() {
    const EACH: i64 = 400;
    const PARTITIONS: i32 = 4;
    let directory = tempfile::tempdir().unwrap();
    let pocket = Pocket::start(settings(directory.path()));
    let config = pocket.config();
    let topic = create(&config, "failing", PARTITIONS);
    let producer = producer_with(
        &config,
        &[("retry.backoff.ms", "5"), ("retry.backoff.max.ms", "20")],
    );
    // A producer sends nothing before it has its id; then each message goes at once.
    for partition in 0..PARTITIONS {
        send_each(&producer, &topic, partition, ["0"]);
    }
    let outside = Connection::open(database(directory.path())).unwrap();
    outside.busy_timeout(Duration::from_secs(10)).unwrap();
    outside
        .execute_batch("CREATE TRIGGER failing BEFORE INSERT ON batches WHEN random() % 3 = 0 BEGIN SELECT RAISE(ABORT, 'injected'); END")
        .unwrap();
    let mut deliveries = Vec::new();
    for i in 1..EACH {
        for partition in 0..PARTITIONS {
            deliveries.push((i, send(&producer, &topic, partition, i.to_string())));
            std::thread::sleep(Duration::from_micros(200));
        }
    }
    for (i, delivery) in deliveries {
        assert_eq!(delivered(delivery).unwrap().offset, i);
    }
    assert!(pocket.storage_errors() > 10, "{}", pocket.storage_errors());
    outside.execute_batch("DROP TRIGGER failing").unwrap();
    for partition in 0..PARTITIONS {
        let messages = read_all(&config, &topic, partition);
        assert_eq!(offsets(&messages), (0..EACH).collect::<Vec<_>>());
        assert_eq!(
            texts(&messages),
            (0..EACH).map(|i| i.to_string()).collect::<Vec<_>>()
        );
    }
}

#[test]
fn a_producer_whose_first_batches_fail_again_and_again_goes_on_when_they_no_longer_do() {
    let directory = tempfile::tempdir().unwrap();
    let pocket = Pocket::start(settings(directory.path()));
    let config = pocket.config();
    let topic = create(&config, "first", 2);
    let retry = [("retry.backoff.ms", "1"), ("retry.backoff.max.ms", "5")];
    let producer = producer_with(&config, &retry);
    // It has its id, and is known in the other partition only.
    send_each(&producer, &topic, 1, ["0"]);
    let outside = Connection::open(database(directory.path())).unwrap();
    outside.busy_timeout(Duration::from_secs(10)).unwrap();
    outside
        .execute_batch(
            "CREATE TRIGGER failing BEFORE INSERT ON batches BEGIN SELECT RAISE(ABORT, 'injected'); END",
        )
        .unwrap();
    let mut deliveries = Vec::new();
    while pocket.storage_errors() < 100 {
        if deliveries.len() < 200 {
            let text = deliveries.len().to_string();
            deliveries.push(send(&producer, &topic, 0, text));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    outside.execute_batch("DROP TRIGGER failing").unwrap();
    let sent = deliveries.len();
    for (offset, delivery) in (0..).zip(deliveries) {
        assert_eq!(delivered(delivery).unwrap().offset, offset);
    }
    let expected: Vec<_> = (0..sent).map(|i| i.to_string()).collect();
    assert_eq!(texts(&read_all(&config, &topic, 0)), expected);
}

#[test]
fn while_the_database_cannot_be_locked_producers_wait() {
    let directory = tempfile::tempdir().unwrap();
    let pocket = Pocket::start(settings(directory.path()));
    let config = pocket.config();
    let topic = create(&config, "locked", 1);
    let producer = producer(&config);
    send_each(&producer, &topic, 0, ["0"]);
    let outside = Connection::open(database(directory.path())).unwrap();
    outside.execute_batch("BEGIN IMMEDIATE").unwrap();
    let waiting: Vec<_> = (1..20)
        .map(|i| send(&producer, &topic, 0, i.to_string()))
        .collect();
    let begun = std::time::Instant::now();
    while pocket.storage_errors() == 0 {
        assert!(begun.elapsed() < crate::client::PATIENCE);
        std::thread::sleep(Duration::from_millis(20));
    }
    // Reading goes on, and shows nothing that is not committed.
    assert_eq!(texts(&read_all(&config, &topic, 0)), ["0"]);
    outside.execute_batch("ROLLBACK").unwrap();
    for (offset, delivery) in (1..).zip(waiting) {
        assert_eq!(delivered(delivery).unwrap().offset, offset);
    }
    assert_eq!(
        texts(&read_all(&config, &topic, 0)),
        (0..20).map(|i| i.to_string()).collect::<Vec<_>>()
    );
}

#[test]
fn below_the_free_space_floor_nothing_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let memory = unique("memory");
    let mut settings = settings(directory.path());
    settings.limits.free_space_floor = u64::MAX;
    settings.memory_topics.push(memory.clone());
    let pocket = Pocket::start(settings);
    let config = pocket.config();
    let topic = create(&config, "full", 1);
    let error = delivered(send(
        &producer_with(&config, &[("message.timeout.ms", "2000")]),
        &topic,
        0,
        "x",
    ))
    .unwrap_err();
    assert!(
        matches!(
            error,
            KafkaError::MessageProduction(RDKafkaErrorCode::MessageTimedOut)
        ),
        "{error}"
    );
    assert!(pocket.storage_errors() > 0);
    assert_eq!(watermarks(&config, &topic, 0), (0, 0));
    try_create(&config, &memory, 1, &[]).unwrap();
    send_each(&producer(&config), &memory, 0, ["needs no disk"]);
}
