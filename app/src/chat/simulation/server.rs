//! The server of the simulation: one log with the fold's rule, and sessions that follow the protocol.

use std::collections::HashMap;

use protocol::{Epoch, HistoryPage, Kind, Message, Position, RoomName, Sender, header};
use serde_json::Map;
use stomp::{Command, Frame};

use super::Dice;
use crate::chat::{PageRequest, testing};

/// Few, so that pages and limits matter in short stories.
const PAGE: usize = 6;
const RECOVER: usize = 8;

/// What the server wants to happen.
#[derive(Debug)]
pub(super) enum Answer {
    /// A frame for the client of a connection.
    Frame { connection: usize, frame: Frame },
    /// The log takes this message after so many milliseconds, and the connection gets the receipt.
    Produce {
        connection: usize,
        uid: String,
        id: String,
        text: String,
        after: u64,
    },
    /// The server closes the connection.
    Close { connection: usize },
}

#[derive(Debug)]
struct Session {
    uid: String,
    replies: bool,
    room: bool,
    open: bool,
}

#[derive(Debug)]
pub(super) struct Server {
    pub(super) room: RoomName,
    epoch: Epoch,
    visible: Vec<Message>,
    /// Where each (uid, id) was first seen.
    first: HashMap<(String, String), i64>,
    next_offset: i64,
    sessions: Vec<Session>,
    pub(super) duplicates: u64,
    pub(super) refusals: u64,
    pub(super) dropped: u64,
}

impl Server {
    pub(super) fn new(room: RoomName) -> Self {
        Self {
            room,
            epoch: Epoch(0x5f2c_9a01),
            visible: Vec::new(),
            first: HashMap::new(),
            next_offset: 0,
            sessions: Vec::new(),
            duplicates: 0,
            refusals: 0,
            dropped: 0,
        }
    }

    pub(super) fn epoch(&self) -> Epoch {
        self.epoch
    }

    pub(super) fn visible(&self) -> &[Message] {
        &self.visible
    }

    pub(super) fn head(&self) -> i64 {
        self.visible.last().map_or(-1, |last| last.position.offset)
    }

    /// A new connection; gives its number.
    pub(super) fn accept(&mut self, uid: &str) -> usize {
        self.sessions.push(Session {
            uid: uid.to_owned(),
            replies: false,
            room: false,
            open: true,
        });
        self.sessions.len() - 1
    }

    pub(super) fn close(&mut self, connection: usize) {
        self.sessions[connection].open = false;
    }

    pub(super) fn is_open(&self, connection: usize) -> bool {
        self.sessions[connection].open
    }

    /// The log takes a record; the first copy of an id is the one that is seen.
    pub(super) fn append(
        &mut self,
        uid: &str,
        id: &str,
        text: &str,
        chaos: bool,
        dice: &mut Dice,
    ) -> (i64, Vec<Answer>) {
        // Other rooms share the partition.
        let offset = self.next_offset + i64::try_from(dice.below(3)).unwrap();
        self.next_offset = offset + 1;
        let key = (uid.to_owned(), id.to_owned());
        if let Some(first) = self.first.get(&key) {
            self.duplicates += 1;
            return (*first, Vec::new());
        }
        self.first.insert(key, offset);
        let message = Message {
            position: Position {
                epoch: self.epoch,
                partition: 3,
                offset,
            },
            prev: self.visible.last().map(|last| last.position.offset),
            ts: 1_000 + offset,
            kind: Kind::Message,
            id: id.to_owned(),
            sender: Sender {
                uid: uid.to_owned(),
                name: format!("{uid}님: 안녕"),
            },
            body: text.to_owned(),
            other: Map::new(),
        };
        let mut answers = Vec::new();
        for (connection, session) in self.sessions.iter().enumerate() {
            if session.open && session.room {
                if chaos && dice.chance(3) {
                    self.dropped += 1;
                } else {
                    answers.push(Answer::Frame {
                        connection,
                        frame: message_frame(&message, false),
                    });
                }
            }
        }
        self.visible.push(message);
        (offset, answers)
    }

    /// The receipt of a SEND.
    pub(super) fn receipt(&self, id: &str, offset: i64) -> Frame {
        Frame::new(Command::Receipt)
            .with("receipt-id", id)
            .with(header::EPOCH, self.epoch.to_string())
            .with(header::OFFSET, offset.to_string())
    }

    /// Any page of the history API.
    pub(super) fn page(&self, request: PageRequest) -> HistoryPage {
        let end = match request {
            PageRequest::Latest => self.visible.len(),
            PageRequest::Before(position) => self
                .visible
                .partition_point(|message| message.position < position),
        };
        let start = end.saturating_sub(PAGE);
        HistoryPage {
            messages: self.visible[start..end].to_vec(),
            more: start > 0,
        }
    }

