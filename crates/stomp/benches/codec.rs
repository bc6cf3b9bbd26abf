//! How many bytes per second the codec reads and writes, beside the crate `stomp-parser`, on the same bytes in the same run.
//!
//! Decoding begins with bytes as they come from a socket and ends with a frame, encoding the other way round.
//! `stomp-parser` reads one whole frame at a time and owns its memory, so it is given each frame in a `Vec` of its own;
//! it writes from a builder. What is prepared is not measured.

use std::hint::black_box;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use stomp::{Command, Decoder, Frame, Item, Limits, Version, encode_to_bytes};
use stomp_parser::server::{MessageFrameBuilder, ServerFrame};

const CHUNK: usize = 16 * 1024;
const STREAM_FRAMES: usize = 1_000;
/// Room for the largest body here with its headers.
const LIMITS: Limits = Limits {
    command: 32,
    headers: 64,
    header_line: 4 * 1024,
    body: 64 * 1024,
    frame: 128 * 1024,
};

/// A MESSAGE as a room sends it.
fn message(body: impl Into<Bytes>) -> Frame {
    Frame::new(Command::Message)
        .with("message-id", "5f2c9a01-3-18231")
        .with("destination", "/topic/rooms.general")
        .with("subscription", "room")
        .with("content-type", "text/plain")
        .with("x-epoch", "5f2c9a01")
        .with("x-offset", "18231")
        .with("x-prev", "18190")
        .with("x-ts", "1700000000000")
        .with("x-sender", "TQ6xcJwyS3OrcQXZ6PiOXw")
        .with("x-sender-name", "지우")
        .with("x-type", "message")
        .with("client-msg-id", "0193b1c2-7d6e-7c41-9a52-0c6f2f6f8f11")
        .with_body(body)
}

fn cases() -> Vec<(&'static str, Frame)> {
    let many_headers = (0..48).fold(message("안녕"), |frame, number| {
        frame.with(
            format!("header-{number}"),
            "a value as long as values usually are",
        )
    });
    vec![
        ("small message", message("안녕")),
        (
            "60 Korean syllables",
            message("마루는 모두가 모이는 열린 마당입니다 ".repeat(3)),
        ),
        ("body of 64 KiB", message(vec![b'x'; 64 * 1024])),
        ("60 headers", many_headers),
    ]
}

fn decode_whole(decoder: &mut Decoder, bytes: Bytes) -> Frame {
    decoder.push(bytes);
    match decoder.next() {
        Ok(Some(Item::Frame(frame))) => frame,
        other => panic!("a whole frame, not {other:?}"),
    }
}

fn parse_whole(bytes: Vec<u8>) -> ServerFrame {
    ServerFrame::try_from(bytes).unwrap_or_else(|_| panic!("stomp-parser reads this frame"))
}

/// The same frame as `stomp-parser` holds it before it is written.
fn builder(frame: &Frame) -> MessageFrameBuilder {
    let header = |name| {
        frame
            .header(name)
            .map(ToString::to_string)
            .unwrap_or_default()
    };
    let own = ["message-id", "destination", "subscription", "content-type"];
    let builder = MessageFrameBuilder::new(
        header("message-id"),
        header("destination"),
        header("subscription"),
    )
    .content_type(header("content-type"))
    .content_length(u32::try_from(frame.body.len()).unwrap_or(u32::MAX));
    frame
        .headers
        .iter()
        .filter(|(name, _)| !own.contains(&&***name))
        .fold(builder, |builder, (name, value)| {
            builder.add_custom_header(name.to_string(), value.to_string())
        })
        .body(frame.body.to_vec())
}

fn write(builder: MessageFrameBuilder) -> Vec<u8> {
    builder.build().into()
}

fn decoding(criterion: &mut Criterion) {
    for (name, frame) in cases() {
        let bytes = encode_to_bytes(&frame, Version::V1_2).to_vec();
        let ServerFrame::Message(parsed) = parse_whole(bytes.clone()) else {
            panic!("a MESSAGE")
        };
        assert_eq!(parsed.body(), Some(&*frame.body), "both read the same");
        assert_eq!(
            decode_whole(&mut Decoder::new(LIMITS), bytes.clone().into()),
            frame
        );

        let mut group = criterion.benchmark_group(format!("decode: {name}"));
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function("stomp", |bencher| {
            let mut decoder = Decoder::new(LIMITS);
            bencher.iter_batched(
                || Bytes::from(bytes.clone()),
                |bytes| decode_whole(&mut decoder, bytes),
                BatchSize::SmallInput,
            );
        });
        group.bench_function("stomp-parser", |bencher| {
            bencher.iter_batched(|| bytes.clone(), parse_whole, BatchSize::SmallInput);
        });
        group.finish();
    }
}

fn decoding_a_stream(criterion: &mut Criterion) {
    let frame = encode_to_bytes(
        &message("마루는 모두가 모이는 열린 마당입니다"),
        Version::V1_2,
    );
    let frames = vec![frame.to_vec(); STREAM_FRAMES];
    let chunks: Vec<Vec<u8>> = frames.concat().chunks(CHUNK).map(<[u8]>::to_vec).collect();

    let mut group = criterion.benchmark_group("decode: 1,000 frames in chunks of 16 KiB");
    group.throughput(Throughput::Bytes((frame.len() * STREAM_FRAMES) as u64));
    group.bench_function("stomp", |bencher| {
        bencher.iter_batched(
            || chunks.iter().cloned().map(Bytes::from).collect::<Vec<_>>(),
            |chunks| {
                let mut decoder = Decoder::new(LIMITS);
                let mut read = 0;
                for chunk in chunks {
                    decoder.push(chunk);
                    while let Ok(Some(item)) = decoder.next() {
                        black_box(item);
                        read += 1;
                    }
                }
                assert_eq!(read, STREAM_FRAMES);
            },
            BatchSize::LargeInput,
        );
    });
    // It cannot read chunks, so somebody has cut the stream into frames already.
    group.bench_function("stomp-parser", |bencher| {
        bencher.iter_batched(
            || frames.clone(),
            |frames| {
                for frame in frames {
                    black_box(parse_whole(frame));
                }
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

fn encoding(criterion: &mut Criterion) {
    for (name, frame) in cases() {
        let theirs = decode_whole(&mut Decoder::new(LIMITS), write(builder(&frame)).into());
        assert_eq!(theirs.body, frame.body, "both write the same");
        assert_eq!(theirs.headers.len(), frame.headers.len());

        let mut group = criterion.benchmark_group(format!("encode: {name}"));
        let length = encode_to_bytes(&frame, Version::V1_2).len();
        group.throughput(Throughput::Bytes(length as u64));
        group.bench_function("stomp", |bencher| {
            bencher.iter_with_large_drop(|| encode_to_bytes(&frame, Version::V1_2));
        });
        group.bench_function("stomp-parser", |bencher| {
            bencher.iter_batched(|| builder(&frame), write, BatchSize::SmallInput);
        });
        group.finish();
    }
}

criterion_group!(benches, decoding, decoding_a_stream, encoding);
criterion_main!(benches);
