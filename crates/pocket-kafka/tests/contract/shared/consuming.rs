//! What a consumer may rely on.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rdkafka::{Message as _, Offset, error::KafkaError, types::RDKafkaErrorCode};

use crate::{
    client::{
        consumer_at, consumer_with, create, next, offset_at, offsets, producer, producer_with,
        read_from, send, send_each, texts, watermarks,
    },
    target::Target,
};

pub(crate) fn reading_may_begin_anywhere_also_inside_a_batch(target: &Target) {
    let config = target.config();
    let topic = create(&config, "anywhere", 1);
    let producer = producer_with(&config, &[("linger.ms", "50")]);
    let sent: Vec<_> = (0..30)
        .map(|i| send(&producer, &topic, 0, i.to_string()))
        .collect();
    for delivery in sent {
        crate::client::delivered(delivery).unwrap();
    }
    for from in [0, 1, 17, 29, 30] {
        let messages = read_from(&config, &topic, 0, from);
        assert_eq!(offsets(&messages), (from..30).collect::<Vec<_>>());
        assert_eq!(
            texts(&messages),
            (from..30).map(|i| i.to_string()).collect::<Vec<_>>()
        );
    }
    assert_eq!(watermarks(&config, &topic, 0), (0, 30));
}

pub(crate) fn the_beginning_the_end_and_so_many_before_it_are_found(target: &Target) {
    let config = target.config();
    let topic = create(&config, "ends", 1);
    let producer = producer(&config);
    send_each(&producer, &topic, 0, (0..10).map(|i| i.to_string()));
    for (from, first) in [(Offset::Beginning, 0), (Offset::OffsetTail(3), 7)] {
        let consumer = consumer_at(&config, &topic, 0, from);
        assert_eq!(next(&consumer).unwrap().offset(), first, "{from:?}");
    }
    let consumer = consumer_at(&config, &topic, 0, Offset::End);
    // Nothing that was there before, and everything from now on.
    assert!(matches!(next(&consumer), Err(KafkaError::PartitionEOF(0))));
    send_each(&producer, &topic, 0, ["10", "11"]);
    for offset in [10, 11] {
        let message = loop {
            match next(&consumer) {
                Ok(message) => break message,
                Err(KafkaError::PartitionEOF(_)) => {}
                Err(error) => panic!("{error}"),
            }
        };
        assert_eq!(message.offset(), offset);
    }
}

pub(crate) fn a_waiting_fetch_is_woken_by_a_message(target: &Target) {
    let config = target.config();
    let topic = create(&config, "woken", 2);
    let consumer = consumer_with(
        &config,
        &topic,
        &[(0, Offset::Offset(0)), (1, Offset::Offset(0))],
        &[("fetch.wait.max.ms", "20000")],
    );
    let producer = producer(&config);
    // The first message may still meet a consumer that is starting; from then on each fetch waits for 20 s.
    for (i, partition) in (0..4).zip([0, 1, 0, 1]) {
        let begun = Instant::now();
        send_each(&producer, &topic, partition, [i.to_string()]);
        let message = loop {
            match next(&consumer) {
                Ok(message) => break message,
                Err(KafkaError::PartitionEOF(_)) => {}
                Err(error) => panic!("{error}"),
            }
        };
        assert_eq!(
            (message.partition(), message.payload()),
            (partition, Some(i.to_string().as_bytes()))
        );
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "the fetch was not woken"
        );
    }
}

pub(crate) fn every_partition_tells_its_end_while_another_is_busy(target: &Target) {
    let config = target.config();
    let topic = create(&config, "ends", 8);
    send_each(&producer(&config), &topic, 0, ["a"]);
    let from: Vec<_> = (0..8)
        .map(|partition| (partition, Offset::Beginning))
        .collect();
    let consumer = consumer_with(&config, &topic, &from, &[]);
    let mut ended = [false; 8];
    while ended.contains(&false) {
        if let Err(error) = next(&consumer) {
            let KafkaError::PartitionEOF(partition) = error else {
                panic!("{error}")
            };
            ended[usize::try_from(partition).unwrap()] = true;
        }
    }
}

pub(crate) fn an_offset_that_does_not_exist_is_an_error_for_the_application(target: &Target) {
    let config = target.config();
    let topic = create(&config, "range", 1);
    send_each(&producer(&config), &topic, 0, ["a", "b"]);
    let consumer = consumer_at(&config, &topic, 0, Offset::Offset(3));
    let error = next(&consumer).unwrap_err();
    assert!(
        matches!(
            error,
            KafkaError::MessageConsumption(RDKafkaErrorCode::AutoOffsetReset)
        ),
        "{error}"
    );
}

pub(crate) fn offsets_are_found_by_time(target: &Target) {
    let config = target.config();
    let topic = create(&config, "times", 1);
    let producer = producer(&config);
    let mut times = Vec::new();
    for i in 0..6 {
        let time = send_each(&producer, &topic, 0, [i.to_string()])[0]
            .timestamp
            .to_millis()
            .unwrap();
        times.push(time);
        // The next message gets a later time.
        while i64::try_from(
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap()
                .as_millis(),
        )
        .unwrap()
            <= time
        {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    let find = |time| offset_at(&config, &topic, 0, time);
    for (offset, time) in (0..).zip(&times) {
        assert_eq!(find(*time), Offset::Offset(offset));
        assert_eq!(
            find(time + 1),
            if offset == 5 {
                Offset::End
            } else {
                Offset::Offset(offset + 1)
            }
        );
    }
    assert_eq!(find(0), Offset::Offset(0));
    assert_eq!(find(times[0] + 1_000_000_000), Offset::End);
}

pub(crate) fn small_fetches_get_everything_in_order(target: &Target) {
    let config = target.config();
    let topic = create(&config, "small", 1);
    let payloads: Vec<_> = (0..40)
        .map(|i| format!("{i}-{}", "x".repeat(5_000)))
        .collect();
    send_each(&producer(&config), &topic, 0, &payloads);
    // Less than one message: it must come all the same.
    let limits = [
        ("fetch.message.max.bytes", "1000"),
        ("fetch.max.bytes", "1000"),
        ("message.max.bytes", "1000"),
    ];
    let consumer = consumer_with(&config, &topic, &[(0, Offset::Beginning)], &limits);
    for (offset, payload) in (0..).zip(&payloads) {
        let message = next(&consumer).unwrap();
        assert_eq!(
            (message.offset(), message.payload()),
            (offset, Some(payload.as_bytes()))
        );
    }
}
