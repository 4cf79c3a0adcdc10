//! Many calls at once, in one process and in two over the same journal: no rule is passed by more than it allows.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, stream};
use interlock::{downstream::Link, journal::kind, mediation::Answer};
use serde_json::{Value, json};

use super::world::{House, World, in_the_end, line, policy, request, told};

fn one_at_a_time(otherwise: Value) -> Value {
    let mut group = json!({"tools": ["shop/slow_pay"], "at_most": 1});
    group.as_object_mut().unwrap().extend(otherwise.as_object().unwrap().clone());
    json!({"groups": [group]})
}

/// Makes so many calls at once, in turn by each of the houses, and counts what they are told.
async fn all_at_once(houses: &[Arc<House>], tool: &'static str, number: usize) -> (usize, Vec<String>) {
    let answers: Vec<Vec<String>> = stream::iter(0..number)
        .map(|nth| {
            let house = houses[nth % houses.len()].clone();
            async move { tokio::spawn(async move { house.call(tool, json!({"nth": nth})).await }).await.unwrap() }
        })
        .buffer_unordered(number)
        .collect()
        .await;
    let ok = answers.iter().filter(|told| **told == ["ok"]).count();
    (ok, answers.into_iter().flatten().filter(|told| told != "ok").collect())
}

async fn both_are_sent(world: &World, number: usize) {
    world.shop.until_sent(number).await;
}

