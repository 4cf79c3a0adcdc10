//! What `allow-list` does, as sentences.

use interlock_plugin::prelude::*;
use interlock_plugin::testing::{self, Ledger, call};

use crate::AllowList;

fn allowed(settings: &Value, tool: &str, principal: &str, roles: &[&str]) -> bool {
    let verdict = testing::judge::<AllowList>(settings, &Ledger::empty(), &call(tool).by(principal, roles)).unwrap();
    match verdict {
        Verdict::Allow => true,
        Verdict::Refuse(refusal) => {
            assert_eq!((refusal.code.as_str(), refusal.unlocks.len()), ("not_allowed", 0));
            false
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_cases_beside_this_policy_come_out_as_they_say() {
    testing::run_cases::<AllowList>(include_str!("../cases.json"));
}

#[test]
fn the_first_rule_that_fits_decides() {
    let settings = json!({"rules": [
        {"effect": "refuse", "tools": ["files/delete_*"], "roles": ["agent"]},
        {"effect": "allow", "tools": ["files/*"]},
        {"effect": "refuse", "tools": ["files/read"]},
    ]});
    assert!(!allowed(&settings, "files/delete_all", "ann", &["agent"]));
    assert!(allowed(&settings, "files/delete_all", "ann", &["admin"]));
    assert!(allowed(&settings, "files/read", "ann", &["agent"]), "a later rule does not matter");
    assert!(!allowed(&settings, "mail/send", "ann", &["admin"]), "what no rule names is refused");
}

#[test]
fn roles_and_principals_must_both_fit_and_of_each_one_is_enough() {
    let settings = json!({"rules": [
        {"effect": "allow", "tools": ["**"], "roles": ["agent", "admin"], "principals": ["ci-*", "ann"]},
    ]});
    assert!(allowed(&settings, "a/x", "ci-7", &["agent"]));
    assert!(allowed(&settings, "a/x", "ann", &["admin", "other"]));
    assert!(!allowed(&settings, "a/x", "ann", &["other"]));
    assert!(!allowed(&settings, "a/x", "bob", &["agent"]));
}

#[test]
fn a_star_alone_is_everyone_and_within_a_name_it_stops_at_a_slash() {
    let rule = |glob: &str| json!({"rules": [{"effect": "allow", "tools": ["**"], "principals": [glob]}]});
    assert!(allowed(&rule("*"), "a/x", "spiffe://house/agent", &[]));
    assert!(!allowed(&rule("spiffe:*"), "a/x", "spiffe://house/agent", &[]));
    assert!(allowed(&rule("spiffe:**"), "a/x", "spiffe://house/agent", &[]));
}

#[test]
fn the_rules_are_told_in_the_description_of_the_tool() {
    let policy = testing::configure::<AllowList>(&json!({"rules": [
        {"effect": "refuse", "tools": ["a/x"], "principals": ["eve"]},
        {"effect": "allow", "tools": ["a/*"], "roles": ["agent"], "principals": ["*"]},
        {"effect": "allow", "tools": ["b/*"]},
        {"effect": "refuse", "tools": ["b/*"]},
    ]}));
    let policy = policy.ok().unwrap();
    assert_eq!(policy.rules("a/x"), ["Not allowed for eve.", "Allowed for the role agent.", "Not allowed for others."]);
    assert!(policy.rules("b/x").is_empty());
    assert_eq!(policy.rules("c/x"), ["Not allowed for anyone."]);
}

#[test]
fn every_mistake_in_the_settings_is_reported_at_its_place() {
    let told = testing::problems::<AllowList>(&json!({"rules": [
        {"effect": "alow", "tools": ["a/*"], "role": ["x"]},
        {"tools": ["*"], "principals": []},
    ], "default": "ask"}));
    for line in [
        "/default `ask` is not known: must be one of `allow`, `refuse`",
        "/rules/0/effect `alow` is not known: did you mean `allow`?",
        "/rules/0/role unknown key `role`: did you mean `roles`?",
        "/rules/1/tools/0 no tool fits `*`: tools are named `server/tool`, so write `*/*` or `**` for all",
        "/rules/1/principals must not be empty",
        "/rules/1 the key `effect` is missing",
    ] {
        assert!(told.contains(line), "{line}\n---\n{told}");
    }
    assert_eq!(told.lines().count(), 6, "{told}");
}
