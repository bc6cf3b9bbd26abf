//! The escape sequences of header names and values, both ways.

use bytes::{BufMut, BytesMut};
use bytestring::ByteString;

use crate::{Command, Version};

/// How the headers of one frame are written. An octet that a style cannot express is written as a space, so that no
/// name and no value, whatever it holds, can end its line or its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// STOMP 1.0, and the frames that open a session: nothing stands for anything else. Cannot express CR, LF and NUL,
    /// nor a colon in a name.
    Plain,
    /// `\\`, `\c`, `\n` and `\r`. STOMP 1.1 leaves `\r` undefined, but its peers write and read it all the same, and a
    /// bare CR would be lost on those that take CRLF as a line end. Cannot express NUL, at which some peers cut frames
    /// before they read headers.
    Escaped,
}

impl Style {
    /// The style of a frame with this command in a session of this version.
    pub(crate) fn of(command: Command, version: Version) -> Self {
        if version.escapes_headers() && command.escapes_headers() {
            Self::Escaped
        } else {
            Self::Plain
        }
    }

    pub(crate) fn write_name(self, name: &str, out: &mut BytesMut) {
        match self {
            Self::Plain => write(name, out, |octet| {
                if octet == b':' {
                    Some(b" ")
                } else {
                    plain(octet)
                }
            }),
            Self::Escaped => write(name, out, escaped),
        }
    }

    pub(crate) fn write_value(self, value: &str, out: &mut BytesMut) {
        match self {
            Self::Plain => write(value, out, plain),
            Self::Escaped => write(value, out, escaped),
        }
    }

    /// What `part` of `line` stands for. It shares the memory of `line` unless something in it is escaped.
    pub(crate) fn read(self, part: &str, line: &ByteString) -> Result<ByteString, UndefinedEscape> {
        if self == Self::Plain || !part.contains('\\') {
            return Ok(line.slice_ref(part));
        }
        let mut text = String::with_capacity(part.len());
        let mut rest = part;
        while let Some((before, after)) = rest.split_once('\\') {
            text.push_str(before);
            let mut characters = after.chars();
            text.push(match characters.next() {
                Some('\\') => '\\',
                Some('c') => ':',
                Some('n') => '\n',
                Some('r') => '\r',
                other => return Err(UndefinedEscape(other)),
            });
            rest = characters.as_str();
        }
        text.push_str(rest);
        Ok(text.into())
    }
}

/// The character that follows a backslash without making an escape sequence of it; none at the end of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UndefinedEscape(pub(crate) Option<char>);

fn plain(octet: u8) -> Option<&'static [u8]> {
    matches!(octet, b'\r' | b'\n' | 0).then_some(b" ")
}

fn escaped(octet: u8) -> Option<&'static [u8]> {
    match octet {
        b'\\' => Some(br"\\"),
        b':' => Some(br"\c"),
        b'\n' => Some(br"\n"),
        b'\r' => Some(br"\r"),
        0 => Some(b" "),
        _ => None,
    }
}

/// Appends `text` with the octets for which there is a replacement replaced.
fn write(text: &str, out: &mut BytesMut, replacement: impl Fn(u8) -> Option<&'static [u8]>) {
    let mut rest = text.as_bytes();
    let next = |text: &[u8]| {
        text.iter()
            .enumerate()
            .find_map(|(at, octet)| Some((at, replacement(*octet)?)))
    };
    while let Some((at, instead)) = next(rest) {
        out.put_slice(&rest[..at]);
        out.put_slice(instead);
        rest = &rest[at + 1..];
    }
    out.put_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(style: Style, text: &str) -> (String, String) {
        let (mut name, mut value) = (BytesMut::new(), BytesMut::new());
        style.write_name(text, &mut name);
        style.write_value(text, &mut value);
        (
            String::from_utf8(name.into()).unwrap(),
            String::from_utf8(value.into()).unwrap(),
        )
    }

    fn read(text: &str) -> Result<String, UndefinedEscape> {
        let line = ByteString::from(text);
        Style::Escaped.read(&line, &line).map(String::from)
    }

    #[test]
    fn item_07_escape_sequences_are_read() {
        for (from, to) in [
            ("plain", "plain"),
            (r"a\cb\nc\rd\\e", "a:b\nc\rd\\e"),
            (r"\\n", r"\n"),
            (r"\\\\c", r"\\c"),
            (r"\c", ":"),
            (r"가\c나", "가:나"),
            ("", ""),
        ] {
            assert_eq!(read(from).as_deref(), Ok(to), "{from:?}");
        }
    }

    #[test]
    fn item_08_undefined_escape_sequences_are_told() {
        for (from, after) in [
            (r"\t", Some('t')),
            (r"a\", None),
            (r"a\\\", None),
            (r"\C", Some('C')),
            (r"\N", Some('N')),
            (r"x\가", Some('가')),
            (r"\0", Some('0')),
        ] {
            assert_eq!(read(from), Err(UndefinedEscape(after)), "{from:?}");
        }
    }

    #[test]
    fn item_09_writing_reverses_reading() {
        let text = "a:b\nc\rd\\e\\n";
        let (name, value) = written(Style::Escaped, text);
        assert_eq!(
            (&*name, &*value),
            (r"a\cb\nc\rd\\e\\n", r"a\cb\nc\rd\\e\\n")
        );
        assert_eq!(read(&name).as_deref(), Ok(text));
    }

    #[test]
    fn item_10_plain_text_cannot_leave_its_line() {
        let (name, value) = written(Style::Plain, "a:b\r\nreceipt:1\n\n\0SEND\\n");
        assert_eq!(name, "a b  receipt 1   SEND\\n");
        assert_eq!(value, "a:b  receipt:1   SEND\\n");
        let (name, value) = written(Style::Escaped, "a\0b");
        assert_eq!((&*name, &*value), ("a b", "a b"));
    }

    #[test]
    fn what_is_not_escaped_shares_its_memory() {
        let line = ByteString::from_static("name:value");
        let value = Style::Escaped.read(&line[5..], &line).unwrap();
        assert_eq!(value.as_ptr(), line[5..].as_ptr());
        let raw = ByteString::from_static(r"a\b");
        assert_eq!(
            Style::Plain.read(&raw, &raw).unwrap().as_ptr(),
            raw.as_ptr()
        );
    }

    #[test]
    fn which_frames_are_escaped() {
        assert_eq!(Style::of(Command::Send, Version::V1_0), Style::Plain);
        for version in [Version::V1_1, Version::V1_2] {
            for command in Command::ALL {
                let plain = matches!(
                    command,
                    Command::Connect | Command::Stomp | Command::Connected
                );
                assert_eq!(
                    Style::of(command, version) == Style::Plain,
                    plain,
                    "{command:?} {version}"
                );
            }
        }
    }
}
