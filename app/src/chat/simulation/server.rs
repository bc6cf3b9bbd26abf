//! The server of the simulation: rooms with the fold's rule, and sessions that follow the protocol.

use std::collections::HashMap;

use protocol::{
    Action, Destination, Epoch, Folded, HistoryPage, Message, Position, RoomName, Sender, folding,
    header,
};
use serde_json::Map;
use stomp::{Command, Frame};

use super::Dice;
use super::folded::{find, folded};
use crate::chat::{Composition, PageRequest, testing, wire};

/// Few, so that pages and limits matter in short stories.
const PAGE: usize = 6;
const RECOVER: usize = 8;
const EPOCH: Epoch = Epoch(0x5f2c_9a01);

/// What the server wants to happen.
#[derive(Debug)]
pub(super) enum Answer {
    /// A frame for the client of a connection.
    Frame { connection: usize, frame: Frame },
    /// The log takes this message after so many milliseconds, and the connection gets the receipt.
    Produce { record: Record, after: u64 },
    /// The server closes the connection.
    Close { connection: usize },
}

/// A message on its way into the log.
#[derive(Debug)]
pub(super) struct Record {
    /// Who gets the receipt.
    pub(super) connection: Option<usize>,
    pub(super) room: usize,
    pub(super) uid: String,
    pub(super) id: String,
    pub(super) composition: Composition,
}

#[derive(Debug)]
struct Session {
    uid: String,
    replies: bool,
    room: Option<usize>,
    /// How far the page said that its person has read, and that of the room before it.
    read: Option<Position>,
    open: bool,
}

/// A room's part of the log.
#[derive(Debug, Default)]
struct Log {
    /// The stream.
    visible: Vec<Message>,
    /// Where each (uid, id) was first seen.
    first: HashMap<(String, String), i64>,
    next_offset: i64,
}

impl Log {
    fn head(&self) -> i64 {
        self.visible.last().map_or(-1, |last| last.position.offset)
    }
}

#[derive(Debug)]
pub(super) struct Server {
    pub(super) rooms: [RoomName; 2],
    logs: [Log; 2],
    epoch: Epoch,
    sessions: Vec<Session>,
    /// How far each (uid, room) has read.
    read: HashMap<(String, usize), Position>,
    pub(super) duplicates: u64,
    pub(super) refusals: u64,
    pub(super) dropped: u64,
}

impl Server {
    pub(super) fn new() -> Self {
        Self {
            rooms: ["자유게시판", "general"].map(|room| room.parse().unwrap()),
            logs: Default::default(),
            epoch: EPOCH,
            sessions: Vec::new(),
            read: HashMap::new(),
            duplicates: 0,
            refusals: 0,
            dropped: 0,
        }
    }

    pub(super) fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Whether the log is another one than at first.
    pub(super) fn has_begun_anew(&self) -> bool {
        self.epoch != EPOCH
    }

    pub(super) fn visible(&self, room: usize) -> &[Message] {
        &self.logs[room].visible
    }

    /// How far somebody has read a room.
    pub(super) fn read(&self, uid: &str, room: usize) -> Option<Position> {
        self.read.get(&(uid.to_owned(), room)).copied()
    }

    /// The log was copied to another cluster: the same messages in another life.
    pub(super) fn begin_epoch(&mut self, dice: &mut Dice) {
        self.epoch = Epoch(self.epoch.0 + 1);
        for log in &mut self.logs {
            let (mut offset, mut prev) = (0, None);
            let mut places = HashMap::new();
            for message in &mut log.visible {
                offset += 1 + i64::try_from(dice.below(3)).unwrap();
                places.insert(message.position.offset, offset);
                if let Some(target) = &mut message.reference {
                    target.epoch = self.epoch;
                    // A record that names another life names nothing.
                    target.offset = places.get(&target.offset).copied().unwrap_or(0);
                }
                message.position.epoch = self.epoch;
                message.position.offset = offset;
                message.prev = prev;
                prev = Some(offset);
                let key = (message.sender.uid.clone(), message.id.clone());
                log.first.insert(key, offset);
            }
            log.next_offset = offset + 1;
        }
    }

