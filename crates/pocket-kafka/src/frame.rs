//! The outer form of the protocol: a length, a header, a body.

use std::io;

use bytes::{Buf as _, Bytes, BytesMut};
use kafka_protocol::{
    messages::{ApiKey, RequestHeader, ResponseHeader},
    protocol::{Decodable, Encodable, HeaderVersion},
};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::request::{self, layout};

/// Memory is taken as bytes arrive, never because a length says so.
const READ_STEP: usize = 64 << 10;

/// Why a connection is closed by this side.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Closed {
    #[error("the client is gone")]
    ByPeer,
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("a request of {length} bytes, where {limit} are allowed: not Kafka, or too large")]
    Length { length: i64, limit: usize },
    #[error("not a Kafka request: {0}")]
    Malformed(String),
    #[error("api key {key} version {version} is not offered")]
    NotOffered { key: i16, version: i16 },
    #[error("{0} before the client has authenticated")]
    Unauthenticated(&'static str),
    #[error("wrong credentials for user {0:?}")]
    Credentials(String),
    #[error("an error in a Produce that wants no answer")]
    Unanswerable,
}

/// A request whose body is not decoded yet.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) api: ApiKey,
    pub(crate) version: i16,
    pub(crate) correlation: i32,
    pub(crate) body: Bytes,
}

/// How large a request may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) bytes: usize,
    /// Topics, partitions, settings and whatever else it names, all together: each takes some hundred bytes once it is decoded.
    pub(crate) elements: usize,
}

/// Reads one request.
pub(crate) async fn read(
    stream: &mut (impl AsyncRead + Unpin),
    bounds: Bounds,
) -> Result<Request, Closed> {
    let length = match stream.read_i32().await {
        Ok(length) => length,
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(Closed::ByPeer),
        Err(error) => return Err(error.into()),
    };
    let length = usize::try_from(length)
        .ok()
        .filter(|length| *length <= bounds.bytes)
        .ok_or(Closed::Length {
            length: i64::from(length),
            limit: bounds.bytes,
        })?;
    let mut bytes = BytesMut::new();
    while bytes.len() < length {
        let missing = length - bytes.len();
        bytes.reserve(missing.min(READ_STEP));
        if (&mut *stream)
            .take(u64::try_from(missing).unwrap_or(u64::MAX))
            .read_buf(&mut bytes)
            .await?
            == 0
        {
            return Err(Closed::ByPeer);
        }
    }
    parse(bytes.freeze(), bounds.elements)
}

fn parse(mut bytes: Bytes, elements: usize) -> Result<Request, Closed> {
    if bytes.len() < 8 {
        return Err(Closed::Malformed("too short for a header".to_owned()));
    }
    let mut head = bytes.slice(..8);
    let (key, version, correlation) = (head.get_i16(), head.get_i16(), head.get_i32());
    let api = request::offered(key)
        .ok_or(Closed::NotOffered { key, version })?
        .api;
    if request::is_offered(api, version) {
        layout::check(api, version, &bytes, elements)
            .map_err(|wrong| Closed::Malformed(wrong.to_string()))?;
        RequestHeader::decode(&mut bytes, api.request_header_version(version))
            .map_err(|error| Closed::Malformed(error.to_string()))?;
    } else if api == ApiKey::ApiVersions {
        // The client does not know yet what is offered, and is answered in a form that every version reads.
        bytes.clear();
    } else {
        return Err(Closed::NotOffered { key, version });
    }
    Ok(Request {
        api,
        version,
        correlation,
        body: bytes,
    })
}

impl Request {
    /// Decodes the body.
    pub(crate) fn decode<T: Decodable>(&self) -> Result<T, Closed> {
        T::decode(&mut self.body.clone(), self.version)
            .map_err(|error| Closed::Malformed(error.to_string()))
    }

    /// A whole answer to this request, ready to be written.
    pub(crate) fn answer<T: Encodable + HeaderVersion>(&self, body: &T) -> Result<Bytes, Closed> {
        self.answer_as(body, self.version)
    }

    /// As [`Request::answer`], in another version of the answer.
    pub(crate) fn answer_as<T: Encodable + HeaderVersion>(
        &self,
        body: &T,
        version: i16,
    ) -> Result<Bytes, Closed> {
        let mut bytes = BytesMut::zeroed(4);
        let header = ResponseHeader::default().with_correlation_id(self.correlation);
        header
            .encode(&mut bytes, T::header_version(version))
            .and_then(|()| body.encode(&mut bytes, version))
            .map_err(|error| Closed::Malformed(error.to_string()))?;
        let length =
            i32::try_from(bytes.len() - 4).map_err(|error| Closed::Malformed(error.to_string()))?;
        bytes[..4].copy_from_slice(&length.to_be_bytes());
        Ok(bytes.freeze())
    }
}

pub(crate) async fn write(
    stream: &mut (impl AsyncWrite + Unpin),
    answer: &[u8],
) -> Result<(), Closed> {
    Ok(stream.write_all(answer).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read_all(mut bytes: &[u8]) -> Result<Request, Closed> {
        let bounds = Bounds {
            bytes: 1000,
            elements: 10,
        };
        read(&mut bytes, bounds).await
    }

    #[tokio::test]
    async fn what_is_not_kafka_is_refused_without_reading_on() {
        let http = read_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            .await
            .unwrap_err();
        assert!(
            matches!(
                http,
                Closed::Length {
                    length: 0x4745_5420,
                    ..
                }
            ),
            "{http}"
        );
        assert!(matches!(
            read_all(&[0xff; 40]).await.unwrap_err(),
            Closed::Length { length: -1, .. }
        ));
        assert!(matches!(
            read_all(&[0, 0, 0, 2, 0, 3]).await.unwrap_err(),
            Closed::Malformed(_)
        ));
        assert!(matches!(
            read_all(&[0, 0]).await.unwrap_err(),
            Closed::ByPeer
        ));
        assert!(matches!(
            read_all(&[0, 0, 0, 9, 0, 3]).await.unwrap_err(),
            Closed::ByPeer
        ));
    }

    #[tokio::test]
    async fn an_api_or_version_that_is_not_offered_is_refused() {
        let head = |key: i16, version: i16| {
            [
                &[0, 0, 0, 10][..],
                &key.to_be_bytes(),
                &version.to_be_bytes(),
                &[0, 0, 0, 7, 0xff, 0xff],
            ]
            .concat()
        };
        assert!(matches!(
            read_all(&head(999, 0)).await.unwrap_err(),
            Closed::NotOffered { key: 999, .. }
        ));
        assert!(matches!(
            read_all(&head(1, 13)).await.unwrap_err(),
            Closed::NotOffered {
                key: 1,
                version: 13
            }
        ));
        let request = read_all(&head(18, 4)).await.unwrap();
        assert_eq!(
            (request.api, request.version, request.correlation),
            (ApiKey::ApiVersions, 4, 7)
        );
        let request = read_all(&head(10, 2)).await.unwrap();
        assert_eq!(
            (request.api, request.body.len()),
            (ApiKey::FindCoordinator, 0)
        );
        // Fetch announces topics.
        assert!(matches!(
            read_all(&head(1, 4)).await.unwrap_err(),
            Closed::Malformed(_)
        ));
    }
}
