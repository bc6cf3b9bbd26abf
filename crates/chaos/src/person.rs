//! One person who chats: sends with ids made before the first attempt, resends with the same id, comes back by position.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use checker::{Client, Connection, Entry, MessageId, NOTHING, Offset, Room, Start, What};
use protocol::header;
use stomp::{Command, Frame};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::journal::{Journal, content, text};
use crate::random::Random;
use crate::wire::{Heard, Wire};

/// How often the server is asked to say something.
const BEAT: Duration = Duration::from_secs(1);
/// After this much silence the connection is given up.
const SILENCE: Duration = Duration::from_millis(2_500);
/// Most time between two attempts to connect.
const BACK_OFF: Duration = Duration::from_secs(1);
/// Nobody goes on writing when so many of his messages wait.
const OUTBOX: usize = 25;

/// What all people of a run share.
pub(crate) struct Company {
    pub(crate) servers: Vec<SocketAddr>,
    pub(crate) journal: Journal,
    /// Messages that were composed and have not been answered for good.
    pub(crate) open: AtomicUsize,
    /// Nobody composes anything more.
    pub(crate) silence: CancellationToken,
    /// Everybody leaves.
    pub(crate) end: CancellationToken,
    /// Time between two messages of one person.
    pub(crate) every: Duration,
    /// Time between two moments at which a person's connection vanishes without a word; none for never.
    pub(crate) vanish_every: Option<Duration>,
}

/// The room's name at the servers.
pub(crate) fn room_name(room: Room) -> String {
    format!("chaos-{}", room.0)
}

/// One person.
pub(crate) struct Person {
    company: Arc<Company>,
    client: Client,
    room: Room,
    random: Random,
    outbox: VecDeque<MessageId>,
    /// The last message that was seen: its epoch and offset.
    seen: Option<(String, Offset)>,
    /// The address that this person's machine has.
    from: IpAddr,
    /// The server to which the last connection was.
    failed: Option<usize>,
    /// When something came from a server for the last time.
    heard: Instant,
}

/// Why a conversation ended.
enum End {
    /// The person goes home.
    Home,
    /// The connection is gone; the server asked to wait so long.
    Lost(Duration),
}

/// A conversation over one connection.
struct Talk {
    wire: Wire,
    connection: Connection,
    subscribed: bool,
    /// The message that waits for its answer.
    asked: Option<MessageId>,
    /// Nothing is sent before this.
    not_before: Instant,
}

impl Person {
    pub(crate) fn new(
        company: Arc<Company>,
        client: Client,
        room: Room,
        from: IpAddr,
        seed: u64,
    ) -> Self {
        Self {
            company,
            client,
            room,
            random: Random::new(seed),
            outbox: VecDeque::new(),
            seen: None,
            from,
            failed: None,
            heard: Instant::now(),
        }
    }

    /// Chats until the company goes home.
    pub(crate) async fn live(mut self) {
        let mut next_message =
            Instant::now() + self.random.between(Duration::ZERO, self.company.every);
        let end = self.company.end.clone();
        let mut wait = Duration::ZERO;
        loop {
            tokio::select! {
                () = end.cancelled() => return,
                () = sleep(wait) => {}
            }
            let server = self.choose();
            let (address, from) = (self.company.servers[server], self.from);
            let name = format!("사람{}", self.client.0);
            let Ok(wire) = Wire::connect(address, from, &name, BEAT).await else {
                self.failed = Some(server);
                wait = self.random.between(Duration::ZERO, BACK_OFF);
                continue;
            };
            let connection = self.company.journal.new_connection();
            let talk = Talk {
                wire,
                connection,
                subscribed: false,
                asked: None,
                not_before: Instant::now(),
            };
            self.failed = Some(server);
            self.heard = Instant::now();
            let ended = self.converse(talk, &mut next_message).await;
            let client = self.client;
            self.company
                .journal
                .record(What::Closed { client, connection });
            match ended {
                Ok(End::Home) => return,
                Ok(End::Lost(asked)) => wait = asked,
                Err(_) => wait = Duration::ZERO,
            }
            self.company
                .journal
                .went_away(client, self.heard.into_std());
            wait += self.random.between(Duration::ZERO, BACK_OFF / 4);
        }
    }

    /// A server by its number: not the one that failed last, as a load balancer would see to.
    fn choose(&mut self) -> usize {
        let servers = self.company.servers.len();
        match self.failed {
            Some(failed) if servers > 1 => (failed + 1 + self.random.below(servers - 1)) % servers,
            _ => self.random.below(servers),
        }
    }

    async fn converse(&mut self, mut talk: Talk, next_message: &mut Instant) -> io::Result<End> {
        self.subscribe(&mut talk.wire).await?;
        let end = self.company.end.clone();
        let vanish_at = self
            .company
            .vanish_every
            .map(|every| Instant::now() + self.random.between(every / 2, every * 3 / 2));
        loop {
            self.send_next(&mut talk).await?;
            let may_compose = !self.company.silence.is_cancelled();
            let waits = talk.subscribed && talk.asked.is_none() && !self.outbox.is_empty();
            tokio::select! {
                () = end.cancelled() => return Ok(End::Home),
                heard = timeout_at(self.heard + SILENCE, talk.wire.hear()) => match heard {
                    Ok(Heard::Frame(frame)) => {
                        self.heard = Instant::now();
                        if let Some(end) = self.take(&mut talk, &frame) {
                            return Ok(end);
                        }
                    }
                    Ok(Heard::Life) => self.heard = Instant::now(),
                    Ok(Heard::End) | Err(_) => return Ok(End::Lost(Duration::ZERO)),
                },
                () = sleep_until(*next_message), if may_compose => {
                    *next_message += self.company.every;
                    if self.outbox.len() < OUTBOX {
                        self.compose();
                    }
                }
                () = sleep_until(talk.not_before), if waits && talk.not_before > Instant::now() => {}
                () = sleep_until(vanish_at.unwrap_or_else(Instant::now)), if may_compose && vanish_at.is_some() => {
                    if self.random.below(2) == 0 {
                        talk.wire.end();
                    } else {
                        talk.wire.vanish(end);
                    }
                    return Ok(End::Lost(Duration::ZERO));
                }
            }
        }
    }

