//! The chat itself: what its destinations mean, who may do what, and how a SEND becomes a record.

pub mod admission;
pub mod destinations;
pub mod listeners;
pub mod rate;
pub mod receipts;

use std::sync::Arc;
use std::time::Duration;

use protocol::{Record, Sender};

use crate::bridge::{ProduceError, Producer};
use crate::fold::Rooms;
use crate::keys::Keys;
use crate::names;
use crate::stomp::{Code, Refusal};

pub use destinations::ChatDestinations;
pub use listeners::Listeners;

/// What an operator decides about the chat.
#[derive(Clone, Copy, Debug)]
pub struct ChatSettings {
    /// Whether programs without a cookie may chat as guests.
    pub programs: bool,
    /// Messages a session may send per second in the long run.
    pub rate_per_second: u32,
    /// Messages a session may send at once.
    pub rate_burst: u32,
}

/// The chat of one server, once the log has been caught up with.
pub struct Chat {
    /// What an operator decided.
    pub settings: ChatSettings,
    /// The rooms as this server has folded them.
    pub rooms: Arc<Rooms>,
    /// Who learns what the log decides.
    pub listeners: Arc<Listeners>,
    /// Secrets.
    pub keys: Arc<Keys>,
    /// The way into the log.
    pub producer: Producer,
    /// Whether the embedded log takes anything; none with Kafka.
    pub embedded: Option<pocket_kafka::Health>,
}

fn not_writable(trouble: pocket_kafka::Trouble) -> Refusal {
    let detail = match trouble {
        pocket_kafka::Trouble::Full => {
            "the server's disk is full, so the message was not stored; whoever runs the server has to free space, then send it again"
        }
        pocket_kafka::Trouble::Failing => {
            "the server's disk cannot be written, so the message was not stored; whoever runs the server finds the reason in its log; send it again later"
        }
    };
    Refusal {
        retry_after: Some(Duration::from_secs(1)),
        ..Refusal::new(Code::Unavailable, "Unavailable", detail)
    }
}

impl Chat {
    /// Puts a record on its way into the log.
    fn produce(&self, record: &Record) -> Result<(), Refusal> {
        // What waits already is stored as soon as that is possible; whoever comes meanwhile is told at once, not after a minute.
        if let Some(trouble) = self
            .embedded
            .as_ref()
            .and_then(pocket_kafka::Health::trouble)
        {
            return Err(not_writable(trouble));
        }
        self.producer.produce(record).map_err(|error| match error {
            ProduceError::TooLarge => {
                Refusal::new(Code::InvalidMessage, "Invalid message", error.to_string())
            }
            ProduceError::QueueFull | ProduceError::Unavailable | ProduceError::Other(_) => {
                Refusal {
                    retry_after: Some(Duration::from_secs(1)),
                    ..Refusal::new(Code::Unavailable, "Unavailable", error.to_string())
                }
            }
        })
    }

    /// The guest that a program's login and passcode name.
    fn guest(&self, login: &str, passcode: &str) -> Result<Sender, Refusal> {
        let name = names::nickname(login).map_err(|error| {
            Refusal::new(
                Code::InvalidCredentials,
                "Bad CONNECT",
                format!("the login is the nickname: {error}"),
            )
        })?;
        Ok(Sender {
            uid: self.keys.guest_uid(login, passcode),
            name,
        })
    }
}
