//! What must hold for any input of the fuzz target `pocket_kafka_requests`, which includes this file: one connection's stream, sent
//! to a running log as a client would.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use pocket_kafka::{Credentials, Durability, Limits, PocketKafka, Settings};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

const PASSWORD: &str = "fuzz";
/// Far beyond what anything takes; only a hang reaches it.
const PATIENCE: Duration = Duration::from_secs(30);
/// The correlation id of the request that is sent last.
const LAST: i32 = i32::MAX;

const PRODUCE: i16 = 0;
const FETCH: i16 = 1;
const SASL_HANDSHAKE: i16 = 17;
const API_VERSIONS: i16 = 18;
const CREATE_TOPICS: i16 = 19;
const SASL_AUTHENTICATE: i16 = 36;
/// The first version of Fetch with another header.
const FLEXIBLE_FETCH: i16 = 12;

/// A running log with a durable topic `t` and a memory topic `m`, of two partitions each.
pub(crate) struct Log {
    runtime: Runtime,
    log: Option<PocketKafka>,
    address: SocketAddr,
    _directory: TempDir,
}

impl Log {
    pub(crate) fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let settings = Settings {
            directory: directory.path().to_owned(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            credentials: Credentials {
                username: PASSWORD.to_owned(),
                password: PASSWORD.to_owned(),
            },
            durability: Durability::Off,
            memory_topics: vec!["m".to_owned()],
            limits: Limits {
                request_bytes: 64 << 10,
                batch_bytes: 4 << 10,
                fetch_bytes: 64 << 10,
                topics: 8,
                partitions: 32,
                free_space_floor: 0,
                ..Limits::default()
            },
        };
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let log = runtime.block_on(PocketKafka::start(settings)).unwrap();
        let log = Self {
            runtime,
            address: log.address(),
            log: Some(log),
            _directory: directory,
        };
        // Version 2: an array of name, partitions, replication factor, no assignments, no settings; timeout; not only validated.
        let topic = |name: &[u8]| {
            let numbers = [0, 0, 0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
            [&[0, 1][..], name, &numbers].concat()
        };
        let topics = [topic(b"t"), topic(b"m")].concat();
        let body = [&2_i32.to_be_bytes()[..], &topics, &[0, 0, 0, 9, 0]].concat();
        log.check(&[&[1][..], &request(CREATE_TOPICS, 2, 1, &body)].concat());
        log
    }

    /// Sends the stream that follows the first octet, before authentication or (if that octet is odd) after it. All that was sent is
    /// answered, or the connection is closed; nothing hangs, and nobody else is harmed.
    pub(crate) fn check(&self, input: &[u8]) {
        let [choice, stream @ ..] = input else {
            return;
        };
        let (mut requests, rest) = whole_requests(stream);
        if choice & 0b10 != 0 {
            requests.iter_mut().for_each(|request| seal(request));
        }
        let mut bytes = Vec::new();
        if choice & 1 == 1 {
            let token = format!("\0{PASSWORD}\0{PASSWORD}");
            let token = [&[0, 0, 0, 10], token.as_bytes()].concat();
            bytes.extend(request(SASL_HANDSHAKE, 1, 1, b"\0\x05PLAIN"));
            bytes.extend(request(SASL_AUTHENTICATE, 0, 2, &token));
        }
        bytes.extend(requests.concat());
        bytes.extend(request(API_VERSIONS, 0, LAST, b""));

        let mut connection = Connection::open(self.address);
        connection.send(&bytes);
        if connection.read_until(LAST) {
            connection.send(rest);
            connection.finish();
        }
        let log = self.log.as_ref().unwrap();
        assert_eq!(log.storage_errors(), 0, "a write or a read has failed");
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        if let Some(log) = self.log.take() {
            self.runtime.block_on(log.shutdown());
        }
    }
}

struct Connection {
    stream: TcpStream,
}

impl Connection {
    fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream }
    }

    /// The other side may have closed already.
    fn send(&mut self, bytes: &[u8]) {
        drop(self.stream.write_all(bytes));
    }

    /// Reads answers up to the one with this correlation id; false if the connection was closed before.
    fn read_until(&mut self, correlation: i32) -> bool {
        loop {
            let mut head = [0; 8];
            if !self.read(&mut head) {
                return false;
            }
            let number = |at: usize| {
                i32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]])
            };
            let mut body = vec![0; usize::try_from(number(0)).unwrap() - 4];
            if !self.read(&mut body) {
                return false;
            }
            if number(4) == correlation {
                return true;
            }
        }
    }

    fn read(&mut self, bytes: &mut [u8]) -> bool {
        match self.stream.read_exact(bytes) {
            Ok(()) => true,
            Err(error) if is_closed(error.kind()) => false,
            Err(error) => panic!("the connection is neither answered nor closed: {error}"),
        }
    }

    /// Says that nothing more comes, and waits for the other side to close.
    fn finish(&mut self) {
        drop(self.stream.shutdown(std::net::Shutdown::Write));
        match self.stream.read_to_end(&mut Vec::new()) {
            Ok(_) => {}
            Err(error) if is_closed(error.kind()) => {}
            Err(error) => panic!("the connection is not closed: {error}"),
        }
    }
}

