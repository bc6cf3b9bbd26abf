//! Sessions of several clients of the conformance profile, frame by frame, while time passes.

#![no_main]
#![allow(
    dead_code,
    reason = "what only the chat needs of the server is not reached from here"
)]

use std::alloc::System;

use cap::Cap;
use libfuzzer_sys::fuzz_target;

#[path = "../../../server/tests/corpus/check.rs"]
mod check;

// The server's own modules, but not its crate: that would bring librdkafka and the pages along, minutes of building for
// nothing that is reached from here.
extern crate self as server;

#[path = "../../../server/src"]
mod source {
    pub mod conformance;
    pub mod hub;
    pub mod stomp;
}
pub use source::{conformance, hub, stomp};

/// In the place of the server's: an input has to mean the same when it is tried again.
mod keys {
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// The name of a temporary queue, which no other has.
    pub fn random_uid() -> Result<String, Infallible> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Ok(NEXT.fetch_add(1, Ordering::Relaxed).to_string())
    }
}

/// An input of some kilobytes makes its clients hold no more than the small limits of the check allow.
const MEMORY_BYTES: usize = 16 << 20;

#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, MEMORY_BYTES);

fuzz_target!(|input: &[u8]| check::check(input));
