//! Bad guests on the call path: each refuses its own calls and no others, and the journal tells what each of them did.

use std::time::Duration;

use interlock::{
    approvals::{Reply, State},
    downstream::ToolServer,
    journal::{Event, kind},
    mediation::Answer,
};
use serde_json::{Value, json};

use super::world::{House, World, in_the_end, line, policy, request, told};

/// Guards one tool with a bad guest that does what calls tell it to.
fn bad(name: &str, component: &str, tool: &str, more: Value) -> Value {
    let mut keys = json!({"match": {"tools": [tool]}});
    keys.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    policy(name, component, json!({}), keys)
}

/// What one policy has done about one call, as the journal has it.
fn judged<'a>(event: &'a Event, policy: &str) -> &'a Value {
    let all = event.body["policies"].as_array().unwrap();
    all.iter().find(|judged| judged["policy"] == policy).unwrap_or_else(|| panic!("{policy} is not in {all:?}"))
}

fn short() -> Value {
    json!({"limits": {"time_ms": 50}})
}

#[tokio::test]
async fn every_misdeed_refuses_its_own_call_with_its_own_code_and_the_house_serves_on() {
    let world = World::with(json!([
        bad("patient", "misbehaves", "shop/pay", json!({})),
        bad("hasty", "misbehaves", "shop/slow_pay", short()),
    ]));
    let house = world.house().await;
    for (tool, how, code) in [
        ("slow_pay", "spin", "policy_timeout"),
        ("slow_pay", "spin_in_host_calls", "policy_timeout"),
        ("slow_pay", "spin_in_arguments", "policy_timeout"),
        ("pay", "hoard", "policy_memory"),
        ("pay", "panic", "policy_fault"),
        ("pay", "long_panic", "policy_fault"),
        ("pay", "recurse", "policy_fault"),
        ("pay", "flood_log_and_panic", "policy_fault"),
        ("pay", "megabytes", "policy_fault"),
        ("pay", "long_code", "policy_fault"),
        ("pay", "long_unlock", "policy_fault"),
        ("pay", "deep_details", "policy_fault"),
        ("pay", "long_details", "policy_fault"),
        ("pay", "ask_everyone", "policy_fault"),
        ("pay", "hold_for_all", "policy_fault"),
        ("pay", "long_report", "policy_fault"),
        ("pay", "many_questions", "policy_fault"),
        ("pay", "long_question", "policy_fault"),
        ("pay", "wide_question", "policy_fault"),
        ("pay", "bad_question", "policy_fault"),
        ("pay", "long_reason", "told_to"),
        ("pay", "far_unlock", "told_to"),
    ] {
        let answer = house.send(request(tool, json!({ "how": how }))).await;
        assert_eq!(told(&answer), [code], "{how}");
        let Answer::Refused { result, .. } = answer else { unreachable!() };
        assert!(result.to_string().len() < 16 << 10, "{how}: the caller is told too much");
        assert_eq!(house.call("look", json!({})).await, ["ok"], "after {how}");
    }
    assert_eq!(house.call("pay", json!({"how": "allow"})).await, ["ok"]);
    let sent = world.shop.sent();
    assert_eq!(sent.iter().filter(|(tool, _)| tool != "look").count(), 1, "{sent:?}");
    for event in house.events(kind::CALL_REFUSED).await {
        assert!(event.body.to_string().len() < 32 << 10, "the journal is told too much");
    }
}

#[tokio::test]
async fn a_policy_that_asks_history_for_nonsense_or_for_everything_gets_what_there_is() {
    let world = World::with(json!([bad("curious", "misbehaves", "shop/pay", json!({}))]));
    let house = world.house().await;
    for nth in 0..260 {
        let looked = json!({"text": "twelve", "amount": {"is": nth}, "/": nth.to_string(), "'": null});
        assert_eq!(house.call("look", looked).await, ["ok"]);
    }
    for how in ["odd_questions", "greedy_questions", "odd_questions"] {
        assert_eq!(house.call("pay", json!({ "how": how })).await, ["ok"], "{how}");
    }
    // Another process, which has to load all that first.
    let other = world.house().await;
    for how in ["greedy_questions", "odd_questions"] {
        assert_eq!(other.call("pay", json!({ "how": how })).await, ["ok"], "{how}");
    }
}

#[tokio::test]
async fn faults_that_are_to_let_calls_through_do_and_each_of_them_is_in_the_journal() {
    let open = json!({"on_fault": "allow"});
    let mut hasty = short();
    hasty["on_fault"] = json!("allow");
    let world = World::with(json!([
        bad("rewriter", "recites", "shop/**", open.clone()),
        bad("patient", "misbehaves", "shop/pay", open),
        bad("hasty", "misbehaves", "shop/check", hasty),
    ]));
    let house = world.house().await;
    let hows = ["panic", "hoard", "recurse", "bad_code", "megabytes", "report", "many_questions"];
    for how in hows {
        assert_eq!(house.call("pay", json!({ "how": how })).await, ["ok"], "{how}");
    }
    assert_eq!(house.call("check", json!({"how": "spin"})).await, ["ok"]);
    assert_eq!(house.call("look", json!({"told": {"rewrite": "[]"}})).await, ["ok"]);
    assert_eq!(house.call("look", json!({"told": {"redact": "[]"}})).await, ["ok"]);
    let admitted = house.events(kind::CALL_ADMITTED).await;
    let failed: Vec<_> = admitted
        .iter()
        .flat_map(|event| event.body["policies"].as_array().unwrap())
        .filter(|judged| judged["fault"].is_string())
        .map(|judged| (judged["policy"].as_str().unwrap(), judged["verdict"].as_str().unwrap()))
        .collect();
    let mut expected = vec![("patient", "allow"); hows.len()];
    expected.extend([("hasty", "allow"), ("rewriter", "allow")]);
    assert_eq!(failed, expected);
    let reviewed = house.events(kind::CALL_REVIEWED).await;
    assert_eq!(reviewed.len(), 1);
    let review = judged(&reviewed[0], "rewriter");
    assert_eq!((&review["verdict"], review["fault"].is_string()), (&json!("pass"), true));
}

