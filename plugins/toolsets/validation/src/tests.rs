//! What the tools of `validation` find, and what they make of bad arguments.

use interlock_plugin::prelude::*;
use interlock_simulation::trial::Trial;

use crate::Validation;

#[test]
fn the_set_offers_its_tools() {
    Trial::<Validation>::new().offers(&["validate_data", "validate_schema"]);
}

#[test]
fn data_without_gaps_is_valid() {
    let set = Trial::<Validation>::new();
    for data in [json!({"id": 1, "tags": []}), json!([1, 2]), json!("text"), json!(0), json!(false)] {
        assert_eq!(set.answer("validate_data", json!({ "data": data })), json!({"valid": true, "issues": []}));
    }
}

#[test]
fn every_gap_in_the_data_is_found_where_it_is() {
    let set = Trial::<Validation>::new();
    let found = set.answer("validate_data", json!({"data": {"a/b": null, "list": ["x", "  "]}}));
    assert_eq!(found["valid"], false);
    assert_eq!(
        found["issues"],
        json!([{"at": "/a~1b", "problem": "is null"}, {"at": "/list/1", "problem": "is blank"}])
    );
    for empty in [json!(null), json!(""), json!({}), json!([])] {
        assert_eq!(set.answer("validate_data", json!({ "data": empty }))["valid"], false);
    }
}

#[test]
fn data_is_held_against_the_schema_that_comes_with_it() {
    let set = Trial::<Validation>::new();
    let schema = json!({
        "type": "object",
        "required": ["id"],
        "properties": {"id": {"type": "integer", "minimum": 1}, "kind": {"enum": ["a", "b"]}},
    });
    let check = |data: Value| set.answer("validate_schema", json!({"data": data, "schema": schema}));
    assert_eq!(check(json!({"id": 7, "kind": "a"})), json!({"valid": true, "issues": []}));
    let found = check(json!({"id": 0, "kind": "c"}));
    assert_eq!(found["valid"], false);
    assert_eq!((&found["issues"][0]["at"], &found["issues"][1]["at"]), (&json!("/id"), &json!("/kind")));
    assert!(check(json!({}))["issues"][0]["problem"].as_str().is_some_and(|problem| problem.contains("`id`")));
}

#[test]
fn bad_arguments_are_named() {
    let set = Trial::<Validation>::new();
    assert!(set.complaint("validate_data", json!({})).contains("`data`"));
    assert!(set.complaint("validate_data", json!({"data": 1, "strict": true})).contains("/strict"));
    assert!(set.complaint("validate_schema", json!({"data": 1})).contains("`schema`"));
    assert!(set.complaint("validate_schema", json!({"data": 1, "schema": "integer"})).contains("/schema"));
    let endless = json!({"data": 1, "schema": {"anyOf": [{"$ref": "#"}]}});
    assert!(set.complaint("validate_schema", endless).contains("/schema: `$ref` is not supported"));
}
