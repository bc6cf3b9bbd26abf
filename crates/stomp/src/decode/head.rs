//! The headers of a frame whose head arrived in whole.

use bytes::Bytes;
use bytestring::ByteString;

use super::{DecodeError, Limits};
use crate::escape::Style;
use crate::version::negotiate;
use crate::{Command, Headers, Version};

/// What the head of a frame says.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) command: Command,
    /// Without `content-length`.
    pub(super) headers: Headers,
    /// The octets of the body, if announced.
    pub(super) content_length: Option<usize>,
    /// The octets of the head itself, the blank line included.
    pub(super) size: usize,
}

/// Reads a head: the line of its command, its header lines, a blank line.
pub(super) fn parse(
    command: Command,
    head: Bytes,
    version: Version,
    limits: &Limits,
) -> Result<Head, DecodeError> {
    let size = head.len();
    let text = ByteString::try_from(head).map_err(|_| DecodeError::NotUtf8)?;
    let lines = || text.lines().skip(1).take_while(|line| !line.is_empty());
    // A frame that opens a session is written by the rules of the version that it asks for.
    let version = if command.opens_session() {
        let accept_version = lines().find_map(|line| line.strip_prefix("accept-version:"));
        negotiate(accept_version).unwrap_or(version)
    } else {
        version
    };
    let style = Style::of(command, version);
    let read = |part| {
        style
            .read(part, &text)
            .map_err(|undefined| DecodeError::UndefinedEscape(undefined.0))
    };

    let mut headers = Headers::new();
    let mut content_length = None;
    for line in lines() {
        // Earlier versions allow a carriage return within a line; 1.2 wants it escaped.
        if version == Version::V1_2 && line.contains('\r') {
            return Err(DecodeError::CarriageReturn);
        }
        let (name, value) = line.split_once(':').ok_or(DecodeError::MissingColon)?;
        if name.is_empty() {
            return Err(DecodeError::MissingName);
        }
        let name = read(name)?;
        // The examples of 1.0 put a space after the colon; later versions forbid to trim.
        let value = read(if version == Version::V1_0 {
            value.trim_start_matches(' ')
        } else {
            value
        })?;
        if name == "content-length" {
            if content_length.is_none() {
                content_length = Some(octets(&value)?);
            }
        } else if headers.get(&name).is_none() {
            if headers.len() >= limits.headers {
                return Err(DecodeError::TooManyHeaders {
                    limit: limits.headers,
                });
            }
            headers.push(name, value);
        }
    }
    Ok(Head {
        command,
        headers,
        content_length,
        size,
    })
}

/// More octets than can be counted are as many as can be counted, which is more than any limit.
fn octets(digits: &str) -> Result<usize, DecodeError> {
    if digits.is_empty() || !digits.bytes().all(|octet| octet.is_ascii_digit()) {
        return Err(DecodeError::ContentLength);
    }
    Ok(digits.parse().unwrap_or(usize::MAX))
}
