//! Where frames begin and end, and what they may be.

use bytes::Bytes;
use stomp::{Command, DecodeError, Decoder, Frame, Item, Limits, Version};

use crate::{decoder, error, frames_in, one, one_in, read_chunks};

#[test]
fn item_01_lines_end_with_lf_or_crlf() {
    let frame = Frame::new(Command::Send)
        .with("a", "b")
        .with("c", "d")
        .with_body("e\r\n");
    for version in Version::ALL {
        assert_eq!(one_in(version, b"SEND\na:b\nc:d\n\ne\r\n\0"), frame);
        assert_eq!(one_in(version, b"SEND\r\na:b\r\nc:d\r\n\r\ne\r\n\0"), frame);
        assert_eq!(one_in(version, b"SEND\na:b\r\nc:d\n\r\ne\r\n\0"), frame);
    }
}

#[test]
fn item_02_case_counts() {
    assert_eq!(
        error("connect\n\n\0"),
        DecodeError::UnknownCommand("connect".to_owned())
    );
    assert_eq!(
        error("Send\n\n\0"),
        DecodeError::UnknownCommand("Send".to_owned())
    );
    let frame = one("SEND\nFoo:1\nfoo:2\n\n\0");
    assert_eq!(
        frame,
        Frame::new(Command::Send).with("Foo", "1").with("foo", "2")
    );
}

#[test]
fn item_03_a_frame_may_have_no_headers() {
    for command in Command::ALL {
        assert_eq!(
            one(&format!("{}\n\n\0", command.as_str())),
            Frame::new(command)
        );
    }
}

#[test]
fn item_04_line_ends_between_frames_are_heart_beats() {
    let chunks = [
        &b"\n"[..],
        b"\r\n",
        b"BEGIN\n\n\0\n\r\n\nABORT\n\n\0",
        b"\n\n",
        b"COMMIT\n\n\0",
    ];
    let (items, outcome) = read_chunks(decoder(Version::V1_2, Limits::default()), chunks);
    let frame = |command| Item::Frame(Frame::new(command));
    let expected = [
        Item::HeartBeat,
        Item::HeartBeat,
        frame(Command::Begin),
        Item::HeartBeat,
        frame(Command::Abort),
        Item::HeartBeat,
        frame(Command::Commit),
    ];
    assert_eq!((&items[..], outcome), (&expected[..], Ok(())));
}

#[test]
fn item_04_a_cut_crlf_is_one_heart_beat() {
    let chunks = [&b"\r"[..], b"\n"];
    let (items, outcome) = read_chunks(decoder(Version::V1_2, Limits::default()), chunks);
    assert_eq!((items, outcome), (vec![Item::HeartBeat], Ok(())));
}

#[test]
fn item_05_leading_line_ends_and_nuls_are_noise() {
    let frame = Frame::new(Command::Send).with_body("hi");
    assert_eq!(one("\n\0\0\r\n\nSEND\n\nhi\0\n\0\n"), frame);
    let (items, outcome) = read_chunks(decoder(Version::V1_2, Limits::default()), [&b"\0\0"[..]]);
    assert_eq!((items, outcome), (vec![], Ok(())), "a NUL is no heart-beat");
}

#[test]
fn item_05_a_carriage_return_between_frames_is_followed_by_a_line_feed() {
    for stream in ["\rSEND\n\n\0", "\r\r\n", "BEGIN\n\n\0\r\0", "\n\rX"] {
        assert_eq!(error(stream), DecodeError::CarriageReturn, "{stream:?}");
    }
    assert_eq!(
        frames_in(Version::V1_2, b"\r"),
        Ok(vec![]),
        "the line feed may come yet"
    );
}

#[test]
fn item_14_a_frame_without_a_blank_line_is_told_at_its_end() {
    for stream in ["SEND\ndestination:/a\0", "SEND\na:b\0c\n\n\0", "SEND\0"] {
        assert_eq!(error(stream), DecodeError::NulInHead, "{stream:?}");
    }
}

#[test]
fn item_15_content_length_counts_octets_and_nul_follows() {
    let frame = one_in(Version::V1_2, b"SEND\ncontent-length:5\n\na\0b\0\n\0");
    assert_eq!(frame, Frame::new(Command::Send).with_body(&b"a\0b\0\n"[..]));
    assert_eq!(one("SEND\ncontent-length:6\n\n가나\0").body, "가나");
    for stream in [
        "SEND\ncontent-length:1\n\nhi\0",
        "SEND\ncontent-length:0\n\nx\0",
    ] {
        assert_eq!(error(stream), DecodeError::MissingNul, "{stream:?}");
    }
    let short = frames_in(Version::V1_2, b"SEND\ncontent-length:3\n\nhi\0");
    assert_eq!(short, Ok(vec![]), "the last octet may come yet");
}

#[test]
fn item_15_the_first_content_length_counts() {
    assert_eq!(
        one("SEND\ncontent-length:2\ncontent-length:9\n\nhi\0").body,
        "hi"
    );
}

