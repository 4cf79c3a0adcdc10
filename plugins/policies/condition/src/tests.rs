//! What `condition` does, as sentences.

use interlock_plugin::prelude::*;
use interlock_plugin::testing::{self, Ledger, call, past};

use crate::Condition;

fn refusal(settings: &Value, ledger: &Ledger, call: &Call) -> Refusal {
    match testing::judge::<Condition>(settings, ledger, call).unwrap() {
        Verdict::Refuse(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_cases_beside_this_policy_come_out_as_they_say() {
    testing::run_cases::<Condition>(include_str!("../cases.json"));
}

#[test]
fn every_rule_that_is_broken_is_told_and_its_unlocks_are_named_once() {
    let tests = json!({"outcome_of": "ci/run_tests", "is": "succeeded"});
    let settings = json!({"rules": [
        {"tools": ["deploy/*"], "require": tests, "reason": "Tests first."},
        {"tools": ["deploy/*"], "require": {"all": [tests, {"outcome_of": "ci/scan", "is": "succeeded"}]}},
    ]});
    let refusal = refusal(&settings, &Ledger::empty(), &call("deploy/go"));
    assert_eq!(refusal.unlocks, [Unlock::Call("ci/run_tests".into()), Unlock::Call("ci/scan".into())]);
    assert!(refusal.reason.starts_with("Tests first. deploy/go is not allowed now: ci/run_tests has not run yet"));
    assert!(refusal.reason.contains("ci/scan has not run yet"), "{}", refusal.reason);
}

#[test]
fn a_result_of_others_is_not_shown_to_the_caller() {
    let settings = json!({"rules": [{"tools": ["a/*"],
        "require": {"result_of": "b/x", "at": "/state", "op": "==", "value": "open"}}]});
    let ledger = Ledger::from([past("b/x").result(&json!({"structuredContent": {"state": "secret"}}))]);
    let refusal = refusal(&settings, &ledger, &call("a/y"));
    assert!(refusal.reason.contains("/state in the result of b/x must be \"open\""), "{}", refusal.reason);
    assert!(!refusal.reason.contains("secret"), "{}", refusal.reason);
}

#[test]
fn the_rules_are_told_in_the_description_of_the_tool() {
    let policy = testing::configure::<Condition>(&json!({"rules": [
        {"tools": ["a/*"], "require": {"role": "admin"}, "reason": "Only admins."},
        {"tools": ["a/*"], "when": {"hint": "destructive"}, "require": {"all": [
            {"outcome_of": "b/x", "is": "succeeded"},
            {"not": {"time": {"days": ["sat", "sun"]}}},
            {"argument": "/n", "op": "<=", "value": 5},
        ]}},
    ]}));
    let rules = policy.ok().unwrap().rules("a/y");
    assert_eq!(rules[0], "Only admins.");
    assert_eq!(
        rules[1],
        "Where the tool is destructive, requires that the latest b/x succeeded, and not (it is sat, sun 00:00-24:00 \
         UTC+00:00), and the argument /n is <= 5."
    );
}

#[test]
fn every_mistake_in_the_settings_is_reported_at_its_place() {
    let told = testing::problems::<Condition>(&json!({"rules": [
        {"tools": ["a/*"], "reqiure": {"role": "x"}},
        {"tools": ["a/*"], "when": {"time": {"days": ["tues"], "from": "25:00", "utc_offset": "+1"}},
            "require": {"all": [{"argument": "/a", "op": "=<", "value": 1}, {"hint": ""}]}},
    ]}));
    for line in [
        "/rules/0/reqiure unknown key `reqiure`: did you mean `require`?",
        "/rules/1/when/time/days/0 `tues` is not known: did you mean `tue`?",
        "/rules/1/when/time/from `25:00` is no time of day",
        "/rules/1/when/time/utc_offset `+1` is no offset from UTC",
        "/rules/1/require/all/0/op `=<` is not known: did you mean `<=`?",
        "/rules/1/require/all/1/hint must not be empty",
    ] {
        assert!(told.contains(line), "{line}\n---\n{told}");
    }
    assert_eq!(told.lines().count(), 6, "{told}");
    let deeper = testing::problems::<Condition>(&json!({"rules": [
        {"tools": ["a/*"], "when": {"time": {"from": "09:00", "to": "09:00"}},
            "require": {"any": [{"argument": "/a", "op": "matches", "value": 1}, {"role": "x"}]}},
    ]}));
    assert!(deeper.contains("/rules/0/when/time/from the span is empty"), "{deeper}");
    assert!(deeper.contains("/rules/0/require/any/0/value must be a string"), "{deeper}");
}
