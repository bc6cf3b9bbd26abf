//! CONNECT, versions, and what must not come before or after (checklist 1.2).

use std::time::Duration;

use ::stomp::{DecodeError, Version};

use super::{Client, assert_refused, headers, refusal};
use crate::stomp::refusal::{Code, Refusal};

#[test]
fn items_24_25_26_28_connect_or_stomp_opens_a_session_of_the_highest_common_version() {
    for (text, version, shown, heartbeat) in [
        (
            "CONNECT\naccept-version:1.0,1.1,1.2\nhost:x",
            Version::V1_2,
            "1.2",
            " heart-beat:0,0",
        ),
        (
            "STOMP\naccept-version:1.2,2.0",
            Version::V1_2,
            "1.2",
            " heart-beat:0,0",
        ),
        (
            "STOMP\naccept-version:1.1,1.0",
            Version::V1_1,
            "1.1",
            " heart-beat:0,0",
        ),
        ("CONNECT\naccept-version:1.0", Version::V1_0, "1.0", ""),
        ("CONNECT", Version::V1_0, "1.0", ""),
        (
            "CONNECT\nheart-beat:nonsense of a header that 1.0 does not have",
            Version::V1_0,
            "1.0",
            "",
        ),
    ] {
        let mut client = Client::new();
        assert!(!client.session.is_connected());
        let server = concat!("maru/", env!("CARGO_PKG_VERSION"));
        let expected = format!("CONNECTED version:{shown} session:s1 server:{server}{heartbeat}");
        assert_eq!(client.says(text), [expected], "{text}");
        assert_eq!(client.session.version(), version);
        assert!(client.session.is_connected());
    }
}

#[test]
fn item_27_without_a_common_version_the_supported_ones_are_named() {
    let mut client = Client::new();
    let outputs = client.says("CONNECT\naccept-version:2.0,3.1");
    assert_eq!(
        outputs,
        [
            "ERROR message:Version mismatch content-type:text/plain x-code:unsupported-version x-retryable:false \
             version:1.0,1.1,1.2 | Supported versions are 1.0,1.1,1.2",
            "CLOSE 1002 unsupported-version"
        ]
    );
    assert!(
        client.asked().is_empty(),
        "nobody is asked to let in who cannot talk"
    );
}

#[test]
fn item_28_destinations_add_to_connected_and_see_the_credentials() {
    let mut client = Client::new();
    client.session.destinations_mut().connect = Some(Ok(headers(&[("user-name", "guest-1")])));
    let outputs = client.says("CONNECT\naccept-version:1.2\nlogin:kim\npasscode:secret");
    assert!(outputs[0].ends_with(" user-name:guest-1"), "{outputs:?}");
    assert_eq!(client.asked(), ["connect kim secret"]);
}

#[test]
fn item_30_a_refused_login_is_explained_and_closed() {
    let mut client = Client::new();
    client.session.destinations_mut().connect = Some(Err(refusal(Code::InvalidCredentials)));
    assert_refused(
        &client.says("CONNECT\naccept-version:1.2"),
        "No",
        Code::InvalidCredentials,
    );
    assert!(!client.session.is_connected());
}

#[test]
fn item_31_nothing_is_processed_before_connect() {
    for text in [
        "SEND\ndestination:/a\n\nhi",
        "SUBSCRIBE\nid:1\ndestination:/a",
        "DISCONNECT",
        "ACK\nid:1",
        "MESSAGE",
    ] {
        let mut client = Client::new();
        assert_refused(&client.says(text), "Not connected", Code::NotConnected);
        assert!(client.asked().is_empty());
    }
}

#[test]
fn item_32_a_second_connect_ends_the_session() {
    for text in ["CONNECT\naccept-version:1.2", "STOMP\naccept-version:1.1"] {
        let mut client = Client::connected();
        assert_refused(
            &client.says(text),
            "Already connected",
            Code::AlreadyConnected,
        );
        assert_eq!(client.session.version(), Version::V1_2);
        assert!(client.asked().is_empty());
    }
}

#[test]
fn item_33_login_has_a_time_limit_that_ends_with_connected() {
    let mut client = Client::new();
    let seen = client.waits(Duration::from_mins(1));
    let outputs: Vec<_> = seen.iter().map(|(_, output)| output.clone()).collect();
    assert_refused(&outputs, "Login timeout", Code::LoginTimeout);
    assert_eq!(seen[0].0, 10_000);
    assert_eq!(client.session.next_deadline(), None);

    let mut client = Client::new();
    assert_eq!(client.waits(Duration::from_secs(9)), []);
    client.log_in("1.2");
    assert_eq!(client.waits(Duration::from_mins(1)), []);
    assert!(client.session.is_connected());
}

