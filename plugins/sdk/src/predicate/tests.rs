//! What predicates say, as sentences.

use serde_json::{Value, json};

use super::Predicate;
use crate::testing::{CallBuilder, Ledger, NOW, call, past};
use crate::{Unlock, settings};

fn predicate(text: &Value) -> Predicate {
    settings::read(&text.to_string()).unwrap()
}

fn holds(text: Value, ledger: &Ledger, call: &CallBuilder) -> bool {
    predicate(&text).holds(call, &ledger.facing(call))
}

fn why(text: Value, ledger: &Ledger, call: &CallBuilder) -> String {
    predicate(&text).unmet(call, &ledger.facing(call)).unwrap().why.join("; ")
}

fn unlocks(text: Value, ledger: &Ledger, call: &CallBuilder) -> Option<Vec<Unlock>> {
    predicate(&text).unmet(call, &ledger.facing(call)).unwrap().unlocks
}

#[test]
fn every_operator_compares_as_its_name_says() {
    let none = Ledger::empty();
    let call = call("a/b").arguments(&json!({"n": 5, "s": "db/drop", "x": null, "l": [1, 2]}));
    for (pointer, op, value, expected) in [
        ("/n", "==", json!(5.0), true),
        ("/n", "!=", json!(5), false),
        ("/n", "!=", json!(6), true),
        ("/n", "<", json!(5), false),
        ("/n", "<=", json!(5), true),
        ("/n", ">", json!(4.5), true),
        ("/n", ">=", json!(6), false),
        ("/s", "<", json!("e"), true),
        ("/n", "in", json!([1, 5]), true),
        ("/n", "in", json!(["5"]), false),
        ("/n", "not_in", json!([1, 2]), true),
        ("/n", "not_in", json!([5]), false),
        ("/s", "matches", json!("db/*"), true),
        ("/s", "matches", json!("*"), false),
        ("/x", "exists", json!(true), true),
        ("/y", "exists", json!(true), false),
        ("/y", "exists", json!(false), true),
        ("/x", "==", json!(null), true),
        ("/n", "!=", json!(null), true),
        ("/l", "==", json!([1, 2.0]), true),
    ] {
        let text = json!({"argument": pointer, "op": op, "value": value});
        assert_eq!(holds(text, &none, &call), expected, "{pointer} {op} {value}");
    }
}

#[test]
fn comparing_a_string_with_a_number_is_false_whatever_the_operator_and_the_reason_says_so() {
    let (none, call) = (Ledger::empty(), call("a/b").arguments(&json!({"amount": "50"})));
    for op in ["==", "!=", "<", "<=", ">", ">="] {
        assert!(!holds(json!({"argument": "/amount", "op": op, "value": 50}), &none, &call), "{op}");
    }
    assert!(!holds(json!({"argument": "/amount", "op": "not_in", "value": [1, 2]}), &none, &call));
    let said = why(json!({"argument": "/amount", "op": "<=", "value": 100}), &none, &call);
    assert_eq!(said, "the argument /amount must be <= 100, but is a string, which never compares with a number");
}

#[test]
fn a_missing_argument_compares_with_nothing() {
    let (none, call) = (Ledger::empty(), call("a/b"));
    assert!(!holds(json!({"argument": "/env", "op": "!=", "value": "production"}), &none, &call));
    let said = why(json!({"argument": "/env", "op": "==", "value": "test"}), &none, &call);
    assert_eq!(said, "the argument /env must be \"test\", but is not given");
}

#[test]
fn an_outcome_is_that_of_the_latest_call() {
    let rule = json!({"outcome_of": "ci/run_tests", "is": "succeeded"});
    let call = call("a/b");
    assert!(!holds(rule.clone(), &Ledger::empty(), &call));
    let ledger = Ledger::from([past("ci/run_tests").seconds_ago(90), past("ci/run_tests").outcome("failed")]);
    assert_eq!(why(rule.clone(), &ledger, &call), "the outcome of ci/run_tests is failed, but must be succeeded");
    assert_eq!(unlocks(rule.clone(), &ledger, &call), Some(vec![Unlock::Call("ci/run_tests".into())]));
    assert!(holds(rule, &Ledger::from([past("ci/run_tests")]), &call));
}

#[test]
fn a_result_is_looked_up_in_structured_content_then_in_json_text_then_in_the_whole() {
    let call = call("a/b");
    let with =
        |result: Value| Ledger::from([past("ci/t").result(&result), past("ci/t").outcome("failed").seconds_ago(5)]);
    let passed = json!({"result_of": "ci/t", "at": "/passed", "op": "==", "value": true});
    let text = json!([{"type": "text", "text": "{\"passed\": true}"}]);
    assert!(holds(passed.clone(), &with(json!({"structuredContent": {"passed": true}})), &call));
    assert!(!holds(passed.clone(), &with(json!({"structuredContent": {"passed": false}, "content": text})), &call));
    assert!(holds(passed.clone(), &with(json!({"content": text})), &call));
    assert!(!holds(passed.clone(), &Ledger::empty(), &call));
    assert!(!holds(passed, &with(json!({"structuredContent": {"passed": "true"}})), &call));
    let whole = json!({"result_of": "ci/t", "at": "/isError", "op": "==", "value": false});
    assert!(holds(whole, &with(json!({"isError": false})), &call));
}

#[test]
#[should_panic(expected = "/passed in the result of ci/t is redacted in the journal")]
fn what_is_redacted_is_neither_so_nor_not_so() {
    let result = json!({"structuredContent": {"passed": {"redacted": format!("sha256:{}", "0".repeat(64))}}});
    let ledger = Ledger::from([past("ci/t").result(&result)]);
    let rule = json!({"not": {"result_of": "ci/t", "at": "/passed", "op": "==", "value": false}});
    holds(rule, &ledger, &call("a/b"));
}

