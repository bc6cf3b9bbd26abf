//! The STOMP session of one connection: frames in, frames out, no I/O.

pub mod destinations;
pub mod refusal;

pub use destinations::{
    Credentials, Destinations, Progress, SendRequest, SubscribeRequest, Ticket,
};
pub use refusal::{Code, Refusal};
