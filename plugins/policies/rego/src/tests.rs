//! What `rego` does, as sentences.

use interlock_plugin::prelude::*;
use interlock_plugin::testing::{self, CallBuilder, Ledger, call};

use crate::Rego;

fn module(rules: &str) -> Value {
    json!({"policy": format!("package interlock\n{rules}")})
}

fn judged(settings: &Value, call: &CallBuilder) -> Verdict {
    testing::judge::<Rego>(settings, &Ledger::empty(), call).unwrap()
}

fn fault(rules: &str, call: &CallBuilder) -> String {
    testing::judge::<Rego>(&module(rules), &Ledger::empty(), call).unwrap_err().message
}

fn refusal(verdict: Verdict) -> Refusal {
    let Verdict::Refuse(refusal) = verdict else { panic!("{verdict:?}") };
    refusal
}

#[test]
fn the_cases_beside_this_policy_come_out_as_they_say() {
    testing::run_cases::<Rego>(include_str!("../cases.json"));
}

#[test]
fn deny_takes_texts_objects_and_truth() {
    let with = |n: u64| call("a/b").arguments(&json!({ "n": n }));
    let texts = module("deny contains sprintf(\"n is %v\", [input.call.arguments.n]) if input.call.arguments.n > 5");
    let refused = refusal(judged(&texts, &with(7)));
    assert_eq!((refused.code.as_str(), refused.reason.as_str()), ("denied", "n is 7"));
    assert_eq!(judged(&texts, &with(5)), Verdict::Allow);
    let objects = module(
        "deny contains {\"msg\": \"No.\", \"code\": \"large\", \"unlocks\": [{\"wait_seconds\": 60}], \"limit\": 5} if {
            input.call.arguments.n > 5
        }",
    );
    let refused = refusal(judged(&objects, &with(7)));
    assert_eq!((refused.code.as_str(), refused.details.as_deref()), ("large", Some("{\"limit\":5}")));
    assert_eq!(refused.unlocks, [Unlock::Wait(60_000)]);
    let truth = module("deny if input.call.arguments.n > 5");
    assert_eq!(refusal(judged(&truth, &with(7))).reason, "a/b is denied.");
    assert_eq!(judged(&truth, &with(5)), Verdict::Allow);
}

#[test]
fn what_is_not_allowed_is_refused_where_there_is_such_a_rule() {
    for rule in
        ["default allow := false\nallow if \"lead\" in input.caller.roles", "allow if \"lead\" in input.caller.roles"]
    {
        let refused = refusal(judged(&module(rule), &call("a/b").by("ann", &["agent"])));
        assert_eq!((refused.code.as_str(), refused.reason.as_str()), ("not_allowed", "Nothing allows a/b to ann."));
        assert_eq!(judged(&module(rule), &call("a/b").by("ann", &["lead"])), Verdict::Allow);
    }
    let both = module("default allow := false\ndeny contains \"No.\"");
    assert_eq!(refusal(judged(&both, &call("a/b"))).reason, "No.");
}

#[test]
fn ask_takes_texts_and_objects() {
    let question = |rules: &str, call: &CallBuilder| {
        let Verdict::Ask(question) = judged(&module(rules), call) else { panic!() };
        question
    };
    let plain = question("ask contains \"A person looks.\"", &call("a/b"));
    assert_eq!((plain.reason.as_str(), plain.quorum, plain.roles), ("A person looks.", 1, vec![]));
    let rules =
        "ask contains {\"roles\": [\"finance\"], \"quorum\": 2, \"expire_minutes\": 5, \"preview\": \"Pay {/n}\"}";
    let full = question(rules, &call("a/b"));
    assert_eq!((full.quorum, full.expires_in, full.preview.as_str()), (2, 300_000, "Pay {/n}"));
    assert_eq!(full.reason, "a/b needs approval by 2 people with the role finance.");
    let answered = call("a/b").approved_by("ann", &["finance"]).approved_by("bo", &["finance"]);
    assert_eq!(judged(&module(rules), &answered), Verdict::Allow);
    let denied = judged(&module("ask contains \"Why?\"\ndeny contains \"No.\""), &call("a/b"));
    assert_eq!(refusal(denied).reason, "No.");
}

#[test]
fn rego_from_before_opa_1_is_taken_where_the_settings_say_so() {
    let old = |compatible: bool| {
        json!({"v0_compatible": compatible,
               "policy": "package interlock\ndeny[msg] {\n  input.call.arguments.n > 5\n  msg := \"No.\"\n}"})
    };
    let call = call("a/b").arguments(&json!({"n": 7}));
    assert_eq!(refusal(judged(&old(true), &call)).reason, "No.");
    let told = testing::problems::<Rego>(&old(false));
    assert!(told.starts_with("/policy line 2, column "), "{told}");
}

