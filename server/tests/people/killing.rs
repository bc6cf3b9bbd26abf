//! What becomes of the people of a server that dies. In this process, because the waits are too long otherwise.

use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::{RoomEvent, RoomName, Sender};
use server::bridge::{self, LogSettings, Stage};
use server::chat::Listeners;
use server::hub::{ConnectionId, Form, Outbox, Outgoing};
use server::people::{People, Running, Timings};
use tempfile::TempDir;
use tokio::sync::watch;

use crate::Cluster;
use crate::support::PATIENCE;

/// A fifteenth of the real ones.
const TIMINGS: Timings = Timings {
    debounce: Duration::from_millis(20),
    every: Duration::from_secs(1),
    dead: Duration::from_secs(3),
    grace: Duration::from_secs(3),
    settling: Duration::ZERO,
};

struct Server {
    people: Arc<People>,
    running: Running,
    log: bridge::Log,
    _directory: TempDir,
}

impl Server {
    async fn start(cluster: &Cluster, name: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let settings = LogSettings {
            brokers: cluster.brokers.clone(),
            properties: cluster.properties.clone(),
            topic_prefix: cluster.prefix.clone(),
            partitions: 4,
            client_id: name.to_owned(),
            directory: directory.path().to_owned(),
            message_timeout: Duration::from_secs(60),
        };
        let people = Arc::new(People::new(name.to_owned(), TIMINGS));
        let listeners = Arc::new(Listeners {
            people: Arc::clone(&people),
            ..Listeners::default()
        });
        let (tell, _) = watch::channel(Stage::Connecting);
        let log = bridge::start(settings, listeners.clone(), listeners, tell);
        let log = log.await.unwrap();
        let running = Arc::clone(&people).start(&log).await.unwrap();
        Self {
            people,
            running,
            log,
            _directory: directory,
        }
    }

    fn enter(&self, connection: u64, uid: &str) -> Arc<Outbox> {
        let outbox = Arc::new(Outbox::new(1 << 20));
        let who = Sender {
            uid: uid.to_owned(),
            name: uid.to_owned(),
        };
        let connection = ConnectionId(connection);
        let to = Arc::clone(&outbox);
        self.people
            .listen(&room(), form(), connection, to, Some(&who));
        self.people.listening(&room(), &form(), connection);
        outbox
    }
}

fn room() -> RoomName {
    "a".parse().unwrap()
}

fn form() -> Form {
    Form {
        subscription: Some("e".into()),
        version: stomp::Version::V1_2,
    }
}

/// What has come since the last time.
fn events(outbox: &Outbox) -> Vec<RoomEvent> {
    let event = |outgoing| {
        let Outgoing::Frame(frame) = outgoing else {
            panic!("{outgoing:?}");
        };
        let (_, body) = frame.split_once("\n\n").unwrap();
        serde_json::from_str(body.trim_end_matches('\0')).unwrap()
    };
    outbox.take().frames.into_iter().map(event).collect()
}

/// Collects presence until this many people are there.
async fn until_there(outbox: &Outbox, people: usize) -> Vec<RoomEvent> {
    let start = Instant::now();
    let mut heard = Vec::new();
    loop {
        for event in events(outbox) {
            let there = match &event {
                RoomEvent::Presence { count, .. } | RoomEvent::Changed { count, .. } => *count,
                _ => continue,
            };
            heard.push(event);
            if there == people {
                return heard;
            }
        }
        assert!(start.elapsed() < PATIENCE, "{heard:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ghosts_go_and_who_moved_stays() {
    let cluster = Cluster::start().await;
    let (dies, lives) = (
        Server::start(&cluster, "dies").await,
        Server::start(&cluster, "lives").await,
    );
    let watcher = lives.enter(1, "watcher");
    dies.enter(1, "ghost");
    dies.enter(2, "moves");
    until_there(&watcher, 3).await;
    // Nothing is said any more, no goodbye either.
    let Server { running, log, .. } = dies;
    drop(running);
    drop(log);
    lives.enter(2, "moves");
    let heard = until_there(&watcher, 2).await;
    let ghost = Sender {
        uid: "ghost".to_owned(),
        name: "ghost".to_owned(),
    };
    let gone = RoomEvent::Changed {
        joined: vec![],
        left: vec![ghost],
        count: 2,
    };
    assert_eq!(heard, [gone]);
    lives.running.shutdown().await;
    lives.log.shutdown().await;
}