    async fn subscribe(&self, wire: &mut Wire) -> io::Result<()> {
        let replies = Frame::new(Command::Subscribe)
            .with("id", "replies")
            .with("destination", "/user/queue/replies");
        wire.send(&replies).await?;
        let mut room = Frame::new(Command::Subscribe)
            .with("id", "room")
            .with(
                "destination",
                format!("/topic/rooms.{}", room_name(self.room)),
            )
            .with("receipt", "subscribed");
        if let Some((epoch, offset)) = &self.seen {
            room = room
                .with(header::RECOVER_EPOCH, epoch.as_str())
                .with(header::RECOVER_OFFSET, offset.to_string());
        }
        wire.send(&room).await
    }

    fn compose(&mut self) {
        self.outbox.push_back(self.company.journal.new_message());
        self.company.open.fetch_add(1, Ordering::Relaxed);
    }

    /// One message at a time, so that the order of composing is the order of the room.
    async fn send_next(&mut self, talk: &mut Talk) -> io::Result<()> {
        let ready = talk.subscribed && talk.asked.is_none() && talk.not_before <= Instant::now();
        let Some(&message) = self.outbox.front().filter(|_| ready) else {
            return Ok(());
        };
        let text = text(message);
        let (client, room, content) = (self.client, self.room, content(&text));
        self.company.journal.record(What::Send {
            client,
            room,
            message,
            content,
        });
        talk.asked = Some(message);
        let frame = Frame::new(Command::Send)
            .with(
                "destination",
                format!("/app/rooms.{}.send", room_name(room)),
            )
            .with("content-type", "text/plain")
            .with(header::CLIENT_MSG_ID, message.0.to_string())
            .with("receipt", message.0.to_string())
            .with_body(text);
        talk.wire.send(&frame).await
    }

    /// Takes a frame; gives the end of the conversation, if it is one.
    fn take(&mut self, talk: &mut Talk, frame: &Frame) -> Option<End> {
        let text = |name| frame.header(name).map(|value| &**value);
        let number = |name| text(name).and_then(|value| value.parse::<i64>().ok());
        match frame.command {
            Command::Receipt if text("receipt-id") == Some("subscribed") => {
                self.follow(talk, frame, number(header::OFFSET).unwrap_or(NOTHING));
            }
            Command::Receipt => {
                let message = MessageId(text("receipt-id")?.parse().ok()?);
                let offset = number(header::OFFSET).unwrap_or(NOTHING);
                self.company.journal.record(What::Acked { message, offset });
                self.answered(talk);
            }
            Command::Message if text("subscription") == Some("room") => {
                let offset = number(header::OFFSET).unwrap_or(NOTHING);
                let body = String::from_utf8_lossy(&frame.body);
                let entry = Entry {
                    offset,
                    prev: number(header::PREV).unwrap_or(NOTHING),
                    message: MessageId(text(header::CLIENT_MSG_ID)?.parse().ok()?),
                    content: content(&body),
                };
                let (client, connection, room) = (self.client, talk.connection, self.room);
                self.company.journal.record(What::Delivered {
                    client,
                    connection,
                    room,
                    entry,
                });
                self.seen = Some((text(header::EPOCH)?.to_owned(), offset));
            }
            Command::Message => {
                let wait = number(header::RETRY_AFTER_MS).unwrap_or(200);
                let wait = Duration::from_millis(wait.unsigned_abs());
                if text(header::RETRYABLE) == Some("true") {
                    talk.asked = None;
                    talk.not_before = Instant::now() + wait;
                } else {
                    let message = MessageId(text(header::CLIENT_MSG_ID)?.parse().ok()?);
                    self.company.journal.record(What::Refused { message });
                    self.answered(talk);
                }
            }
            Command::Error => {
                let wait = number(header::RETRY_AFTER_MS).unwrap_or_default();
                return Some(End::Lost(Duration::from_millis(wait.unsigned_abs())));
            }
            _ => {}
        }
        None
    }

    fn answered(&mut self, talk: &mut Talk) {
        talk.asked = None;
        self.outbox.pop_front();
        self.company.open.fetch_sub(1, Ordering::Relaxed);
    }

    /// The server has said from where on this connection gets the room.
    fn follow(&mut self, talk: &mut Talk, receipt: &Frame, head: Offset) {
        let recovered = receipt
            .header(header::RECOVERED)
            .is_some_and(|value| &**value == "true");
        let start = match &self.seen {
            Some((_, last)) if recovered => Start::Recovered(*last),
            Some(_) => Start::NotRecovered(head),
            None => Start::Live(head),
        };
        if let (Start::Live(_) | Start::NotRecovered(_), Some(epoch)) =
            (start, receipt.header(header::EPOCH))
        {
            self.seen = Some((epoch.to_string(), head));
        }
        talk.subscribed = true;
        let (client, connection, room) = (self.client, talk.connection, self.room);
        self.company.journal.record(What::Subscribed {
            client,
            connection,
            room,
            start,
        });
        self.company.journal.came_back(client);
    }
}
