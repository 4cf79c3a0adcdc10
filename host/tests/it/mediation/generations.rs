//! Policies of two generations of the plugin interface in one set: each is spoken to in its own words.

use std::path::Path;

use interlock::{
    journal::kind,
    mediation::{Answer, CallRequest},
};
use serde_json::{Value, json};

use super::world::{World, policy, request, told};
use crate::plugins;

/// A component that was built for 0.1.0, and one of a draft.
fn of_two_generations() -> Value {
    let first = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/abi/0.1.0/sequence.wasm");
    let rules = json!({"rules": [{"tools": ["shop/pay"], "after": ["shop/check"]}]});
    let draft = plugins::draft("beside");
    json!([
        policy("check-first", first.to_str().unwrap(), rules, json!({})),
        policy("nothing-unknown", draft.to_str().unwrap(), json!({"known": ["priority"]}), json!({})),
    ])
}

fn pay(beside: Value) -> CallRequest {
    CallRequest { beside: beside.as_object().unwrap().clone(), ..request("pay", json!({"amount": 5})) }
}

#[tokio::test]
async fn two_generations_judge_one_call_side_by_side() {
    let world = World::with(of_two_generations());
    let house = world.house().await;
    let answer = house.send(pay(json!({"urgent": true}))).await;
    assert_eq!(told(&answer), ["sequence_unmet", "parameter_unknown"]);
    assert_eq!(told(&house.send(pay(json!({"priority": 1}))).await), ["sequence_unmet"]);
    assert_eq!(house.call("check", json!({})).await, ["ok"]);
    assert_eq!(told(&house.send(pay(json!({"priority": 1}))).await), ["ok"]);
    // What stands behind the imports is the same for both: the arguments, and what has happened.
    let Answer::Refused { refused, .. } = house.send(pay(json!({"urgent": true}))).await else {
        panic!("it went through")
    };
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].refusal.reason, "`urgent` is not known (amount 5, 1 earlier).");
    assert_eq!(house.events(kind::CALL_REFUSED).await.len(), 3);
    assert_eq!(world.shop.sent().len(), 2);
}
