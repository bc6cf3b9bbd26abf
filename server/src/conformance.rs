//! The conformance profile: queues, topics and temporary queues in memory, as the tests of other STOMP clients expect them.
//!
//! The names and the wording are those of `RabbitMQ`'s STOMP plugin. Nothing here is chat, and nothing is stored.
//!
//! # Layout
//!
//! - [`broker`]: every queue of the server, behind one lock
//! - [`destinations`]: what one connection may do with it
//! - `queue`: one queue and its consumers
//! - `message`: SEND into MESSAGE
//! - `address`: kinds of destinations

mod address;
pub mod broker;
pub mod destinations;
mod message;
mod queue;
#[cfg(test)]
mod tests;

pub use broker::{Broker, Limits};
pub use destinations::ConformanceDestinations;
