//! A first call, made up, while the policy is configured: what is made at its first use is then part of the snapshot.

use interlock_plugin::prelude::*;
use interlock_plugin::{Caller, Equal};

/// A host that knows nothing. The real one is not to be asked while a policy is configured.
struct Nobody;

impl View for Nobody {
    fn argument(&self, _: &str) -> Option<Value> {
        None
    }

    fn log(&self, _: Level, _: &str) {}
}

impl Host for Nobody {
    fn latest(&self, _: &str, _: Option<&str>) -> Option<PastCall> {
        None
    }

    fn running(&self, _: &str) -> Vec<PastCall> {
        Vec::new()
    }

    fn count(&self, _: &str, _: Option<&str>, _: u64) -> u64 {
        0
    }

    fn recent(&self, _: &str, _: u32) -> Vec<PastCall> {
        Vec::new()
    }

    fn matching(&self, _: &str, _: Option<&str>, _: &[Equal], _: u32) -> Vec<PastCall> {
        Vec::new()
    }

    fn sum(&self, _: &str, _: &str, _: u64) -> f64 {
        0.0
    }
}

/// Has a policy judge a call that nobody made. What it says of it is of no interest, a fault neither.
pub fn rehearse<P: Policy>(policy: P) -> P {
    let call = Call {
        id: "rehearsal".to_owned(),
        tool: "rehearsal/rehearse".to_owned(),
        arguments: "{}".to_owned(),
        caller: Caller { principal: "nobody".to_owned(), roles: Vec::new() },
        session: "rehearsal".to_owned(),
        received: 0,
        hints: Vec::new(),
        approval: None,
    };
    drop(policy.judge(&call, &Nobody));
    policy
}
