//! What `cel` does, as sentences.

use interlock_plugin::prelude::*;
use interlock_plugin::testing::{self, CallBuilder, Ledger, call, past};

use crate::CelPolicy;

fn judged(settings: &Value, call: &CallBuilder) -> Verdict {
    testing::judge::<CelPolicy>(settings, &Ledger::empty(), call).unwrap()
}

fn one(expression: &str) -> Value {
    json!({"validations": [{"expression": expression}]})
}

fn holds(expression: &str, call: &CallBuilder) -> bool {
    judged(&one(expression), call) == Verdict::Allow
}

fn fault(expression: &str, call: &CallBuilder) -> String {
    testing::judge::<CelPolicy>(&one(expression), &Ledger::empty(), call).unwrap_err().message
}

#[test]
fn the_cases_beside_this_policy_come_out_as_they_say() {
    testing::run_cases::<CelPolicy>(include_str!("../cases.json"));
}

#[test]
fn an_expression_has_the_call_the_caller_and_the_library_at_hand() {
    let call = call("payments/refund")
        .by("ann", &["support", "agent"])
        .hints(&["destructive"])
        .arguments(&json!({"amount": 12, "rate": 0.5, "to": {"name": "Bo"}, "tags": ["a", "b"], "none": null}));
    for expression in [
        "call.tool == 'payments/refund' && call.server == 'payments' && call.name == 'refund'",
        "call.arguments.amount == 12 && call.arguments.amount < 12.5 && call.arguments.rate == 0.5",
        "call.arguments.to.name.lowerAscii() == 'bo' && 'a' in call.arguments.tags",
        "call.arguments.tags.exists(tag, tag == 'b') && call.arguments.tags.all(tag, size(tag) == 1)",
        "has(call.arguments.to) && !has(call.arguments.from) && call.arguments.none == null",
        "call.arguments.?from.orValue('nobody') == 'nobody'",
        "call.tool.matches('^payments/') && call.hints == ['destructive']",
        "caller.principal == 'ann' && 'support' in caller.roles && call.approval == null",
        "call.received == 1767603600000 && type(call.received) == int",
        "math.greatest(1, 2) == 2 && 'a-b'.split('-') == ['a', 'b'] && [3, 1].sort() == [1, 3]",
        "dyn(1) == 1.0 && string(call.arguments.amount) == '12'",
    ] {
        assert!(holds(expression, &call), "{expression}");
    }
}

#[test]
fn what_cannot_be_evaluated_is_a_fault_that_tells_no_values() {
    let call = call("a/b").arguments(&json!({"amount": "secret-5", "n": 1, "key": "secret-key", "map": {}}));
    for (expression, told) in [
        ("call.arguments.amount > 100", "no matching overload for '_>_' applied to '(string, int)'"),
        ("call.arguments.amunt > 100", "there is no `amunt`"),
        ("call.arguments.map[call.arguments.key] == 1", "there is no such key"),
        ("call.arguments.n + 0.5 > 1.0", "`add` does not take int and double"),
        ("call.arguments.n / 0 == 1", "a division by zero"),
        ("call.arguments.n", "it is int, neither true nor false"),
        ("int(call.arguments.amount) == 5", "`int` failed"),
        ("history.size() == 0 && call.arguments.amount", "overload"),
    ] {
        let message = fault(expression, &call);
        assert!(message.starts_with("/validations/0: ") && message.contains(told), "{expression}: {message}");
        assert!(!message.contains("secret"), "{expression}: {message}");
    }
}

#[test]
fn all_that_fail_are_told_and_people_are_asked_only_if_none_refuses() {
    let both = json!({"validations": [
        {"expression": "call.arguments.n < 10", "message": "n is below 10.", "code": "large",
         "unlocks": [{"call": "a/smaller"}]},
        {"expression": "call.arguments.n < 5", "messageExpression": "'n is ' + string(call.arguments.n) + '.'"},
        {"expression": "call.arguments.n < 2", "message": "A person looks.",
         "ask": {"roles": ["finance"], "quorum": 2, "preview": "Use {/n}"}},
    ]});
    let with = |n: u64| call("a/b").arguments(&json!({ "n": n }));
    let Verdict::Refuse(refusal) = judged(&both, &with(20)) else { panic!() };
    assert_eq!((refusal.code.as_str(), refusal.reason.as_str()), ("large", "n is below 10. n is 20."));
    let Verdict::Refuse(refusal) = judged(&both, &with(7)) else { panic!() };
    assert_eq!((refusal.code.as_str(), refusal.unlocks), ("invalid", vec![]));
    let Verdict::Ask(question) = judged(&both, &with(3)) else { panic!() };
    assert_eq!((question.reason.as_str(), question.preview.as_str()), ("A person looks.", "Use 3"));
    assert_eq!((question.roles, question.quorum), (vec!["finance".to_owned()], 2));
    assert_eq!(judged(&both, &with(1)), Verdict::Allow);
    let answered = with(3).approved_by("bo", &["finance"]).approved_by("di", &["finance"]);
    assert_eq!(judged(&both, &answered), Verdict::Allow);
}

#[test]
fn without_a_message_the_expression_is_told() {
    let Verdict::Refuse(refusal) = judged(&one("1 >\n   2"), &call("a/b")) else { panic!() };
    assert_eq!(refusal.reason, "It must hold that 1 > 2.");
}

