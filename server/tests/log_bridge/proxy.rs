//! A proxy between the bridge and a broker that understands the conversation, and does to it what librdkafka and brokers do
//! on their bad days.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use kafka_protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use kafka_protocol::messages::{
    ApiKey, FetchRequest, FindCoordinatorResponse, MetadataResponse, ProduceRequest,
    ProduceResponse, RequestHeader, ResponseHeader,
};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// `TOPIC_AUTHORIZATION_FAILED`.
const NOT_ALLOWED: i16 = 29;
/// `LEADER_NOT_AVAILABLE`.
const NO_LEADER: i16 = 5;

/// What happens to a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The partition is left out of every Fetch: librdkafka #5280.
    NeverFetched(i32),
    /// Producers are told that the partition has no leader: librdkafka #5430.
    Leaderless(i32),
    /// Nobody may produce.
    NotAllowed,
}

/// A fault, and the first connection that it spares.
struct Spell {
    fault: Fault,
    until: u64,
}

#[derive(Default)]
struct State {
    connections: AtomicU64,
    struck: AtomicU64,
    spells: Mutex<Vec<Spell>>,
}

impl State {
    fn strikes(&self, connection: u64, matches: impl Fn(Fault) -> bool) -> Vec<Fault> {
        let spells = self.spells.lock().unwrap();
        let faults: Vec<_> = spells
            .iter()
            .filter(|spell| connection < spell.until && matches(spell.fault))
            .map(|spell| spell.fault)
            .collect();
        self.struck
            .fetch_add(faults.len() as u64, Ordering::Relaxed);
        faults
    }
}

/// The proxy; dropping it ends it.
pub(crate) struct Proxy {
    /// Where it listens: the only broker that its clients ever hear of.
    pub(crate) address: String,
    state: Arc<State>,
    doorman: JoinHandle<()>,
}

impl Proxy {
    /// In front of the one broker at this address.
    pub(crate) async fn start(broker: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State::default());
        let (behind, shared) = (broker.to_owned(), Arc::clone(&state));
        let doorman = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let Ok(broker) = TcpStream::connect(&behind).await else {
                    continue;
                };
                let conversation = Conversation {
                    number: shared.connections.fetch_add(1, Ordering::Relaxed),
                    state: Arc::clone(&shared),
                    asked: Arc::default(),
                    port,
                };
                tokio::spawn(conversation.run(client, broker));
            }
        });
        Self {
            address: format!("127.0.0.1:{port}"),
            state,
            doorman,
        }
    }

    /// Lets a fault strike the connections that are open now. As a client's bad state, it ends with the client.
    pub(crate) fn strike_open_connections(&self, fault: Fault) {
        let until = self.state.connections.load(Ordering::Relaxed);
        self.strike(fault, until);
    }

    /// Lets a fault strike every connection until it is [healed](Self::heal).
    pub(crate) fn strike_all(&self, fault: Fault) {
        self.strike(fault, u64::MAX);
    }

    fn strike(&self, fault: Fault, until: u64) {
        self.state
            .spells
            .lock()
            .unwrap()
            .push(Spell { fault, until });
    }

    /// How many questions and answers were struck so far.
    pub(crate) fn struck(&self) -> u64 {
        self.state.struck.load(Ordering::Relaxed)
    }

    pub(crate) fn heal(&self) {
        self.state.spells.lock().unwrap().clear();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.doorman.abort();
    }
}

/// What a client asked, for the answer says it no more.
#[derive(Default)]
struct Asked {
    questions: HashMap<i32, (ApiKey, i16)>,
    /// Whether a producer speaks.
    produces: bool,
}

#[derive(Clone)]
struct Conversation {
    number: u64,
    state: Arc<State>,
    asked: Arc<Mutex<Asked>>,
    port: u16,
}

impl Conversation {
    async fn run(self, client: TcpStream, broker: TcpStream) {
        let (from_client, to_client) = client.into_split();
        let (from_broker, to_broker) = broker.into_split();
        let (answers, queue) = mpsc::channel::<Bytes>(64);
        let writing = tokio::spawn(write_all(queue, to_client));
        let asking = tokio::spawn(self.clone().ask(from_client, to_broker, answers.clone()));
        let mut from_broker = from_broker;
        while let Some(frame) = read(&mut from_broker).await {
            if answers.send(self.answer(frame)).await.is_err() {
                break;
            }
        }
        asking.abort();
        writing.abort();
    }

    async fn ask(
        self,
        mut client: OwnedReadHalf,
        mut broker: OwnedWriteHalf,
        answers: mpsc::Sender<Bytes>,
    ) {
        while let Some(frame) = read(&mut client).await {
            let done = match self.question(frame) {
                Passed::On(frame) => write(&mut broker, &frame).await.is_ok(),
                Passed::Answered(frame) => answers.send(frame).await.is_ok(),
            };
            if !done {
                return;
            }
        }
    }

