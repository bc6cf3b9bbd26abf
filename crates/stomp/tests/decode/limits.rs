//! How much may arrive, and what happens past it.

use bytes::Bytes;
use stomp::decode::Part;
use stomp::{DecodeError, Decoder, Item, Limits};

use crate::within;

#[test]
fn item_16_content_length_is_checked_before_the_body_arrives() {
    let limits = Limits {
        body: 100,
        ..Limits::default()
    };
    let too_large = Err(DecodeError::TooLarge {
        part: Part::Body,
        limit: 100,
    });
    for length in ["101", "18446744073709551615", "99999999999999999999999999"] {
        let head = format!("SEND\ncontent-length:{length}\n\n");
        assert_eq!(within(limits, &head), too_large, "{length}");
    }
    assert_eq!(within(limits, "SEND\ncontent-length:100\n\n"), Ok(0));
}

#[test]
fn item_21_headers_are_limited() {
    let limits = Limits {
        headers: 3,
        header_line: 8,
        ..Limits::default()
    };
    assert_eq!(within(limits, "SEND\na:1\nb:2\nc:3\n\n\0"), Ok(1));
    let too_many = Err(DecodeError::TooManyHeaders { limit: 3 });
    assert_eq!(within(limits, "SEND\na:1\nb:2\nc:3\nd:4\n\n\0"), too_many);
    let too_long = Err(DecodeError::TooLarge {
        part: Part::HeaderLine,
        limit: 8,
    });
    assert_eq!(within(limits, "SEND\nabc:5678\n\n\0"), Ok(1));
    assert_eq!(within(limits, "SEND\nabc:56789\n\n\0"), too_long);
    assert_eq!(
        within(limits, "SEND\nabc:56789"),
        too_long,
        "before the line ends"
    );
}

#[test]
fn item_21_bodies_are_limited() {
    let limits = Limits {
        body: 10,
        frame: 100,
        ..Limits::default()
    };
    let too_large = Err(DecodeError::TooLarge {
        part: Part::Body,
        limit: 10,
    });
    assert_eq!(within(limits, "SEND\n\n0123456789\0"), Ok(1));
    assert_eq!(within(limits, "SEND\n\n0123456789a\0"), too_large);
    assert_eq!(
        within(limits, "SEND\n\n0123456789a"),
        too_large,
        "before the body ends"
    );
}

#[test]
fn item_21_frames_are_limited() {
    let limits = Limits {
        body: 100,
        frame: 20,
        ..Limits::default()
    };
    let too_large = Err(DecodeError::TooLarge {
        part: Part::Frame,
        limit: 20,
    });
    assert_eq!(within(limits, "SEND\na:b\n\n012345678\0"), Ok(1));
    assert_eq!(within(limits, "SEND\na:b\n\n0123456789\0"), too_large);
    assert_eq!(
        within(limits, "SEND\na:b\n\n0123456789"),
        too_large,
        "before the body ends"
    );
    assert_eq!(within(limits, "BEGIN\ntransaction:"), Ok(0));
    assert_eq!(
        within(limits, "SEND\na:1\nb:2\nc:3\nd:4\n"),
        too_large,
        "before the head ends"
    );
    assert_eq!(
        within(limits, "BEGIN\ntransaction:1\n\n"),
        too_large,
        "no room for the NUL"
    );
    assert_eq!(
        within(limits, "SEND\na:b\n\n012345678\0\n".repeat(9).as_str()),
        Ok(9)
    );

    let limits = Limits {
        frame: 30,
        ..limits
    };
    let too_large = Err(DecodeError::TooLarge {
        part: Part::Frame,
        limit: 30,
    });
    assert_eq!(within(limits, "SEND\ncontent-length:6\n\n012345\0"), Ok(1));
    assert_eq!(
        within(limits, "SEND\ncontent-length:7\n\n"),
        too_large,
        "before the body arrives"
    );
}

#[test]
fn item_21_of_two_limits_the_nearer_one_is_told() {
    let limits = Limits {
        header_line: 10,
        frame: 12,
        ..Limits::default()
    };
    let frame = Err(DecodeError::TooLarge {
        part: Part::Frame,
        limit: 12,
    });
    assert_eq!(within(limits, "SEND\nabcdefghijklmnop"), frame);
    let limits = Limits {
        header_line: 5,
        ..limits
    };
    let line = Err(DecodeError::TooLarge {
        part: Part::HeaderLine,
        limit: 5,
    });
    assert_eq!(within(limits, "SEND\nabcdefghijklmnop"), line);
}

#[test]
fn item_21_limits_can_change_between_frames() {
    let small = Limits {
        body: 1,
        ..Limits::default()
    };
    let mut decoder = Decoder::new(small);
    decoder.push(Bytes::from_static(b"SEND\n\n1\0SEND\n\n12\0SEND\n\n12\0"));
    assert!(matches!(decoder.next(), Ok(Some(Item::Frame(_)))));
    decoder.set_limits(Limits { body: 2, ..small });
    assert!(matches!(decoder.next(), Ok(Some(Item::Frame(_)))));
    decoder.set_limits(small);
    assert_eq!(
        decoder.next(),
        Err(DecodeError::TooLarge {
            part: Part::Body,
            limit: 1
        })
    );
}

#[test]
fn item_22_the_command_is_limited() {
    let limits = Limits::default();
    let too_long = Err(DecodeError::TooLarge {
        part: Part::Command,
        limit: 32,
    });
    assert_eq!(within(limits, &"X".repeat(33)), too_long);
    assert_eq!(within(limits, &"X".repeat(32)), Ok(0));
    let unknown = Err(DecodeError::UnknownCommand("X".repeat(32)));
    assert_eq!(within(limits, &format!("{}\n", "X".repeat(32))), unknown);
}

#[test]
fn item_82_what_arrived_of_a_frame_counts_across_chunks() {
    let mut decoder = Decoder::new(Limits {
        frame: 1_000,
        ..Limits::default()
    });
    decoder.push(Bytes::from_static(b"SEND\n\n"));
    for _ in 0..99 {
        assert_eq!(decoder.next(), Ok(None));
        decoder.push(Bytes::from_static(b"0123456789"));
    }
    assert_eq!(decoder.next(), Ok(None));
    assert_eq!(decoder.held(), 996);
    decoder.push(Bytes::from_static(b"0123456789"));
    let too_large = DecodeError::TooLarge {
        part: Part::Frame,
        limit: 1_000,
    };
    assert_eq!(decoder.next(), Err(too_large));
    assert_eq!(decoder.held(), 0);
}

#[test]
fn after_an_error_it_stays_at_that_error_and_keeps_nothing() {
    let mut decoder = Decoder::new(Limits::default());
    decoder.push(Bytes::from_static(b"SEND\nx\n\n\0SEND\n\n\0"));
    for _ in 0..3 {
        assert_eq!(decoder.next(), Err(DecodeError::MissingColon));
        decoder.push(Bytes::from_static(b"SEND\n\n\0"));
        assert_eq!(decoder.held(), 0);
    }
}
