//! Policies that change arguments before a call is judged, or its result before the caller sees it.

use interlock::{journal::kind, mediation::Answer};
use serde_json::{Value, json};

use super::world::{World, policy, request, told};

fn at_most(amount: u32) -> Value {
    json!({"rules": [{"tools": ["shop/pay"], "require": {"argument": "/amount", "op": "<=", "value": amount}}]})
}

#[tokio::test]
async fn rewritten_arguments_are_what_is_judged_and_sent_and_the_journal_keeps_both() {
    let world = World::with(json!([
        policy("small", "condition", at_most(50), json!({})),
        policy("doubles", "rewrites", json!({"set": {"amount": 100}}), json!({})),
        policy("caps", "rewrites", json!({"set": {"amount": 50}, "remove": "note"}), json!({})),
        policy("in-shadow", "rewrites", json!({"set": {"amount": 9999}}), json!({"mode": "shadow"})),
    ]));
    let house = world.house().await;
    assert_eq!(house.call("pay", json!({"amount": 500, "note": "x"})).await, ["ok"]);
    assert_eq!(world.shop.sent(), [("pay".to_owned(), json!({"amount": 50}))]);
    let admitted = &house.events(kind::CALL_ADMITTED).await[0].body;
    assert_eq!(admitted["arguments"], json!({"amount": 50}));
    assert_eq!(admitted["arguments_before"], json!({"amount": 500, "note": "x"}));
    let names: Vec<_> =
        admitted["policies"].as_array().unwrap().iter().map(|one| one["policy"].as_str().unwrap()).collect();
    assert_eq!(names, ["doubles", "caps", "in-shadow", "small"]);
}

#[tokio::test]
async fn a_call_that_no_policy_rewrites_is_kept_as_it_is() {
    let world = World::with(json!([policy("idle", "rewrites", json!({}), json!({}))]));
    let house = world.house().await;
    assert_eq!(house.call("pay", json!({"amount": 5})).await, ["ok"]);
    assert_eq!(house.events(kind::CALL_ADMITTED).await[0].body.get("arguments_before"), None);
}

#[tokio::test]
async fn what_cannot_be_rewritten_is_refused_unless_that_is_written_out() {
    for settings in [json!({"fault": true}), json!({"nonsense": true})] {
        let world = World::with(json!([policy("broken", "rewrites", settings.clone(), json!({}))]));
        let house = world.house().await;
        assert_eq!(house.call("pay", json!({})).await, ["policy_fault"]);
        let judged = &house.events(kind::CALL_REFUSED).await[0].body["policies"][0];
        assert_eq!((&judged["policy"], judged["fault"].is_string()), (&json!("broken"), true));

        let world = World::with(json!([policy("broken", "rewrites", settings, json!({"on_fault": "allow"}))]));
        let house = world.house().await;
        assert_eq!(house.call("pay", json!({"amount": 5})).await, ["ok"]);
        assert_eq!(world.shop.sent(), [("pay".to_owned(), json!({"amount": 5}))]);
        let judged = &house.events(kind::CALL_ADMITTED).await[0].body["policies"][0];
        assert_eq!((&judged["verdict"], judged["fault"].is_string()), (&json!("allow"), true));
    }
}

#[tokio::test]
async fn a_redacted_result_is_what_the_caller_sees_and_the_journal_tells_by_whom() {
    let world = World::with(json!([policy("hide", "reviews", json!({"redact": "/secret"}), json!({}))]));
    let house = world.house().await;
    let Answer::Result { result, .. } = house.send(request("look", json!({"a": 1}))).await else { panic!("no result") };
    assert!(!result.to_string().contains("s3cret"), "{result}");
    assert_eq!(result["structuredContent"], json!({"echo": {"a": 1}, "secret": "[redacted]"}));
    let reviewed = house.events(kind::CALL_REVIEWED).await;
    assert_eq!(
        (&reviewed[0].body["policies"][0]["policy"], &reviewed[0].body["policies"][0]["verdict"]),
        (&json!("hide"), &json!("redact"))
    );
    assert_eq!(house.outcomes().await, ["succeeded"]);
}

#[tokio::test]
async fn a_withheld_result_is_a_refusal_of_a_call_that_has_happened() {
    for (settings, code) in
        [(json!({"withhold": "Not for you."}), "withheld"), (json!({"fault": true}), "policy_fault")]
    {
        let world = World::with(json!([policy("censor", "reviews", settings, json!({}))]));
        let house = world.house().await;
        let answer = house.send(request("look", json!({}))).await;
        assert_eq!(told(&answer), [code]);
        assert!(!format!("{answer:?}").contains("s3cret"), "{answer:?}");
        assert_eq!(house.outcomes().await, ["succeeded"]);
        let reviewed = &house.events(kind::CALL_REVIEWED).await[0].body["policies"][0];
        assert_eq!((&reviewed["verdict"], &reviewed["code"]), (&json!("withhold"), &json!(code)));
    }
}

#[tokio::test]
async fn a_result_that_passes_leaves_no_trace_and_shadow_or_a_forgiven_fault_changes_nothing_but_is_told() {
    for (settings, more, verdict) in [
        (json!({}), json!({}), None),
        (json!({"withhold": "No."}), json!({"mode": "shadow"}), Some("withhold")),
        (json!({"fault": true}), json!({"on_fault": "allow"}), Some("pass")),
    ] {
        let world = World::with(json!([policy("reads", "reviews", settings, more)]));
        let house = world.house().await;
        let Answer::Result { result, .. } = house.send(request("look", json!({}))).await else { panic!("no result") };
        assert_eq!(result["structuredContent"]["secret"], "s3cret");
        let reviewed = house.events(kind::CALL_REVIEWED).await;
        let told = reviewed.first().map(|event| event.body["policies"][0]["verdict"].as_str().unwrap());
        assert_eq!(told, verdict);
    }
}
