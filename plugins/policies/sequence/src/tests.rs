//! What `sequence` does, as sentences.

use interlock_plugin::prelude::*;
use interlock_plugin::testing::{self, Ledger, PastBuilder, call, past};

use crate::Sequence;

fn judged(settings: &Value, history: impl IntoIterator<Item = PastBuilder>, call: &Call) -> Verdict {
    testing::judge::<Sequence>(settings, &Ledger::from(history), call).unwrap()
}

fn refusal(verdict: Verdict) -> Refusal {
    let Verdict::Refuse(refusal) = verdict else { panic!("{verdict:?}") };
    refusal
}

fn one(after: Value) -> Value {
    json!({"rules": [{"tools": ["b/*"], "after": [after]}]})
}

#[test]
fn the_cases_beside_this_policy_come_out_as_they_say() {
    testing::run_cases::<Sequence>(include_str!("../cases.json"));
}

#[test]
fn only_the_wanted_outcome_counts_and_the_reason_tells_the_latest_one() {
    for (outcome, told) in [
        ("failed", "it ran last and failed"),
        ("cancelled", "it was cancelled"),
        ("unknown", "until an operator settles it"),
    ] {
        let reason = refusal(judged(&one(json!("a/x")), [past("a/x").outcome(outcome)], &call("b/y"))).reason;
        assert!(reason.contains(told), "{reason}");
    }
    let running = refusal(judged(&one(json!("a/x")), [past("a/x").running()], &call("b/y"))).reason;
    assert!(running.contains("still running"), "{running}");
    let failed = one(json!({"tool": "a/x", "outcome": "failed"}));
    assert_eq!(judged(&failed, [past("a/x").outcome("failed")], &call("b/y")), Verdict::Allow);
    assert!(refusal(judged(&failed, [past("a/x")], &call("b/y"))).reason.contains("ran last and succeeded"));
}

#[test]
fn a_later_failure_does_not_undo_an_earlier_success() {
    let history = [past("a/x").seconds_ago(90), past("a/x").outcome("failed").seconds_ago(30)];
    assert_eq!(judged(&one(json!("a/x")), history, &call("b/y")), Verdict::Allow);
}

#[test]
fn time_runs_from_the_end_of_the_prerequisite_and_the_last_millisecond_counts() {
    let settings = one(json!({"tool": "a/x", "within_minutes": 10}));
    assert_eq!(judged(&settings, [past("a/x").seconds_ago(601)], &call("b/y")), Verdict::Allow);
    let late = refusal(judged(&settings, [past("a/x").seconds_ago(602)], &call("b/y")));
    assert!(late.reason.contains("within 10 minutes (it succeeded 601 seconds ago)"), "{}", late.reason);
}

#[test]
fn each_consuming_call_uses_up_one_success() {
    let settings = one(json!({"tool": "a/x", "consume": true}));
    let (a1, b1) = (past("a/x").seconds_ago(100), past("b/y").seconds_ago(90));
    let (a2, b2) = (past("a/x").seconds_ago(80), past("b/z").running().seconds_ago(70));
    assert_eq!(judged(&settings, [a1.clone()], &call("b/y")), Verdict::Allow);
    let used = refusal(judged(&settings, [a1.clone(), b1.clone()], &call("b/y")));
    assert!(used.reason.contains("used up"), "{}", used.reason);
    assert_eq!(used.unlocks, [Unlock::Call("a/x".into())]);
    assert_eq!(judged(&settings, [a1.clone(), b1.clone(), a2.clone()], &call("b/y")), Verdict::Allow);
    refusal(judged(&settings, [a1.clone(), b1, a2, b2], &call("b/y")));
    let cancelled = past("b/y").outcome("cancelled").seconds_ago(90);
    assert_eq!(judged(&settings, [a1, cancelled], &call("b/y")), Verdict::Allow);
}

#[test]
fn a_call_that_came_before_the_success_has_not_used_it() {
    let settings = one(json!({"tool": "a/x", "consume": true}));
    let history = [past("b/y").seconds_ago(90), past("a/x").seconds_ago(60)];
    assert_eq!(judged(&settings, history, &call("b/y")), Verdict::Allow);
}

#[test]
fn what_has_gone_stale_is_not_what_was_used() {
    let settings = one(json!({"tool": "a/x", "consume": true, "within_minutes": 10}));
    let history = [past("a/x").seconds_ago(1000), past("a/x").seconds_ago(500), past("b/y").seconds_ago(100)];
    refusal(judged(&settings, history, &call("b/y")));
}

