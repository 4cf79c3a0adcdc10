//! Policies that misbehave: each ends in its own way, and none takes anything from those that behave.

use std::{sync::Arc, time::Duration};

use interlock::{
    sandbox::{Fault, FaultKind, Isolation, Limits, LoadError, Plugin, Sandbox},
    verdict::Verdict,
};
use serde_json::{Value, json};

use super::{Nothing, call};
use crate::plugins::{cache, fault};

/// So much time that only what never ends runs out of it, whatever else this machine does.
pub(super) const PLENTY: Limits = Limits { time: Duration::from_secs(20), ..Limits::POLICY };
/// What is soon over.
pub(super) const SHORT: Limits = Limits { time: Duration::from_millis(50), ..Limits::POLICY };

/// Loads a bad guest. Without settings of its own it does what calls tell it to.
pub(super) async fn load(sandbox: &Sandbox, name: &str, settings: Value, limits: Limits) -> Result<Plugin, LoadError> {
    let bytes = std::fs::read(fault(name)).unwrap();
    sandbox.load(name, &bytes, &settings, limits).await
}

/// Has a policy do as the argument `how` says.
pub(super) async fn judge(plugin: &Plugin, how: &str) -> Result<Verdict, Fault> {
    plugin.judge(&call("a/b", json!({ "how": how })), None, Arc::new(Nothing)).await
}

#[tokio::test]
async fn every_misbehaviour_ends_in_its_own_code_and_the_next_call_of_the_same_policy_works() {
    let sandbox = Sandbox::start(Some(&cache())).unwrap();
    let patient = load(&sandbox, "misbehaves", json!({}), PLENTY).await.unwrap();
    let hasty = load(&sandbox, "misbehaves", json!({}), SHORT).await.unwrap();
    for (plugin, how, kind, code) in [
        (&hasty, "spin", FaultKind::Timeout, "policy_timeout"),
        (&hasty, "spin_in_host_calls", FaultKind::Timeout, "policy_timeout"),
        (&hasty, "spin_in_arguments", FaultKind::Timeout, "policy_timeout"),
        (&patient, "panic", FaultKind::Trap, "policy_fault"),
        (&patient, "long_panic", FaultKind::Trap, "policy_fault"),
        (&patient, "flood_log_and_panic", FaultKind::Trap, "policy_fault"),
        (&patient, "hoard", FaultKind::Memory, "policy_memory"),
        (&patient, "recurse", FaultKind::Trap, "policy_fault"),
        (&patient, "megabytes", FaultKind::Trap, "policy_fault"),
        (&patient, "bad_code", FaultKind::Nonsense, "policy_fault"),
        (&patient, "long_code", FaultKind::Nonsense, "policy_fault"),
        (&patient, "long_unlock", FaultKind::Nonsense, "policy_fault"),
        (&patient, "many_unlocks", FaultKind::Nonsense, "policy_fault"),
        (&patient, "no_time", FaultKind::Nonsense, "policy_fault"),
        (&patient, "bad_details", FaultKind::Nonsense, "policy_fault"),
        (&patient, "infinite_details", FaultKind::Nonsense, "policy_fault"),
        (&patient, "deep_details", FaultKind::Nonsense, "policy_fault"),
        (&patient, "long_details", FaultKind::Nonsense, "policy_fault"),
        (&patient, "posing_details", FaultKind::Nonsense, "policy_fault"),
        (&patient, "ask_everyone", FaultKind::Nonsense, "policy_fault"),
        (&patient, "hold_for_all", FaultKind::Nonsense, "policy_fault"),
        (&patient, "report", FaultKind::Reported, "policy_fault"),
        (&patient, "long_report", FaultKind::Reported, "policy_fault"),
        (&patient, "many_questions", FaultKind::Host, "policy_fault"),
        (&patient, "long_question", FaultKind::Host, "policy_fault"),
        (&patient, "wide_question", FaultKind::Host, "policy_fault"),
        (&patient, "bad_question", FaultKind::Host, "policy_fault"),
    ] {
        let fault = judge(plugin, how).await.expect_err(how);
        assert_eq!((fault.kind, fault.kind.code()), (kind, code), "{how}: {fault}");
        // It is logged, and kept with every decision.
        assert!(fault.detail.len() <= 1024 && !fault.detail.contains(char::is_control), "{how}: {fault}");
        assert_eq!(judge(plugin, "allow").await, Ok(Verdict::Allow), "after {how}");
    }
}

#[tokio::test]
async fn the_operator_is_told_the_last_words_of_a_policy_that_panics_however_much_it_has_said() {
    let sandbox = Sandbox::start(Some(&cache())).unwrap();
    let plugin = load(&sandbox, "misbehaves", json!({}), PLENTY).await.unwrap();
    for (how, words) in [
        ("panic", "it was told to"),
        ("long_panic", "it was told to go on and on!!!"),
        ("flood_log_and_panic", "it was told to, after a flood"),
    ] {
        let fault = judge(&plugin, how).await.unwrap_err();
        assert!(fault.detail.contains(words), "{how}: {fault}");
    }
}

#[tokio::test]
async fn a_policy_that_floods_the_log_or_asks_for_nonsense_is_cut_short_and_its_verdict_counts() {
    let sandbox = Sandbox::start(Some(&cache())).unwrap();
    let plugin = load(&sandbox, "misbehaves", json!({}), PLENTY).await.unwrap();
    for how in ["flood_log", "forge_log", "odd_questions", "greedy_questions"] {
        assert_eq!(judge(&plugin, how).await, Ok(Verdict::Allow), "{how}");
    }
}

#[tokio::test]
async fn a_policy_keeps_nothing_from_one_call_to_the_next() {
    let sandbox = Sandbox::start(Some(&cache())).unwrap();
    let plugin = load(&sandbox, "misbehaves", json!({}), PLENTY).await.unwrap();
    assert_eq!(plugin.isolation(), Isolation::Snapshot);
    for _ in 0..20 {
        assert_eq!(judge(&plugin, "remember").await, Ok(Verdict::Allow));
    }
}
