//! Checks, payments, refunds, and what becomes of bad arguments.

use interlock_plugin::prelude::*;
use interlock_simulation::trial::Trial;

use crate::Payments;

#[test]
fn the_set_offers_its_tools() {
    Trial::<Payments>::new().offers(&["fraud_check", "process_payment", "refund_payment"]);
}

#[test]
fn small_payments_look_good_and_large_or_stolen_ones_do_not() {
    let set = Trial::<Payments>::new();
    let check = |id: &str, amount: &Value| set.answer("fraud_check", json!({"payment_id": id, "amount": amount}));
    for (id, amount, approved) in [
        ("p1", json!(100), true),
        ("p1", json!(10_000), true),
        ("p1", json!(10_000.5), false),
        ("stolen-card", json!(1), false),
        ("FRAUD", json!(1e300), false),
    ] {
        let risk = check(id, &amount);
        assert_eq!(risk["approved"], approved, "{risk}");
        assert_eq!(risk["reasons"].as_array().map(Vec::is_empty), Some(approved), "{risk}");
        assert!(risk["risk_score"].as_u64().is_some_and(|score| score <= 100), "{risk}");
        assert_eq!(check(id, &amount), risk, "the same payment has the same score");
    }
}

#[test]
fn the_same_payment_pays_once() {
    let set = Trial::<Payments>::new();
    let payment = json!({"payment_id": "p1", "amount": 12.5, "to": "Ada"});
    let first = set.answer("process_payment", payment.clone());
    assert_eq!((&first["status"], &first["amount"]), (&json!("processed"), &json!(12.5)));
    assert_eq!(set.answer_after(5, "process_payment", payment), first);
    let other = set.complaint("process_payment", json!({"payment_id": "p1", "amount": 13, "to": "Ada"}));
    assert!(other.contains("/payment_id: payment `p1` was made already"), "{other}");
}

#[test]
fn a_refund_needs_a_payment_and_happens_once() {
    let set = Trial::<Payments>::new();
    let refund = json!({"payment_id": "p1"});
    assert!(set.complaint("refund_payment", refund.clone()).contains("/payment_id: payment `p1` does not exist"));
    let payment = json!({"payment_id": "p1", "amount": 5, "to": "Ada"});
    set.answer("process_payment", payment.clone());
    let refunded = set.answer("refund_payment", refund.clone());
    assert_eq!((&refunded["status"], &refunded["amount"]), (&json!("refunded"), &json!(5)));
    assert!(set.complaint("refund_payment", refund).contains("was refunded already"));
    assert!(set.complaint("process_payment", payment).contains("/payment_id"));
}

#[test]
fn bad_arguments_are_named() {
    let set = Trial::<Payments>::new();
    for amount in [json!(0), json!(-1), json!("12"), json!(null)] {
        let text = set.complaint("fraud_check", json!({"payment_id": "p1", "amount": amount}));
        assert!(text.contains("/amount"), "{text}");
    }
    let missing = set.complaint("process_payment", json!({"payment_id": "", "amount": 1}));
    assert!(missing.contains("/payment_id") && missing.contains("`to`"), "{missing}");
}
