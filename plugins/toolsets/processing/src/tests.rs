//! What the tools of `processing` make of data, and of bad arguments.

use interlock_plugin::prelude::*;
use interlock_simulation::trial::Trial;

use crate::Processing;

#[test]
fn the_set_offers_its_tools() {
    Trial::<Processing>::new().offers(&["process_data", "transform_data"]);
}

#[test]
fn a_job_counts_its_records_and_has_an_id_of_its_own() {
    let set = Trial::<Processing>::new();
    let first = set.answer("process_data", json!({"data": [1, 2, 3]}));
    assert_eq!((&first["job_id"], &first["status"]), (&json!("job-1"), &json!("processed")));
    let second = set.answer("process_data", json!({"data": {"id": 1}}));
    assert_eq!((&first["records"], &second["records"]), (&json!(3), &json!(1)));
    assert_ne!((&first["job_id"], &first["checksum"]), (&second["job_id"], &second["checksum"]));
}

#[test]
fn each_operation_does_what_it_says() {
    let set = Trial::<Processing>::new();
    for (operation, data, result) in [
        ("uppercase", json!({"a": ["x", 1]}), json!({"a": ["X", 1]})),
        ("lowercase", json!("ÄB"), json!("äb")),
        ("trim", json!([" x "]), json!(["x"])),
        ("reverse", json!([1, 2, 3]), json!([3, 2, 1])),
        ("reverse", json!("abc"), json!("cba")),
        ("sort", json!([10, 9.5, -1]), json!([-1, 9.5, 10])),
        ("sort", json!(["b", "a"]), json!(["a", "b"])),
        ("sort", json!([]), json!([])),
    ] {
        let answer = set.answer("transform_data", json!({"data": data, "operation": operation}));
        assert_eq!(answer, json!({"operation": operation, "result": result}));
    }
}

#[test]
fn bad_arguments_are_named() {
    let set = Trial::<Processing>::new();
    assert!(set.complaint("process_data", json!({"dat": 1})).contains("did you mean `data`?"));
    let unknown = set.complaint("transform_data", json!({"data": 1, "operation": "shout"}));
    assert!(unknown.contains("/operation") && unknown.contains("`uppercase`"), "{unknown}");
    let unfit = [("sort", json!([1, "a"])), ("sort", json!([true])), ("sort", json!(1)), ("reverse", json!(1))];
    for (operation, data) in unfit {
        let text = set.complaint("transform_data", json!({"data": data, "operation": operation}));
        assert!(text.contains("/data"), "{text}");
    }
}
