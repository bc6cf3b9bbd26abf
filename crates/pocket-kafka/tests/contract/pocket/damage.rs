//! Bytes that changed on the disk are found and never served.

use rdkafka::{Message as _, Offset, error::KafkaError, types::RDKafkaErrorCode};
use rusqlite::Connection;

use crate::{
    client::{consumer_at, create, next, producer, read_from, send_each, watermarks},
    target::{Pocket, database, settings},
};

/// Stores twenty batches of one message, damages them while the log is stopped, and expects that reading from the beginning gets the first ten
/// and then an error for the application.
fn damaged_at_ten(damage: &str) {
    let directory = tempfile::tempdir().unwrap();
    let pocket = Pocket::start(settings(directory.path()));
    let topic = create(&pocket.config(), "damage", 2);
    send_each(
        &producer(&pocket.config()),
        &topic,
        1,
        (0..20).map(|i| i.to_string()),
    );
    pocket.shutdown();
    let changed = Connection::open(database(directory.path()))
        .unwrap()
        .execute(damage, [])
        .unwrap();
    assert_eq!(changed, 1, "{damage}");

    let pocket = Pocket::start(settings(directory.path()));
    let config = pocket.config();
    assert_eq!(pocket.storage_errors(), 0);
    let consumer = consumer_at(&config, &topic, 1, Offset::Beginning);
    for expected in 0..10 {
        assert_eq!(next(&consumer).unwrap().offset(), expected, "{damage}");
    }
    for _ in 0..3 {
        let error = next(&consumer).map(|message| message.offset()).unwrap_err();
        assert!(
            matches!(
                error,
                KafkaError::MessageConsumption(RDKafkaErrorCode::InvalidMessage)
            ),
            "{damage}: {error}"
        );
    }
    assert!(pocket.storage_errors() > 0, "{damage}");
    // What lies behind is as good as it was, and so is writing.
    send_each(&producer(&config), &topic, 1, ["after"]);
    assert_eq!(watermarks(&config, &topic, 1), (0, 21));
    assert_eq!(read_from(&config, &topic, 1, 12).len(), 9, "{damage}");
}

/// The row of offset 10 in partition 1, the second of the log.
const ROW: &str = "WHERE id = (1 << 40) + 10";

#[test]
fn a_flipped_byte_of_a_record_is_not_served() {
    damaged_at_ten(&format!(
        "UPDATE batches SET data = CAST(substr(data, 1, 65) || x'55' || substr(data, 67) AS BLOB) {ROW}"
    ));
}

#[test]
fn a_flipped_byte_of_the_offset_outside_the_batch_crc_is_not_served() {
    damaged_at_ten(&format!(
        "UPDATE batches SET data = CAST(x'0000000000000055' || substr(data, 9) AS BLOB) {ROW}"
    ));
}

#[test]
fn a_changed_column_is_not_served() {
    damaged_at_ten(&format!("UPDATE batches SET time = time + 1 {ROW}"));
    damaged_at_ten(&format!("UPDATE batches SET count = 2 {ROW}"));
    damaged_at_ten(&format!("UPDATE batches SET checksum = checksum + 1 {ROW}"));
}

#[test]
fn a_lost_or_moved_row_is_noticed() {
    damaged_at_ten(&format!("DELETE FROM batches {ROW}"));
    damaged_at_ten(&format!("UPDATE batches SET id = id + (1 << 30) {ROW}"));
}

#[test]
fn a_damaged_row_that_is_needed_to_start_is_named() {
    for damage in [
        "UPDATE partitions SET next_offset = next_offset + 1 WHERE id = 1",
        "UPDATE sequences SET last = last + 1 WHERE slot = 0",
        "UPDATE counters SET value = value + 1",
        "DELETE FROM partitions WHERE number = 0",
    ] {
        let directory = tempfile::tempdir().unwrap();
        let pocket = Pocket::start(settings(directory.path()));
        let topic = create(&pocket.config(), "start", 2);
        send_each(&producer(&pocket.config()), &topic, 1, ["a"]);
        pocket.shutdown();
        assert_eq!(
            Connection::open(database(directory.path()))
                .unwrap()
                .execute(damage, [])
                .unwrap(),
            1
        );
        let error = Pocket::try_start(settings(directory.path()))
            .err()
            .expect(damage);
        assert!(
            matches!(error, pocket_kafka::StartError::Damaged { .. }),
            "{error}"
        );
    }
}
