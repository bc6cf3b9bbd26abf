//! Bytes that no client sends, and clients that ask for what there is not.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::{Shutdown, TcpStream},
};

use rdkafka::{
    consumer::{BaseConsumer, Consumer as _},
    error::{KafkaError, RDKafkaErrorCode},
};

use crate::{
    client::{
        PATIENCE, create, delivered, producer, producer_with, read_all, send, send_each, texts,
        watermarks,
    },
    raw::{Raw, Sequence, batch},
    target::{Target, unique},
    wire::{API_VERSIONS, METADATA, exchange, request},
};

const CORRUPT: i16 = 2;
const INVALID_RECORD: i16 = 87;

pub(crate) fn bytes_that_are_not_kafka_close_their_connection_and_harm_nobody(target: &Target) {
    let config = target.config();
    let topic = create(&config, "harm", 1);
    let producer = producer(&config);
    let login = target.login();
    let address = target.bootstrap();
    let mut noise = 1_u32;
    for round in 0..60_usize {
        let garbage: Vec<u8> = (0..=round * 40)
            .map(|_| {
                noise ^= noise << 13;
                noise ^= noise >> 17;
                noise ^= noise << 5;
                noise.to_be_bytes()[0]
            })
            .collect();
        let key = [0, 1, 2, METADATA, 10, API_VERSIONS, 19, 22][round % 8];
        let framed = request(key, 4, &garbage);
        for bytes in [
            b"GET / HTTP/1.1\r\n\r\n".to_vec(),
            [&[0xff; 4][..], &garbage].concat(),
            framed.clone(),
            [&login[..], &framed].concat(),
            // Three topics are announced, and none follows.
            [&login[..], &request(METADATA, 1, &3_i32.to_be_bytes())].concat(),
        ] {
            exchange(&address, &bytes);
        }
        send_each(&producer, &topic, 0, [round.to_string()]);
    }
    assert_eq!(watermarks(&config, &topic, 0), (0, 60));
}

/// A few bytes that announce thousands of millions of topics take no memory for them.
pub(crate) fn an_announcement_that_is_not_kept_closes_its_connection(target: &Target) {
    let config = target.config();
    let topic = create(&config, "announced", 1);
    let login = target.login();
    for (version, count) in [
        (1, &i32::MAX.to_be_bytes()[..]),
        (9, &[0, 0xff, 0xff, 0xff, 0xff, 0x0f]),
    ] {
        let announced = request(METADATA, version, count);
        let answer = exchange(&target.bootstrap(), &[&login[..], &announced].concat());
        let answered_login = exchange(&target.bootstrap(), &login);
        assert_eq!(answer, answered_login, "nothing but the login is answered");
    }
    send_each(&producer(&config), &topic, 0, ["still served"]);
}

pub(crate) fn a_damaged_batch_is_refused(target: &Target) {
    let config = target.config();
    let topic = create(&config, "damaged", 1);
    let mut raw = Raw::connect(target, &topic);
    let nobody = Sequence {
        producer: -1,
        epoch: -1,
        first: -1,
    };
    let good = batch(nobody, 1);
    assert_eq!(raw.produce_batch(good.clone()).error, 0);
    let mut flipped = good.to_vec();
    *flipped.last_mut().unwrap() ^= 1;
    assert_eq!(raw.produce_batch(flipped.into()).error, CORRUPT);
    let cut = raw.produce_batch(good.slice(..good.len() - 1)).error;
    assert!([CORRUPT, INVALID_RECORD].contains(&cut), "{cut}");
    assert_eq!(watermarks(&config, &topic, 0), (0, 1));
}

pub(crate) fn an_unknown_topic_is_refused_and_not_created(target: &Target) {
    let producer = producer_with(
        &target.config(),
        &[("topic.metadata.propagation.max.ms", "500")],
    );
    let unknown = unique("unknown");
    let error = delivered(send(&producer, &unknown, 0, "x")).unwrap_err();
    assert!(
        matches!(
            error,
            KafkaError::MessageProduction(
                RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownTopicOrPartition
            )
        ),
        "{error}"
    );
    let consumer: BaseConsumer = target
        .config()
        .set("group.id", unique("group"))
        .create()
        .unwrap();
    let metadata = consumer.fetch_metadata(None, PATIENCE).unwrap();
    assert!(
        metadata
            .topics()
            .iter()
            .all(|topic| topic.name() != unknown)
    );
}

/// A client that goes away in the middle of a request has sent nothing.
pub(crate) fn half_a_request_is_no_request(target: &Target) {
    let config = target.config();
    let topic = create(&config, "half", 1);
    let producer = producer(&config);
    send_each(&producer, &topic, 0, ["whole"]);
    for cut in [2, 4, 9, 20] {
        let mut stream = TcpStream::connect(target.bootstrap()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let whole = request(METADATA, 1, &(-1_i32).to_be_bytes());
        stream
            .write_all(&whole[..cut.min(whole.len() - 1)])
            .unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        match stream.read_to_end(&mut answer) {
            Ok(_) => assert_eq!(answer, b""),
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        }
    }
    assert_eq!(texts(&read_all(&config, &topic, 0)), ["whole"]);
}
