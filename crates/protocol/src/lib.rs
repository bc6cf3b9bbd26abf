//! The words that Maru's browser page and server share: rooms, people, positions, messages, destinations, headers and limits.
//!
//! # Layout
//!
//! - [`room`]: the name of a room
//! - [`person`]: what tells people of the same name apart
//! - [`position`]: where a message stands in the log
//! - [`message`]: a message as people see it, and the record as the log holds it
//! - [`page`]: what a page is rendered from
//! - [`destination`]: STOMP destinations of the chat
//! - [`event`]: what is said in passing: who is there, who types, what has been read
//! - [`mention`]: whether a text mentions somebody
//! - [`header`]: names of the STOMP headers that Maru adds
//! - [`limits`]: the sizes that both sides enforce
//!
//! Architecture invariant: no I/O, no clock, no randomness; compiles to WASM as it does to the server.

pub mod destination;
pub mod event;
pub mod header;
pub mod limits;
pub mod mention;
pub mod message;
pub mod page;
pub mod person;
pub mod position;
pub mod room;

pub use destination::{Action, Destination};
pub use event::{RoomEvent, RoomUpdate, RoomsUpdate};
pub use message::{Folded, Kind, Message, Quote, Reaction, Record, Sender};
pub use page::{HistoryPage, Language, LobbyState, RoomState, RoomSummary, Theme, Viewer};
pub use position::{Epoch, Position};
pub use room::RoomName;
