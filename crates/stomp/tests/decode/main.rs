//! What the decoder makes of streams, case by case. The numbers are those of the server checklist.

mod framing;
mod headers;
mod limits;

use bytes::Bytes;
use stomp::{DecodeError, Decoder, Frame, Item, Limits, Version};

/// All items of a stream that arrives in chunks, and how it ended.
fn read_chunks<'a>(
    mut decoder: Decoder,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Item>, Result<(), DecodeError>) {
    let mut items = Vec::new();
    for chunk in chunks {
        decoder.push(Bytes::copy_from_slice(chunk));
        loop {
            match decoder.next() {
                Ok(Some(item)) => items.push(item),
                Ok(None) => break,
                Err(error) => return (items, Err(error)),
            }
        }
    }
    (items, Ok(()))
}

fn decoder(version: Version, limits: Limits) -> Decoder {
    let mut decoder = Decoder::new(limits);
    decoder.set_version(version);
    decoder
}

/// The frames of a stream; whole and octet by octet, which must not differ.
fn frames(version: Version, limits: Limits, stream: &[u8]) -> Result<Vec<Frame>, DecodeError> {
    let read = |size| {
        let (items, outcome) = read_chunks(decoder(version, limits), stream.chunks(size));
        let frame = |item| {
            if let Item::Frame(frame) = item {
                Some(frame)
            } else {
                None
            }
        };
        (
            items.into_iter().filter_map(frame).collect::<Vec<_>>(),
            outcome,
        )
    };
    let whole = read(stream.len());
    assert_eq!(whole, read(1), "octet by octet: {stream:?}");
    whole.1.map(|()| whole.0)
}

fn frames_in(version: Version, stream: &[u8]) -> Result<Vec<Frame>, DecodeError> {
    frames(version, Limits::default(), stream)
}

fn one_in(version: Version, stream: &[u8]) -> Frame {
    match frames_in(version, stream).as_deref() {
        Ok([frame]) => frame.clone(),
        other => panic!("not one frame but {other:?} in {stream:?}"),
    }
}

fn one(stream: &str) -> Frame {
    one_in(Version::V1_2, stream.as_bytes())
}

fn error_in(version: Version, stream: &[u8]) -> DecodeError {
    match frames_in(version, stream) {
        Err(error) => error,
        Ok(frames) => panic!("no error but {frames:?} in {stream:?}"),
    }
}

fn error(stream: &str) -> DecodeError {
    error_in(Version::V1_2, stream.as_bytes())
}

/// How many frames there are within these limits.
fn within(limits: Limits, stream: &str) -> Result<usize, DecodeError> {
    frames(Version::V1_2, limits, stream.as_bytes()).map(|frames| frames.len())
}
