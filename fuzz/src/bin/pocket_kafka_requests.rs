//! Streams of strangers, and of who knows the password, to a running log.

#![no_main]

use std::{alloc::System, sync::Mutex};

use cap::Cap;
use libfuzzer_sys::fuzz_target;

#[path = "../../../crates/pocket-kafka/tests/corpus/check.rs"]
mod check;

/// Of which the log needs a few; whoever wants more than this is misled by its input.
const MEMORY_BYTES: usize = 32 << 20;
/// After so many inputs a new log begins, so that it stays small.
const RENEWAL: usize = 5_000;

#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, MEMORY_BYTES);

/// The inputs so far, and the running log.
static LOG: Mutex<(usize, Option<check::Log>)> = Mutex::new((0, None));

fuzz_target!(|input: &[u8]| {
    let (inputs, log) = &mut *LOG.lock().unwrap();
    *inputs += 1;
    if *inputs % RENEWAL == 0 {
        *log = None;
    }
    log.get_or_insert_with(check::Log::start).check(input);
});
