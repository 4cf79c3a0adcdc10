//! The rules of the soak beside those that always hold: one for each span of time, bad guests, and rules that come and go
//! with the configuration. What follows from each is told here from what is configured, not asked of the program.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::super::{dice::Dice, house::policy};

/// How many calls of `often` there may be, in how long.
pub(super) const OFTEN: usize = 30;
pub(super) const OFTEN_MS: u64 = 10_000;

/// Names of the policies that come and go. All of them guard `edited`.
pub(super) const TRANSIENT: [&str; 3] = ["gate", "brief", "brim"];

/// What calls of `bad` may ask its policy to do, and the code that must come of it; none: it lets the call through.
pub(super) const MISDEEDS: [(&str, Option<&str>); 14] = [
    ("allow", None),
    ("forge_log", None),
    ("flood_log", None),
    ("odd_questions", None),
    ("panic", Some("policy_fault")),
    ("long_panic", Some("policy_fault")),
    ("recurse", Some("policy_fault")),
    ("flood_log_and_panic", Some("policy_fault")),
    ("megabytes", Some("policy_fault")),
    ("bad_code", Some("policy_fault")),
    ("deep_details", Some("policy_fault")),
    ("long_reason", Some("told_to")),
    ("hoard", Some("policy_memory")),
    ("spin", Some("policy_timeout")),
];

/// One form of a policy that comes and goes.
pub(super) fn transient(name: &str, dice: &mut Dice) -> Value {
    let forms = settings(name);
    let mut form = policy(name, component(name), forms[dice.below(forms.len() as u64) as usize].clone());
    form["match"] = json!({"tools": ["fire/edited"]});
    form["mode"] = json!(["enforce", "enforce", "shadow"][dice.below(3) as usize]);
    form
}

fn component(name: &str) -> &'static str {
    match name {
        "gate" => "allow-list",
        "brief" => "condition",
        _ => "rate-limit",
    }
}

/// All settings that such a policy may have.
fn settings(name: &str) -> Vec<Value> {
    match name {
        "gate" => ["allow", "refuse"]
            .map(|effect| json!({"rules": [{"effect": effect, "tools": ["fire/edited"]}], "default": "allow"}))
            .to_vec(),
        "brief" => [2, 100]
            .map(|ms| json!({"rules": [{"tools": ["fire/edited"], "require": {"argument": "/ms", "op": "<", "value": ms}}]}))
            .to_vec(),
        // More than will ever come.
        _ => [1_000_000, 2_000_000]
            .map(|most| json!({"limits": [{"tools": ["fire/edited"], "max_calls": most, "per_seconds": 60}]}))
            .to_vec(),
    }
}

/// Whether a policy that comes and goes refuses a call with this argument `ms`, and with which code.
fn refuses(settings: &Value, ms: u64) -> Option<&'static str> {
    if settings.pointer("/rules/0/effect").is_some_and(|effect| effect == "refuse") {
        return Some("not_allowed");
    }
    let below = settings.pointer("/rules/0/require/value").and_then(Value::as_u64);
    below.filter(|below| ms >= *below).map(|_| "condition_unmet")
}

/// The settings of all forms, by their digests.
pub(super) struct Forms(BTreeMap<String, Value>);

impl Forms {
    pub(super) fn new() -> Self {
        let all = TRANSIENT.iter().flat_map(|name| settings(name));
        let digested = all.map(|settings| {
            let text = serde_json_canonicalizer::to_vec(&settings).unwrap();
            let digest: String = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
            (digest, settings)
        });
        Self(digested.collect())
    }

    /// What policies that come and go say to one call of `edited`: the codes of those that count and refuse. Each is told
    /// as in `config.applied`, by `policy`, `settings` and `mode`.
    pub(super) fn codes(&self, policies: &[Value], ms: u64) -> Vec<&'static str> {
        let named = |policy: &Value| TRANSIENT.iter().any(|name| policy["policy"] == *name);
        let counting = policies.iter().filter(|policy| policy["mode"] == "enforce" && named(policy));
        let settings = counting.map(|policy| &self.0[policy["settings"].as_str().unwrap()]);
        settings.filter_map(|settings| refuses(settings, ms)).collect()
    }
}

/// Whether a policy is asked about a tool: what `match` says in the configuration.
pub(super) fn guards(policy: &str, tool: &str) -> bool {
    match policy {
        "bad" => tool == "fire/bad",
        other if TRANSIENT.contains(&other) => tool == "fire/edited",
        _ => true,
    }
}