#[test]
fn a_call_that_fits_two_patterns_uses_up_only_one() {
    let settings = json!({"rules": [{"tools": ["b/*", "*/y"], "after": [{"tool": "a/x", "consume": true}]}]});
    let history = [past("a/x").seconds_ago(100), past("a/x").seconds_ago(99), past("b/y").seconds_ago(90)];
    assert_eq!(judged(&settings, history, &call("b/y")), Verdict::Allow);
}

#[test]
fn uses_are_counted_apart_for_each_value_that_must_be_the_same() {
    let settings = one(json!({"tool": "a/x", "same": ["/id"], "consume": true}));
    let with = |id: u32| json!({ "id": id });
    let history = || {
        [
            past("a/x").arguments(&with(1)).seconds_ago(100),
            past("a/x").arguments(&with(2)).seconds_ago(99),
            past("b/y").arguments(&with(1)).seconds_ago(90),
        ]
    };
    refusal(judged(&settings, history(), &call("b/y").arguments(&with(1))));
    assert_eq!(judged(&settings, history(), &call("b/y").arguments(&with(2))), Verdict::Allow);
}

#[test]
fn more_uses_than_can_be_seen_make_old_successes_doubtful_but_not_new_ones() {
    let settings = one(json!({"tool": "a/x", "consume": true}));
    let uses = |count: u64| (0..count).map(|n| past("b/y").seconds_ago(1000 + n));
    let old = || past("a/x").seconds_ago(50_000);
    assert_eq!(
        judged(&settings, [old(), past("a/x").seconds_ago(49_000)].into_iter().chain(uses(1)), &call("b/y")),
        Verdict::Allow
    );
    let many = (0..400).map(|n| past("a/x").seconds_ago(40_000 + n)).chain(uses(300));
    refusal(judged(&settings, many, &call("b/y")));
    let renewed = std::iter::once(past("a/x").seconds_ago(10)).chain(uses(300));
    assert_eq!(judged(&settings, renewed, &call("b/y")), Verdict::Allow);
    let hundred = (0..100).map(|n| past("a/x").seconds_ago(40_000 + n)).chain(uses(99));
    assert_eq!(judged(&settings, hundred, &call("b/y")), Verdict::Allow, "a hundred are within what can be seen");
}

#[test]
fn a_tool_that_no_rule_names_is_free() {
    assert_eq!(judged(&one(json!("a/x")), [], &call("c/z")), Verdict::Allow);
}

#[test]
fn the_rules_are_told_in_the_description_of_the_tool() {
    let settings = json!({"rules": [
        {"tools": ["b/*"], "after": ["a/x"]},
        {"tools": ["b/y"], "after": ["a/v", {"tool": "a/w", "within_minutes": 5, "same": ["/id"]}], "need": "any"},
    ]});
    let policy = testing::configure::<Sequence>(&settings).ok().unwrap();
    assert_eq!(
        policy.rules("b/y"),
        ["Requires a/x first.", "Requires a/v first, or a/w first, within 5 minutes, for the same /id."]
    );
    assert!(policy.rules("a/x").is_empty());
}

#[test]
fn every_mistake_in_the_settings_is_reported_at_its_place() {
    let told = testing::problems::<Sequence>(&json!({"rules": [
        {"tools": [], "afer": ["a/x"]},
        {"tools": ["b"], "after": [{"tool": "a/x", "outcome": "succeded", "within_minutes": 0, "same": ["id"]}]},
        {"tools": ["b/*"], "after": [7], "need": "some"},
    ], "rule": 1}));
    for line in [
        "/rules/0/tools must not be empty",
        "/rules/0/afer unknown key `afer`: did you mean `after`?",
        "/rules/1/tools/0 no tool fits `b`",
        "/rules/1/after/0/outcome `succeded` is not known: did you mean `succeeded`?",
        "/rules/1/after/0/within_minutes must be at least 1, but is 0",
        "/rules/1/after/0/same/0 `id` is no JSON Pointer",
        "/rules/2/after/0 must be a string or an object, but is a number",
        "/rules/2/need `some` is not known: must be one of `all`, `any`",
        "/rule unknown key `rule`",
    ] {
        assert!(told.contains(line), "{line}\n---\n{told}");
    }
    assert_eq!(told.lines().count(), 9, "{told}");
    let itself = testing::problems::<Sequence>(&json!({"rules": [{"tools": ["a/*"], "after": ["a/x"]}]}));
    assert!(itself.starts_with("/rules/0/after/0 `a/x` would have to come before itself"), "{itself}");
}
