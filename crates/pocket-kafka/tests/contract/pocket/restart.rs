//! Stopping and starting again.

use pocket_kafka::{Durability, Limits, StartError};
use rdkafka::Offset;

use crate::{
    client::{
        create, delivered, offset_at, offsets, producer, producer_with, read_all, read_from, send,
        send_each, texts, try_create, watermarks,
    },
    target::{Pocket, settings, unique},
};

#[test]
fn everything_is_there_after_a_restart_and_a_living_producer_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    for durability in [
        Durability::Always,
        Durability::Interval(std::time::Duration::from_millis(5)),
        Durability::Off,
    ] {
        let mut settings = settings(directory.path());
        settings.durability = durability;
        let pocket = Pocket::start(settings.clone());
        settings.listen = pocket.address();
        let config = pocket.config();
        let topic = create(&config, "restart", 2);
        let producer = producer(&config);
        send_each(&producer, &topic, 1, (0..10).map(|i| i.to_string()));
        pocket.shutdown();
        let waiting: Vec<_> = (10..20)
            .map(|i| send(&producer, &topic, 1, i.to_string()))
            .collect();
        let pocket = Pocket::start(settings);
        for (offset, delivery) in (10..).zip(waiting) {
            assert_eq!(delivered(delivery).unwrap().offset, offset);
        }
        let messages = read_all(&config, &topic, 1);
        assert_eq!(offsets(&messages), (0..20).collect::<Vec<_>>());
        assert_eq!(
            texts(&messages),
            (0..20).map(|i| i.to_string()).collect::<Vec<_>>()
        );
        assert_eq!(watermarks(&config, &topic, 0), (0, 0));
        pocket.shutdown();
    }
}

#[test]
fn what_is_read_from_the_disk_joins_what_is_in_memory() {
    let directory = tempfile::tempdir().unwrap();
    let pocket = Pocket::start(settings(directory.path()));
    let topic = create(&pocket.config(), "cold", 2);
    let batching = producer_with(&pocket.config(), &[("linger.ms", "100")]);
    let mut times = Vec::new();
    for batch in 0..3 {
        let deliveries: Vec<_> = (batch * 10..batch * 10 + 10)
            .map(|i| send(&batching, &topic, 1, i.to_string()))
            .collect();
        for delivery in deliveries {
            times.push(delivered(delivery).unwrap().timestamp.to_millis().unwrap());
        }
    }
    drop(batching);
    pocket.shutdown();
    let pocket = Pocket::start(settings(directory.path()));
    let config = pocket.config();
    send_each(
        &producer(&config),
        &topic,
        1,
        (30..35).map(|i| i.to_string()),
    );
    for from in [0, 7, 10, 29, 30, 33, 35] {
        let messages = read_from(&config, &topic, 1, from);
        assert_eq!(offsets(&messages), (from..35).collect::<Vec<_>>());
        let expected: Vec<_> = (from..35).map(|i| i.to_string()).collect();
        assert_eq!(texts(&messages), expected);
    }
    // An offset found by time is the first of its batch.
    for time in &times {
        let first = times.iter().position(|other| other == time).unwrap();
        let expected = Offset::Offset(i64::try_from(first).unwrap());
        assert_eq!(offset_at(&config, &topic, 1, *time), expected);
    }
    assert_eq!(offset_at(&config, &topic, 0, 0), Offset::End);
}

