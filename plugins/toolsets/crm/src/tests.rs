//! Customers, tickets, changes of status, messages, incidents; the data they stand on; and what becomes of bad arguments.

use std::collections::BTreeSet;

use interlock_plugin::prelude::*;
use interlock_plugin::testing::Shelf;
use interlock_simulation::trial::Trial;

use crate::{Crm, incidents::SERVICES, roster::ROSTER};

#[test]
fn the_set_offers_its_tools_and_says_rightly_what_they_do() {
    Trial::<Crm>::new().offers(&[
        "search_customer",
        "create_ticket",
        "update_customer_status",
        "send_message",
        "get_incident_impact",
    ]);
    let set: Crm = Shelf::configure(&json!({})).unwrap_or_else(|problems| panic!("{problems:?}"));
    let hints: Vec<_> = set.tools().iter().map(|tool| tool.definition().hints.join(" ")).collect();
    assert_eq!(
        hints,
        ["read_only idempotent", "", "destructive idempotent", "open_world", "read_only idempotent"],
        "two tickets are two, and two messages"
    );
}

#[test]
fn the_data_hang_together_and_reach_nobody() {
    let services: BTreeSet<_> = SERVICES.iter().map(|service| service.id).collect();
    let mut seen = BTreeSet::new();
    for service in SERVICES {
        assert!(service.needs.iter().all(|need| seen.contains(need)), "{}: each after what it needs", service.id);
        assert!(seen.insert(service.id), "{}", service.id);
    }
    assert!(ROSTER.len() >= 20 && ROSTER.is_sorted_by(|left, right| left.id < right.id));
    for entry in ROSTER {
        assert!(entry.email.ends_with(".example.com"), "{}", entry.email);
        assert!(!entry.services.is_empty() && entry.services.iter().all(|id| services.contains(id)), "{}", entry.id);
    }
}

#[test]
fn a_customer_is_found_by_what_they_are_known_by_whatever_the_case() {
    let set = Trial::<Crm>::new();
    let found = |query: &str| -> Vec<String> {
        let found = set.answer("search_customer", json!({ "query": query }));
        let ids = found["customers"].as_array().unwrap().iter().map(|one| one["customer_id"].as_str().unwrap());
        ids.map(str::to_owned).collect()
    };
    for (query, ids) in [
        ("c-1007", &["C-1007"][..]),
        ("GRÜN", &["C-1003"]),
        ("ops@kestrel.example.com", &["C-1012"]),
        ("meera", &["C-1020"]),
        ("past_due", &["C-1004", "C-1011"]),
        (" suspended  bikes ", &["C-1015"]),
        ("enterprise clinic", &["C-1019"]),
        ("bikes enterprise", &[]),
    ] {
        assert_eq!(found(query), ids, "{query}");
    }
    let acorn = set.answer("search_customer", json!({"query": "acorn"}))["customers"][0].clone();
    assert_eq!(
        acorn,
        json!({
            "customer_id": "C-1001", "name": "Acorn Analytics", "contact": "Priya Nair",
            "email": "priya@acorn.example.com", "plan": "enterprise", "status": "active",
            "services": ["api", "reports", "web-app"], "tickets": 0,
        })
    );
}

#[test]
fn a_search_shows_a_few_and_counts_them_all() {
    let set = Trial::<Crm>::new();
    let search = |arguments: Value| {
        let found = set.answer("search_customer", arguments);
        let shown = found["customers"].as_array().unwrap();
        (shown.len(), found["total"].clone(), shown[0]["customer_id"].clone())
    };
    assert_eq!(search(json!({"query": "example.com"})), (10, json!(22), json!("C-1001")));
    assert_eq!(search(json!({"query": "example.com", "limit": 1})), (1, json!(22), json!("C-1001")));
    assert!(
        set.complaint("search_customer", json!({"query": "a", "limit": 21})).contains("/limit: must be at most 20")
    );
    assert!(set.complaint("search_customer", json!({"query": "  "})).contains("/query: must not be blank"));
}

