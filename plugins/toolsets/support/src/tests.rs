//! Tickets, refunds, and what becomes of bad arguments.

use interlock_plugin::prelude::*;
use interlock_simulation::trial::Trial;

use crate::Support;

#[test]
fn the_set_offers_its_tools() {
    Trial::<Support>::new().offers(&["create_ticket", "refund"]);
}

#[test]
fn tickets_and_refunds_are_numbered() {
    let set = Trial::<Support>::new();
    let ticket = set.answer("create_ticket", json!({"customer_id": "c1", "subject": "Broken"}));
    assert_eq!((&ticket["ticket_id"], &ticket["customer_id"]), (&json!("ticket-1"), &json!("c1")));
    set.answer("refund", json!({"customer_id": "c1", "amount": 5}));
    let refund = set.answer("refund", json!({"customer_id": "c1", "amount": 5.5}));
    assert_eq!((&refund["refund_id"], &refund["amount"]), (&json!("refund-2"), &json!(5.5)));
}

#[test]
fn bad_arguments_are_named() {
    let set = Trial::<Support>::new();
    assert!(set.complaint("create_ticket", json!({"customer_id": "c1"})).contains("`subject`"));
    assert!(set.complaint("refund", json!({"customer_id": "", "amount": 1})).contains("/customer_id"));
    assert!(set.complaint("refund", json!({"customer_id": "c1", "amount": 0})).contains("/amount"));
}
