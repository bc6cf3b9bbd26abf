//! STOMP 1.0, 1.1 and 1.2 frames: an incremental, zero-copy codec without I/O.
//!
//! # Layout
//!
//! - [`frame`]: what a frame is made of
//! - [`version`]: the protocol versions, how one is agreed on
//! - [`mod@decode`]: bytes to frames
//! - [`mod@encode`]: frames to bytes
//! - `escape`: the escape sequences of headers, both ways
//! - [`heartbeat`]: the `heart-beat` header and what two peers agree on
//!
//! Architecture invariant: knows no clock and no socket; compiles to WASM as it does to the server.

pub mod decode;
pub mod encode;
mod escape;
pub mod frame;
pub mod heartbeat;
pub mod version;

pub use decode::{DecodeError, Decoder, Item, Limits};
pub use encode::{encode, encode_to_bytes};
pub use frame::{Command, Frame, Headers};
pub use heartbeat::HeartBeat;
pub use version::Version;
