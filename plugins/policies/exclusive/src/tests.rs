//! What `exclusive` does, as sentences.

use interlock_plugin::prelude::*;
use interlock_plugin::testing::{self, Ledger, PastBuilder, call, past};

use crate::Exclusive;

fn judged(settings: &Value, history: impl IntoIterator<Item = PastBuilder>, tool: &str) -> Verdict {
    testing::judge::<Exclusive>(settings, &Ledger::from(history), &call(tool)).unwrap()
}

fn groups(groups: Value) -> Value {
    json!({ "groups": groups })
}

#[test]
fn the_cases_beside_this_policy_come_out_as_they_say() {
    testing::run_cases::<Exclusive>(include_str!("../cases.json"));
}

#[test]
fn a_call_that_fits_two_patterns_counts_once() {
    let settings = groups(json!([{"tools": ["a/*", "*/x"], "at_most": 2}]));
    assert_eq!(judged(&settings, [past("a/x").running()], "a/y"), Verdict::Allow);
    assert_ne!(judged(&settings, [past("a/x").running(), past("b/x").running()], "a/y"), Verdict::Allow);
}

#[test]
fn waiting_is_suggested_only_where_it_can_help() {
    let settings = groups(json!([{"tools": ["a/*"], "at_most": 1}]));
    let unlocks = |outcome: &[&str]| {
        let history = outcome.iter().map(|&outcome| past("a/x").outcome(outcome));
        let Verdict::Refuse(refusal) = judged(&settings, history, "a/y") else { panic!("not refused") };
        refusal.unlocks
    };
    assert_eq!(unlocks(&["running"]), [Unlock::Wait(1000)]);
    assert_eq!(unlocks(&["unknown"]), []);
    assert_eq!(unlocks(&["unknown", "running"]), []);
}

#[test]
fn a_group_that_refuses_outweighs_one_that_waits_and_the_shortest_wait_counts() {
    let busy = || [past("a/x").id("1").running()];
    let wait = |seconds: u32| json!({"tools": ["a/*"], "otherwise": {"hold_seconds": seconds}});
    let Verdict::Hold(hold) = judged(&groups(json!([wait(30), wait(10)])), busy(), "a/y") else { panic!("no hold") };
    assert_eq!((hold.longest, hold.calls), (10_000, vec!["1".to_owned()]));
    let mixed = groups(json!([wait(30), {"tools": ["a/*"], "otherwise": "refuse"}]));
    assert!(matches!(judged(&mixed, busy(), "a/y"), Verdict::Refuse(_)));
}

#[test]
fn the_rules_are_told_in_the_description_of_the_tool() {
    let settings = groups(json!([{"tools": ["a/*", "b/x"], "at_most": 2, "otherwise": {"hold_seconds": 60}}]));
    let policy = testing::configure::<Exclusive>(&settings).ok().unwrap();
    assert_eq!(policy.rules("b/x"), ["At most 2 of a/*, b/x may run at once; a call more waits up to 1 minute."]);
    assert!(policy.rules("b/y").is_empty());
}

#[test]
fn every_mistake_in_the_settings_is_reported_at_its_place() {
    let told = testing::problems::<Exclusive>(&groups(json!([
        {"tools": [], "at_most": 0},
        {"tools": ["a/*"], "at_most": -1, "otherwise": "hold"},
        {"tools": ["a/*"], "at_most": 1.5, "otherwise": {"hold_second": 3}},
        {"tools": "a/*", "otherwise": {"hold_seconds": 0}},
    ])));
    for line in [
        "/groups/0/tools must not be empty",
        "/groups/0/at_most must be at least 1, but is 0",
        "/groups/1/at_most must be at least 1, but is -1",
        "/groups/1/otherwise `hold` is not known: must be one of `refuse`, `{\"hold_seconds\": N}`",
        "/groups/2/at_most must be a whole number, but is a number",
        "/groups/2/otherwise/hold_second unknown key `hold_second`: did you mean `hold_seconds`?",
        "/groups/3/tools must be an array, but is a string",
        "/groups/3/otherwise/hold_seconds must be at least 1, but is 0",
    ] {
        assert!(told.contains(line), "{line}\n---\n{told}");
    }
    assert_eq!(told.lines().count(), 8, "{told}");
}
