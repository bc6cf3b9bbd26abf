//! That every field of every request is where the layout says, in every version that is offered.

use bytes::{BufMut as _, BytesMut};
use kafka_protocol::{
    messages::{
        CreateTopicsRequest, FetchRequest, InitProducerIdRequest, ListOffsetsRequest,
        MetadataRequest, ProduceRequest, RequestHeader, SaslAuthenticateRequest,
        SaslHandshakeRequest, TopicName,
        create_topics_request::{CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig},
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