#[test]
fn a_directory_belongs_to_one_log_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let pocket = Pocket::start(settings(directory.path()));
    let error = Pocket::try_start(settings(directory.path())).err().unwrap();
    assert!(matches!(error, StartError::InUse { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains(directory.path().to_str().unwrap()),
        "{error}"
    );
    // A log that stops while the next one waits is replaced by it.
    let waiting = std::thread::spawn({
        let settings = settings(directory.path());
        move || Pocket::try_start(settings).map(|_| ())
    });
    pocket.shutdown();
    waiting.join().unwrap().unwrap();
}

#[test]
fn what_cannot_be_opened_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = crate::target::database(directory.path());
    std::fs::write(
        &file,
        "this is not a database, and it is long enough for SQLite to look at it".repeat(20),
    )
    .unwrap();
    let error = Pocket::try_start(settings(directory.path())).err().unwrap();
    assert!(
        matches!(error, StartError::Damaged { .. })
            && error.to_string().contains(file.to_str().unwrap()),
        "{error}"
    );
    std::fs::remove_file(&file).unwrap();
    rusqlite::Connection::open(&file)
        .unwrap()
        .execute_batch("CREATE TABLE other (x)")
        .unwrap();
    let error = Pocket::try_start(settings(directory.path())).err().unwrap();
    assert!(matches!(error, StartError::Format { .. }), "{error}");
}

#[test]
fn addresses_and_credentials_are_checked() {
    let directory = tempfile::tempdir().unwrap();
    let mut open = settings(directory.path());
    open.listen = "0.0.0.0:0".parse().unwrap();
    assert!(matches!(
        Pocket::try_start(open).err().unwrap(),
        StartError::NotLoopback(_)
    ));
    let mut empty = settings(directory.path());
    empty.credentials.password.clear();
    assert!(matches!(
        Pocket::try_start(empty).err().unwrap(),
        StartError::Credentials
    ));
    let pocket = Pocket::start(settings(directory.path()));
    let elsewhere = tempfile::tempdir().unwrap();
    let mut taken = settings(elsewhere.path());
    taken.listen = pocket.address();
    let error = Pocket::try_start(taken).err().unwrap();
    assert!(
        matches!(error, StartError::Listen { address, .. } if address == pocket.address()),
        "{error}"
    );
}

#[test]
fn a_memory_topic_is_quick_bounded_and_forgotten() {
    let directory = tempfile::tempdir().unwrap();
    let mut settings = settings(directory.path());
    let topic = unique("memory");
    settings.memory_topics.push(topic.clone());
    settings.limits.memory_partition_bytes = 10_000;
    let pocket = Pocket::start(settings.clone());
    try_create(&pocket.config(), &topic, 2, &[]).unwrap();
    send_each(
        &producer(&pocket.config()),
        &topic,
        1,
        (0..100).map(|i| format!("{i:0>1000}")),
    );
    let (start, end) = watermarks(&pocket.config(), &topic, 1);
    assert_eq!(end, 100);
    assert_eq!(
        offset_at(&pocket.config(), &topic, 1, 0),
        Offset::Offset(start)
    );
    assert_eq!(offset_at(&pocket.config(), &topic, 0, 0), Offset::End);
    assert!((85..95).contains(&start), "{start}");
    let consumer = crate::client::consumer_at(&pocket.config(), &topic, 1, Offset::Beginning);
    assert_eq!(
        rdkafka::Message::offset(&crate::client::next(&consumer).unwrap()),
        start
    );
    pocket.shutdown();
    let stored: i64 = rusqlite::Connection::open(crate::target::database(directory.path()))
        .unwrap()
        .query_row("SELECT count(*) FROM batches", [], |row| row.get(0))
        .unwrap();
    assert_eq!(stored, 0);
    let pocket = Pocket::start(settings);
    assert_eq!(watermarks(&pocket.config(), &topic, 1), (0, 0));
}

#[test]
fn topics_are_limited() {
    let directory = tempfile::tempdir().unwrap();
    let mut settings = settings(directory.path());
    settings.limits = Limits {
        topics: 2,
        partitions: 10,
        ..Limits::default()
    };
    let pocket = Pocket::start(settings);
    let config = pocket.config();
    create(&config, "first", 4);
    let refused = Err(rdkafka::types::RDKafkaErrorCode::PolicyViolation);
    assert_eq!(try_create(&config, &unique("wide"), 7, &[]), refused);
    create(&config, "second", 6);
    assert_eq!(try_create(&config, &unique("third"), 1, &[]), refused);
}