#[tokio::test]
async fn what_a_bad_reviewer_or_transformer_says_reaches_nobody() {
    let world = World::with(json!([bad("recites", "recites", "shop/**", json!({}))]));
    let house = world.house().await;
    for misdeed in ["panic", "hoard", "recurse"] {
        let code = if misdeed == "hoard" { "policy_memory" } else { "policy_fault" };
        assert_eq!(house.call("pay", json!({"told": {"misdeed": misdeed}})).await, [code]);
    }
    for text in ["", "[]", "{\"content\": ", "{}", "{\"content\": [], \"isError\": 1}"] {
        let answer = house.send(request("look", json!({"told": {"redact": text}}))).await;
        assert_eq!(told(&answer), ["policy_fault"], "{text}");
        assert!(!format!("{answer:?}").contains("s3cret"), "{answer:?}");
    }
    assert_eq!(house.call("look", json!({"told": {"withhold": "{\"half\": "}})).await, ["policy_fault"]);
    assert_eq!(world.shop.sent().iter().filter(|(tool, _)| tool == "pay").count(), 0);
    assert_eq!(house.outcomes().await, ["succeeded"; 6]);
}

#[tokio::test]
async fn a_policy_that_asks_again_after_its_question_was_answered_is_a_fault_and_uses_no_yes_up() {
    let world = World::with(json!([bad("nagging", "misbehaves", "shop/pay", json!({}))]));
    let house = world.house().await;
    let pay = || json!({"how": "ask"});
    assert_eq!(house.call("pay", pay()).await, ["approval_pending"]);
    let asked = house.mediator.approvals().list().await.unwrap().remove(0);
    house.mediator.approvals().answer(&asked.id, Reply::desk("olga", true)).await.unwrap();
    for _ in 0..2 {
        assert_eq!(house.call("pay", pay()).await, ["policy_fault"]);
    }
    let still = house.mediator.approvals().list().await.unwrap().remove(0);
    assert_eq!((still.id.as_str(), still.state(house.mediator.approvals().now())), (asked.id.as_str(), State::Granted));
    assert_eq!((world.shop.sent(), house.events(kind::APPROVAL_SPENT).await), (vec![], vec![]));
}

#[tokio::test]
async fn a_policy_that_holds_for_ever_holds_only_as_long_as_its_client_stays() {
    let world = World::with(json!([bad("holds", "misbehaves", "shop/pay", json!({}))]))
        .holding_open(Duration::ZERO, Duration::from_millis(2));
    let house = world.house().await;
    let (link, mut client) = line();
    let held = house.mediator.call(request("pay", json!({"how": "hold"})), link);
    let leaves = async {
        in_the_end(client.messages.recv()).await.unwrap();
        assert_eq!(house.call("look", json!({})).await, ["ok"], "others are served");
        client.cancel.cancel();
    };
    let (answer, ()) = tokio::join!(held, leaves);
    assert_eq!(told(&answer), ["cancelled"]);
}

#[tokio::test]
async fn rules_without_end_do_not_keep_the_tools_from_being_listed() {
    let rules = |name: &str, how: &str, more: Value| policy(name, "misbehaves", json!({ "how": how }), more);
    let world = World::with(json!([
        rules("long", "long_rules", json!({})),
        rules("many", "many_rules", json!({})),
        rules("spins", "spin_in_rules", json!({"limits": {"time_ms": 20}, "match": {"tools": ["shop/pay"]}})),
    ]));
    let house: House = world.house().await;
    let tools = house.mediator.tools().await;
    assert_eq!(tools.len(), world.shop.offers().tools.len());
    for tool in tools {
        let description = tool["description"].as_str().unwrap();
        assert_eq!(description.len(), 2 * 512 + 8 * 8 + 9, "{description}");
    }
}

#[tokio::test]
async fn sums_that_are_no_numbers_any_more_make_room_for_nothing() {
    let limit = json!({"limits": [{"tools": ["shop/*"], "sum_of": "/amount", "max_sum": 100, "per_seconds": 3600}]});
    let guarded = json!({"match": {"tools": ["shop/pay"]}});
    let world = World::with(json!([policy("limit", "rate-limit", limit, guarded)]));
    let house = world.house().await;
    for amount in [json!(1e308), json!(1e308), json!(-1e308), json!(-1e308)] {
        assert_eq!(house.call("look", json!({ "amount": amount })).await, ["ok"]);
    }
    assert_eq!(house.call("pay", json!({"amount": 5})).await, ["rate_exceeded"]);
    for amount in [json!(-5), json!("5"), json!(null), json!([5])] {
        assert_eq!(house.call("pay", json!({ "amount": amount })).await, ["rate_exceeded"]);
    }
}