#[test]
fn two_calls_make_two_tickets_and_the_customer_counts_them() {
    let set = Trial::<Crm>::new();
    let ticket = json!({"customer_id": "C-1007", "subject": "Webhooks stopped"});
    let first = set.answer("create_ticket", ticket.clone());
    assert_eq!(
        (&first["ticket_id"], &first["priority"], &first["status"], &first["opened_by"]),
        (&json!("ticket-1"), &json!("normal"), &json!("open"), &json!("local"))
    );
    assert_eq!(set.answer("create_ticket", ticket)["ticket_id"], "ticket-2");
    let urgent = json!({
        "customer_id": "C-1008", "subject": "Nobody can sign in", "description": "Since nine.",
        "priority": "urgent", "incident_id": "INC-301",
    });
    let third = set.answer("create_ticket", urgent);
    assert_eq!((&third["incident_id"], &third["priority"]), (&json!("INC-301"), &json!("urgent")));
    let tickets = |id: &str| set.answer("search_customer", json!({ "query": id }))["customers"][0]["tickets"].clone();
    assert_eq!((tickets("C-1007"), tickets("C-1008"), tickets("C-1009")), (json!(2), json!(1), json!(0)));
}

#[test]
fn a_status_changes_where_it_may_and_what_was_changed_is_seen_everywhere() {
    let set = Trial::<Crm>::new();
    let update = |status: &str| {
        let reason = format!("to {status}");
        let told = json!({"customer_id": "C-1001", "status": status, "reason": reason});
        let changed = set.answer("update_customer_status", told);
        (changed["old_status"].clone(), changed["new_status"].clone(), changed["changed"].clone())
    };
    assert_eq!(update("suspended"), (json!("active"), json!("suspended"), json!(true)));
    assert_eq!(update("suspended"), (json!("suspended"), json!("suspended"), json!(false)), "again, nothing happens");
    let found = set.answer("search_customer", json!({"query": "suspended acorn"}));
    assert_eq!(found["customers"][0]["status_reason"], "to suspended");
    let hit = || set.answer("get_incident_impact", json!({"incident_id": "INC-302"}))["total"].as_u64().unwrap();
    let suspended = hit();
    assert_eq!(update("active"), (json!("suspended"), json!("active"), json!(true)));
    assert_eq!(hit(), suspended + 1, "who is suspended uses nothing");
    assert_eq!(update("closed"), (json!("active"), json!("closed"), json!(true)));
    assert_eq!(hit(), suspended, "nor does who is closed");
    let text = set.complaint("update_customer_status", json!({"customer_id": "C-1001", "status": "active"}));
    assert!(text.contains("/status: customer `C-1001` is `closed`, which can become nothing, not `active`"), "{text}");
}

#[test]
fn only_these_changes_of_status_are_taken() {
    let all = ["trial", "active", "past_due", "suspended", "closed"];
    let customers = ["C-1010", "C-1001", "C-1004", "C-1015", "C-1021"];
    let allowed = ["TA..C", ".APSC", ".APSC", ".A.SC", "....C"];
    for ((customer, old), allowed) in customers.into_iter().zip(all).zip(allowed) {
        for (new, letter) in all.into_iter().zip(allowed.chars()) {
            let set = Trial::<Crm>::new();
            let update = json!({"customer_id": customer, "status": new});
            if letter == '.' {
                let text = set.complaint("update_customer_status", update);
                assert!(text.contains(&format!("`{customer}` is `{old}`")), "{text}");
            } else {
                let changed = set.answer("update_customer_status", update);
                assert_eq!((&changed["old_status"], &changed["new_status"]), (&json!(old), &json!(new)));
            }
        }
    }
}

