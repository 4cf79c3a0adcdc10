//! What `approval` does, as sentences.

use interlock_plugin::prelude::*;
use interlock_plugin::testing::{self, CallBuilder, Ledger, call};

use crate::Approval;

fn judged(rules: Value, call: &CallBuilder) -> Verdict {
    testing::judge::<Approval>(&json!({ "rules": rules }), &Ledger::empty(), call).unwrap()
}

fn question(verdict: Verdict) -> Question {
    let Verdict::Ask(question) = verdict else { panic!("{verdict:?}") };
    question
}

#[test]
fn the_cases_beside_this_policy_come_out_as_they_say() {
    testing::run_cases::<Approval>(include_str!("../cases.json"));
}

#[test]
fn without_further_words_anyone_else_may_approve_at_the_desk_for_as_long_as_the_host_waits() {
    let asked = question(judged(json!([{"tools": ["a/*"]}]), &call("a/x").arguments(&json!({"n": 1}))));
    assert_eq!(
        asked,
        Question {
            reason: "a/x needs approval by someone.".into(),
            preview: "Run a/x with {\"n\":1}".into(),
            roles: vec![],
            quorum: 1,
            expires_in: 0,
            self_approval: false,
            channel: "desk".into(),
        }
    );
}

#[test]
fn several_rules_on_one_call_ask_one_question_that_satisfies_them_all() {
    let rules = json!([
        {"tools": ["a/*"], "roles": ["finance", "board"], "quorum": 2, "self_approval": true, "channel": "client",
            "preview": "One"},
        {"tools": ["a/x"], "roles": ["board"], "expire_minutes": 5, "self_approval": true, "preview": "Two"},
        {"tools": ["**"], "quorum": 3},
        {"tools": ["b/*"], "quorum": 9},
    ]);
    let asked = question(judged(rules, &call("a/x")));
    assert_eq!((asked.roles, asked.quorum, asked.expires_in), (vec!["board".to_owned()], 3, 300_000));
    assert_eq!((asked.self_approval, asked.channel.as_str(), asked.preview.as_str()), (false, "desk", "One; Two"));
}

#[test]
fn rules_without_a_role_in_common_refuse_as_nobody_could_approve() {
    let rules = json!([{"tools": ["a/*"], "roles": ["finance"]}, {"tools": ["a/x"], "roles": ["legal"]}]);
    let Verdict::Refuse(refusal) = judged(rules, &call("a/x").approved_by("ann", &["finance", "legal"])) else {
        panic!("not refused");
    };
    assert_eq!((refusal.code.as_str(), refusal.unlocks), ("approval_unreachable", vec![]));
}

#[test]
fn an_answer_counts_only_from_enough_different_people_with_the_role_who_are_not_the_caller() {
    let rules = |own: bool| json!([{"tools": ["a/*"], "roles": ["finance"], "quorum": 2, "self_approval": own}]);
    let by_ann = || call("a/x").by("ann", &["finance"]);
    let (ann, bob, eve) = (("ann", &["finance"]), ("bob", &["finance"]), ("eve", &["agent"]));
    let allowed = |own: bool, approvers: &[(&str, &[&str; 1])]| {
        let call = approvers.iter().fold(by_ann(), |call, (who, roles)| call.approved_by(who, *roles));
        judged(rules(own), &call) == Verdict::Allow
    };
    assert!(!allowed(false, &[ann, bob]), "the caller's own yes does not count");
    assert!(allowed(true, &[ann, bob]), "unless the rule takes it");
    assert!(!allowed(true, &[bob, bob]), "the same person twice is one person");
    assert!(!allowed(true, &[bob, eve]), "the role is needed");
}

#[test]
fn a_preview_shows_arguments_on_one_line_and_within_bounds() {
    let rules = json!([{"tools": ["a/*"], "preview": "{{Pay}} {/amount} to {/to/name}; {/memo}"}]);
    let long = "x".repeat(300);
    let arguments = json!({"amount": 12.5, "to": {"name": "Ann\n\u{202e}Approved"}, "memo": long});
    let preview = question(judged(rules, &call("a/x").arguments(&arguments))).preview;
    assert!(preview.starts_with("{Pay} 12.5 to Ann  Approved; xxx"), "{preview}");
    assert!(preview.ends_with("x…") && preview.chars().count() < 240, "{preview}");
}

#[test]
fn the_rules_are_told_in_the_description_of_the_tool() {
    let policy = testing::configure::<Approval>(&json!({"rules": [
        {"tools": ["a/*"], "roles": ["finance", "board"], "quorum": 2},
        {"tools": ["a/x"], "when": {"argument": "/n", "op": ">", "value": 9}},
    ]}));
    assert_eq!(
        policy.ok().unwrap().rules("a/x"),
        [
            "Needs approval by 2 people with the role finance or board.",
            "Needs approval by someone where the argument /n is > 9.",
        ]
    );
}

#[test]
fn every_mistake_in_the_settings_is_reported_at_its_place() {
    let told = testing::problems::<Approval>(&json!({"rules": [
        {"tools": ["a/*"], "roles": [], "quorum": 0, "expire_minutes": -5, "self_aproval": true, "channel": "slack"},
        {"tools": ["a/*"], "roles": [""], "quorum": 4_294_967_296_u64},
    ]}));
    for line in [
        "/rules/0/roles must not be empty",
        "/rules/0/quorum must be at least 1, but is 0",
        "/rules/0/expire_minutes must be at least 1, but is -5",
        "/rules/0/self_aproval unknown key `self_aproval`: did you mean `self_approval`?",
        "/rules/0/channel `slack` is not known: must be one of `desk`, `client`",
        "/rules/1/roles/0 must not be empty",
        "/rules/1/quorum must be at most 4294967295, but is 4294967296",
    ] {
        assert!(told.contains(line), "{line}\n---\n{told}");
    }
    assert_eq!(told.lines().count(), 7, "{told}");
    let told = testing::problems::<Approval>(&json!({"rules": [{"tools": ["a/*"], "channel": "client"}]}));
    assert!(told.starts_with("/rules/0/channel `client` asks the person at the caller's own app"), "{told}");
    let previews = testing::problems::<Approval>(&json!({"rules": [
        {"tools": ["a/*"], "preview": "Pay {/amount"},
        {"tools": ["a/*"], "preview": "Pay {amount}"},
        {"tools": ["a/*"], "preview": "Pay }"},
    ]}));
    assert!(previews.starts_with("/rules/0/preview a brace stands alone"), "{previews}");
    assert!(previews.contains("/rules/1/preview `amount` is no JSON Pointer: it starts with `/`"), "{previews}");
    assert_eq!(previews.lines().count(), 3, "{previews}");
}