#[test]
fn data_of_the_settings_is_at_hand() {
    let settings = json!({
        "data": {"limits": {"support": 100, "lead": 1000}},
        "policy": "package interlock
            limit := max([data.limits[role] | some role in input.caller.roles])
            default allow := false
            allow if input.call.arguments.amount <= limit",
    });
    let with = |amount: f64, role: &str| call("a/b").arguments(&json!({"amount": amount})).by("ann", &[role]);
    assert_eq!(judged(&settings, &with(99.5, "support")), Verdict::Allow);
    assert!(matches!(judged(&settings, &with(100.5, "support")), Verdict::Refuse(_)));
    assert_eq!(judged(&settings, &with(1000.0, "lead")), Verdict::Allow);
    assert!(matches!(judged(&settings, &with(1.0, "other")), Verdict::Refuse(_)));
}

#[test]
fn what_cannot_be_evaluated_is_a_fault_that_tells_no_values() {
    let call = call("a/b").arguments(&json!({"n": "secret", "m": 1}));
    for (rules, told) in [
        ("deny if input.call.arguments.n + 1 > 5", "`deny`: it cannot be evaluated: line 2, column "),
        ("deny if frobnicate(input.call.arguments.m)", "`deny`: it cannot be evaluated: line 2, column "),
        ("deny contains nothing if input.call.arguments.m == 1", "`deny`: it cannot be evaluated: line 2, column 15"),
        ("allow := 1", "`allow`: it is neither true nor false"),
        ("deny := {\"a\": 1}", "`deny`: it is neither a set nor true or false"),
        ("deny contains 5", "`deny`: a member is neither a text nor an object"),
        ("deny contains {\"msg\": 1}", "`deny`: a `msg` is no text"),
        ("deny contains {\"code\": \"No Code\"}", "`deny`: `No Code` is no code"),
        ("deny contains {\"unlocks\": [\"a/b\"]}", "`deny`: `unlocks` is no list of"),
        ("ask contains {\"role\": \"x\"}", "`ask`: it says something that no question has"),
        ("ask contains {\"quorum\": 0}", "`ask`: a `quorum` of 0"),
    ] {
        let message = fault(rules, &call);
        assert!(message.starts_with(told), "{rules}: {message}");
        assert!(!message.contains("secret"), "{rules}: {message}");
    }
}

#[test]
fn what_a_policy_prints_goes_to_the_operators_log() {
    let policy = testing::configure::<Rego>(&module("allow if print(\"seen\", input.call.tool)")).ok().unwrap();
    let (call, ledger) = (call("a/b"), Ledger::empty());
    let facing = ledger.facing(&call);
    assert_eq!(policy.judge(&call, &facing), Ok(Verdict::Allow));
    assert_eq!(facing.lines().len(), 1);
    assert!(facing.lines()[0].contains("seen a/b"), "{:?}", facing.lines());
}

#[test]
fn one_call_leaves_nothing_for_the_next() {
    let policy = testing::configure::<Rego>(&module("deny contains input.call.arguments.why")).ok().unwrap();
    for why in ["One.", "Two."] {
        let call = call("a/b").arguments(&json!({ "why": why }));
        assert_eq!(refusal(policy.judge(&call, &Ledger::empty().facing(&call)).unwrap()).reason, why);
    }
    let none = call("a/b");
    assert_eq!(policy.judge(&none, &Ledger::empty().facing(&none)), Ok(Verdict::Allow));
}

#[test]
fn every_mistake_in_the_policy_is_reported_at_its_line_and_column() {
    let told = |policy: Value| testing::problems::<Rego>(&json!({"facts": {"t": {"latest": "a/b"}}, "policy": policy}));
    let syntax = told(json!(["package interlock", "", "deny contains \"x\" if {", "  input.call.tool ==", "}"]));
    assert!(syntax.starts_with("/policy/4 line 5, column 1: "), "{syntax}");
    let package = told(json!(["# A policy.", "package refunds", "deny if true"]));
    assert_eq!(package, "/policy/1 line 2, column 1: the package must be `interlock`, but is `refunds`");
    let silent = told(json!("package interlock\ndenied if true"));
    assert_eq!(silent, "/policy line 1, column 1: it says nothing: there is no rule `deny`, `ask` or `allow`");
    let astray = told(json!(["package interlock", "deny if input.history.tt == null", "allow if input.cal.tool"]));
    assert_eq!(
        astray,
        "/policy/1 line 2, column 9: there is no `input.history.tt`: it has `t`; `facts` names more\n\
         /policy/2 line 3, column 10: there is no `input.cal`: it has `call`, `caller`, `history`"
    );
    let unbound = told(json!("package interlock\ndeny if input.call.tool == tol"));
    assert_eq!(unbound, "/policy line 2, column 28: use of undefined variable `tol` is unsafe");
    assert!(testing::problems::<Rego>(&json!({"policy": 1})).starts_with("/policy must be a string or an array"));
}
