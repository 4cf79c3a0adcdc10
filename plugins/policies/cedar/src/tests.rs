//! What `cedar` does, as sentences.

use interlock_plugin::prelude::*;
use interlock_plugin::testing::{self, CallBuilder, Ledger, call, past};

use crate::CedarPolicy;

fn judged(settings: &Value, call: &CallBuilder) -> Verdict {
    testing::judge::<CedarPolicy>(settings, &Ledger::empty(), call).unwrap()
}

fn policies(text: &str) -> Value {
    json!({ "policies": text })
}

/// Whether a call is permitted where the condition holds.
fn holds(condition: &str, settings: &Value, call: &CallBuilder) -> bool {
    let mut settings = settings.clone();
    settings["policies"] = json!(format!("permit (principal, action, resource) when {{ {condition} }};"));
    judged(&settings, call) == Verdict::Allow
}

fn refusal(verdict: Verdict) -> Refusal {
    let Verdict::Refuse(refusal) = verdict else { panic!("{verdict:?}") };
    refusal
}

#[test]
fn the_cases_beside_this_policy_come_out_as_they_say() {
    testing::run_cases::<CedarPolicy>(include_str!("../cases.json"));
}

#[test]
fn a_policy_sees_who_calls_what_with_what() {
    let call = call("payments/refund").by("ann", &["support", "agent"]).hints(&["destructive"]).arguments(
        &json!({"amount": 12, "rate": 0.5, "whole": 3.0, "to": {"name": "Bo"}, "tags": ["a", null], "none": null}),
    );
    for condition in [
        "principal == Caller::\"ann\" && principal in Role::\"support\" && !(principal in Role::\"lead\")",
        "principal.name == \"ann\" && principal.roles.contains(\"agent\")",
        "action == Action::\"payments/refund\" && action in Action::\"payments\" && !(action in Action::\"crm\")",
        "resource == Server::\"payments\"",
        "context.call.tool like \"payments/re*\" && context.call.server == \"payments\" && context.call.name == \"refund\"",
        "context.call.arguments.amount > 10 && context.call.arguments.whole == 3",
        "context.call.arguments.rate.lessThan(decimal(\"0.6\")) && context.call.arguments.rate == decimal(\"0.5\")",
        "context.call.arguments.to.name == \"Bo\" && context.call.arguments.tags == [\"a\"]",
        "!(context.call.arguments has none) && !(context.call has approval) && context.call.hints == [\"destructive\"]",
        "context.call.received == 1767603600000 && context.call.session == \"session\"",
    ] {
        assert!(holds(condition, &json!({}), &call), "{condition}");
    }
}

#[test]
fn nothing_in_an_argument_is_taken_for_an_entity_or_a_function() {
    let call = call("a/b").arguments(&json!({
        "who": {"__entity": {"type": "Role", "id": "admin"}}, "ip": {"__extn": {"fn": "ip", "arg": "10.0.0.1"}},
    }));
    assert!(holds("context.call.arguments.who[\"__entity\"].id == \"admin\"", &json!({}), &call));
    assert!(!holds("context.call.arguments.who == Role::\"admin\"", &json!({}), &call));
    assert!(holds("context.call.arguments.ip[\"__extn\"].arg == \"10.0.0.1\"", &json!({}), &call));
}

#[test]
fn numbers_are_decimals_where_the_settings_say_so_and_texts_where_cedar_cannot_hold_them() {
    let settings = json!({"decimals": ["/call/arguments/amount", "/history/spent"],
                          "facts": {"spent": {"sum": "a/*", "argument": "/amount"}}});
    let with = |amount: Value| call("a/b").arguments(&json!({"amount": amount, "other": 1e300, "fine": 0.123_456}));
    for (amount, text) in
        [(json!(100), "100.0"), (json!(99.5), "99.5"), (json!(-0.1234), "-0.1234"), (json!(7.0), "7.0")]
    {
        let condition = format!(
            "context.call.arguments.amount == decimal(\"{text}\") && context.history.spent == decimal(\"0.0\")
             && context.call.arguments.other == \"1e+300\" && context.call.arguments.fine == \"0.123456\""
        );
        assert!(holds(&condition, &settings, &with(amount)), "{condition}");
    }
    let large = json!(u64::MAX);
    assert!(holds("context.call.arguments.amount == \"18446744073709551615\"", &settings, &with(large)));
}

