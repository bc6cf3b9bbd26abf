//! Frames to bytes.

use bytes::{BufMut, Bytes, BytesMut};

use crate::escape::Style;
use crate::{Frame, Version};

/// A heart-beat: what to send when there is no frame to send.
pub const HEART_BEAT: &[u8] = b"\n";

/// Appends `frame` as it is written in a session of `version`, without a line end after its NUL.
///
/// Whatever the frame holds, one well-formed frame is written:
///
/// - `content-length` is written from the body, of SEND, MESSAGE and ERROR always; a header of that name is not.
/// - A body of another command is left out, as is a header without a name.
/// - An octet that a header cannot express becomes a space: NUL always; CR, LF and a colon in a name where nothing is
///   escaped, which is STOMP 1.0 as well as CONNECT, STOMP and CONNECTED.
pub fn encode(frame: &Frame, version: Version, out: &mut BytesMut) {
    let style = Style::of(frame.command, version);
    out.reserve(usual_length(frame));
    out.put_slice(frame.command.as_str().as_bytes());
    out.put_u8(b'\n');
    for (name, value) in frame.headers.iter() {
        if name.is_empty() || name == "content-length" {
            continue;
        }
        style.write_name(name, out);
        out.put_u8(b':');
        style.write_value(value, out);
        out.put_u8(b'\n');
    }
    if frame.command.may_have_body() {
        out.put_slice(b"content-length:");
        write_decimal(frame.body.len(), out);
        out.put_slice(b"\n\n");
        out.put_slice(&frame.body);
    } else {
        out.put_u8(b'\n');
    }
    out.put_u8(0);
}

/// The bytes of one frame alone; see [`encode`].
pub fn encode_to_bytes(frame: &Frame, version: Version) -> Bytes {
    let mut out = BytesMut::new();
    encode(frame, version, &mut out);
    out.freeze()
}

/// The length of the frame when nothing in it is escaped, so that the memory grows once.
fn usual_length(frame: &Frame) -> usize {
    let headers: usize = frame
        .headers
        .iter()
        .map(|(name, value)| name.len() + value.len() + 2)
        .sum();
    let around = frame.command.as_str().len()
        + "\n".len()
        + "content-length:18446744073709551615\n\n\0".len();
    around + headers + frame.body.len()
}

/// Appends a number without the formatting machinery, which this would be the one use of on the way of each message.
fn write_decimal(mut number: usize, out: &mut BytesMut) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        // A decimal digit always fits.
        #[expect(clippy::cast_possible_truncation)]
        let digit = (number % 10) as u8;
        digits[at] = b'0' + digit;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.put_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Command;

    fn text(frame: &Frame, version: Version) -> String {
        String::from_utf8(encode_to_bytes(frame, version).into()).unwrap()
    }

    #[test]
    fn item_03_a_frame_is_command_headers_blank_line_body_nul() {
        let frame = Frame::new(Command::Send)
            .with("destination", "/a")
            .with_body("hi");
        for version in Version::ALL {
            assert_eq!(
                text(&frame, version),
                "SEND\ndestination:/a\ncontent-length:2\n\nhi\0"
            );
        }
        assert_eq!(
            text(&Frame::new(Command::Disconnect), Version::V1_2),
            "DISCONNECT\n\n\0"
        );
    }

    #[test]
    fn item_06_names_and_values_are_utf_8() {
        let frame = Frame::new(Command::Receipt).with("이름", "값");
        assert_eq!(text(&frame, Version::V1_1), "RECEIPT\n이름:값\n\n\0");
    }

    #[test]
    fn item_09_headers_are_escaped_except_those_of_connected() {
        let of = |command| Frame::new(command).with("a:b\\", "c:d\r\ne\\");
        assert_eq!(
            text(&of(Command::Receipt), Version::V1_2),
            "RECEIPT\na\\cb\\\\:c\\cd\\r\\ne\\\\\n\n\0"
        );
        assert_eq!(
            text(&of(Command::Receipt), Version::V1_1),
            "RECEIPT\na\\cb\\\\:c\\cd\\r\\ne\\\\\n\n\0"
        );
        for command in [Command::Connected, Command::Connect, Command::Stomp] {
            assert_eq!(
                text(&of(command), Version::V1_2),
                format!("{}\na b\\:c:d  e\\\n\n\0", command.as_str())
            );
        }
    }

    #[test]
    fn item_10_a_1_0_header_cannot_inject() {
        let frame = Frame::new(Command::Receipt).with("a\n\n\0b:c", "1\n\n\0ERROR\n\r");
        assert_eq!(
            text(&frame, Version::V1_0),
            "RECEIPT\na   b c:1   ERROR  \n\n\0"
        );
    }

    #[test]
    fn item_18_content_length_is_always_written_and_once() {
        for command in [Command::Send, Command::Message, Command::Error] {
            let frame = Frame::new(command)
                .with("content-length", "77")
                .with("content-length", "78");
            assert_eq!(
                text(&frame, Version::V1_2),
                format!("{}\ncontent-length:0\n\n\0", command.as_str())
            );
            let frame = frame.with_body(&b"a\0b4567890"[..]);
            assert_eq!(
                text(&frame, Version::V1_2),
                format!("{}\ncontent-length:10\n\na\0b4567890\0", command.as_str())
            );
        }
    }

    #[test]
    fn item_19_other_commands_have_no_body() {
        let frame = Frame::new(Command::Subscribe)
            .with("content-length", "2")
            .with_body("hi");
        assert_eq!(text(&frame, Version::V1_2), "SUBSCRIBE\n\n\0");
    }

    #[test]
    fn item_83_frames_follow_each_other_without_anything_between() {
        let mut out = BytesMut::new();
        encode(&Frame::new(Command::Begin), Version::V1_2, &mut out);
        encode(&Frame::new(Command::Abort), Version::V1_2, &mut out);
        assert_eq!(out, &b"BEGIN\n\n\0ABORT\n\n\0"[..]);
        assert_eq!(HEART_BEAT, b"\n");
    }

    #[test]
    fn a_header_without_a_name_is_left_out() {
        assert_eq!(
            text(&Frame::new(Command::Receipt).with("", "x"), Version::V1_2),
            "RECEIPT\n\n\0"
        );
    }

    #[test]
    fn numbers_are_written_in_decimal() {
        for number in [0, 1, 9, 10, 99, 100, 65_536, usize::MAX] {
            let mut out = BytesMut::new();
            write_decimal(number, &mut out);
            assert_eq!(out, number.to_string());
        }
    }
}