#[test]
fn item_33_bytes_that_are_no_connect_do_not_prolong_the_login() {
    let mut client = Client::new();
    client.waits(Duration::from_secs(9));
    client.session.heard(client.now);
    client.session.pong(client.now);
    assert_eq!(client.waits(Duration::from_secs(1)).len(), 2);
}

#[test]
fn item_34_commands_that_clients_do_not_send_are_bad() {
    for command in ["CONNECTED", "MESSAGE", "RECEIPT", "ERROR"] {
        let mut client = Client::connected();
        let outputs = client.says(command);
        assert_refused(&outputs, "Bad command", Code::UnknownCommand);
        assert!(
            outputs[0].contains(" version:1.0,1.1,1.2 | "),
            "{outputs:?}"
        );
    }
    let mut client = Client::new();
    client.log_in("1.0");
    assert_refused(
        &client.says("NACK\nmessage-id:1"),
        "Bad command",
        Code::UnknownCommand,
    );
}

#[test]
fn items_8_21_34_what_is_no_frame_is_explained_and_closed() {
    for (error, message, code) in [
        (
            DecodeError::UnknownCommand("HELLO".to_owned()),
            "Bad command",
            Code::UnknownCommand,
        ),
        (
            DecodeError::TooManyHeaders { limit: 64 },
            "Too many headers",
            Code::TooManyHeaders,
        ),
        (
            DecodeError::UndefinedEscape(Some('t')),
            "Undefined escape sequence",
            Code::BadEscape,
        ),
        (DecodeError::NotUtf8, "Malformed frame", Code::NotUtf8),
        (
            DecodeError::MissingNul,
            "Malformed frame",
            Code::MalformedFrame,
        ),
    ] {
        for mut client in [Client::new(), Client::connected()] {
            assert_refused(
                &client.does(|session, _, out| session.malformed(&error, out)),
                message,
                code,
            );
            assert_eq!(client.says("SEND\ndestination:/a\nreceipt:1"), [""; 0]);
        }
    }
}

#[test]
fn item_21_a_frame_over_the_limit_closes_with_1009() {
    let mut client = Client::connected();
    let mut decoder = ::stomp::Decoder::new(::stomp::Limits::default());
    decoder.push(format!("SEND\ndestination:/a\ncontent-length:{}\n\n", 1_000_000).into());
    let error = decoder.next().unwrap_err();
    let outputs = client.does(|session, _, out| session.malformed(&error, out));
    assert_refused(&outputs, "Frame too large", Code::FrameTooLarge);
    assert_eq!(outputs[1], "CLOSE 1009 frame-too-large");
}

#[test]
fn item_62_a_receipt_on_connect_means_nothing() {
    let mut client = Client::new();
    let outputs = client.says("CONNECT\naccept-version:1.2\nreceipt:1");
    assert_eq!(outputs.len(), 1);
    assert!(
        outputs[0].starts_with("CONNECTED ") && !outputs[0].contains("receipt"),
        "{outputs:?}"
    );
    let mut client = Client::new();
    let outputs = client.says("CONNECT\naccept-version:9\nreceipt:1");
    assert!(!outputs[0].contains("receipt-id"), "{outputs:?}");
}

#[test]
fn item_65_an_error_names_what_a_program_decides_on() {
    let mut client = Client::connected();
    let refusal = Refusal::new(Code::Unavailable, "Wait", "The log is away.")
        .after(Duration::from_millis(1_500));
    client
        .session
        .destinations_mut()
        .sends
        .push_back(Err(refusal));
    assert_eq!(
        client.says("SEND\ndestination:/a\nreceipt:r7"),
        [
            "ERROR message:Wait content-type:text/plain x-code:unavailable x-retryable:true x-retry-after-ms:1500 \
             receipt-id:r7 | The log is away.",
            "CLOSE 1013 unavailable"
        ]
    );
}

#[test]
fn item_64_nothing_follows_an_error() {
    let mut client = Client::connected();
    assert_refused(
        &client.says("ABORT\ntransaction:1"),
        "Bad transaction",
        Code::BadTransaction,
    );
    assert!(client.session.is_closed() && !client.session.is_connected());
    for text in [
        "SEND\ndestination:/a\nreceipt:1",
        "DISCONNECT\nreceipt:2",
        "CONNECT\naccept-version:1.2",
    ] {
        assert_eq!(client.says(text), [""; 0], "{text}");
    }
    assert_eq!(
        client.does(|session, _, out| session.shutdown(Duration::ZERO, out)),
        [""; 0]
    );
    assert_eq!(
        client.does(|session, _, out| session.malformed(&DecodeError::NotUtf8, out)),
        [""; 0]
    );
    assert_eq!(client.waits(Duration::from_secs(1_000)), []);
    assert!(client.asked().is_empty());
}