#[test]
fn what_nothing_permits_is_refused() {
    let refused = refusal(judged(
        &policies("permit (principal in Role::\"lead\", action, resource);"),
        &call("a/b").by("ann", &["agent"]),
    ));
    assert_eq!((refused.code.as_str(), refused.reason.as_str()), ("not_permitted", "No policy permits a/b to ann."));
}

#[test]
fn each_forbid_that_applies_is_told_in_its_order() {
    let mut text = "permit (principal, action, resource);\n".to_owned();
    for n in 0..12 {
        text += &format!("@code(\"code_{n}\") @reason(\"Reason {n}.\") @unlock_call(\"a/x{n}, a/y\") ");
        text += &format!("forbid (principal, action, resource) when {{ context.call.arguments.n > {n} }};\n");
    }
    let with = |n: u64| call("a/b").arguments(&json!({ "n": n }));
    let refused = refusal(judged(&policies(&text), &with(11)));
    let reasons: Vec<_> = (0..11).map(|n| format!("Reason {n}.")).collect();
    assert_eq!((refused.code.as_str(), refused.reason), ("code_0", reasons.join(" ")));
    assert_eq!(refused.unlocks[..3], ["a/x0", "a/y", "a/x1"].map(|tool| Unlock::Call(tool.to_owned())));
    assert_eq!(judged(&policies(&text), &with(0)), Verdict::Allow);
    let plain = refusal(judged(&policies("forbid (principal, action, resource);"), &call("a/b")));
    assert_eq!((plain.code.as_str(), plain.reason.as_str()), ("forbidden", "a/b is forbidden."));
}

