//! A client that sends exactly what a test says: what librdkafka never would, and what it does not show.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Instant,
};

use bytes::{Bytes, BytesMut};
use kafka_protocol::{
    messages::{
        ApiKey, FetchRequest, InitProducerIdRequest, ProduceRequest, RequestHeader, ResponseHeader,
        SaslAuthenticateRequest, SaslHandshakeRequest, TopicName,
        fetch_request::{FetchPartition, FetchTopic},
        produce_request::{PartitionProduceData, TopicProduceData},
    },
    protocol::{Decodable as _, Encodable as _, HeaderVersion as _, Request, StrBytes},
    records::{Compression, Record, RecordBatchEncoder, RecordEncodeOptions, TimestampType},
};
use rdkafka::consumer::{BaseConsumer, Consumer as _};

use crate::{
    client::PATIENCE,
    target::{PASSWORD, Target, USERNAME, unique},
};

/// A connection to the leader of a topic's partition 0.
pub(crate) struct Raw {
    stream: TcpStream,
    correlation: i32,
    topic: TopicName,
}

/// Whose batch it is, and which of its records comes first.
#[derive(Clone, Copy)]
pub(crate) struct Sequence {
    pub(crate) producer: i64,
    pub(crate) epoch: i16,
    pub(crate) first: i32,
}

/// What a Produce is answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) error: i16,
    pub(crate) offset: i64,
}

impl Raw {
    pub(crate) fn connect(target: &Target, topic: &str) -> Self {
        let stream = TcpStream::connect(leader(target, topic)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let topic = TopicName(StrBytes::from_string(topic.to_owned()));
        let mut raw = Self {
            stream,
            correlation: 0,
            topic,
        };
        if target.wants_password() {
            raw.log_in();
        }
        raw
    }

    fn log_in(&mut self) {
        let handshake =
            SaslHandshakeRequest::default().with_mechanism(StrBytes::from_static_str("PLAIN"));
        assert_eq!(self.call(&handshake, 1).error_code, 0);
        let token = format!("\0{USERNAME}\0{PASSWORD}");
        let login = SaslAuthenticateRequest::default().with_auth_bytes(token.into());
        assert_eq!(self.call(&login, 1).error_code, 0);
    }

    pub(crate) fn call<R: Request>(&mut self, request: &R, version: i16) -> R::Response {
        let api = ApiKey::try_from(R::KEY).unwrap();
        self.correlation += 1;
        let mut bytes = BytesMut::zeroed(4);
        RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version)
            .with_correlation_id(self.correlation)
            .encode(&mut bytes, api.request_header_version(version))
            .unwrap();
        request.encode(&mut bytes, version).unwrap();
        let length = u32::try_from(bytes.len() - 4).unwrap();
        bytes[..4].copy_from_slice(&length.to_be_bytes());
        self.stream.write_all(&bytes).unwrap();

        let mut length = [0; 4];
        self.stream.read_exact(&mut length).unwrap();
        let mut answer = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap()];
        self.stream.read_exact(&mut answer).unwrap();
        let mut answer = Bytes::from(answer);
        let header =
            ResponseHeader::decode(&mut answer, R::Response::header_version(version)).unwrap();
        assert_eq!(header.correlation_id, self.correlation);
        R::Response::decode(&mut answer, version).unwrap()
    }

    pub(crate) fn new_producer(&mut self) -> i64 {
        const COORDINATOR_LOADING: i16 = 14;
        let begun = Instant::now();
        loop {
            let request = InitProducerIdRequest::default().with_transactional_id(None);
            let answer = self.call(&request, 4);
            if answer.error_code == 0 {
                return answer.producer_id.0;
            }
            // A young Kafka asks for patience.
            assert_eq!(answer.error_code, COORDINATOR_LOADING);
            assert!(begun.elapsed() < PATIENCE);
        }
    }

    /// Sends one batch of `count` records to partition 0.
    pub(crate) fn produce(&mut self, sequence: Sequence, count: usize) -> Answer {
        self.produce_batch(batch(sequence, count))
    }

    pub(crate) fn produce_batch(&mut self, batch: Bytes) -> Answer {
        let data = PartitionProduceData::default().with_records(Some(batch));
        let topic = TopicProduceData::default()
            .with_name(self.topic.clone())
            .with_partition_data(vec![data]);
        let request = ProduceRequest::default()
            .with_acks(-1)
            .with_timeout_ms(30_000)
            .with_topic_data(vec![topic]);
        let answer = self.call(&request, 9);
        let partition = &answer.responses[0].partition_responses[0];
        Answer {
            error: partition.error_code,
            offset: partition.base_offset,
        }
    }

    /// What partition 0 has from its beginning on: batches as they lie in the log.
    pub(crate) fn stored(&mut self) -> Bytes {
        let asked = FetchPartition::default().with_partition_max_bytes(10 << 20);
        let topic = FetchTopic::default()
            .with_topic(self.topic.clone())
            .with_partitions(vec![asked]);
        let request = FetchRequest::default()
            .with_replica_id((-1).into())
            .with_max_wait_ms(100)
            .with_min_bytes(1)
            .with_max_bytes(10 << 20)
            .with_session_epoch(-1)
            .with_topics(vec![topic]);
        let answer = self.call(&request, 12);
        let found = &answer.responses[0].partitions[0];
        assert_eq!(found.error_code, 0);
        found.records.clone().unwrap_or_default()
    }
}

/// One batch of records that hold their own number.
pub(crate) fn batch(sequence: Sequence, count: usize) -> Bytes {
    let records: Vec<_> = (0..count)
        .map(|number| Record {
            transactional: false,
            control: false,
            delete_horizon: false,
            partition_leader_epoch: -1,
            producer_id: sequence.producer,
            producer_epoch: sequence.epoch,
            timestamp_type: TimestampType::Creation,
            offset: i64::try_from(number).unwrap(),
            sequence: sequence.first + i32::try_from(number).unwrap(),
            timestamp: 0,
            key: None,
            value: Some(number.to_string().into()),
            headers: Default::default(),
        })
        .collect();
    let options = RecordEncodeOptions {
        version: 2,
        compression: Compression::None,
    };
    let mut bytes = BytesMut::new();
    RecordBatchEncoder::encode(&mut bytes, &records, &options).unwrap();
    bytes.freeze()
}

/// Where the leader of a topic's partition 0 listens.
fn leader(target: &Target, topic: &str) -> String {
    let consumer: BaseConsumer = target
        .config()
        .set("group.id", unique("group"))
        .create()
        .unwrap();
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).unwrap();
    let leader = metadata.topics()[0].partitions()[0].leader();
    let broker = metadata
        .brokers()
        .iter()
        .find(|broker| broker.id() == leader)
        .unwrap();
    format!("{}:{}", broker.host(), broker.port())
}
