//! The STOMP session of one connection: frames in, frames out, no I/O.
//!
//! # Layout
//!
//! - [`session`]: the state machine
//! - [`destinations`]: the seam to what clients send to and subscribe to
//! - [`refusal`]: why a frame is refused, in words and codes

pub mod destinations;
pub mod refusal;
pub mod session;

pub use destinations::{
    AckMode, CatchUp, Credentials, Destinations, Progress, Pulled, SendRequest, SubscribeRequest,
    Tag, Ticket, Verdict,
};
pub use refusal::{Code, Refusal};
pub use session::{Output, Session, Settings};
