//! Whether a request holds all that it announces. Asked before it is decoded, because kafka-protocol reserves memory for an array by the length
//! that the array announces: a few bytes could ask for gigabytes, and failing to get them ends the process.

use kafka_protocol::messages::ApiKey;

/// A field, and the version of the request that has it first.
type Since = (i16, Field);

/// What a field is made of, as the protocol's message definitions say (Kafka's `clients/src/main/resources/common/message`).
#[derive(Clone, Copy)]
enum Field {
    Octets(usize),
    /// A string, with its length before it.
    Text,
    /// Bytes, with their length before them.
    Blob,
    /// Numbers of 32 bits, with their count before them.
    Integers,
    /// Structures, with their count before them.
    Array(&'static [Since]),
}

use Field::{Array, Blob, Integers, Octets, Text};

const PRODUCE: &[Since] = &[(3, Text), (3, Octets(6)), (3, Array(PRODUCE_TOPIC))];
const PRODUCE_TOPIC: &[Since] = &[(3, Text), (3, Array(&[(3, Octets(4)), (3, Blob)]))];

const FETCH: &[Since] = &[
    (4, Octets(17)),
    (7, Octets(8)),
    (4, Array(&[(4, Text), (4, Array(FETCH_PARTITION))])),
    (7, Array(&[(7, Text), (7, Integers)])),
    (11, Text),
];
const FETCH_PARTITION: &[Since] = &[
    (4, Octets(16)),
    (5, Octets(8)),
    (9, Octets(4)),
    (12, Octets(4)),
];

const LIST_OFFSETS: &[Since] = &[
    (1, Octets(4)),
    (2, Octets(1)),
    (1, Array(&[(1, Text), (1, Array(OFFSETS_PARTITION))])),
];
const OFFSETS_PARTITION: &[Since] = &[(1, Octets(12)), (4, Octets(4))];

const METADATA: &[Since] = &[(1, Array(&[(1, Text)])), (4, Octets(1)), (8, Octets(2))];

const CREATE_TOPICS: &[Since] = &[(2, Array(NEW_TOPIC)), (2, Octets(5))];
const NEW_TOPIC: &[Since] = &[
    (2, Text),
    (2, Octets(6)),
    (2, Array(&[(2, Octets(4)), (2, Integers)])),
    (2, Array(&[(2, Text), (2, Text)])),
];

/// The fields of a request; `None` if its body is not decoded. (The order of octets in a row does not matter.)
fn fields(api: ApiKey) -> Option<&'static [Since]> {
    Some(match api {
        ApiKey::Produce => PRODUCE,
        ApiKey::Fetch => FETCH,
        ApiKey::ListOffsets => LIST_OFFSETS,
        ApiKey::Metadata => METADATA,
        ApiKey::CreateTopics => CREATE_TOPICS,
        ApiKey::InitProducerId => &[(0, Text), (0, Octets(4)), (3, Octets(10))],
        ApiKey::SaslHandshake => &[(1, Text)],
        ApiKey::SaslAuthenticate => &[(0, Blob)],
        _ => return None,
    })
}

/// Why a request is not decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Wrong {
    #[error("it ends before all that it announces")]
    Short,
    #[error("it announces more topics, partitions and settings than this log can have")]
    TooMany,
}

/// Checks a whole request, header included. All its arrays together may have `elements` elements.
pub(crate) fn check(
    api: ApiKey,
    version: i16,
    request: &[u8],
    elements: usize,
) -> Result<(), Wrong> {
    let mut walk = Walk {
        rest: request,
        version,
        is_flexible: false,
        elements,
    };
    // Api key, version, correlation id and client id: the same in every version of the header.
    walk.fields(&[(0, Octets(8)), (0, Text)])?;
    walk.is_flexible = api.request_header_version(version) >= 2;
    walk.tags()?;
    fields(api).map_or(Ok(()), |fields| walk.fields(fields))
}

struct Walk<'a> {
    rest: &'a [u8],
    version: i16,
    /// Whether lengths are written in as few bytes as they need, and tagged fields may follow a structure.
    is_flexible: bool,
    /// How many more elements there may be.
    elements: usize,
}

