//! TLS and SCRAM to a real Apache Kafka, and what the operator is told where they are set wrongly.

use server::bridge::{LogSettings, StartError};
use tempfile::tempdir;

use crate::harness::{Broker, Server, name, wait};

/// What the start says with these settings; it must say something.
async fn refusal(settings: LogSettings) -> StartError {
    let error = Server::with(settings).await.err().expect("no start");
    eprintln!("{error}");
    error
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_go_through_tls_and_scram() {
    let Some(broker) = Broker::secured() else {
        return;
    };
    let (here, there) = (tempdir().unwrap(), tempdir().unwrap());
    let server = Server::start(&broker, &here).await;
    let other = Server::start(&broker, &there).await;
    let position = server.say("a", "m-1", "비밀이야").await;
    wait(|| other.log.rooms.head(&name("a")) == Some(position)).await;
    assert_eq!(other.bodies("a"), ["비밀이야"]);
    other.log.shutdown().await;
    let other = Server::start(&broker, &there).await;
    assert_eq!(other.room("a"), server.room("a"));
    server.log.shutdown().await;
    other.log.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_named() {
    let Some(mut broker) = Broker::secured() else {
        return;
    };
    let directory = tempdir().unwrap();
    broker.set("sasl.password", "open-barley");
    let error = refusal(broker.settings(directory.path())).await;
    assert!(
        matches!(error, StartError::Authentication { .. }),
        "{error}"
    );
    let sentence = error.to_string();
    assert!(sentence.contains("sasl.*"), "{sentence}");
    assert!(!sentence.contains("open-barley"), "{sentence}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_mechanism_is_named() {
    let Some(mut broker) = Broker::secured() else {
        return;
    };
    let directory = tempdir().unwrap();
    broker.set("sasl.mechanism", "PLAIN");
    let error = refusal(broker.settings(directory.path())).await;
    assert!(
        matches!(error, StartError::Authentication { .. }),
        "{error}"
    );
    assert!(error.to_string().contains("SCRAM-SHA-512"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_an_unknown_authority_is_not_trusted() {
    let Some(mut broker) = Broker::secured() else {
        return;
    };
    let directory = tempdir().unwrap();
    broker.properties.remove("ssl.ca.location");
    let error = refusal(broker.settings(directory.path())).await;
    assert!(matches!(error, StartError::Certificate { .. }), "{error}");
    assert!(error.to_string().contains("ssl.ca.location"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_for_another_name_is_not_trusted() {
    let Some(mut broker) = Broker::secured() else {
        return;
    };
    let directory = tempdir().unwrap();
    broker.address = broker.address.replace("127.0.0.1", "localhost");
    let error = refusal(broker.settings(directory.path())).await;
    assert!(matches!(error, StartError::Certificate { .. }), "{error}");
    assert!(error.to_string().contains("host name"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_file_that_is_absent_is_named() {
    let (mut broker, directory) = (Broker::pocket().await, tempdir().unwrap());
    broker.set("ssl.ca.location", "nowhere/authority.pem");
    let error = refusal(broker.settings(directory.path())).await;
    assert!(
        matches!(&error, StartError::Setting { key, .. } if key == "ssl.ca.location"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_file_that_is_none_is_named() {
    let (mut broker, directory) = (Broker::pocket().await, tempdir().unwrap());
    broker.set("security.protocol", "SASL_SSL");
    broker.set("ssl.ca.location", "Cargo.toml");
    let error = refusal(broker.settings(directory.path())).await;
    assert!(matches!(error, StartError::Settings(_)), "{error}");
    assert!(error.to_string().contains("ssl.ca.location"), "{error}");
}
