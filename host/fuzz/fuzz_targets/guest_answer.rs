//! What a guest answers: verdicts, results, definitions and manifests of any content.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| interlock::sandbox::fuzz::answers(bytes));
