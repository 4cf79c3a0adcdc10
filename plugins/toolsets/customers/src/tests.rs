//! Onboarding step by step, and what becomes of bad arguments.

use interlock_plugin::prelude::*;
use interlock_simulation::trial::Trial;

use crate::Customers;

#[test]
fn the_set_offers_its_tools() {
    Trial::<Customers>::new().offers(&["validate_customer_data", "create_account", "send_welcome_email"]);
}

#[test]
fn a_customer_with_a_name_and_an_address_is_welcomed() {
    let set = Trial::<Customers>::new();
    let customer = json!({"name": "Ada", "email": "ada@example.com", "plan": "gold"});
    let valid = set.answer("validate_customer_data", json!({ "customer": customer }));
    assert_eq!(valid, json!({"valid": true, "issues": []}));
    let account = set.answer("create_account", json!({ "customer": customer }));
    assert_eq!((&account["account_id"], &account["status"]), (&json!("account-1"), &json!("active")));
    let sent = set.answer("send_welcome_email", json!({"account_id": "account-1"}));
    assert_eq!((&sent["to"], &sent["status"]), (&json!("ada@example.com"), &json!("sent")));
}

#[test]
fn everything_that_is_wrong_with_a_customer_is_found() {
    let set = Trial::<Customers>::new();
    let issues = |customer: Value| {
        let report = set.answer("validate_customer_data", json!({ "customer": customer }));
        assert_eq!(report["valid"], false);
        report["issues"].clone()
    };
    let issue = |field: &str, problem: &str| json!({"field": field, "problem": problem});
    assert_eq!(issues(json!({})), json!([issue("name", "is missing"), issue("email", "is missing")]));
    assert_eq!(
        issues(json!({"name": " ", "email": "ada"})),
        json!([issue("name", "must not be blank"), issue("email", "is no address")])
    );
    assert_eq!(issues(json!({"name": 7, "email": "a@b.c"})), json!([issue("name", "must be a string")]));
}

#[test]
fn an_account_needs_no_validation_but_a_welcome_needs_an_address() {
    let set = Trial::<Customers>::new();
    set.answer("create_account", json!({"customer": {"name": "Nobody"}}));
    let text = set.complaint("send_welcome_email", json!({"account_id": "account-1"}));
    assert!(text.contains("/account_id: account `account-1` has no e-mail address"), "{text}");
}

#[test]
fn bad_arguments_are_named() {
    let set = Trial::<Customers>::new();
    assert!(set.complaint("create_account", json!({"customer": "Ada"})).contains("/customer"));
    assert!(set.complaint("validate_customer_data", json!({})).contains("`customer`"));
    assert!(
        set.complaint("send_welcome_email", json!({"account_id": "account-7"})).contains("/account_id: there is no")
    );
    let long = "x".repeat(1001);
    assert!(set.complaint("create_account", json!({"customer": {"name": long}})).contains("/customer/name"));
}