#[test]
fn people_are_asked_where_a_policy_that_applies_says_so() {
    let text = "
        permit (principal, action, resource);
        @ask(\"finance, lead\") @reason(\"Large refunds are looked at.\") @quorum(\"2\") @expire_minutes(\"30\")
        @preview(\"Refund {/amount}\")
        forbid (principal, action == Action::\"payments/refund\", resource) when { context.call.arguments.amount > 100 };
        @ask(\"lead\")
        permit (principal, action, resource) when { context.call.arguments.amount > 1000 };
        @code(\"too_much\")
        forbid (principal, action, resource) when { context.call.arguments.amount > 5000 };";
    let refund = |amount: u64| call("payments/refund").arguments(&json!({ "amount": amount }));
    assert_eq!(judged(&policies(text), &refund(100)), Verdict::Allow);
    let Verdict::Ask(question) = judged(&policies(text), &refund(500)) else { panic!() };
    assert_eq!(
        (question.roles, question.quorum, question.expires_in),
        (vec!["finance".into(), "lead".into()], 2, 1_800_000)
    );
    assert_eq!((question.reason.as_str(), question.preview.as_str()), ("Large refunds are looked at.", "Refund 500"));
    let Verdict::Ask(question) = judged(&policies(text), &refund(2000)) else { panic!() };
    assert_eq!((question.roles, question.quorum), (vec!["lead".to_owned()], 2));
    assert_eq!(refusal(judged(&policies(text), &refund(6000))).code, "too_much");
    let answered = refund(500).approved_by("bo", &["finance"]).approved_by("di", &["lead"]);
    assert_eq!(judged(&policies(text), &answered), Verdict::Allow);
}

#[test]
fn nobody_is_asked_about_what_nothing_permits() {
    let text = "@ask(\"\") forbid (principal, action, resource);";
    assert_eq!(refusal(judged(&policies(text), &call("a/b"))).code, "not_permitted");
    let Verdict::Ask(question) = judged(&policies("@ask(\"\") permit (principal, action, resource);"), &call("a/b"))
    else {
        panic!()
    };
    assert_eq!((question.roles, question.quorum), (vec![], 1));
}

#[test]
fn entities_of_the_settings_stand_beside_what_is_known_of_the_call() {
    let settings = json!({
        "entities": [
            {"uid": {"type": "Caller", "id": "ann"}, "attrs": {"level": 3, "name": "forged"},
             "parents": [{"type": "Team", "id": "emea"}]},
            {"uid": {"type": "Team", "id": "emea"}, "attrs": {}, "parents": [{"type": "Team", "id": "all"}]},
            {"uid": {"type": "Team", "id": "all"}, "attrs": {}, "parents": []},
            {"uid": {"type": "Role", "id": "lead"}, "attrs": {}, "parents": [{"type": "Role", "id": "staff"}]},
            {"uid": {"type": "Customer", "id": "c1"}, "attrs": {"vip": true}, "parents": [{"type": "Region", "id": "eu"}]},
            {"uid": {"type": "Action", "id": "payments/refund"}, "attrs": {}, "parents": [{"type": "Action", "id": "money"}]},
        ],
        "resources": [{"tools": ["payments/*"], "type": "Customer", "id": "/customer_id"}],
    });
    let refund =
        |customer: Value| call("payments/refund").by("ann", &["lead"]).arguments(&json!({"customer_id": customer}));
    for condition in [
        "principal.level == 3 && principal.name == \"ann\" && principal in Team::\"all\" && principal in Role::\"staff\"",
        "resource == Customer::\"c1\" && resource in Region::\"eu\" && resource.vip",
        "action in Action::\"money\" && action in Action::\"payments\"",
    ] {
        assert!(holds(condition, &settings, &refund(json!("c1"))), "{condition}");
    }
    assert!(holds("resource == Customer::\"7\" && !(resource has vip)", &settings, &refund(json!(7))));
    let mut settings = settings;
    settings["policies"] = json!("permit (principal, action, resource);");
    for odd in [Value::Null, json!(["c1"]), json!(1.5)] {
        assert_eq!(refusal(judged(&settings, &refund(odd))).code, "resource_missing");
    }
    assert_eq!(judged(&settings, &call("crm/read")), Verdict::Allow);
}

#[test]
fn what_cannot_be_evaluated_is_a_fault_that_tells_no_values() {
    let call = call("a/b").arguments(&json!({"text": "secret-7", "n": 9_223_372_036_854_775_807_u64}));
    for (condition, told) in [
        ("context.call.arguments.text > 100", "a value is of another type"),
        ("context.call.arguments.missing > 100", "there is no such attribute"),
        ("context.call.arguments.n + 1 > 1", "a number leaves the range of `Long`"),
        ("decimal(context.call.arguments.text) == decimal(\"1.0\")", "a function does not take what it is given"),
        ("resource.owner == \"x\"", "there is no such attribute"),
    ] {
        for ask in ["", "@ask(\"\")"] {
            let text = format!(
                "permit (principal, action, resource); {ask}\nforbid (principal, action, resource) when {{ {condition} }};"
            );
            let fault = testing::judge::<CedarPolicy>(&policies(&text), &Ledger::empty(), &call).unwrap_err();
            let place = "line 2, column 45: ";
            let place = if condition.starts_with("decimal") { "line 2, column " } else { place };
            assert!(fault.message.starts_with(place) && fault.message.contains(told), "{text}: {}", fault.message);
            assert!(!fault.message.contains("secret"), "{}", fault.message);
        }
    }
}

#[test]
fn history_is_there_or_not() {
    let settings = |condition: &str| {
        json!({"facts": {"ticket": {"latest": "crm/*"}, "running": {"running": "a/*"}},
               "policies": format!("permit (principal, action, resource) when {{ {condition} }};")})
    };
    let ledger = Ledger::from([past("crm/create_ticket").arguments(&json!({"id": 7}))]);
    let judged = |condition: &str| testing::judge::<CedarPolicy>(&settings(condition), &ledger, &call("a/b")).unwrap();
    assert_eq!(judged("context.history.ticket.arguments.id == 7 && context.history.running == []"), Verdict::Allow);
    assert!(holds("!(context.history has ticket)", &settings("true"), &call("a/b")));
}

#[test]
fn every_mistake_in_the_policies_is_reported_at_its_line_and_column() {
    let told = |policies: Value| {
        testing::problems::<CedarPolicy>(&json!({"facts": {"ticket": {"latest": "a/b"}}, "policies": policies}))
    };
    let syntax = told(json!(["permit (principal, action, resource);", "forbid (principal, actoin, resource);"]));
    assert!(syntax.starts_with("/policies/1 line 2, column 20: "), "{syntax}");
    assert_eq!(told(json!("// none")), "/policies line 1, column 1: there is no policy, so nothing would be permitted");
    let lines = told(json!([
        "permit (principal == User::\"ann\", action == Action::\"payments/*\", resource == File::\"x\");",
        "permit (principal in Group::\"x\", action == Action::\"payments\", resource is Folder);",
        "forbid (principal is User, action in [Action::\"crm\", Action::\"a/*\"], resource)",
        "when { context.cal.tool == \"x\" && context.history has tickt };",
        "@code(\"No Code\") @unlock_call(\"ticket\") @quorum(\"2\") @unlock_wait_seconds(\"soon\")",
        "forbid (principal, action, resource);",
        "@ask(\"\") @quorum(\"0\") @channel(\"mail\") @self_approval(\"yes\") @preview(\"{amount}\")",
        "forbid (principal, action, resource);",
    ]));
    for line in [
        "/policies/0 line 1, column 22: no principal is a `User`: write `Caller::\"…\"` or `in Role::\"…\"`",
        "/policies/0 line 1, column 45: no tool is named `payments/*`: write `when { context.call.tool like \"payments/*\" }`",
        "/policies/0 line 1, column 79: no resource is a `File`",
        "/policies/1 line 2, column 22: no principal is a `Group`",
        "/policies/1 line 2, column 44: no tool is named `payments`: for all of a server, write `action in Action::\"payments\"`",
        "/policies/1 line 2, column 76: no resource is a `Folder`",
        "/policies/2 line 3, column 22: no principal is a `User`: all are `Caller`",
        "/policies/2 line 3, column 54: no tool is named `a/*`",
        "/policies/3 line 4, column 8: there is no `context.cal`",
        "/policies/3 line 4, column 35: there is no `context.history.tickt`: it has `ticket`",
        "/policies/4 line 5, column 1: @code: `No Code` is no code",
        "/policies/4 line 5, column 18: @unlock_call: no tool fits `ticket`",
        "/policies/4 line 5, column 41: @quorum: is about a question, and there is no `@ask",
        "/policies/4 line 5, column 54: @unlock_wait_seconds: `soon` is no whole number from 1",
        "/policies/6 line 7, column 10: @quorum: `0` is no whole number from 1",
        "/policies/6 line 7, column 23: @channel: `mail` is neither",
        "/policies/6 line 7, column 40: @self_approval: `yes` is neither",
        "/policies/6 line 7, column 62: @preview: `amount` is no JSON Pointer",
    ] {
        assert!(lines.contains(line), "{line}\n---\n{lines}");
    }
    let template = told(json!("permit (principal == ?principal, action, resource);"));
    assert!(template.starts_with("/policies line 1, column 1: a template has nothing to be linked to"), "{template}");
    let others = testing::problems::<CedarPolicy>(&json!({
        "policies": "permit (principal, action, resource);",
        "entities": [{"uid": {"type": "Team"}}],
        "resources": [{"tools": ["a/*"], "type": "A Type", "id": "/x"}],
        "decimals": ["amount"],
    }));
    assert!(others.contains("/decimals/0 `amount` is no JSON Pointer"), "{others}");
    let others = testing::problems::<CedarPolicy>(&json!({
        "policies": "permit (principal, action, resource);",
        "entities": [{"uid": {"type": "Team"}}],
        "resources": [{"tools": ["a/*"], "type": "A Type", "id": "/x"}],
    }));
    assert!(others.contains("/entities ") && others.contains("/resources/0/type `A Type` is no name"), "{others}");
}
