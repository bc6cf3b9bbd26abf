//! STOMP 1.0, 1.1 and 1.2 frames: an incremental, zero-copy codec without I/O.
//!
//! # Layout
//!
//! - [`frame`]: what a frame is made of
//! - [`version`]: the protocol versions and what differs between them
//!
//! Architecture invariant: knows no clock and no socket; compiles to WASM as it does to the server.

pub mod frame;
pub mod version;

pub use frame::{Command, Frame, Headers};
pub use version::Version;
