//! Who gets in, and how much one may ask for.

use std::{
    io::{ErrorKind, Read as _},
    net::TcpStream,
    time::Duration,
};

use rdkafka::{
    consumer::{BaseConsumer, Consumer as _},
    error::{KafkaError, RDKafkaErrorCode},
};

use crate::{
    client::{PATIENCE, create, delivered, producer, producer_with, send, send_each},
    target::{PASSWORD, Pocket, settings},
    wire::{
        API_VERSIONS, METADATA, SASL_AUTHENTICATE, SASL_HANDSHAKE, exchange, handshake, plain,
        request, string,
    },
};

#[test]
fn a_wrong_password_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let pocket = Pocket::start(settings(directory.path()));
    for (key, value) in [("sasl.password", "wrong"), ("sasl.username", "wrong")] {
        let consumer: BaseConsumer = pocket
            .config()
            .set("group.id", "g")
            .set(key, value)
            .create()
            .unwrap();
        assert!(
            consumer
                .fetch_metadata(None, Duration::from_secs(2))
                .is_err()
        );
        let mut refused = false;
        while !refused {
            match consumer.poll(PATIENCE).expect("an authentication error") {
                Err(KafkaError::MessageConsumption(RDKafkaErrorCode::Authentication)) => {
                    refused = true;
                }
                Err(_) => {}
                Ok(_) => panic!("served without the password"),
            }
        }
    }
    let consumer: BaseConsumer = pocket.config().set("group.id", "g").create().unwrap();
    consumer.fetch_metadata(None, PATIENCE).unwrap();
}

#[test]
fn nothing_is_served_before_authentication() {
    let directory = tempfile::tempdir().unwrap();
    let pocket = Pocket::start(settings(directory.path()));
    let address = pocket.address();
    let metadata = request(METADATA, 1, &(-1_i32).to_be_bytes());
    assert_eq!(exchange(address, &metadata), b"");
    assert_eq!(
        exchange(address, &request(SASL_AUTHENTICATE, 0, &plain(PASSWORD))),
        b"",
        "without a handshake"
    );
    let wrong = exchange(
        address,
        &[
            handshake(),
            request(SASL_AUTHENTICATE, 0, &plain("wrong")),
            metadata.clone(),
        ]
        .concat(),
    );
    let after_handshake = exchange(address, &[handshake(), metadata.clone()].concat());
    assert!(
        wrong.starts_with(&after_handshake)
            && String::from_utf8_lossy(&wrong).contains("wrong username or password")
    );
    // The error and nothing after it.
    let length = usize::try_from(u32::from_be_bytes(
        wrong[after_handshake.len()..][..4].try_into().unwrap(),
    ))
    .unwrap();
    assert_eq!(wrong.len(), after_handshake.len() + 4 + length);
    assert_eq!(
        wrong[after_handshake.len() + 8..][..2],
        58_i16.to_be_bytes()
    );
    // Another mechanism is told which there is, and gets no further.
    let other = exchange(
        address,
        &[
            request(SASL_HANDSHAKE, 1, &string("SCRAM-SHA-256")),
            request(SASL_AUTHENTICATE, 0, &plain(PASSWORD)),
        ]
        .concat(),
    );
    assert_eq!(other[8..10], 33_i16.to_be_bytes());
    assert!(String::from_utf8_lossy(&other).ends_with("PLAIN"));
}

#[test]
fn an_unknown_version_of_api_versions_is_answered_in_version_zero() {
    let directory = tempfile::tempdir().unwrap();
    let pocket = Pocket::start(settings(directory.path()));
    // A request that is not offered ends the connection.
    let answer = exchange(
        pocket.address(),
        &[request(API_VERSIONS, 99, b"whatever"), request(999, 0, b"")].concat(),
    );
    assert_eq!(answer[4..10], [0, 0, 0, 7, 0, 35]);
    let count = i32::from_be_bytes(answer[10..14].try_into().unwrap());
    assert_eq!(answer.len(), 14 + 6 * usize::try_from(count).unwrap());
    let offers: Vec<[i16; 3]> = answer[14..]
        .chunks_exact(6)
        .map(|offer| [0, 2, 4].map(|at| i16::from_be_bytes([offer[at], offer[at + 1]])))
        .collect();
    for offer in [
        [0, 3, 9],
        [1, 4, 12],
        [2, 1, 7],
        [3, 1, 9],
        [10, 0, 2],
        [17, 1, 1],
        [18, 0, 3],
        [19, 2, 4],
        [22, 0, 4],
        [36, 0, 2],
    ] {
        assert!(offers.contains(&offer), "{offer:?} is not in {offers:?}");
    }
    assert_eq!(offers.len(), 10);
}

#[test]
fn too_long_requests_and_too_many_connections_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let mut settings = settings(directory.path());
    settings.limits.connections = 8;
    settings.limits.request_bytes = 100_000;
    let pocket = Pocket::start(settings);
    let config = pocket.config();
    let topic = create(&config, "limits", 1);
    let large = producer_with(&config, &[("message.timeout.ms", "1000")]);
    delivered(send(&large, &topic, 0, vec![1; 200_000])).unwrap_err();
    drop(large);
    let mut waiting: Vec<_> = (0..20)
        .map(|_| TcpStream::connect(pocket.address()).unwrap())
        .collect();
    // Those that found no place are closed at once; the others wait for a request.
    let closed = waiting.iter_mut().filter_map(|stream| {
        stream
            .set_read_timeout(Some(Duration::from_millis(500)))
            .unwrap();
        match stream.read(&mut [0]) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            ended => Some(ended),
        }
    });
    assert!(closed.count() >= 12);
    drop(waiting);
    send_each(&producer(&config), &topic, 0, ["still served"]);
}
