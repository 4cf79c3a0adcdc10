//! What an AI app writes: one message, and a stream of lines.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| interlock::gateway::fuzz::messages(bytes));
