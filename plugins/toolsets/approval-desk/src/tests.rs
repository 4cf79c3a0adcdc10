//! How a request fares at the desk, and what becomes of bad arguments.

use interlock_plugin::prelude::*;
use interlock_simulation::trial::Trial;

use crate::ApprovalDesk;

#[test]
fn the_set_offers_its_tools() {
    Trial::<ApprovalDesk>::new().offers(&["submit_request", "request_status"]);
}

#[test]
fn a_request_is_pending_for_a_minute_and_then_answered() {
    let set = Trial::<ApprovalDesk>::new();
    let submitted = set.answer("submit_request", json!({"title": "New laptop", "details": {"cost": 900}}));
    assert_eq!((&submitted["id"], &submitted["status"]), (&json!("request-1"), &json!("pending")));
    let status = |after| set.answer_after(after, "request_status", json!({"id": "request-1"}));
    assert_eq!(status(0), submitted);
    assert_eq!(status(59_999)["status"], "pending");
    assert_eq!(status(60_000)["status"], "approved");
    assert_eq!(status(60_000)["details"], json!({"cost": 900}));
}

#[test]
fn a_request_whose_title_asks_for_it_is_rejected() {
    let set = Trial::<ApprovalDesk>::new();
    set.answer("submit_request", json!({"title": "Please REJECT me", "details": "why not"}));
    assert_eq!(set.answer_after(60_000, "request_status", json!({"id": "request-1"}))["status"], "rejected");
}

#[test]
fn bad_arguments_are_named() {
    let set = Trial::<ApprovalDesk>::new();
    assert!(set.complaint("request_status", json!({"id": "request-9"})).contains("/id: there is no request"));
    assert!(set.complaint("submit_request", json!({"title": "", "details": {}})).contains("/title"));
    assert!(set.complaint("submit_request", json!({"title": "x"})).contains("`details`"));
    let long = "x".repeat(33 * 1024);
    assert!(set.complaint("submit_request", json!({"title": "x", "details": long})).contains("/details"));
}
