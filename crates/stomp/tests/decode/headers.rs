//! How headers are read.

use stomp::{Command, DecodeError, Frame, Limits, Version};

use crate::{error, error_in, one, one_in, within};

#[test]
fn item_05_a_carriage_return_within_a_line() {
    for stream in [
        "SEND\na:b\rc\n\n\0",
        "SEND\na\r:b\n\n\0",
        "SEND\na:b\r\r\n\n\0",
    ] {
        assert_eq!(error(stream), DecodeError::CarriageReturn, "{stream:?}");
    }
    // STOMP 1.0 and 1.1 exclude only LF and the colon from a header.
    for version in [Version::V1_0, Version::V1_1] {
        let frame = one_in(version, b"SEND\na:b\rc\n\n\0");
        assert_eq!(frame, Frame::new(Command::Send).with("a", "b\rc"));
    }
}

#[test]
fn item_06_heads_are_utf_8() {
    let frame = Frame::new(Command::Send)
        .with("머리글", "값 ✓")
        .with_body("몸");
    assert_eq!(one("SEND\n머리글:값 ✓\n\n몸\0"), frame);
    for version in Version::ALL {
        for stream in [
            &b"SEND\na:\xff\n\n\0"[..],
            b"SEND\n\xc3:a\n\n\0",
            b"S\xffND\n\n\0",
        ] {
            assert_eq!(
                error_in(version, stream),
                DecodeError::NotUtf8,
                "{stream:?}"
            );
        }
    }
    assert_eq!(
        one_in(Version::V1_2, b"SEND\n\n\xff\xfe\0").body,
        &b"\xff\xfe"[..]
    );
}

#[test]
fn item_07_names_and_values_are_unescaped() {
    let frame = Frame::new(Command::Message).with("a:b", "c\nd\re\\f");
    for version in [Version::V1_1, Version::V1_2] {
        assert_eq!(
            one_in(version, b"MESSAGE\na\\cb:c\\nd\\re\\\\f\n\n\0"),
            frame
        );
    }
}

#[test]
fn item_07_frames_that_open_a_session_are_not_unescaped() {
    for command in ["CONNECT", "STOMP", "CONNECTED"] {
        for version in Version::ALL {
            let stream = format!("{command}\naccept-version:1.2\na\\cb:c\\nd\\x\n\n\0");
            let frame = one_in(version, stream.as_bytes());
            assert_eq!(
                frame.header("a\\cb").unwrap(),
                "c\\nd\\x",
                "{command} {version}"
            );
        }
    }
}

#[test]
fn item_08_an_undefined_escape_is_an_error() {
    for version in [Version::V1_1, Version::V1_2] {
        for (stream, after) in [
            (&b"SEND\na:\\t\n\n\0"[..], Some('t')),
            (b"SEND\na:b\\\n\n\0", None),
            (b"SEND\n\\:b\n\n\0", None),
            (b"SEND\na:b\\N\n\n\0", Some('N')),
            (b"SEND\na:1\na:\\x\n\n\0", Some('x')),
        ] {
            let error = error_in(version, stream);
            assert_eq!(error, DecodeError::UndefinedEscape(after), "{stream:?}");
        }
    }
}

#[test]
fn item_10_stomp_1_0_has_no_escapes_and_pads() {
    let frame = one_in(
        Version::V1_0,
        b"SEND\ndestination: /queue/a\nb\\c:  \\n \n\n\0",
    );
    let expected = Frame::new(Command::Send)
        .with("destination", "/queue/a")
        .with("b\\c", "\\n ");
    assert_eq!(frame, expected);
}

#[test]
fn item_10_a_connect_frame_is_read_as_the_version_it_asks_for() {
    for (stream, login) in [
        ("CONNECT\nlogin: me\n\n\0", "me"),
        ("CONNECT\nlogin: me\naccept-version:1.0\n\n\0", "me"),
        ("CONNECT\nlogin: me\naccept-version:1.0,1.1\n\n\0", " me"),
        ("STOMP\naccept-version:1.2\nlogin: me\n\n\0", " me"),
    ] {
        assert_eq!(one(stream).header("login").unwrap(), login, "{stream:?}");
    }
}

#[test]
fn item_11_later_versions_do_not_trim() {
    for version in [Version::V1_1, Version::V1_2] {
        let frame = one_in(version, b"SEND\n a : b \nc:\n\n\0");
        assert_eq!(
            frame,
            Frame::new(Command::Send).with(" a ", " b ").with("c", "")
        );
    }
}

#[test]
fn item_12_the_first_of_repeated_headers_wins() {
    let frame = one("SEND\nfoo:1\nfoo:2\nbar:3\nfoo:4\n\n\0");
    assert_eq!(
        frame,
        Frame::new(Command::Send).with("foo", "1").with("bar", "3")
    );
    let frame = one("SEND\na\\cb:1\na\\cb:2\n\n\0");
    assert_eq!(frame, Frame::new(Command::Send).with("a:b", "1"));
}

#[test]
fn item_12_repeated_headers_do_not_count() {
    let limits = Limits {
        headers: 2,
        ..Limits::default()
    };
    let repeated = "a:1\nb:2\n".repeat(100);
    assert_eq!(
        within(limits, &format!("SEND\n{repeated}content-length:0\n\n\0")),
        Ok(1)
    );
}

#[test]
fn item_13_a_colon_in_a_value_is_taken() {
    let frame = one("SEND\na:b:c::d\n\n\0");
    assert_eq!(frame, Frame::new(Command::Send).with("a", "b:c::d"));
}

#[test]
fn item_14_a_header_line_has_a_name_and_a_colon() {
    assert_eq!(error("SEND\nabc\n\n\0"), DecodeError::MissingColon);
    assert_eq!(error("SEND\na:b\n \n\n\0"), DecodeError::MissingColon);
    assert_eq!(error("SEND\n:b\n\n\0"), DecodeError::MissingName);
}
