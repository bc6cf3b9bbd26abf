//! STOMP frames of strangers, and our own read back.

#![no_main]

use std::alloc::System;

use cap::Cap;
use libfuzzer_sys::fuzz_target;

#[path = "../../../crates/stomp/tests/corpus/check.rs"]
mod check;

/// An input of some kilobytes is read and written several times over; whoever wants more than this is misled by it.
const MEMORY_BYTES: usize = 8 << 20;

#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, MEMORY_BYTES);

fuzz_target!(|input: &[u8]| check::check(input));
