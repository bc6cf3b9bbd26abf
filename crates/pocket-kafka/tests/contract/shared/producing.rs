//! What a producer may rely on.

use rdkafka::{Message as _, Timestamp, error::KafkaError, types::RDKafkaErrorCode};

use crate::{
    client::{
        create, delivered, offsets, producer, producer_with, read_all, send, send_each, texts,
        watermarks,
    },
    raw::Raw,
    target::Target,
};

pub(crate) fn each_partition_keeps_the_order_and_has_offsets_without_gaps(target: &Target) {
    const PARTITIONS: i32 = 64;
    const EACH: i32 = 25;
    let config = target.config();
    let topic = create(&config, "order", PARTITIONS);
    let producer = producer(&config);
    let mut deliveries = Vec::new();
    for i in 0..EACH {
        for partition in 0..PARTITIONS {
            deliveries.push((
                partition,
                i,
                send(&producer, &topic, partition, format!("{partition}/{i}")),
            ));
        }
    }
    for (partition, i, delivery) in deliveries {
        let delivery = delivered(delivery).unwrap();
        assert_eq!(
            (delivery.partition, delivery.offset),
            (partition, i64::from(i))
        );
    }
    for partition in 0..PARTITIONS {
        let messages = read_all(&config, &topic, partition);
        assert_eq!(offsets(&messages), (0..i64::from(EACH)).collect::<Vec<_>>());
        assert_eq!(
            texts(&messages),
            (0..EACH)
                .map(|i| format!("{partition}/{i}"))
                .collect::<Vec<_>>()
        );
    }
}

pub(crate) fn many_producers_share_a_partition_and_each_keeps_its_order(target: &Target) {
    const PRODUCERS: usize = 4;
    const EACH: usize = 300;
    let config = target.config();
    let topic = create(&config, "shared", 1);
    let producers: Vec<_> = (0..PRODUCERS).map(|_| producer(&config)).collect();
    let mut deliveries = Vec::new();
    for i in 0..EACH {
        for (number, producer) in producers.iter().enumerate() {
            deliveries.push((
                format!("{number}/{i}"),
                send(producer, &topic, 0, format!("{number}/{i}")),
            ));
        }
    }
    let mut acknowledged: Vec<_> = deliveries
        .into_iter()
        .map(|(text, delivery)| (delivered(delivery).unwrap().offset, text))
        .collect();
    acknowledged.sort_unstable();
    let messages = read_all(&config, &topic, 0);
    let stored: Vec<_> = offsets(&messages)
        .into_iter()
        .zip(texts(&messages))
        .collect();
    assert_eq!(stored, acknowledged);
    for number in 0..PRODUCERS {
        let own: Vec<_> = stored
            .iter()
            .filter_map(|(_, text)| text.strip_prefix(&format!("{number}/")))
            .collect();
        assert_eq!(own, (0..EACH).map(|i| i.to_string()).collect::<Vec<_>>());
    }
}

pub(crate) fn key_headers_and_empty_values_survive(target: &Target) {
    use rdkafka::{
        message::{Header, Headers as _, OwnedHeaders},
        producer::FutureRecord,
    };
    let config = target.config();
    let topic = create(&config, "record", 1);
    let headers = OwnedHeaders::new().insert(Header {
        key: "traceparent",
        value: Some("00-1"),
    });
    let record = FutureRecord::to(&topic)
        .partition(0)
        .key("자유게시판")
        .payload("")
        .headers(headers);
    let producer = producer(&config);
    let delivery = producer
        .send_result(record)
        .map_err(|(error, _)| error)
        .unwrap();
    delivered(delivery).unwrap();
    let messages = read_all(&config, &topic, 0);
    assert_eq!(messages[0].key(), Some("자유게시판".as_bytes()));
    assert_eq!(messages[0].payload().unwrap_or_default(), b"");
    assert_eq!(
        messages[0].headers().unwrap().get(0),
        Header {
            key: "traceparent",
            value: Some(&b"00-1"[..])
        }
    );
}

