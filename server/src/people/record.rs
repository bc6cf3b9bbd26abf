//! The records of `maru.ephemeral` and `maru.markers` (`docs/PROTOCOL.md`).

use protocol::{Epoch, RoomName, Sender};
use serde::{Deserialize, Serialize};

/// The version of these records; a higher one is passed over.
pub const VERSION: u32 = 1;

/// A record of `maru.ephemeral`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passing {
    /// [`VERSION`].
    pub v: u32,
    /// The run of a server that says it: another after a restart.
    pub server: String,
    /// What it says.
    #[serde(flatten)]
    pub said: Said,
}

/// What servers tell each other in passing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Said {
    /// A server has come up and asks the others who is there.
    Hello,
    /// Who is in a room through this server, as of now.
    Presence(Snapshot),
    /// Somebody types.
    Typing {
        /// Where.
        room: RoomName,
        /// Who.
        sender: Sender,
    },
}

/// Who is in a room through one server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The room.
    pub room: RoomName,
    /// Who is there; nobody is named where there are more than [`protocol::limits::PEOPLE`].
    pub people: Vec<Sender>,
    /// How many are there without being named.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unnamed: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// A record of `maru.markers`: how far a person has read a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// [`VERSION`].
    pub v: u32,
    /// The room.
    pub room: RoomName,
    /// The person's id.
    pub uid: String,
    /// The life of the log that the offset belongs to.
    pub epoch: Epoch,
    /// Offset of the last record that they have read.
    pub offset: i64,
}

/// A record as bytes. Texts and numbers cannot fail to be written.
pub fn write<T: Serialize>(record: &T) -> Vec<u8> {
    serde_json::to_vec(record).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_forms() {
        let sender = Sender {
            uid: "u".to_owned(),
            name: "지우".to_owned(),
        };
        let room: RoomName = "a".parse().unwrap();
        for (said, text) in [
            (Said::Hello, r#"{"v":1,"server":"s","type":"hello"}"#),
            (
                Said::Presence(Snapshot {
                    room: room.clone(),
                    people: vec![sender.clone()],
                    unnamed: 0,
                }),
                r#"{"v":1,"server":"s","type":"presence","room":"a","people":[{"uid":"u","name":"지우"}]}"#,
            ),
            (
                Said::Typing {
                    room: room.clone(),
                    sender,
                },
                r#"{"v":1,"server":"s","type":"typing","room":"a","sender":{"uid":"u","name":"지우"}}"#,
            ),
        ] {
            let passing = Passing {
                v: VERSION,
                server: "s".to_owned(),
                said,
            };
            assert_eq!(String::from_utf8(write(&passing)).unwrap(), text);
            assert_eq!(serde_json::from_str::<Passing>(text).unwrap(), passing);
        }
        let marker = Marker {
            v: VERSION,
            room,
            uid: "u".to_owned(),
            epoch: Epoch(0x5f2c_9a01),
            offset: 7,
        };
        assert_eq!(
            String::from_utf8(write(&marker)).unwrap(),
            r#"{"v":1,"room":"a","uid":"u","epoch":"5f2c9a01","offset":7}"#
        );
    }
}
