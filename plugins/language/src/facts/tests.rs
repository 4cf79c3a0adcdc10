//! What facts are, as sentences.

use interlock_plugin::prelude::*;
use interlock_plugin::settings;
use interlock_plugin::testing::{CallBuilder, Ledger, PastBuilder, call, past};

use super::Facts;

fn facts(written: &Value) -> Facts {
    settings::read(&written.to_string()).unwrap()
}

fn fetched(written: &Value, past: Vec<PastBuilder>, call: &CallBuilder) -> Value {
    facts(written).ask(call, &Ledger::from(past).facing(call))
}

#[test]
fn the_latest_call_is_there_whole_or_null() {
    let result = json!({"content": [{"type": "text", "text": "{\"id\": 7}"}]});
    let history = vec![past("crm/create_ticket").arguments(&json!({"customer_id": "c1"})).result(&result).id("t")];
    let written = json!({"ticket": {"latest": "crm/*"}, "none": {"latest": "a/b"}});
    let found = fetched(&written, history, &call("payments/refund"));
    assert_eq!(found["none"], Value::Null);
    assert_eq!(
        found["ticket"],
        json!({
            "id": "t", "tool": "crm/create_ticket", "arguments": {"customer_id": "c1"}, "outcome": "succeeded",
            "result": result, "structured": {"id": 7}, "admitted": 1_767_603_540_000_u64,
            "finished": 1_767_603_541_000_u64, "caller": {"principal": "local", "roles": []},
        })
    );
}

#[test]
fn the_latest_call_can_be_the_one_with_the_same_arguments_an_outcome_and_not_too_old() {
    let ticket = |customer: &str| past("crm/create_ticket").arguments(&json!({"customer": {"id": customer}}));
    let history = || vec![ticket("c1").seconds_ago(90), ticket("c2"), ticket("c1").outcome("failed")];
    let refund = call("payments/refund").arguments(&json!({"customer_id": "c1"}));
    let admitted = |more: Value| {
        let same = json!([{"here": "/customer_id", "there": "/customer/id"}]);
        let mut latest = json!({"latest": "crm/create_ticket", "outcome": "succeeded", "same": same});
        latest.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        fetched(&json!({"ticket": latest}), history(), &refund)["ticket"]["admitted"].clone()
    };
    assert_eq!(admitted(json!({})), json!(1_767_603_600_000_u64 - 90_000));
    assert_eq!(admitted(json!({"within_minutes": 2})), json!(1_767_603_600_000_u64 - 90_000));
    assert_eq!(admitted(json!({"within_minutes": 1})), Value::Null);
    // A call that lacks the argument has it in common with nothing.
    assert_eq!(admitted(json!({"same": ["/order"]})), Value::Null);
}

#[test]
fn counts_sums_and_lists_are_of_what_fits() {
    let paid = |amount: Value| past("payments/refund").arguments(&json!({"amount": amount}));
    let history = vec![
        paid(json!(100)).seconds_ago(7200),
        paid(json!(20.5)),
        paid(json!("30")),
        paid(json!(4)).outcome("failed"),
        past("deploy/web").running().id("d"),
    ];
    let written = json!({
        "all": {"sum": "payments/refund", "argument": "/amount"},
        "hour": {"sum": "payments/*", "argument": "/amount", "within_minutes": 60},
        "failures": {"count": "payments/*", "outcome": "failed"},
        "calls": {"count": "payments/*", "within_minutes": 60},
        "running": {"running": "deploy/*"},
        "two": {"recent": "payments/*", "limit": 2},
        "ended_well": {"recent": "payments/*", "outcome": "succeeded", "within_minutes": 60},
    });
    let found = fetched(&written, history, &call("payments/refund"));
    assert_eq!((&found["all"], &found["hour"]), (&json!(124.5), &json!(24.5)));
    assert_eq!((&found["failures"], &found["calls"]), (&json!(1), &json!(3)));
    assert_eq!((&found["running"][0]["id"], &found["running"][0]["result"]), (&json!("d"), &Value::Null));
    assert_eq!(found["two"].as_array().unwrap().len(), 2);
    assert_eq!(found["ended_well"].as_array().unwrap().len(), 2);
}

#[test]
fn a_fact_that_is_written_wrongly_is_told_at_its_place() {
    let wrong = json!({
        "a": {"latest": "refund"}, "b": {"sum": "a/b"}, "c": {"latst": "a/b"}, "d": {"count": "a/b", "outcome": "won"},
        "e": {"recent": "a/b", "limit": 0},
    });
    let problems = settings::read::<Facts>(&wrong.to_string()).unwrap_err();
    let told: Vec<_> = problems.iter().map(|problem| format!("{} {}", problem.pointer, problem.message)).collect();
    let told = told.join("\n");
    for line in [
        "/a/latest no tool fits `refund`",
        "/b the key `argument` is missing",
        "/c must have one of the keys `latest`, `running`, `count`, `sum`, `recent`; did you mean `latest`?",
        "/d/outcome `won` is not known",
        "/e/limit must be at least 1",
    ] {
        assert!(told.contains(line), "{line}\n---\n{told}");
    }
    let problems = facts(&json!({"a-b": {"running": "a/b"}, "a/b": {"running": "a/b"}, "a_1": {"running": "a/b"}}));
    let pointers: Vec<_> = problems.problems("/facts").into_iter().map(|problem| problem.pointer).collect();
    assert_eq!(pointers, ["/facts/a-b", "/facts/a~1b"]);
}
