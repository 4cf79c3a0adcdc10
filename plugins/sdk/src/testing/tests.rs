//! The hand-made history keeps the promises of `history.wit`.

use serde_json::json;

use super::{Ledger, NOW, call, past};
use crate::{Equal, Host, PastCall, View};

fn ids(calls: &[PastCall]) -> Vec<&str> {
    calls.iter().map(|call| call.id.as_str()).collect()
}

fn ledger() -> Ledger {
    Ledger::from([
        past("b/y").id("4").running().seconds_ago(10),
        past("a/x").id("1").arguments(&json!({"n": 1, "k": "v"})).seconds_ago(40),
        past("a/x").id("3").outcome("unknown").arguments(&json!({"n": 3})).seconds_ago(20),
        past("a/y").id("2").outcome("failed").arguments(&json!({"n": "2", "k": "v"})).seconds_ago(30),
    ])
}

#[test]
fn the_latest_is_the_one_admitted_last_and_a_tool_may_be_a_glob() {
    let (ledger, call) = (ledger(), call("c/z"));
    let facing = ledger.facing(&call);
    assert_eq!(facing.latest("a/*", None).unwrap().id, "3");
    assert_eq!(facing.latest("a/*", Some("succeeded")).unwrap().id, "1");
    assert_eq!(facing.latest("**", Some("running")).unwrap().id, "4");
    assert_eq!(facing.latest("a", None), None);
}

#[test]
fn unknown_calls_are_among_the_running_oldest_first() {
    let (ledger, call) = (ledger(), call("c/z"));
    assert_eq!(ids(&ledger.facing(&call).running("**")), ["3", "4"]);
}

#[test]
fn counts_and_sums_take_what_was_admitted_at_the_moment_or_later() {
    let (ledger, call) = (ledger(), call("c/z"));
    let facing = ledger.facing(&call);
    assert_eq!(facing.count("**", None, NOW - 30_000), 3);
    assert_eq!(facing.count("**", None, NOW - 29_999), 2);
    assert_eq!(facing.count("**", Some("failed"), 0), 1);
    assert_eq!(facing.sum("a/*", "/n", 0), 4.0, "a string adds nothing");
}

#[test]
fn recent_and_matching_give_the_newest_first_up_to_a_limit() {
    let (ledger, call) = (ledger(), call("c/z"));
    let facing = ledger.facing(&call);
    assert_eq!(ids(&facing.recent("a/*", 2)), ["3", "2"]);
    let same = [Equal { pointer: "/k".into(), value: "\"v\"".into() }];
    assert_eq!(ids(&facing.matching("a/*", None, &same, 9)), ["2", "1"]);
    assert_eq!(ids(&facing.matching("a/*", Some("succeeded"), &same, 9)), ["1"]);
    let one = [Equal { pointer: "/n".into(), value: "1.0".into() }];
    assert_eq!(ids(&facing.matching("a/*", None, &one, 9)), ["1"]);
    let many = Ledger::from((0..300).map(|n| past("a/x").seconds_ago(n)));
    assert_eq!(many.facing(&call).recent("a/x", 1000).len(), 256);
}

#[test]
fn the_call_at_hand_is_not_history_and_its_arguments_are_looked_up_by_pointer() {
    let call = call("a/x").arguments(&json!({"a": {"b/c": null}}));
    let (ledger, none) = (Ledger::empty(), None);
    let facing = ledger.facing(&call);
    assert_eq!(facing.latest("**", None), none);
    assert_eq!(facing.argument("/a/b~1c"), Some(json!(null)));
    assert_eq!(facing.argument("/a/c"), None);
}

#[test]
#[should_panic(expected = "a wrong expectation")]
fn a_case_that_comes_out_otherwise_fails() {
    use crate::prelude::*;

    #[derive(Deserialize, JsonSchema)]
    struct Settings {}
    struct Open;
    impl Policy for Open {
        type Settings = Settings;
        const NAME: &'static str = "open";
        const VERSION: &'static str = "0.1.0";
        const SUMMARY: &'static str = "Allows.";
        const CODES: &'static [&'static str] = &[];

        fn configure(_: Settings) -> Result<Self, Vec<Problem>> {
            Ok(Self)
        }

        fn judge(&self, _: &Call, _: &dyn Host) -> Result<Verdict, Fault> {
            Ok(Verdict::Allow)
        }
    }
    let case = |name: &str, verdict: &str| {
        let (call, expect) = (json!({"tool": "a/x"}), json!({ "verdict": verdict }));
        json!({"name": name, "settings": {}, "call": call, "expect": expect})
    };
    super::run_cases::<Open>(&json!([case("a right one", "allow")]).to_string());
    super::run_cases::<Open>(&json!([case("a wrong expectation", "refuse")]).to_string());
}
