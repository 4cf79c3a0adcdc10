//! A clock that is set back: what has happened stays before what happens now.

use std::time::Duration;

use interlock::{
    clock::{Clock, Timestamp},
    journal::Verified,
};
use serde_json::json;

use super::world::{House, World, policy};

const HOUR: u64 = 3_600_000;

fn world() -> World {
    let used_up = json!({"rules": [{"tools": ["shop/pay"], "after": [{"tool": "shop/check", "consume": true}]}]});
    let limit = json!({"limits": [{"tools": ["shop/look"], "max_calls": 2, "per_seconds": 60}]});
    World::with(json!([
        policy("paid-once", "sequence", used_up, json!({"scope": "global"})),
        policy("slowly", "rate-limit", limit, json!({"scope": "global"})),
    ]))
}

fn an_hour_back(world: &World) {
    back(world, HOUR);
}

fn back(world: &World, ms: u64) {
    world.clock.set(Timestamp(world.clock.now().0 - ms));
}

async fn assert_in_order(house: &House) {
    let events = house.events("*").await;
    assert!(events.len() > 4);
    assert!(events.is_sorted_by_key(|event| event.at), "an event is dated before the one before it");
    assert!(matches!(house.journal.verify().await.unwrap(), Verified::Whole { .. }));
}

#[tokio::test]
async fn a_prerequisite_is_used_up_once_though_the_clock_is_set_back_in_between() {
    let world = world();
    let house = world.house().await;
    assert_eq!(house.call("check", json!({})).await, ["ok"]);
    an_hour_back(&world);
    assert_eq!(house.call("pay", json!({})).await, ["ok"]);
    assert_eq!(house.call("pay", json!({})).await, ["sequence_unmet"]);
    // So it is for a process that has never known another time.
    let later = world.house().await;
    assert_eq!(later.call("pay", json!({})).await, ["sequence_unmet"]);
    assert_eq!(later.call("check", json!({})).await, ["ok"]);
    assert_eq!(later.call("pay", json!({})).await, ["ok"]);
    assert_eq!(house.call("pay", json!({})).await, ["sequence_unmet"]);
    assert_in_order(&later).await;
}

#[tokio::test]
async fn a_rate_is_kept_though_the_clock_is_set_back_and_calls_go_on_when_time_does() {
    let world = world();
    let house = world.house().await;
    assert_eq!(house.call("look", json!({})).await, ["ok"]);
    an_hour_back(&world);
    assert_eq!(house.call("look", json!({})).await, ["ok"]);
    assert_eq!(house.call("look", json!({})).await, ["rate_exceeded"]);
    world.clock.advance(Duration::from_millis(HOUR + 61_000));
    assert_eq!(house.call("look", json!({})).await, ["ok"]);
    assert_in_order(&house).await;
}

#[tokio::test]
async fn a_clock_that_was_far_ahead_and_is_put_right_is_not_waited_for() {
    let world = world();
    let house = world.house().await;
    let years = 70 * 365 * 24 * HOUR;
    world.clock.advance(Duration::from_millis(years));
    assert_eq!(house.call("check", json!({})).await, ["ok"]);
    back(&world, years);
    for _ in 0..2 {
        assert_eq!(house.call("look", json!({})).await, ["ok"]);
    }
    assert_eq!(house.call("look", json!({})).await, ["rate_exceeded"]);
    world.clock.advance(Duration::from_secs(61));
    assert_eq!(house.call("look", json!({})).await, ["ok"]);
    assert!(matches!(house.journal.verify().await.unwrap(), Verified::Whole { .. }));
}
