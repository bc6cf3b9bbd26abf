//! `kill -9` in the middle of writing: all that was acknowledged is there, once and in order.

use std::{thread, time::Duration};

use crate::{
    client::{create, delivered, offsets, producer_with, read_all, send, send_each, texts},
    victim::Victim,
};

/// What librdkafka says of a message that is stored it does not know where.
const UNKNOWN_OFFSET: i64 = -1001;

pub(crate) fn nothing_acknowledged_is_lost_doubled_or_reordered(mut victim: Victim, rounds: u64) {
    const PARTITIONS: i32 = 8;
    let may_forget_offsets = matches!(victim, Victim::Apache(_));
    let config = victim.config();
    let topic = create(&config, "kill", PARTITIONS);
    // Long enough for a Kafka that starts again on a busy machine.
    let producer = producer_with(&config, &[("message.timeout.ms", "300000")]);
    // From now on it has its id and sends at once.
    for partition in 0..PARTITIONS {
        send_each(&producer, &topic, partition, ["0"]);
    }
    let mut sent = 1;
    let mut deliveries = Vec::new();
    for round in 0..rounds {
        let killer = thread::spawn(move || {
            // At another point of the stream each time.
            thread::sleep(Duration::from_millis(150 + 37 * round));
            victim.kill();
            victim
        });
        while !killer.is_finished() {
            for partition in 0..PARTITIONS {
                deliveries.push((
                    partition,
                    sent,
                    send(&producer, &topic, partition, sent.to_string()),
                ));
            }
            sent += 1;
            thread::sleep(Duration::from_millis(2));
        }
        victim = killer.join().unwrap();
        victim.start_again();
    }
    assert!(sent > 20 * i64::try_from(rounds).unwrap(), "{sent}");
    for (partition, number, delivery) in deliveries {
        let delivery = delivered(delivery).unwrap();
        assert_eq!(delivery.partition, partition);
        // Of a batch that it had stored, Apache Kafka may tell after its return that it is a repeat, and not of what.
        if !(delivery.offset == UNKNOWN_OFFSET && may_forget_offsets) {
            assert_eq!(delivery.offset, number);
        }
    }
    for partition in 0..PARTITIONS {
        let messages = read_all(&config, &topic, partition);
        assert_eq!(offsets(&messages), (0..sent).collect::<Vec<_>>());
        assert_eq!(
            texts(&messages),
            (0..sent).map(|i| i.to_string()).collect::<Vec<_>>()
        );
    }
}