    /// A new connection; gives its number.
    pub(super) fn accept(&mut self, uid: &str) -> usize {
        self.sessions.push(Session {
            uid: uid.to_owned(),
            replies: false,
            room: None,
            read: None,
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
        record: &Record,
        chaos: bool,
        dice: &mut Dice,
    ) -> (i64, Vec<Answer>) {
        let Record { uid, id, .. } = record;
        let log = &mut self.logs[record.room];
        // Other rooms share the partition.
        let offset = log.next_offset + i64::try_from(dice.below(3)).unwrap();
        log.next_offset = offset + 1;
        let key = (uid.clone(), id.clone());
        if let Some(first) = log.first.get(&key) {
            self.duplicates += 1;
            return (*first, Vec::new());
        }
        log.first.insert(key, offset);
        let Composition {
            action,
            target,
            text,
        } = &record.composition;
        let mut message = Message {
            reference: *target,
            folded: Folded::default(),
            position: Position {
                epoch: self.epoch,
                partition: 3,
                offset,
            },
            prev: log.visible.last().map(|last| last.position.offset),
            ts: 1_000 + offset,
            kind: action.kind().unwrap(),
            id: id.clone(),
            sender: Sender {
                uid: uid.clone(),
                name: format!("{uid}님: 안녕"),
            },
            body: text.clone(),
            other: Map::new(),
        };
        if let (Action::Send, Some(target)) = (action, target) {
            let rows = folded(&log.visible);
            let quoted = find(&rows, *target).map(|index| Box::new(folding::quote(&rows[index])));
            message.folded.quote = quoted;
        }
        let mut answers = Vec::new();
        for (connection, session) in self.sessions.iter().enumerate() {
            if session.open && session.room == Some(record.room) {
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
        log.visible.push(message);
        (offset, answers)
    }

    /// The receipt of a SEND.
    pub(super) fn receipt(&self, id: &str, offset: i64) -> Frame {
        Frame::new(Command::Receipt)
            .with("receipt-id", id)
            .with(header::EPOCH, self.epoch.to_string())
            .with(header::OFFSET, offset.to_string())
    }

    /// The room's rows as they are now.
    pub(super) fn rows(&self, room: usize) -> Vec<Message> {
        folded(self.visible(room))
    }

    /// Any page of the history API, from a server that does not know the latest `lag` records yet. Nothing if it has not the
    /// message that is asked for.
    pub(super) fn page(
        &self,
        room: usize,
        request: PageRequest,
        lag: usize,
    ) -> Option<HistoryPage> {
        let visible = self.visible(room);
        let known = &visible[..visible.len().saturating_sub(lag)];
        let rows = folded(known);
        let index = |position| rows.partition_point(|row| row.position < position);
        let (start, end) = match request {
            PageRequest::Latest => (rows.len().saturating_sub(PAGE), rows.len()),
            PageRequest::Before(position) => {
                let end = index(position);
                (end.saturating_sub(PAGE), end)
            }
            PageRequest::Newer(position) => {
                let start = rows.partition_point(|row| row.position <= position);
                (start, rows.len().min(start + PAGE))
            }
            PageRequest::Around(position) => {
                let place = index(position);
                rows.get(place).filter(|row| row.position == position)?;
                let end = rows.len().min(place + PAGE / 2);
                (place.saturating_sub(PAGE / 2), end)
            }
        };
        let is_last = end == rows.len();
        Some(HistoryPage {
            newer: !is_last && matches!(request, PageRequest::Around(_)),
            head: known.last().map_or(-1, |last| last.position.offset),
            messages: rows[start..end].to_vec(),
            more: match request {
                PageRequest::Newer(_) => !is_last,
                _ => start > 0,
            },
        })
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
            Command::Subscribe if matches!(text("id").as_str(), "events" | "rooms") => Vec::new(),
            Command::Subscribe => {
                assert!(
                    session.room.is_none(),
                    "one subscription to the room at a time"
                );
                let room = self.rooms.iter().position(|room| {
                    text("destination") == Destination::Room(room.clone()).to_string()
                });
                session.room = room;
                self.recover(
                    (connection, room.unwrap()),
                    &text(header::RECOVER_EPOCH),
                    &text(header::RECOVER_OFFSET),
                    &text("receipt"),
                )
            }
            Command::Unsubscribe => {
                session.room = None;
                Vec::new()
            }
            Command::Send => {
                assert!(
                    session.room.is_some() && session.replies,
                    "subscribe first, then send: {frame:?} of {session:?}"
                );
                match text("destination").parse() {
                    Ok(Destination::ToRoom(_, Action::Typing)) => {}
                    Ok(Destination::ToRoom(_, Action::Read)) => {
                        self.mark(connection, text(header::REF).parse().unwrap());
                    }
                    _ => return self.send(connection, frame, chaos, dice),
                }
                Vec::new()
            }
            _ => panic!("the page never sends {frame:?}"),
        }
    }

    /// Somebody has read up to a message.
    fn mark(&mut self, connection: usize, position: Position) {
        let session = &mut self.sessions[connection];
        let before = session.read.replace(position);
        assert!(
            before.is_none_or(|before| before.epoch != position.epoch || before <= position),
            "nobody reads backwards: {before:?}, then {position:?}"
        );
        if let Some(room) = session.room
            && position.epoch == self.epoch
        {
            let mark = self.read.entry((session.uid.clone(), room));
            let mark = mark.or_insert(position);
            if mark.epoch != position.epoch || *mark < position {
                *mark = position;
            }
        }
    }

    fn recover(
        &self,
        (connection, room): (usize, usize),
        epoch: &str,
        offset: &str,
        receipt: &str,
    ) -> Vec<Answer> {
        let offset: i64 = offset.parse().unwrap();
        let log = &self.logs[room];
        let known = log
            .visible
            .partition_point(|message| message.position.offset <= offset);
        let missing = &log.visible[known..];
        let recovered = epoch == self.epoch.to_string() && missing.len() <= RECOVER;
        let replay = if recovered { missing } else { &[] };
        let receipt = self
            .receipt(receipt, log.head())
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
        let (room, id, composition) = wire::read_send(frame).unwrap();
        let room = self.rooms.iter().position(|other| *other == room).unwrap();
        let uid = self.sessions[connection].uid.clone();
        let after = if chaos && dice.chance(20) {
            dice.below(30_000)
        } else {
            dice.below(100)
        };
        let record = Record {
            connection: Some(connection),
            room,
            uid,
            id: id.clone(),
            composition: composition.clone(),
        };
        let produce = Answer::Produce { record, after };
        let refuse = |code: &str, retryable: bool, wait: Option<u64>| {
            let mut frame = Frame::new(Command::Message)
                .with("subscription", "replies")
                .with(header::CODE, code)
                .with(header::RETRYABLE, retryable.to_string())
                .with(header::CLIENT_MSG_ID, id.as_str());
            if let Some(wait) = wait {
                frame = frame.with(header::RETRY_AFTER_MS, wait.to_string());
            }
            Answer::Frame { connection, frame }
        };
        let is_there = |target: Position| {
            let rows = self.rows(room);
            rows.iter().any(|row| row.position == target)
        };
        if composition.target.is_some_and(|target| !is_there(target)) {
            return vec![refuse("no-such-message", false, None)];
        }
        if !chaos {
            return vec![produce];
        }
        let fate = dice.below(100);
        self.refusals += u64::from(fate < 30);
        match fate {
            0..8 => vec![refuse("rate-limited", true, Some(dice.below(4_000)))],
            8..12 => vec![refuse("unavailable", true, None)],
            // Not known: it may come later, or never.
            12..16 => vec![refuse("unconfirmed", true, None)],
            16..20 => vec![refuse("unconfirmed", true, None), produce],
            20..24 => vec![refuse("forbidden", false, None)],
            24..30 => {
                let error = Frame::new(Command::Error).with("message", "Going away");
                let error = if fate < 28 {
                    error
                        .with(header::CODE, "draining")
                        .with(header::RETRYABLE, "true")
                        .with(header::RETRY_AFTER_MS, dice.below(2_000).to_string())
                } else {
                    error
                        .with(header::CODE, "invalid-message")
                        .with(header::RETRYABLE, "false")
                        .with("receipt-id", id.as_str())
                };
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