impl Walk<'_> {
    fn fields(&mut self, fields: &[Since]) -> Result<(), Wrong> {
        for (since, field) in fields {
            if self.version >= *since {
                self.field(*field)?;
            }
        }
        self.tags()
    }

    fn field(&mut self, field: Field) -> Result<(), Wrong> {
        match field {
            Octets(count) => self.skip(count),
            Text => {
                let length = self.length(2)?;
                self.skip(length)
            }
            Blob => {
                let length = self.length(4)?;
                self.skip(length)
            }
            Integers => {
                let count = self.length(4)?;
                self.count(count)?;
                self.skip(4 * count)
            }
            Array(fields) => {
                let count = self.length(4)?;
                self.count(count)?;
                (0..count).try_for_each(|_| self.fields(fields))
            }
        }
    }

    /// The tagged fields after a structure. None that the versions offered here define holds an array.
    fn tags(&mut self) -> Result<(), Wrong> {
        if !self.is_flexible {
            return Ok(());
        }
        let count = self.number()?;
        self.count(count)?;
        for _ in 0..count {
            self.number()?;
            let length = self.number()?;
            self.skip(length)?;
        }
        Ok(())
    }

    fn count(&mut self, elements: usize) -> Result<(), Wrong> {
        self.elements = self.elements.checked_sub(elements).ok_or(Wrong::TooMany)?;
        Ok(())
    }

    /// A length of `width` bytes, in a flexible request one more than it as a variable number. What is absent has length 0 here.
    fn length(&mut self, width: usize) -> Result<usize, Wrong> {
        if self.is_flexible {
            return Ok(self.number()?.saturating_sub(1));
        }
        let bytes = self.take(width)?;
        let is_negative = bytes.first().is_some_and(|first| *first >= 0x80);
        let length = bytes
            .iter()
            .fold(0, |length, byte| length << 8 | usize::from(*byte));
        // The only negative length, -1, says that nothing is there; the decoder refuses the others.
        Ok(if is_negative { 0 } else { length })
    }

    /// A number of up to 32 bits in up to five bytes.
    fn number(&mut self) -> Result<usize, Wrong> {
        let mut number = 0_u32;
        for place in 0..5 {
            let byte = self.take(1)?[0];
            number |= u32::from(byte & 0x7f) << (7 * place);
            if byte < 0x80 {
                break;
            }
        }
        usize::try_from(number).map_err(|_| Wrong::Short)
    }

    fn skip(&mut self, count: usize) -> Result<(), Wrong> {
        self.take(count).map(drop)
    }

    fn take(&mut self, count: usize) -> Result<&[u8], Wrong> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Wrong::Short)?;
        self.rest = rest;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use bytes::{BufMut as _, BytesMut};
    use kafka_protocol::{
        messages::{
            CreateTopicsRequest, FetchRequest, InitProducerIdRequest, ListOffsetsRequest,
            MetadataRequest, ProduceRequest, RequestHeader, SaslAuthenticateRequest,
            SaslHandshakeRequest, TopicName,
            create_topics_request::{
                CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
            },
            fetch_request::{FetchPartition, FetchTopic, ForgottenTopic},
            list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic},
            metadata_request::MetadataRequestTopic,
            produce_request::{PartitionProduceData, TopicProduceData},
        },
        protocol::{Encodable, StrBytes},
    };

    use super::*;
    use crate::request::OFFERED;

    fn name() -> TopicName {
        TopicName(StrBytes::from_static_str("자유게시판"))
    }

    /// A request with something in each of its fields, and how many elements that are.
    fn full(api: ApiKey, version: i16) -> (BytesMut, usize) {
        let mut bytes = BytesMut::new();
        let header_version = api.request_header_version(version);
        let header = RequestHeader::default()
            .with_request_api_key(api as i16)
            .with_request_api_version(version)
            .with_client_id(Some(StrBytes::from_static_str("rdkafka")));
        header.encode(&mut bytes, header_version).unwrap();
        let count = encode(api, version, &mut bytes);
        (bytes, count)
    }

    fn encode(api: ApiKey, version: i16, bytes: &mut BytesMut) -> usize {
        fn write(request: &impl Encodable, bytes: &mut BytesMut, version: i16) {
            request.encode(bytes, version).unwrap();
        }
        match api {
            ApiKey::Produce => {
                let data = PartitionProduceData::default().with_records(Some(vec![7; 300].into()));
                let topic = TopicProduceData::default()
                    .with_name(name())
                    .with_partition_data(vec![data; 3]);
                let request = ProduceRequest::default().with_topic_data(vec![topic; 2]);
                write(&request, bytes, version);
                2 * 4
            }
            ApiKey::Fetch => {
                let topic = FetchTopic::default()
                    .with_topic(name())
                    .with_partitions(vec![FetchPartition::default(); 3]);
                let request = FetchRequest::default().with_topics(vec![topic; 2]);
                if version < 7 {
                    write(&request, bytes, version);
                    return 2 * 4;
                }
                let forgotten = ForgottenTopic::default()
                    .with_topic(name())
                    .with_partitions(vec![5; 6]);
                let request = request.with_forgotten_topics_data(vec![forgotten]);
                write(&request, bytes, version);
                2 * 4 + 7
            }
            ApiKey::ListOffsets => {
                let topic = ListOffsetsTopic::default()
                    .with_name(name())
                    .with_partitions(vec![ListOffsetsPartition::default(); 3]);
                let request = ListOffsetsRequest::default().with_topics(vec![topic; 2]);
                write(&request, bytes, version);
                2 * 4
            }
            ApiKey::Metadata => {
                let topic = MetadataRequestTopic::default().with_name(Some(name()));
                let request = MetadataRequest::default().with_topics(Some(vec![topic; 5]));
                write(&request, bytes, version);
                5
            }
            ApiKey::CreateTopics => {
                let assignment =
                    CreatableReplicaAssignment::default().with_broker_ids(vec![1.into(), 2.into()]);
                let config = CreatableTopicConfig::default()
                    .with_name("retention.ms".into())
                    .with_value(None);
                let topic = CreatableTopic::default()
                    .with_name(name())
                    .with_assignments(vec![assignment; 2])
                    .with_configs(vec![config; 4]);
                let request = CreateTopicsRequest::default().with_topics(vec![topic; 2]);
                write(&request, bytes, version);
                2 * (1 + 2 * 3 + 4)
            }
            ApiKey::InitProducerId => {
                write(&InitProducerIdRequest::default(), bytes, version);
                0
            }
            ApiKey::SaslHandshake => {
                let request = SaslHandshakeRequest::default().with_mechanism("PLAIN".into());
                write(&request, bytes, version);
                0
            }
            ApiKey::SaslAuthenticate => {
                let request = SaslAuthenticateRequest::default().with_auth_bytes(vec![0; 9].into());
                write(&request, bytes, version);
                0
            }
            _ => 0,
        }
    }

    #[test]
    fn every_version_that_is_offered_is_known_to_its_last_byte() {
        for offer in OFFERED {
            for version in offer.versions.min..=offer.versions.max {
                let (request, elements) = full(offer.api, version);
                let check = |bytes: &[u8], most| check(offer.api, version, bytes, most);
                assert_eq!(check(&request, elements), Ok(()), "{offer:?} {version}");
                if elements > 0 {
                    let too_many = check(&request, elements - 1);
                    assert_eq!(too_many, Err(Wrong::TooMany), "{offer:?} {version}");
                }
                if fields(offer.api).is_none() {
                    continue;
                }
                for end in 0..request.len() {
                    let cut = check(&request[..end], elements);
                    assert_eq!(cut, Err(Wrong::Short), "{offer:?} {version} to {end}");
                }
            }
        }
    }

    #[test]
    fn a_great_announcement_is_refused() {
        let mut metadata = full(ApiKey::Metadata, 1).0;
        metadata.truncate(17);
        metadata.put_i32(i32::MAX);
        let check = |request: &[u8], most| check(ApiKey::Metadata, 1, request, most);
        assert_eq!(check(&metadata, 1000), Err(Wrong::TooMany));
        assert_eq!(check(&metadata, usize::MAX), Err(Wrong::Short));
    }
}