#[test]
fn hints_and_roles_are_those_of_the_tool_and_the_caller() {
    let (none, call) = (Ledger::empty(), call("a/b").hints(&["destructive"]).by("ann", &["oncall"]));
    assert!(holds(json!({"hint": "destructive"}), &none, &call));
    assert!(!holds(json!({"hint": "destructive", "is": false}), &none, &call));
    assert!(holds(json!({"hint": "read_only", "is": false}), &none, &call));
    assert!(holds(json!({"role": "oncall"}), &none, &call));
    assert_eq!(why(json!({"role": "admin"}), &none, &call), "the caller lacks the role admin");
}

#[test]
fn a_time_window_is_half_open_and_in_its_own_offset() {
    // NOW is Monday, 09:00 UTC.
    let none = Ledger::empty();
    let window = json!({"time": {"days": ["mon"], "from": "09:00", "to": "17:00"}});
    assert!(holds(window.clone(), &none, &call("a/b")));
    assert!(!holds(window.clone(), &none, &call("a/b").at(NOW - 1)));
    assert!(!holds(window.clone(), &none, &call("a/b").at(NOW + 8 * 3_600_000)));
    let east = json!({"time": {"days": ["mon"], "from": "10:00", "to": "17:00", "utc_offset": "+01:00"}});
    assert!(holds(east.clone(), &none, &call("a/b")) && !holds(east, &none, &call("a/b").at(NOW - 1)));
    let tuesday = NOW + 24 * 3_600_000;
    assert_eq!(unlocks(window, &none, &call("a/b").at(tuesday)), Some(vec![Unlock::After(NOW + 7 * 24 * 3_600_000)]));
}

#[test]
fn a_window_over_midnight_belongs_to_the_day_on_which_it_begins() {
    let none = Ledger::empty();
    let night = json!({"time": {"days": ["sun"], "from": "22:00", "to": "10:00"}});
    assert!(holds(night.clone(), &none, &call("a/b")), "Monday 09:00 is still Sunday's night");
    assert!(!holds(night.clone(), &none, &call("a/b").at(NOW + 3_600_000)));
    assert!(!holds(night, &none, &call("a/b").at(NOW + 14 * 3_600_000)), "Monday's night is not Sunday's");
    let freeze = json!({"not": {"time": {"from": "08:00", "to": "09:30"}}});
    assert_eq!(unlocks(freeze, &none, &call("a/b")), Some(vec![Unlock::After(NOW + 1_800_000)]));
}

#[test]
fn all_any_and_not_combine_and_say_what_would_do() {
    let (none, call) = (Ledger::empty(), call("a/b").arguments(&json!({"n": 5})));
    let five = json!({"argument": "/n", "op": "==", "value": 5});
    let six = json!({"argument": "/n", "op": "==", "value": 6});
    let tests = json!({"outcome_of": "ci/t", "is": "succeeded"});
    let scan = json!({"outcome_of": "ci/s", "is": "succeeded"});
    assert!(holds(json!({"any": [six, five]}), &none, &call));
    assert!(!holds(json!({"all": [six, five]}), &none, &call));
    assert!(holds(json!({"not": {"all": [six, five]}}), &none, &call));
    assert!(!holds(json!({"not": {"any": [six, five]}}), &none, &call));
    let (t, s) = (Unlock::Call("ci/t".into()), Unlock::Call("ci/s".into()));
    assert_eq!(unlocks(json!({"all": [tests, scan]}), &none, &call), Some(vec![t.clone(), s]));
    assert_eq!(unlocks(json!({"any": [six, tests]}), &none, &call), Some(vec![t]));
    assert_eq!(unlocks(json!({"all": [six, tests]}), &none, &call), None, "other arguments would be another call");
}

#[test]
fn mistakes_are_found_where_they_are() {
    let wrong = |text: Value| match settings::read::<Predicate>(&text.to_string()) {
        Err(problems) => problems,
        Ok(predicate) => predicate.problems(""),
    };
    for (text, pointer, message) in [
        (json!({"argumnet": "/a", "op": "==", "value": 1}), "/argumnet", "did you mean `argument`?"),
        (json!({"argument": "a", "op": "==", "value": 1}), "/argument", "`/a`"),
        (json!({"argument": "/a", "op": "=", "value": 1}), "/op", "did you mean"),
        (json!({"argument": "/a", "op": "=="}), "", "`value` is missing"),
        (json!({"argument": "/a", "op": "<", "value": true}), "/value", "a number or a string"),
        (json!({"argument": "/a", "op": "in", "value": []}), "/value", "an array"),
        (json!({"outcome_of": "a/b", "is": "succeded"}), "/is", "did you mean `succeeded`?"),
        (json!({"all": []}), "/all", "must not be empty"),
        (json!({"any": [{"role": "x"}, {"rule": "x"}]}), "/any/1", "`role`"),
        (json!({"time": {"days": ["monday"]}}), "/time/days/0", "`mon`"),
        (json!({"time": {"from": "9:00"}}), "/time/from", "HH:MM"),
        (json!({"time": {"from": "09:00", "to": "09:00"}}), "/time/from", "empty"),
        (json!({"not": {"time": {"utc_offset": "CET"}}}), "/not/time/utc_offset", "+01:00"),
        (json!({}), "", "one of the keys"),
        (json!("x"), "", "must be an object, but is a string"),
    ] {
        let problems = wrong(text.clone());
        assert!(
            problems.len() == 1 && problems[0].pointer == pointer && problems[0].message.contains(message),
            "{text}: {problems:?}"
        );
    }
}