pub(crate) fn compressed_batches_pass_through(target: &Target) {
    let config = target.config();
    for (number, codec) in (0..).zip(["none", "gzip", "snappy", "lz4", "zstd"]) {
        let topic = create(&config, codec, 1);
        let producer = producer_with(&config, &[("compression.type", codec), ("linger.ms", "20")]);
        let payloads: Vec<_> = (0..200)
            .map(|i| format!("{codec} {i} {}", "모두 마루에서 만나요. ".repeat(20)))
            .collect();
        let deliveries: Vec<_> = payloads
            .iter()
            .map(|payload| send(&producer, &topic, 0, payload))
            .collect();
        for delivery in deliveries {
            delivered(delivery).unwrap();
        }
        let messages = read_all(&config, &topic, 0);
        assert_eq!(offsets(&messages), (0..200).collect::<Vec<_>>(), "{codec}");
        assert_eq!(texts(&messages), payloads, "{codec}");
        // Stored as it came: the codec's number stands in the batch, and what repeats itself takes little space.
        let stored = Raw::connect(target, &topic).stored();
        assert_eq!(stored[22] & 0b111, number, "{codec}");
        let sent: usize = payloads.iter().map(String::len).sum();
        assert_eq!(stored.len() < sent / 2, codec != "none", "{codec}");
    }
}

pub(crate) fn large_messages_fit_and_too_large_ones_are_refused(target: &Target) {
    let config = target.config();
    let topic = create(&config, "large", 1);
    let large: Vec<_> = (0..5_u8).map(|i| vec![i; 900_000]).collect();
    send_each(&producer(&config), &topic, 0, &large);
    let too_large = producer_with(&config, &[("message.max.bytes", "3000000")]);
    let refused = delivered(send(&too_large, &topic, 0, vec![9; 2_000_000])).unwrap_err();
    assert!(
        matches!(
            refused,
            KafkaError::MessageProduction(RDKafkaErrorCode::MessageSizeTooLarge)
        ),
        "{refused}"
    );
    let messages = read_all(&config, &topic, 0);
    assert_eq!(messages.len(), large.len());
    assert!(
        messages
            .iter()
            .zip(&large)
            .all(|(message, sent)| message.payload() == Some(sent))
    );
}

pub(crate) fn other_acknowledgement_levels_store_too(target: &Target) {
    let config = target.config();
    let topic = create(&config, "acks", 2);
    for (partition, acks) in (0..).zip(["0", "1"]) {
        let producer = producer_with(&config, &[("enable.idempotence", "false"), ("acks", acks)]);
        send_each(&producer, &topic, partition, (0..20).map(|i| i.to_string()));
        let begun = std::time::Instant::now();
        // Without an acknowledgement the last ones may still be on their way.
        while watermarks(&config, &topic, partition) != (0, 20) {
            assert!(begun.elapsed() < crate::client::PATIENCE);
        }
        assert_eq!(
            texts(&read_all(&config, &topic, partition)),
            (0..20).map(|i| i.to_string()).collect::<Vec<_>>()
        );
    }
}

pub(crate) fn an_acknowledgement_tells_the_time_that_readers_see(target: &Target) {
    let config = target.config();
    let topic = create(&config, "time", 1);
    let deliveries = send_each(&producer(&config), &topic, 0, ["a", "b", "c"]);
    let acknowledged: Vec<_> = deliveries
        .iter()
        .map(|delivery| delivery.timestamp.to_millis().unwrap())
        .collect();
    let times: Vec<_> = read_all(&config, &topic, 0)
        .iter()
        .map(rdkafka::Message::timestamp)
        .collect();
    let seen: Vec<_> = times
        .iter()
        .map(|time| match time {
            Timestamp::LogAppendTime(millis) => *millis,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(acknowledged, seen);
    assert!(seen.is_sorted());
}
