//! Maru's server: STOMP over WebSocket, bridged through Kafka, with server-rendered rooms.
//!
//! # Layout, in the order in which a message walks through
//!
//! - [`stomp`]: the session of one connection, a state machine without I/O
//! - [`bridge`]: rdkafka: producer, consumer thread, topics
//! - [`fold`]: records of the log into rooms: dedupe, `prev` links, the tail
//! - [`history`]: the local store of what is folded, rebuilt from the log when need be
//!
//! Architecture invariants: only `bridge` names rdkafka; only `history` names `SQLite`; `stomp` and the core of `fold` know
//! no clock and no socket; nothing hands a message from a sender to subscribers but the fold.

pub mod bridge;
pub mod fold;
pub mod history;
pub mod stomp;