    /// A frame of a client.
    pub(super) fn take(
        &mut self,
        connection: usize,
        frame: &Frame,
        chaos: bool,
        dice: &mut Dice,
    ) -> Vec<Answer> {
        let text = |name: &str| frame.header(name).map_or("", |value| &**value).to_owned();
        let reply = |frame: Frame| Answer::Frame { connection, frame };
        let session = &mut self.sessions[connection];
        match frame.command {
            Command::Connect => {
                assert_eq!(text("accept-version"), "1.2");
                vec![reply(
                    Frame::new(Command::Connected)
                        .with("version", "1.2")
                        .with("heart-beat", "10000,0"),
                )]
            }
            Command::Subscribe if text("destination") == "/user/queue/replies" => {
                session.replies = true;
                Vec::new()
            }
            Command::Subscribe => {
                assert!(!session.room, "one subscription to the room at a time");
                session.room = true;
                self.recover(
                    connection,
                    &text(header::RECOVER_EPOCH),
                    &text(header::RECOVER_OFFSET),
                    &text("receipt"),
                )
            }
            Command::Unsubscribe => {
                session.room = false;
                Vec::new()
            }
            Command::Send => {
                assert!(
                    session.room && session.replies,
                    "subscribe first, then send"
                );
                self.send(connection, frame, chaos, dice)
            }
            _ => panic!("the page never sends {frame:?}"),
        }
    }

    fn recover(&self, connection: usize, epoch: &str, offset: &str, receipt: &str) -> Vec<Answer> {
        let offset: i64 = offset.parse().unwrap();
        let missing = &self.visible[self
            .visible
            .partition_point(|message| message.position.offset <= offset)..];
        let recovered = epoch == self.epoch.to_string() && missing.len() <= RECOVER;
        let replay = if recovered { missing } else { &[] };
        let receipt = self
            .receipt(receipt, self.head())
            .with(header::RECOVERED, recovered.to_string())
            .with(header::REPLAY_COUNT, replay.len().to_string());
        let frames = std::iter::once(receipt)
            .chain(replay.iter().map(|message| message_frame(message, true)));
        frames
            .map(|frame| Answer::Frame { connection, frame })
            .collect()
    }

    fn send(
        &mut self,
        connection: usize,
        frame: &Frame,
        chaos: bool,
        dice: &mut Dice,
    ) -> Vec<Answer> {
        let id = frame.header(header::CLIENT_MSG_ID).unwrap().to_string();
        let text = String::from_utf8(frame.body.to_vec()).unwrap();
        let uid = self.sessions[connection].uid.clone();
        let after = if chaos && dice.chance(20) {
            dice.below(30_000)
        } else {
            dice.below(100)
        };
        let produce = Answer::Produce {
            connection,
            uid,
            id: id.clone(),
            text,
            after,
        };
        if !chaos {
            return vec![produce];
        }
        let refuse = |code: &str, wait: Option<u64>| {
            let mut frame = Frame::new(Command::Message)
                .with("subscription", "replies")
                .with(header::CODE, code)
                .with(header::RETRYABLE, "true")
                .with(header::CLIENT_MSG_ID, id.as_str());
            if let Some(wait) = wait {
                frame = frame.with(header::RETRY_AFTER_MS, wait.to_string());
            }
            Answer::Frame { connection, frame }
        };
        let fate = dice.below(100);
        self.refusals += u64::from(fate < 24);
        match fate {
            0..8 => vec![refuse("rate-limited", Some(dice.below(4_000)))],
            8..12 => vec![refuse("unavailable", None)],
            // Not known: it may come later, or never.
            12..16 => vec![refuse("unconfirmed", None)],
            16..20 => vec![refuse("unconfirmed", None), produce],
            20..24 => {
                let error = Frame::new(Command::Error)
                    .with("message", "Going away")
                    .with(header::CODE, "draining")
                    .with(header::RETRYABLE, "true")
                    .with(header::RETRY_AFTER_MS, dice.below(2_000).to_string());
                vec![
                    Answer::Frame {
                        connection,
                        frame: error,
                    },
                    Answer::Close { connection },
                ]
            }
            _ => vec![produce],
        }
    }
}

fn message_frame(message: &Message, replay: bool) -> Frame {
    let frame = testing::message_frame(message);
    if replay {
        frame.with(header::REPLAY, "true")
    } else {
        frame
    }
}
