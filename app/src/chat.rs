//! The browser's chat engine: one open room as a state machine without DOM, socket, clock or randomness.
//!
//! The page tells it what happened ([`Event`]) and carries out what it asks for ([`Effect`]); time and randomness are
//! passed in. So everything that must not go wrong when connections break is tested natively, by the thousand.
//!
//! # Layout
//!
//! - `event`: the vocabulary of the seam to the page
//! - `engine`: ties the parts together: events in, effects out
//! - `incoming`: what each frame of the server sets off
//! - `socket`: opening, doubting and giving up the socket
//! - `connection`: one socket after the other: time limits, heart-beats, back-off
//! - `subscription`: how the room is followed, and what is done when something is missing
//! - `timeline`: the room's rows, always without a hole, and what later records make of them
//! - `outbox`: what was composed and is not in the room yet
//! - `store`: where that is kept, so that it outlives the page, and which tab sends it
//! - `people`, `listing`: who is here, and how all rooms stand; `asides`: what the page itself says in passing
//! - `wire`: STOMP frames to and from the server
//! - `clock`, `backoff`: time that never runs backwards, and random waits
//! - [`grouping`]: which messages are shown as one run (the server's rendering uses it too)
//!
//! # Promises
//!
//! - A composed message reaches the room once, in the order of composing, however often the connection breaks or the page
//!   is loaded again, unless the server refuses it or a day has passed; then it stays with the reason until the person
//!   decides. What the browser could not store is marked, and is lost with the page.
//! - [`Engine::rows`] is a contiguous part of the room's rows, folded as the servers fold them. It ends at the last known row,
//!   unless the page was opened at an old one: a gap is repaired before anything behind it is shown.

mod asides;
mod backoff;
mod clock;
mod connection;
mod engine;
mod event;
pub mod grouping;
mod incoming;
mod listing;
mod outbox;
mod people;
mod socket;
mod store;
mod subscription;
mod timeline;
mod wire;

#[cfg(test)]
mod rules;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod testing;

pub use connection::Connection;
pub use engine::{Engine, Setup};
pub use event::{Changes, Effect, Event, PageRequest, Passing, Refusal};
pub use outbox::{ComposeError, Composition, Entry, Failure, Pending, Status};
pub use people::{Moves, People};
pub use store::{Storage, Store, Tending};
pub use timeline::Beyond;
