//! That notifications are remembered, and what becomes of bad arguments.

use interlock_plugin::prelude::*;
use interlock_simulation::trial::Trial;

use crate::Notifications;

#[test]
fn the_set_offers_its_tools() {
    Trial::<Notifications>::new().offers(&["send_notification", "list_notifications"]);
}

#[test]
fn what_was_sent_is_listed_newest_first() {
    let set = Trial::<Notifications>::new();
    let first = set.answer("send_notification", json!({"channel": "ops", "message": "one"}));
    assert_eq!((&first["notification_id"], &first["status"]), (&json!("notification-1"), &json!("sent")));
    let second = set.answer("send_notification", json!({"channel": "ops", "message": "two"}));
    assert_eq!(set.answer("list_notifications", json!({})), json!({"total": 2, "notifications": [second, first]}));
}

#[test]
fn bad_arguments_are_named() {
    let set = Trial::<Notifications>::new();
    assert!(set.complaint("send_notification", json!({"channel": 7, "message": "x"})).contains("/channel"));
    assert!(set.complaint("send_notification", json!({"channel": "ops"})).contains("`message`"));
    let long = "x".repeat(4001);
    assert!(set.complaint("send_notification", json!({"channel": "ops", "message": long})).contains("/message"));
}
