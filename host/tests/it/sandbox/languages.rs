//! The policies that run another language, as components: they are large, and must do with what every policy gets.

use std::sync::Arc;

use interlock::{
    sandbox::{ComponentSource, FaultKind, Isolation, Limits, LoadError, Plugin, Sandbox},
    verdict::Verdict,
};
use serde_json::{Value, json};

use super::{Nothing, call};
use crate::plugins;

/// Each with settings that refuse amounts above 100, and with a mistake in its second line.
fn languages() -> [(&'static str, Value, Value); 3] {
    let facts =
        json!({"ticket": {"latest": "crm/create_ticket"}, "today": {"sum": "payments/*", "argument": "/amount"}});
    [
        (
            "cedar",
            json!({"facts": facts, "policies": ["permit (principal, action, resource);", "@code(\"too_much\")",
                "forbid (principal, action, resource) when { context.call.arguments.amount > 100 };"]}),
            json!({"policies": ["permit (principal, action, resource)", "when { context.histry has ticket };"]}),
        ),
        (
            "cel",
            json!({"facts": facts,
                   "validations": [{"expression": "call.arguments.amount <= 100", "code": "too_much"}]}),
            json!({"validations": [{"expression": ["call.arguments.amount <= 100", "  && histry.ticket == null"]}]}),
        ),
        (
            "rego",
            json!({"facts": facts, "policy": ["package interlock",
                "deny contains {\"code\": \"too_much\"} if input.call.arguments.amount > 100"]}),
            json!({"policy": ["package interlock", "deny if input.call.arguments.amount >"]}),
        ),
    ]
}

async fn load(name: &str, settings: &Value) -> Result<Plugin, LoadError> {
    let bytes =
        ComponentSource::Standard(name.to_owned()).read(&interlock::sandbox::Supply::of_anyone()).await.unwrap();
    Sandbox::start(Some(&plugins::cache())).unwrap().load(name, &bytes, settings, Limits::POLICY).await
}

#[tokio::test]
async fn each_language_decides_from_a_snapshot_within_the_limits_of_every_policy() {
    for (name, settings, _) in languages() {
        let plugin = load(name, &settings).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(plugin.isolation(), Isolation::Snapshot, "{name}");
        for (amount, code) in [(json!(5), None), (json!(500), Some("too_much"))] {
            let call = call("payments/refund", json!({"amount": amount, "customer_id": "c1"}));
            let verdict = plugin.judge(&call, None, Arc::new(Nothing)).await;
            let verdict = verdict.unwrap_or_else(|fault| panic!("{name}: {fault}"));
            let refused = if let Verdict::Refuse(refusal) = &verdict { Some(refusal.code.as_str()) } else { None };
            assert_eq!(refused, code, "{name}: {verdict:?}");
        }
    }
}

#[tokio::test]
async fn arguments_as_deep_as_they_can_be_are_looked_at_and_deeper_ones_refused() {
    for (name, settings, _) in languages() {
        let plugin = load(name, &settings).await.unwrap();
        let judged = async |depth: usize| {
            let deep = (0..depth).fold(json!(1), |inner, _| json!({ "in": [inner] }));
            let call = call("payments/refund", json!({"amount": 500, "customer_id": "c1", "deep": deep}));
            plugin.judge(&call, None, Arc::new(Nothing)).await
        };
        let verdict = judged(60).await.unwrap_or_else(|fault| panic!("{name}: {fault}"));
        assert!(matches!(verdict, Verdict::Refuse(_)), "{name}: {verdict:?}");
        assert_eq!(judged(100).await.unwrap_err().kind, FaultKind::Reported, "{name}");
    }
}

#[tokio::test]
async fn what_a_policy_cannot_evaluate_is_a_fault_without_the_values() {
    for (name, settings, _) in languages() {
        let plugin = load(name, &settings).await.unwrap();
        let odd = call("payments/refund", json!({"amount": {"secret": "canary"}, "customer_id": "canary"}));
        match plugin.judge(&odd, None, Arc::new(Nothing)).await {
            Ok(verdict) => assert!(matches!(verdict, Verdict::Refuse(_)), "{name}: {verdict:?}"),
            Err(fault) => {
                assert_eq!(fault.kind, FaultKind::Reported, "{name}: {fault}");
                assert!(!fault.detail.contains("canary"), "{name}: {fault}");
            }
        }
    }
}

#[tokio::test]
async fn a_mistake_in_a_policy_is_a_problem_at_its_line() {
    for (name, _, mistaken) in languages() {
        let Err(LoadError::Settings(problems)) = load(name, &mistaken).await else { panic!("{name}: it was accepted") };
        let told = problems.iter().find(|problem| problem.message.starts_with("line 2, column "));
        let told = told.unwrap_or_else(|| panic!("{name}: {problems:?}"));
        assert!(told.pointer.ends_with("/1"), "{name}: {told:?}");
    }
}
