//! What may be left out of a case, and what makes a difference.

use serde_json::{Map, Value, json};

use super::{Case, NOW, Outcome, differences};

fn case(value: Value) -> Case {
    serde_json::from_value(value).unwrap()
}

fn object(value: Value) -> Map<String, Value> {
    serde_json::from_value(value).unwrap()
}

#[test]
fn a_call_and_its_past_need_no_more_than_their_tools() {
    let case = case(json!({"name": "short", "history": [{"tool": "a/b"}], "call": {"tool": "c/d"}}));
    let past = &case.history[0];
    assert_eq!((case.call.received, case.call.session.as_str()), (NOW, "session"));
    assert_eq!((case.call.caller.principal.as_str(), past.outcome.word()), ("local", "succeeded"));
    assert_eq!((past.admitted(NOW), past.finished(NOW)), (NOW - 60_000, Some(NOW - 59_000)));
    assert!(case.expect.is_none());
}

#[test]
fn what_is_running_has_no_result_and_no_end() {
    let past = json!({"tool": "a/b", "outcome": "running", "result": {"content": []}, "seconds_ago": 5});
    let case = case(json!({"name": "runs", "history": [past], "call": {"tool": "c/d", "received": 9_000}}));
    let past = case.history.into_iter().next().unwrap();
    assert_eq!((past.outcome, past.admitted(9_000), past.finished(9_000)), (Outcome::Running, 4_000, None));
    assert_eq!(past.into_result(), None);
}

#[test]
fn an_unknown_key_is_a_mistake_wherever_it_stands() {
    for (place, key) in [("call", "argument"), ("expect", "verdikt")] {
        let mut case = json!({"name": "n", "call": {"tool": "a/b"}, "expect": {"verdict": "allow"}});
        case[place][key] = json!({});
        let error = serde_json::from_value::<Case>(case).unwrap_err().to_string();
        assert!(error.contains(key), "{error}");
    }
}

#[test]
fn only_what_is_named_is_looked_at_and_null_can_be_named() {
    let expect = |value: Value| {
        let case = case(json!({"name": "n", "call": {"tool": "a/b"}, "expect": value}));
        case.expect.unwrap().named()
    };
    let refused = object(json!({"verdict": "refuse", "code": "c", "reason": "A long one.", "unlocks": []}));
    let fits = |value| differences(&expect(value), &refused);
    assert_eq!(fits(json!({"verdict": "refuse", "reason": "long"})), Vec::<String>::new());
    assert_eq!(fits(json!({"verdict": "allow"})), [r#"`verdict` is "refuse", not "allow""#]);
    assert_eq!(fits(json!({"code": "c"})), ["no `verdict` is expected"]);
    assert_eq!(fits(json!({"verdict": "refuse", "details": {}})), ["`details` is nothing, not {}"]);

    let asked = object(json!({"verdict": "ask", "question": {"quorum": 2, "roles": ["finance"]}}));
    assert!(differences(&expect(json!({"verdict": "ask", "question": {"quorum": 2}})), &asked).is_empty());
    assert!(!differences(&expect(json!({"verdict": "ask", "question": {"quorum": 1}})), &asked).is_empty());

    let withheld = object(json!({"finding": "withhold", "code": "secret"}));
    assert!(differences(&expect(json!({"finding": "withhold"})), &withheld).is_empty());
    assert_eq!(differences(&expect(json!({"code": "secret"})), &withheld), ["no `finding` is expected"]);
    let rewritten = object(json!({"arguments": {"a": 1}}));
    assert!(!differences(&expect(json!({"arguments": {"a": 2}})), &rewritten).is_empty());

    let answered = object(json!({"text": "done", "structured": {"a": 1}, "is_error": false}));
    assert_eq!(differences(&expect(json!({"structured": null})), &answered), [r#"`structured` is {"a":1}, not null"#]);
}