/// Two calls at once, fifty times: each time the first to be refused tells that the other one runs.
async fn exactly_one_runs(world: &World, houses: &[Arc<House>]) {
    for round in 1..=50 {
        let calls = [0, 1].map(|nth| {
            let house = houses[nth % houses.len()].clone();
            tokio::spawn(async move { house.call("slow_pay", json!({"nth": nth})).await })
        });
        let [one, other] = calls;
        let (first, second) = tokio::select! {
            both = futures::future::select(one, other) => both.factor_first(),
            () = both_are_sent(world, round + 1) => panic!("both were sent"),
        };
        assert_eq!(first.unwrap(), ["exclusive_busy"]);
        world.shop.let_go(1);
        assert_eq!(second.await.unwrap(), ["ok"]);
        assert_eq!(world.shop.sent().len(), round);
    }
    assert_eq!(world.shop.most_at_once(), 1);
    assert_eq!(houses[0].outcomes().await, vec!["succeeded"; 50]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_calls_at_once_that_exclude_each_other_exactly_one_runs() {
    let world = World::with(json!([policy("one", "exclusive", one_at_a_time(json!({})), json!({}))]));
    let house = Arc::new(world.house().await);
    exactly_one_runs(&world, &[house]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_it_is_for_calls_by_two_processes_over_one_journal() {
    let global = json!({"scope": "global"});
    let world = World::with(json!([policy("one", "exclusive", one_at_a_time(json!({})), global)]));
    let houses = [Arc::new(world.house().await), Arc::new(world.house().await)];
    exactly_one_runs(&world, &houses).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_may_wait_for_each_other_run_one_after_the_other() {
    let holding = one_at_a_time(json!({"otherwise": {"hold_seconds": 300}}));
    let world = World::with(json!([policy("one", "exclusive", holding, json!({"scope": "global"}))]))
        .holding_open(Duration::ZERO, Duration::from_millis(2));
    let houses = [Arc::new(world.house().await), Arc::new(world.house().await)];
    let first = tokio::spawn(send(&houses[0], line().0));
    world.shop.until_sent(1).await;
    let mut waiting = Vec::new();
    for nth in 0..5 {
        let (link, mut client) = line();
        let call = tokio::spawn(send(&houses[nth % 2], link));
        // It says so itself that it waits.
        let beat = in_the_end(client.messages.recv()).await;
        assert!(format!("{beat:?}").contains("Waiting for another call to end."), "{beat:?}");
        waiting.push((call, client));
    }
    assert_eq!(world.shop.sent().len(), 1);
    world.shop.let_go(6);
    assert_eq!(told(&in_the_end(first).await.unwrap()), ["ok"]);
    for (call, _client) in waiting {
        assert_eq!(told(&in_the_end(call).await.unwrap()), ["ok"]);
    }
    assert_eq!(world.shop.most_at_once(), 1);
    assert_eq!(houses[1].outcomes().await.len(), 6);
}

/// A call that takes as long as the shop likes.
fn send(house: &Arc<House>, link: Link) -> impl Future<Output = Answer> + 'static {
    let house = house.clone();
    async move { house.mediator.call(request("slow_pay", json!({})), link).await }
}

#[tokio::test]
async fn who_goes_away_while_waiting_for_room_takes_none() {
    let holding = one_at_a_time(json!({"otherwise": {"hold_seconds": 300}}));
    let world = World::with(json!([policy("one", "exclusive", holding, json!({}))]))
        .holding_open(Duration::ZERO, Duration::from_millis(2));
    let house = Arc::new(world.house().await);
    let first = tokio::spawn(send(&house, line().0));
    world.shop.until_sent(1).await;
    let (link, mut client) = line();
    let second = tokio::spawn(send(&house, link));
    assert!(in_the_end(client.messages.recv()).await.is_some());
    client.cancel.cancel();
    assert_eq!(told(&in_the_end(second).await.unwrap()), ["cancelled"]);
    world.shop.let_go(1);
    assert_eq!(told(&in_the_end(first).await.unwrap()), ["ok"]);
    assert_eq!(house.outcomes().await, ["succeeded"]);
}

#[tokio::test]
async fn a_call_that_waits_in_vain_is_refused_with_what_it_waited_for() {
    let holding = one_at_a_time(json!({"otherwise": {"hold_seconds": 1}}));
    let world = World::with(json!([policy("one", "exclusive", holding, json!({}))]));
    let house = Arc::new(world.house().await);
    let first = tokio::spawn({
        let house = house.clone();
        async move { house.call("slow_pay", json!({})).await }
    });
    world.shop.until_sent(1).await;
    assert_eq!(house.call("slow_pay", json!({})).await, ["exclusive_busy"]);
    world.shop.let_go(1);
    assert_eq!(first.await.unwrap(), ["ok"]);
    assert_eq!(house.outcomes().await, ["succeeded"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_prerequisite_is_used_up_by_one_call_however_many_come_at_once() {
    let used_up = json!({"rules": [{"tools": ["shop/pay"], "after": [{"tool": "shop/check", "consume": true}]}]});
    let world = World::with(json!([policy("one-each", "sequence", used_up, json!({"scope": "global"}))]));
    let houses = [Arc::new(world.house().await), Arc::new(world.house().await)];
    for _ in 0..3 {
        assert_eq!(houses[0].call("check", json!({})).await, ["ok"]);
    }
    let (ok, others) = all_at_once(&houses, "pay", 12).await;
    assert_eq!((ok, others), (3, vec!["sequence_unmet".to_owned(); 9]));
    assert_eq!(houses[0].call("check", json!({})).await, ["ok"]);
    let (ok, _) = all_at_once(&houses, "pay", 4).await;
    assert_eq!(ok, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rate_limit_is_exact_when_everyone_comes_at_once() {
    let limit = json!({"limits": [{"tools": ["shop/pay"], "max_calls": 10, "per_seconds": 60}]});
    let world = World::with(json!([policy("slowly", "rate-limit", limit, json!({"scope": "global"}))]));
    let houses = [Arc::new(world.house().await), Arc::new(world.house().await)];
    let (ok, others) = all_at_once(&houses, "pay", 40).await;
    assert_eq!((ok, others), (10, vec!["rate_exceeded".to_owned(); 30]));
    world.clock.advance(Duration::from_secs(61));
    let (ok, _) = all_at_once(&houses, "pay", 11).await;
    assert_eq!(ok, 10);
    assert_eq!(world.shop.sent().len(), 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_disturb_each_other_all_get_through_in_the_end() {
    let ample = json!({"limits": [{"tools": ["**"], "max_calls": 1_000, "per_seconds": 60}]});
    let world = World::with(json!([policy("ample", "rate-limit", ample, json!({"scope": "global"}))]));
    let houses = [Arc::new(world.house().await), Arc::new(world.house().await)];
    let (ok, others) = all_at_once(&houses, "look", 200).await;
    assert_eq!((ok, others), (200, vec![]));
    assert_eq!(houses[0].outcomes().await.len(), 200);
    assert_eq!(world.shop.sent().len(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_whose_policy_is_slow_is_not_overtaken_for_ever_by_quick_ones() {
    let slow = json!({"match": {"tools": ["shop/pay"]}});
    let world = World::with(json!([policy("dawdles", "misbehaves", json!({"how": "dawdle"}), slow)]));
    let house = Arc::new(world.house().await);
    // Until it has happened once that it was overtaken, which a busy machine may put off.
    for _ in 0..100 {
        let before = house.events(kind::CALL_ADMITTED).await.len();
        let mut pay = tokio::spawn({
            let house = house.clone();
            async move { house.call("pay", json!({})).await }
        });
        // Each of these changes what the slow policy has looked at.
        let overtaking = async {
            for _ in 0..3_000 {
                assert_eq!(house.call("look", json!({})).await, ["ok"]);
            }
        };
        let told = tokio::select! {
            told = &mut pay => told.unwrap(),
            () = overtaking => panic!("it was overtaken 3,000 times"),
        };
        assert_eq!(told, ["ok"]);
        if house.events(kind::CALL_ADMITTED).await.len() > before + 4 {
            return;
        }
    }
    panic!("nothing ever overtook it, so this has shown nothing");
}