#[test]
fn a_message_goes_to_a_channel_that_there_is_about_a_ticket_that_there_is() {
    let set = Trial::<Crm>::new();
    let about = json!({"channel": "#support", "message": "Look.", "ticket_id": "ticket-1"});
    assert!(set.complaint("send_message", about.clone()).contains("/ticket_id: there is no ticket `ticket-1`"));
    set.answer("create_ticket", json!({"customer_id": "C-1007", "subject": "Webhooks stopped"}));
    let sent = set.answer("send_message", about.clone());
    assert_eq!((&sent["message_id"], &sent["ticket_id"]), (&json!("message-1"), &json!("ticket-1")));
    assert_eq!(set.answer("send_message", about)["message_id"], "message-2");
    let text = set.complaint("send_message", json!({"channel": "#suport", "message": "Look."}));
    assert!(text.contains("/channel: `#suport` is not known: did you mean `#support`?"), "{text}");
}

#[test]
fn an_incident_hits_what_needs_what_fails_and_whom_that_serves() {
    let set = Trial::<Crm>::new();
    let impact = |id: &str| set.answer("get_incident_impact", json!({ "incident_id": id }));
    let of = |impact: &Value, list: &str, key: &str| -> Vec<Value> {
        impact[list].as_array().unwrap().iter().map(|one| one[key].clone()).collect()
    };
    let sign_in = impact("INC-301");
    assert_eq!(of(&sign_in, "services", "service_id"), ["sign-in", "api", "web-app", "webhooks"]);
    assert_eq!(of(&sign_in, "services", "because_of"), [json!([]), json!(["sign-in"]), json!(["api"]), json!(["api"])]);
    let ids = of(&sign_in, "customers", "customer_id");
    assert_eq!(sign_in["total"], ids.len());
    assert_eq!(ids[..3], ["C-1001", "C-1006", "C-1008"], "by plan, and then by id");
    assert!(ids.contains(&json!("C-1002")), "webhooks alone are hit through the API");
    assert!(!ids.contains(&json!("C-1011")), "who has mail only is not hit");
    assert!(!ids.contains(&json!("C-1018")), "nor who is suspended");
    assert!(!ids.contains(&json!("C-1021")), "nor who is closed");
    assert_eq!(sign_in["customers"][0]["services"], json!(["api", "web-app"]), "but not the reports");
    let mail = impact("INC-303");
    assert_eq!((of(&mail, "services", "service_id"), &mail["total"]), (vec![json!("mail")], &json!(6)));
    let nobody = impact("INC-305");
    assert_eq!((&nobody["total"], &nobody["customers"]), (&json!(0), &json!([])));
}

#[test]
fn what_does_not_exist_and_what_does_not_fit_is_named() {
    let set = Trial::<Crm>::new();
    for (tool, arguments, part) in [
        ("create_ticket", json!({"customer_id": "C-9", "subject": "x"}), "/customer_id: there is no customer `C-9`"),
        ("create_ticket", json!({"customer_id": "c-1001", "subject": "x"}), "there is no customer `c-1001`"),
        ("create_ticket", json!({"customer_id": "C-1001", "subject": " "}), "/subject: must not be blank"),
        ("create_ticket", json!({"customer_id": "C-1001"}), "`subject` is missing"),
        ("create_ticket", json!({"customer_id": "C-1001", "subject": "x", "priority": "now"}), "/priority"),
        (
            "create_ticket",
            json!({"customer_id": "C-1001", "subject": "x", "incident_id": "INC-1"}),
            "/incident_id: there is no incident `INC-1`, only INC-301",
        ),
        ("update_customer_status", json!({"customer_id": "C-9", "status": "active"}), "there is no customer `C-9`"),
        ("update_customer_status", json!({"customer_id": "C-1001", "status": "paused"}), "/status: `paused`"),
        ("send_message", json!({"channel": "#support", "message": "\n"}), "/message: must not be blank"),
        ("get_incident_impact", json!({"incident_id": "INC-1"}), "/incident_id: there is no incident `INC-1`"),
        ("get_incident_impact", json!({"id": "INC-301"}), "incident_id"),
    ] {
        let text = set.complaint(tool, arguments);
        assert!(text.contains(part), "{tool}: {text}");
    }
    set.answer("create_ticket", json!({"customer_id": "C-1001", "subject": "the first"}));
    let found = set.answer("search_customer", json!({"query": "C-1001"}));
    assert_eq!(found["customers"][0]["tickets"], 1, "what failed made none");
}
