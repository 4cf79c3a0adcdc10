//! Lines of the journal: read back, hashed, and folded.
#![no_main]

use interlock::{
    approvals,
    clock::Timestamp,
    journal::{self, Event},
    pins,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (mut approvals, mut pins) = (approvals::Book::default(), pins::Book::default());
    for line in text.lines() {
        journal::fuzz::line(line);
        let Ok(event) = serde_json::from_str::<Event>(line) else { continue };
        // A body that does not have the shape of its kind is an error, and changes nothing.
        let _ = approvals.apply(&event);
        let _ = pins.apply(&event);
    }
    for approval in approvals.iter() {
        for now in [0, approval.expires.0, u64::MAX] {
            let state = approval.state(Timestamp(now));
            assert!(now < u64::MAX || state != approvals::State::Open, "no question is open for ever");
            assert!(approval.grant().is_some() || state != approvals::State::Granted);
        }
    }
    for pin in pins.iter() {
        let other = pin.waiting.as_ref().map(|waiting| &waiting.digest);
        assert_ne!(other, Some(&pin.pinned.digest), "what waits is not what is pinned");
        let _ = pin.pinned.whole();
    }
});
