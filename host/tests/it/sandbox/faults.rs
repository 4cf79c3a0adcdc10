//! Policies that misbehave: each ends in its own way, and none takes anything from those that behave.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, stream};
use interlock::{
    sandbox::{Fault, FaultKind, Isolation, Limits, LoadError, Plugin, Sandbox},
    verdict::Verdict,
};
use serde_json::{Value, json};

use super::{Nothing, call};
use crate::plugins::{cache, fault};

/// So much time that only what never ends runs out of it, whatever else this machine does.
const PLENTY: Limits = Limits { time: Duration::from_secs(20), ..Limits::POLICY };

async fn load(sandbox: &Sandbox, name: &str, settings: Value, limits: Limits) -> Result<Plugin, LoadError> {
    let bytes = std::fs::read(fault(name)).unwrap();
    sandbox.load(name, &bytes, &settings, limits).await
}

async fn misbehaving(sandbox: &Sandbox, how: &str, limits: Limits) -> Plugin {
    load(sandbox, "misbehaves", json!({ "how": how }), limits).await.unwrap()
}

async fn judge(plugin: &Plugin) -> Result<Verdict, Fault> {
    plugin.judge(&call("a/b", json!({"x": 1})), None, Arc::new(Nothing)).await
}

#[tokio::test]
async fn every_misbehaviour_ends_in_its_own_code_and_the_next_call_of_a_good_policy_works() {
    let sandbox = Sandbox::start(Some(&cache())).unwrap();
    let good = misbehaving(&sandbox, "allow", PLENTY).await;
    let short = Limits { time: Duration::from_millis(50), ..Limits::POLICY };
    for (how, limits, kind, code) in [
        ("spin", short, FaultKind::Timeout, "policy_timeout"),
        ("spin_in_host_calls", short, FaultKind::Timeout, "policy_timeout"),
        ("panic", PLENTY, FaultKind::Trap, "policy_fault"),
        ("hoard", PLENTY, FaultKind::Memory, "policy_memory"),
        ("recurse", PLENTY, FaultKind::Trap, "policy_fault"),
        ("megabytes", PLENTY, FaultKind::Trap, "policy_fault"),
        ("bad_code", PLENTY, FaultKind::Nonsense, "policy_fault"),
        ("bad_details", PLENTY, FaultKind::Nonsense, "policy_fault"),
        ("posing_details", PLENTY, FaultKind::Nonsense, "policy_fault"),
        ("report", PLENTY, FaultKind::Reported, "policy_fault"),
    ] {
        let fault = judge(&misbehaving(&sandbox, how, limits).await).await.expect_err(how);
        assert_eq!((fault.kind, fault.kind.code()), (kind, code), "{how}: {fault}");
        assert_eq!(judge(&good).await, Ok(Verdict::Allow), "after {how}");
    }
}

#[tokio::test]
async fn the_operator_is_told_the_last_words_of_a_policy_that_panics() {
    let sandbox = Sandbox::start(Some(&cache())).unwrap();
    let fault = judge(&misbehaving(&sandbox, "panic", PLENTY).await).await.unwrap_err();
    assert!(fault.detail.contains("it was told to"), "{fault}");
}

#[tokio::test]
async fn a_policy_that_floods_the_log_is_cut_short_and_its_verdict_counts() {
    let sandbox = Sandbox::start(Some(&cache())).unwrap();
    assert_eq!(judge(&misbehaving(&sandbox, "flood_log", PLENTY).await).await, Ok(Verdict::Allow));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_failures_cost_no_place_that_a_good_policy_needs() {
    let sandbox = Sandbox::start(Some(&cache())).unwrap();
    let short = Limits { time: Duration::from_millis(10), ..Limits::POLICY };
    let mut bad = Vec::new();
    for how in ["panic", "recurse", "megabytes", "bad_code", "report", "hoard", "spin"] {
        bad.push(misbehaving(&sandbox, how, short).await);
    }
    let good = misbehaving(&sandbox, "allow", PLENTY).await;
    // More at once than there are places: whoever comes then waits for one.
    let failed = stream::iter(0..2_000)
        .map(|nth: usize| {
            // One in fifty never ends, one in fifty takes all memory; the others are quick.
            let plugin = match nth % 50 {
                0 => &bad[6],
                1 => &bad[5],
                _ => &bad[nth % 5],
            };
            judge(plugin)
        })
        .buffer_unordered(100)
        .filter(|answer| std::future::ready(answer.is_err()))
        .count()
        .await;
    assert_eq!(failed, 2_000);
    let allowed = stream::iter(0..200)
        .map(|_| judge(&good))
        .buffer_unordered(100)
        .filter(|answer| std::future::ready(*answer == Ok(Verdict::Allow)))
        .count()
        .await;
    assert_eq!(allowed, 200);
}

#[tokio::test]
async fn a_policy_keeps_nothing_from_one_call_to_the_next() {
    let sandbox = Sandbox::start(Some(&cache())).unwrap();
    let plugin = misbehaving(&sandbox, "remember", PLENTY).await;
    assert_eq!(plugin.isolation(), Isolation::Snapshot);
    for _ in 0..20 {
        assert_eq!(judge(&plugin).await, Ok(Verdict::Allow));
    }
}

#[tokio::test]
async fn a_component_that_fails_while_it_is_loaded_is_refused_with_the_stage_at_which_it_failed() {
    let sandbox = Sandbox::start(None).unwrap();
    let silent = load(&sandbox, "refuses-to-describe", json!({}), PLENTY).await.unwrap_err();
    assert!(
        matches!(&silent, LoadError::Failed { during: "describe", fault } if fault.kind == FaultKind::Trap),
        "{silent}"
    );
    for (how, kind) in [("spin", FaultKind::Timeout), ("hoard", FaultKind::Memory), ("panic", FaultKind::Trap)] {
        let settings = json!({ "how": how, "at_once": true });
        let error = load(&sandbox, "misbehaves", settings, PLENTY).await.unwrap_err();
        assert!(
            matches!(&error, LoadError::Failed { during: "configure", fault } if fault.kind == kind),
            "{how}: {error}"
        );
    }
    assert_eq!(judge(&misbehaving(&sandbox, "allow", PLENTY).await).await, Ok(Verdict::Allow));
}
