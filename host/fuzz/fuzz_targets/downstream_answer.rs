//! What a server writes while a call of ours is open.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| interlock::downstream::fuzz::output(bytes));