fn is_closed(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
    )
}

/// A request with the client id null.
fn request(key: i16, version: i16, correlation: i32, body: &[u8]) -> Vec<u8> {
    let content = [
        &key.to_be_bytes()[..],
        &version.to_be_bytes(),
        &correlation.to_be_bytes(),
        &[0xff, 0xff],
        body,
    ]
    .concat();
    let length = u32::try_from(content.len()).unwrap();
    [&length.to_be_bytes()[..], &content].concat()
}

/// The requests whose announced length is there, and what follows them. No Fetch among them waits for long.
fn whole_requests(mut stream: &[u8]) -> (Vec<Vec<u8>>, &[u8]) {
    let mut requests = Vec::new();
    while let Some((length, content)) = stream.split_first_chunk() {
        let length = usize::try_from(i32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        if length > content.len() {
            break;
        }
        let (request, rest) = stream.split_at(4 + length);
        let mut request = request.to_vec();
        if shorten_wait(&mut request).is_none() {
            break;
        }
        requests.push(request);
        stream = rest;
    }
    (requests, stream)
}

/// Lets a Fetch wait for a millisecond at most: `None` where it cannot be found how long it waits.
fn shorten_wait(request: &mut [u8]) -> Option<()> {
    let i16_at = |at: usize| {
        Some(i16::from_be_bytes([
            *request.get(at)?,
            *request.get(at + 1)?,
        ]))
    };
    if i16_at(4) != Some(FETCH) {
        return Some(());
    }
    let client = usize::try_from(i16_at(12)?).unwrap_or(0);
    let mut at = 14 + client;
    if i16_at(6)? >= FLEXIBLE_FETCH {
        // Tagged fields, of which there must be none.
        (*request.get(at)? == 0).then_some(())?;
        at += 1;
    }
    // After the replica's id.
    let wait = request.get_mut(at + 4..at + 8)?;
    if wait[0] < 0x80 && wait != [0; 4] {
        wait.copy_from_slice(&[0, 0, 0, 1]);
    }
    Some(())
}

/// Makes the checksum of every record batch in a Produce right, which no chance does.
fn seal(request: &mut [u8]) {
    const HEADER: usize = 61;
    if request.get(4..6) != Some(&PRODUCE.to_be_bytes()) {
        return;
    }
    for at in 0..request.len().saturating_sub(HEADER - 1) {
        let batch = &mut request[at..];
        let length = i32::from_be_bytes([batch[8], batch[9], batch[10], batch[11]]);
        let end = usize::try_from(length).map_or(0, |length| length.saturating_add(12));
        if batch[16] == 2 && (HEADER..=batch.len()).contains(&end) {
            let crc = crc32c::crc32c(&batch[21..end]).to_be_bytes();
            batch[17..21].copy_from_slice(&crc);
        }
    }
}
