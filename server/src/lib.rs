//! Maru's server: STOMP over WebSocket, bridged through Kafka, with server-rendered rooms.
//!
//! # Layout, in the order in which a message walks through
//!
//! - [`web`]: HTTP and the WebSocket edge
//! - [`stomp`]: the session of one connection, a state machine without I/O
//! - [`chat`]: what destinations mean, who may do what, SENDs into records
//! - [`conformance`]: the other meaning of destinations: queues and topics for the tests of STOMP clients
//! - [`bridge`]: rdkafka: producer, consumer thread, topics
//! - [`embedded`]: the log inside this process, when there is no Kafka cluster
//! - [`fold`]: records of the log into rooms: dedupe, `prev` links, the tail
//! - [`history`]: the local store: rows, checkpoints, pages
//! - [`hub`]: live fan-out to this server's followers
//! - [`metrics`]: what the server counts, for whoever keeps it running
//! - [`names`]: rooms and nicknames as people type them
//! - [`config`], [`keys`], [`directory`]: settings, secrets, and the hold on this server's data
//! - [`maintenance`]: `maru verify` and `maru repair`
//! - [`version`]: which Maru this is
//!
//! Architecture invariants: only `bridge` names rdkafka; only `history` names SQLite; `stomp` and the core of `fold` know
//! no clock and no socket; nothing hands a message from a sender to subscribers but the fold.

pub mod bridge;
pub mod chat;
pub mod config;
pub mod conformance;
pub mod directory;
pub mod embedded;
pub mod fold;
pub mod history;
pub mod hub;
pub mod keys;
pub mod maintenance;
pub mod metrics;
pub mod names;
mod run;
pub mod stomp;
pub mod version;
pub mod web;

pub use run::{RunError, run};
