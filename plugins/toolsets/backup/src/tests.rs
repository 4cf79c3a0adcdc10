//! That backups are remembered, and what becomes of bad arguments.

use interlock_plugin::prelude::*;
use interlock_simulation::trial::Trial;

use crate::Backups;

#[test]
fn the_set_offers_its_tools() {
    Trial::<Backups>::new().offers(&["create_backup", "list_backups"]);
}

#[test]
fn what_was_backed_up_is_listed_newest_first() {
    let set = Trial::<Backups>::new();
    assert_eq!(set.answer("list_backups", json!({})), json!({"total": 0, "backups": []}));
    let first = set.answer("create_backup", json!({"name": "nightly", "data": {"a": 1}}));
    assert_eq!((&first["backup_id"], &first["bytes"]), (&json!("backup-1"), &json!(7)));
    let second = set.answer("create_backup", json!({"name": "nightly", "data": {"a": 2}}));
    assert_ne!(first["checksum"], second["checksum"]);
    assert_eq!(set.answer("list_backups", json!({})), json!({"total": 2, "backups": [second, first]}));
}

#[test]
fn bad_arguments_are_named_and_back_nothing_up() {
    let set = Trial::<Backups>::new();
    assert!(set.complaint("create_backup", json!({"name": "", "data": 1})).contains("/name: must not be empty"));
    assert!(set.complaint("create_backup", json!({"name": "x"})).contains("`data`"));
    assert!(set.complaint("list_backups", json!({"all": true})).contains("/all"));
    assert_eq!(set.answer("list_backups", json!({}))["total"], 0);
}