    fn question(&self, frame: Bytes) -> Passed {
        let mut head = frame.clone();
        let (key, version) = (head.get_i16(), head.get_i16());
        let correlation = head.get_i32();
        let key = ApiKey::try_from(key).unwrap();
        {
            let mut asked = self.asked.lock().unwrap();
            asked.questions.insert(correlation, (key, version));
            asked.produces |= matches!(key, ApiKey::Produce | ApiKey::InitProducerId);
        }
        let mut rest = frame.clone();
        match key {
            ApiKey::Fetch => {
                let header_version = key.request_header_version(version);
                let header = RequestHeader::decode(&mut rest, header_version).unwrap();
                let mut fetch = FetchRequest::decode(&mut rest, version).unwrap();
                // Other topics have readers and partitions of their own. Apache Kafka is asked by ids, which say no name.
                let messages = |name: &str| name.is_empty() || name.ends_with(".messages");
                if !fetch.topics.iter().any(|topic| messages(&topic.topic)) {
                    return Passed::On(frame);
                }
                let faults = self
                    .state
                    .strikes(self.number, |fault| matches!(fault, Fault::NeverFetched(_)));
                if faults.is_empty() {
                    return Passed::On(frame);
                }
                for topic in &mut fetch.topics {
                    topic.partitions.retain(|partition| {
                        !faults.contains(&Fault::NeverFetched(partition.partition))
                    });
                }
                Passed::On(encode(&header, header_version, &fetch, version))
            }
            ApiKey::Produce
                if !self
                    .state
                    .strikes(self.number, |fault| fault == Fault::NotAllowed)
                    .is_empty() =>
            {
                RequestHeader::decode(&mut rest, key.request_header_version(version)).unwrap();
                let request = ProduceRequest::decode(&mut rest, version).unwrap();
                self.asked.lock().unwrap().questions.remove(&correlation);
                let header = ResponseHeader::default().with_correlation_id(correlation);
                let header_version = key.response_header_version(version);
                Passed::Answered(encode(&header, header_version, &refusal(&request), version))
            }
            _ => Passed::On(frame),
        }
    }

    fn answer(&self, frame: Bytes) -> Bytes {
        let correlation = frame.clone().get_i32();
        let (question, produces) = {
            let mut asked = self.asked.lock().unwrap();
            (asked.questions.remove(&correlation), asked.produces)
        };
        let Some((key, version)) = question else {
            return frame;
        };
        let header_version = key.response_header_version(version);
        let mut rest = frame.clone();
        let mut header = || ResponseHeader::decode(&mut rest, header_version).unwrap();
        match key {
            ApiKey::Metadata => {
                let header = header();
                let mut metadata = MetadataResponse::decode(&mut rest, version).unwrap();
                for broker in &mut metadata.brokers {
                    broker.host = StrBytes::from_static_str("127.0.0.1");
                    broker.port = i32::from(self.port);
                }
                let faults = self.state.strikes(self.number, |fault| {
                    produces && matches!(fault, Fault::Leaderless(_))
                });
                let partitions = metadata
                    .topics
                    .iter_mut()
                    .flat_map(|topic| &mut topic.partitions);
                for partition in partitions {
                    if faults.contains(&Fault::Leaderless(partition.partition_index)) {
                        partition.leader_id = (-1).into();
                        partition.error_code = NO_LEADER;
                    }
                }
                encode(&header, header_version, &metadata, version)
            }
            ApiKey::FindCoordinator => {
                let header = header();
                let mut found = FindCoordinatorResponse::decode(&mut rest, version).unwrap();
                found.host = StrBytes::from_static_str("127.0.0.1");
                found.port = i32::from(self.port);
                for coordinator in &mut found.coordinators {
                    coordinator.host = StrBytes::from_static_str("127.0.0.1");
                    coordinator.port = i32::from(self.port);
                }
                encode(&header, header_version, &found, version)
            }
            _ => frame,
        }
    }
}

enum Passed {
    /// To the broker.
    On(Bytes),
    /// The broker never sees it.
    Answered(Bytes),
}

/// What a broker answers to whom it lets write nothing.
fn refusal(request: &ProduceRequest) -> ProduceResponse {
    let topics = request.topic_data.iter().map(|topic| {
        let partitions = topic.partition_data.iter().map(|partition| {
            PartitionProduceResponse::default()
                .with_index(partition.index)
                .with_error_code(NOT_ALLOWED)
                .with_base_offset(-1)
        });
        TopicProduceResponse::default()
            .with_name(topic.name.clone())
            .with_partition_responses(partitions.collect())
    });
    ProduceResponse::default().with_responses(topics.collect())
}

fn encode(
    header: &impl Encodable,
    header_version: i16,
    body: &impl Encodable,
    version: i16,
) -> Bytes {
    let mut bytes = BytesMut::new();
    header.encode(&mut bytes, header_version).unwrap();
    body.encode(&mut bytes, version).unwrap();
    bytes.freeze()
}

async fn read(from: &mut OwnedReadHalf) -> Option<Bytes> {
    let length = from.read_u32().await.ok()?;
    let mut frame = vec![0; usize::try_from(length).unwrap()];
    from.read_exact(&mut frame).await.ok()?;
    Some(frame.into())
}

async fn write(to: &mut OwnedWriteHalf, frame: &Bytes) -> std::io::Result<()> {
    let mut bytes = BytesMut::with_capacity(4 + frame.len());
    bytes.put_u32(u32::try_from(frame.len()).unwrap());
    bytes.put_slice(frame);
    to.write_all(&bytes).await
}

async fn write_all(mut queue: mpsc::Receiver<Bytes>, mut to: OwnedWriteHalf) {
    while let Some(frame) = queue.recv().await {
        if write(&mut to, &frame).await.is_err() {
            return;
        }
    }
}