#[test]
fn variables_are_evaluated_only_where_they_are_used() {
    let settings = json!({
        "variables": [
            {"name": "amount", "expression": "double(call.arguments.amount)"},
            {"name": "large", "expression": "variables.amount > 100.0"},
        ],
        "validations": [{"expression": "call.tool != 'payments/refund' || !variables.large"}],
    });
    assert_eq!(judged(&settings, &call("a/b")), Verdict::Allow);
    let refund = |amount: Value| call("payments/refund").arguments(&json!({ "amount": amount }));
    assert_eq!(judged(&settings, &refund(json!(99.5))), Verdict::Allow);
    assert!(matches!(judged(&settings, &refund(json!(101))), Verdict::Refuse(_)));
}

#[test]
fn history_is_not_asked_for_where_the_policy_does_not_apply() {
    let settings = json!({
        "facts": {"last": {"latest": "a/*"}},
        "matchConditions": [
            {"name": "after", "expression": "history.last != null"},
            {"name": "refunds", "expression": "call.tool == 'payments/refund'"},
        ],
        "validations": [{"expression": "false"}],
    });
    let policy = testing::configure::<CelPolicy>(&settings).ok().unwrap();
    let ledger = Ledger::from([past("a/b")]);
    let refund = call("payments/refund");
    assert!(matches!(policy.judge(&refund, &ledger.facing(&refund)), Ok(Verdict::Refuse(_))));
    assert_eq!(policy.judge(&refund, &Ledger::empty().facing(&refund)), Ok(Verdict::Allow));
    let other = call("x/y");
    assert_eq!(policy.judge(&other, &Unasked), Ok(Verdict::Allow));
}

/// A host that is not to be asked for history.
struct Unasked;

impl interlock_plugin::View for Unasked {
    fn argument(&self, _: &str) -> Option<Value> {
        None
    }

    fn log(&self, _: interlock_plugin::Level, _: &str) {}
}

impl Host for Unasked {
    fn latest(&self, _: &str, _: Option<&str>) -> Option<PastCall> {
        panic!("asked")
    }

    fn running(&self, _: &str) -> Vec<PastCall> {
        panic!("asked")
    }

    fn count(&self, _: &str, _: Option<&str>, _: u64) -> u64 {
        panic!("asked")
    }

    fn recent(&self, _: &str, _: u32) -> Vec<PastCall> {
        panic!("asked")
    }

    fn matching(&self, _: &str, _: Option<&str>, _: &[interlock_plugin::Equal], _: u32) -> Vec<PastCall> {
        panic!("asked")
    }

    fn sum(&self, _: &str, _: &str, _: u64) -> f64 {
        panic!("asked")
    }
}

#[test]
fn every_mistake_in_the_settings_is_reported_at_its_line_and_column() {
    let told = testing::problems::<CelPolicy>(&json!({
        "facts": {"ticket": {"latest": "crm/create_ticket"}},
        "variables": [{"name": "1st", "expression": "call.arguments.a"}],
        "matchConditions": [{"name": "m", "expression": "cal.tool == 'ä' && x"}],
        "validations": [
            {"expression": ["history.ticket != null", "  && history.tickt == null"]},
            {"expression": "call.argument.amount <= 100 &&"},
            {"expression": "frobnicate(call.id) && call.tool.beginsWith('a') && 'é' == call.tol"},
            {"expression": "variables.b == 1 && [1].all(call, call > 0)"},
            {"expression": "true", "messageExpression": "'é' + caller.name", "ask": {"preview": "{amount}"}},
        ],
    }));
    for line in [
        "/variables/0/name is no name",
        "/matchConditions/0/expression line 1, column 1: there is no `cal`: an expression has `call`, `caller`",
        "/matchConditions/0/expression line 1, column 20: there is no `x`",
        "/validations/0/expression/1 line 2, column 13: there is no `history.tickt`: it has `ticket`; `facts` names more",
        "/validations/1/expression line 1, column 31: ",
        "/validations/2/expression line 1, column 11: there is no function `frobnicate`",
        "/validations/2/expression line 1, column 44: there is no function `beginsWith`",
        "/validations/2/expression line 1, column 64: there is no `call.tol`: it has `id`, `tool`",
        "/validations/3/expression line 1, column 10: there is no `variables.b`",
        "/validations/3/expression line 1, column 28: `call` is taken",
        "/validations/4/messageExpression line 1, column 13: there is no `caller.name`",
        "/validations/4/ask/preview `amount` is no JSON Pointer",
    ] {
        assert!(told.contains(line), "{line}\n---\n{told}");
    }
    let shape = testing::problems::<CelPolicy>(&json!({"validations": [
        {"expression": "true", "code": "No Ticket", "mesage": "x", "unlocks": [{"call": "ticket"}], "ask": {"quorum": 0}},
    ]}));
    for line in [
        "/validations/0/code `No Ticket` is no code: write lower case letters",
        "/validations/0/mesage unknown key `mesage`: did you mean `message`?",
        "/validations/0/unlocks/0/call no tool fits `ticket`",
        "/validations/0/ask/quorum must be at least 1",
    ] {
        assert!(shape.contains(line), "{line}\n---\n{shape}");
    }
}

#[test]
fn models_are_told_what_the_settings_say() {
    let settings = json!({
        "validations": [{"expression": "true"}],
        "tell_models": [{"tools": ["payments/*"], "text": "Refunds above 100 need a ticket."}],
    });
    let policy = testing::configure::<CelPolicy>(&settings).ok().unwrap();
    assert_eq!(policy.rules("payments/refund"), ["Refunds above 100 need a ticket."]);
    assert!(policy.rules("crm/create_ticket").is_empty());
}
