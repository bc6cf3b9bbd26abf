//! The words that Maru's browser page and server share: rooms, people, positions, messages, destinations, headers and limits.
//!
//! # Layout
//!
//! - [`room`]: the name of a room
//! - [`position`]: where a message stands in the log
//! - [`message`]: a message as people see it, and the record as the log holds it
//! - [`page`]: what a page is rendered from
//! - [`destination`]: STOMP destinations of the chat
//! - [`header`]: names of the STOMP headers that Maru adds
//! - [`limits`]: the sizes that both sides enforce
//!
//! Architecture invariant: no I/O, no clock, no randomness; compiles to WASM as it does to the server.

pub mod destination;
pub mod header;
pub mod limits;
pub mod message;
pub mod page;
pub mod position;
pub mod room;

pub use destination::Destination;
pub use message::{Kind, Message, Record, Sender};
pub use page::{HistoryPage, Language, LobbyState, RoomState, RoomSummary, Viewer};
pub use position::{Epoch, Position};
pub use room::RoomName;
