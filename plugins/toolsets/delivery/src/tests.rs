//! Good and bad revisions, and what becomes of bad arguments.

use interlock_plugin::prelude::*;
use interlock_simulation::trial::Trial;

use crate::Delivery;

#[test]
fn the_set_offers_its_tools() {
    Trial::<Delivery>::new().offers(&["run_tests", "security_scan", "deploy_to_production"]);
}

#[test]
fn tests_that_fail_are_an_answer_and_not_an_error_of_the_tool() {
    let set = Trial::<Delivery>::new();
    let good = set.answer("run_tests", json!({"revision": "v1.2.0"}));
    assert_eq!((&good["passed"], &good["failed"]), (&json!(true), &json!(0)));
    let bad = set.answer("run_tests", json!({"revision": "feature/Broken-login"}));
    assert_eq!(bad["passed"], false);
    assert!(bad["failed"].as_u64() > Some(0));
    assert_eq!(bad["failures"].as_array().map(|names| names.len() as u64), bad["failed"].as_u64());
}

#[test]
fn a_revision_has_the_same_figures_every_time() {
    let (one, other) = (Trial::<Delivery>::new(), Trial::<Delivery>::new());
    for tool in ["run_tests", "security_scan"] {
        let revision = json!({"revision": "insecure-and-broken"});
        assert_eq!(one.answer(tool, revision.clone()), other.answer(tool, revision));
    }
}

#[test]
fn a_vulnerable_revision_has_findings() {
    let set = Trial::<Delivery>::new();
    let clean = set.answer("security_scan", json!({"revision": "v1"}));
    assert_eq!((&clean["clean"], &clean["findings"]), (&json!(true), &json!([])));
    let found = set.answer("security_scan", json!({"revision": "vulnerable"}));
    assert_eq!(found["clean"], false);
    assert_eq!(found["findings"].as_array().map(Vec::len), Some(1));
}

#[test]
fn whatever_is_deployed_runs_in_production() {
    let set = Trial::<Delivery>::new();
    set.answer("deploy_to_production", json!({"revision": "broken"}));
    let second = set.answer("deploy_to_production", json!({"revision": "v2"}));
    assert_eq!(second["deployment_id"], "deployment-2");
    assert_eq!((&second["status"], &second["environment"]), (&json!("deployed"), &json!("production")));
}

#[test]
fn bad_arguments_are_named() {
    let set = Trial::<Delivery>::new();
    for tool in ["run_tests", "security_scan", "deploy_to_production"] {
        assert!(set.complaint(tool, json!({})).contains("`revision`"));
        assert!(set.complaint(tool, json!({"revision": ""})).contains("/revision"));
    }
}