#[test]
fn item_16_content_length_is_a_number_of_octets() {
    for value in ["-1", "+2", "", "two", "2 ", " 2", "0x2", "2.0", "٢"] {
        let stream = format!("SEND\ncontent-length:{value}\n\nhi\0");
        assert_eq!(error(&stream), DecodeError::ContentLength, "{value:?}");
    }
    assert_eq!(
        one("SEND\ncontent-length:0\n\n\0"),
        Frame::new(Command::Send)
    );
    assert_eq!(one("SEND\ncontent-length:002\n\nhi\0").body, "hi");
    assert_eq!(
        one_in(Version::V1_0, b"SEND\ncontent-length: 2\n\nhi\0").body,
        "hi"
    );
}

#[test]
fn item_17_without_content_length_the_body_ends_at_the_first_nul() {
    let frames = frames_in(Version::V1_2, b"SEND\n\nhi\0SEND\n\n\0").unwrap();
    assert_eq!(
        frames,
        [
            Frame::new(Command::Send).with_body("hi"),
            Frame::new(Command::Send)
        ]
    );
}

#[test]
fn item_19_only_send_message_and_error_have_a_body() {
    for command in Command::ALL {
        let name = command.as_str();
        for head in [
            format!("{name}\n\n"),
            format!("{name}\ncontent-length:2\n\n"),
        ] {
            let outcome = frames_in(Version::V1_2, format!("{head}hi\0").as_bytes());
            if matches!(command, Command::Send | Command::Message | Command::Error) {
                assert_eq!(outcome, Ok(vec![Frame::new(command).with_body("hi")]));
            } else {
                assert_eq!(outcome, Err(DecodeError::BodyNotAllowed(command)));
            }
        }
        assert_eq!(
            one(&format!("{name}\ncontent-length:0\n\n\0")),
            Frame::new(command)
        );
    }
}

#[test]
fn item_34_an_unknown_command_is_told_by_name_at_the_end_of_its_line() {
    let unknown = DecodeError::UnknownCommand("GET / HTTP/1.1".to_owned());
    assert_eq!(error("GET / HTTP/1.1\r\n"), unknown);
}

#[test]
fn item_79_the_version_can_change_between_frames_of_one_chunk() {
    let mut decoder = Decoder::new(Limits::default());
    decoder.push(Bytes::from_static(b"CONNECT\n\n\0SEND\na: \\x\n\n\0"));
    assert!(matches!(decoder.next(), Ok(Some(Item::Frame(_)))));
    decoder.set_version(Version::V1_0);
    let send = Frame::new(Command::Send).with("a", "\\x");
    assert_eq!(decoder.next(), Ok(Some(Item::Frame(send))));
}

#[test]
fn item_81_frames_may_share_and_straddle_chunks() {
    let chunks = [
        &b"SEND\n\n1\0SEND\n\n2\0SE"[..],
        b"ND\na:",
        b"b\n\n3",
        b"\0\n",
    ];
    let (items, outcome) = read_chunks(decoder(Version::V1_2, Limits::default()), chunks);
    let expected = [
        Item::Frame(Frame::new(Command::Send).with_body("1")),
        Item::Frame(Frame::new(Command::Send).with_body("2")),
        Item::Frame(Frame::new(Command::Send).with("a", "b").with_body("3")),
        Item::HeartBeat,
    ];
    assert_eq!((&items[..], outcome), (&expected[..], Ok(())));
}

#[test]
fn a_frame_within_a_chunk_shares_its_memory() {
    let chunk = Bytes::from(b"\nSEND\nname:value\nescaped:\\n\n\nbody\0".to_vec());
    let mut decoder = Decoder::new(Limits::default());
    decoder.push(chunk.clone());
    assert_eq!(decoder.next(), Ok(Some(Item::HeartBeat)));
    let Ok(Some(Item::Frame(frame))) = decoder.next() else {
        panic!("a frame is whole")
    };
    let shared = |part: &[u8]| chunk.as_ptr_range().contains(&part.as_ptr());
    let (name, value) = frame.headers.iter().next().unwrap();
    assert!(shared(name.as_bytes()));
    assert!(shared(value.as_bytes()));
    assert!(shared(&frame.body));
    assert!(!shared(frame.header("escaped").unwrap().as_bytes()));
}

#[test]
fn errors_are_sentences() {
    for (error, sentence) in [
        (error("SEN\n"), r#"The command "SEN" is not known."#),
        (
            error("SEND\na:\\t\n\n"),
            "A backslash in a header is followed by 't', which is not an escape sequence.",
        ),
        (
            error("ACK\n\nx"),
            "Only SEND, MESSAGE and ERROR frames may have a body, not ACK.",
        ),
        (
            error(&"X".repeat(33)),
            "The command is longer than 32 octets.",
        ),
    ] {
        assert_eq!(error.to_string(), sentence);
    }
}
