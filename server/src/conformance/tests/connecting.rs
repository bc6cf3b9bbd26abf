//! Who gets in, and which destinations there are.

use super::*;
use crate::stomp::{Code, Credentials};

#[test]
fn guest_gets_in_and_nobody_else() {
    let some = |value: &str| (value != "-").then(|| ByteString::from(value));
    for (login, passcode, host, refused) in [
        ("guest", "guest", "-", None),
        ("guest", "guest", "/", None),
        ("guest", "guest", "broker.example", None),
        ("guest", "guest", "127.0.0.1", None),
        ("-", "-", "-", None),
        ("guest", "-", "-", Some("Access refused for user 'guest'")),
        ("-", "guest", "-", Some("Access refused for user ''")),
        (
            "guest",
            "wrong",
            "/",
            Some("Access refused for user 'guest'"),
        ),
        (
            "admin",
            "guest",
            "/",
            Some("Access refused for user 'admin'"),
        ),
        (
            "guest",
            "guest",
            "//",
            Some("Virtual host '//' access denied"),
        ),
    ] {
        let credentials = Credentials {
            login: some(login),
            passcode: some(passcode),
            host: some(host),
        };
        let answer = Client::new(&broker()).destinations.connect(credentials);
        match (answer, refused) {
            (Ok(headers), None) => assert!(headers.is_empty()),
            (Err(refusal), Some(words)) => {
                assert_eq!(
                    (refusal.code, &*refusal.message),
                    (Code::InvalidCredentials, "Bad CONNECT")
                );
                assert!(refusal.detail.contains(words), "{}", refusal.detail);
            }
            (answer, _) => panic!("{login} {passcode} {host}: {answer:?}"),
        }
    }
}

#[test]
fn destinations_that_are_none_are_refused_in_the_usual_words() {
    let unknown = Some("Unknown destination");
    let invalid = Some("Invalid destination");
    for (destination, for_send, for_subscribe) in [
        ("/queue/a", None, None),
        ("/queue/a/b", None, None),
        ("/queue/대기열", None, None),
        ("/topic/a.b", None, None),
        ("/reply-queue/a", None, invalid),
        ("/temp-queue/a", invalid, invalid),
        ("/queue/", invalid, invalid),
        ("/topic/", invalid, invalid),
        ("/reply-queue/", invalid, invalid),
        ("/queue", unknown, unknown),
        ("/topics/a", unknown, unknown),
        ("queue/a", unknown, unknown),
        ("", unknown, unknown),
        ("/app/rooms.a.send", unknown, unknown),
        ("/Queue/a", unknown, unknown),
    ] {
        let mut client = Client::new(&broker());
        let word = |result: Result<(), Refusal>| {
            result.err().map(|refusal| {
                assert!(refusal.detail.contains(destination), "{}", refusal.detail);
                assert_eq!(refusal.code, Code::UnknownDestination);
                refusal.message.into_owned()
            })
        };
        let request = send(destination, &[], "x");
        let checked = client.destinations.check(&request, Instant::now());
        assert_eq!(word(checked).as_deref(), for_send, "check {destination}");
        let sent = client.try_send(request);
        assert_eq!(word(sent).as_deref(), for_send, "send {destination}");
        let subscribed = client.try_subscribe("s", destination, AckMode::Auto);
        assert_eq!(
            word(subscribed).as_deref(),
            for_subscribe,
            "subscribe {destination}"
        );
    }
}

#[test]
fn a_message_carries_what_its_sender_said_and_nothing_of_the_server() {
    let mut client = Client::new(&broker());
    client.subscribe("s", "/queue/a", AckMode::Auto);
    let headers = [
        ("receipt", "r"),
        ("transaction", "t"),
        ("login", "guest"),
        ("passcode", "guest"),
        ("redelivered", "true"),
        ("message-id", "forged"),
        ("subscription", "forged"),
        ("ack", "forged"),
        ("색", "빨강: 1\n2"),
        ("reply-to", "/queue/answers"),
        ("content-type", "text/plain"),
    ];
    client.try_send(send("/queue/a", &headers, "하나")).unwrap();
    let frames = client.frames();
    let expected = Frame::new(::stomp::Command::Message)
        .with("destination", "/queue/a")
        .with("색", "빨강: 1\n2")
        .with("content-type", "text/plain")
        .with("reply-to", "/queue/answers")
        .with("message-id", "1")
        .with("subscription", "s")
        .with_body("하나");
    assert_eq!(frames, [expected]);
}

#[test]
fn no_content_type_is_invented_and_bodies_may_be_any_bytes() {
    let mut client = Client::new(&broker());
    client.subscribe("s", "/queue/a", AckMode::Auto);
    let mut request = send("/queue/a", &[], "");
    request.body = vec![0, 159, 146, 150].into();
    client.try_send(request).unwrap();
    let frames = client.frames();
    assert_eq!(&frames[0].body[..], [0, 159, 146, 150]);
    assert_eq!(frames[0].header("content-type"), None);
}

#[test]
fn the_session_s_version_decides_how_a_message_is_written() {
    for (version, named, expected) in [
        (Version::V1_0, false, "k:a:b\nmessage-id:1\ncontent"),
        (
            Version::V1_1,
            true,
            "k:a\\cb\nmessage-id:1\nsubscription:s\n",
        ),
        (
            Version::V1_2,
            true,
            "k:a\\cb\nmessage-id:1\nsubscription:s\n",
        ),
    ] {
        let mut client = Client::new(&broker());
        let request = SubscribeRequest {
            id: "s".into(),
            named,
            destination: "/queue/a".into(),
            headers: Headers::new(),
            ack: AckMode::Auto,
            receipt: false,
            version,
        };
        client.destinations.subscribe(request).unwrap();
        client.catch_up();
        client
            .try_send(send("/queue/a", &[("k", "a:b")], "x"))
            .unwrap();
        match &client.outbox.take().frames[..] {
            [Outgoing::Frame(text)] => assert!(text.contains(expected), "{text}"),
            other => panic!("{other:?}"),
        }
    }
}
