//! The emergency stop: what it suspends, from when on, and until when.

use std::time::Duration;

use interlock::{
    approvals::Reply,
    call::Caller,
    journal::{Draft, body, kind},
    mediation::{Answer, CallRequest},
    stops::{Stops, StopsError},
};
use serde_json::json;

use super::world::{World, in_the_end, line, policy, request, told};

#[tokio::test]
async fn what_is_suspended_is_refused_in_every_process_until_it_is_lifted() {
    let world = World::with(json!([]));
    let (house, other) = (world.house().await, world.house().await);
    let stops = Stops::new(other.journal.clone());
    assert_eq!(house.call("pay", json!({})).await, ["ok"]);
    let stop = stops.order("olga", Some("shop/pay"), None, "Money is missing").await.unwrap();
    for process in [&house, &other, &world.house().await] {
        assert_eq!(process.call("pay", json!({})).await, ["suspended"]);
        assert_eq!(process.call("look", json!({})).await, ["ok"], "another tool");
    }
    let Answer::Refused { refused, result, .. } = house.send(request("pay", json!({}))).await else { panic!("it ran") };
    assert_eq!((refused[0].policy.as_str(), refused[0].refusal.unlocks.len()), ("interlock", 0));
    let text = result["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("suspended by an operator: Money is missing. "), "{text}");
    let explained = house.mediator.explain(request("pay", json!({}))).await.unwrap_err();
    assert_eq!(explained[0].refusal.code, "suspended");

    stops.lift("olga", std::slice::from_ref(&stop.id)).await.unwrap();
    assert_eq!(house.call("pay", json!({})).await, ["ok"]);
    assert!(matches!(stops.lift("olga", &[stop.id]).await, Err(StopsError::NotFound(_))));
    let events = house.events("stop.*").await;
    let told: Vec<_> = events.iter().map(|event| (event.kind.as_str(), event.actor.as_str())).collect();
    assert_eq!(told, [(kind::STOP_ORDERED, "olga"), (kind::STOP_LIFTED, "olga")]);
}

#[tokio::test]
async fn a_stop_is_of_whom_and_what_it_names() {
    let world = World::with(json!([]));
    let house = world.house().await;
    let stops = Stops::new(house.journal.clone());
    let by = |principal: &str, tool: &str| {
        let caller = Caller { principal: principal.to_owned(), roles: Vec::new(), client: None };
        CallRequest { caller, ..request(tool, json!({})) }
    };
    for (tools, principal, suspended) in [
        (None, None, [true, true, true]),
        (Some("shop/p*"), None, [true, false, true]),
        (None, Some("alice"), [true, true, false]),
        (None, Some("ALICE"), [true, true, false]),
        (Some("shop/pay"), Some("alice"), [true, false, false]),
        (Some("else/*"), None, [false, false, false]),
    ] {
        let stop = stops.order("olga", tools, principal, "Because.").await.unwrap();
        for ((principal, tool), suspended) in
            [("alice", "pay"), ("alice", "look"), ("bob", "pay")].into_iter().zip(suspended)
        {
            let expected = if suspended { "suspended" } else { "ok" };
            assert_eq!(told(&house.send(by(principal, tool)).await), [expected], "{stop:?}: {principal}, {tool}");
        }
        stops.lift("olga", &[stop.id]).await.unwrap();
    }
    for reason in ["", "  ", "a\u{7}b", &"x".repeat(501)] {
        assert!(matches!(stops.order("olga", None, None, reason).await, Err(StopsError::NoReason)), "{reason}");
    }
}

#[tokio::test]
async fn a_call_that_waits_when_the_stop_comes_is_not_sent_afterwards() {
    let rule = json!({"tools": ["shop/pay"]});
    let gate = policy("gate", "approval", json!({"rules": [rule]}), json!({}));
    let world = World::with(json!([gate])).holding_open(Duration::from_secs(600), Duration::from_secs(600));
    let house = world.house().await;
    let stops = Stops::new(house.journal.clone());
    let mediator = house.mediator.clone();
    let waiting = tokio::spawn(async move { mediator.call(request("pay", json!({})), line().0).await });
    let asked = house.until(kind::APPROVAL_ASKED, 1).await;
    stops.order("olga", None, None, "Nothing goes out.").await.unwrap();
    house.mediator.approvals().answer(&asked[0].subject, Reply::desk("dana", true)).await.unwrap();
    assert_eq!(told(&in_the_end(waiting).await.unwrap()), ["suspended"]);
    assert_eq!(world.shop.sent(), []);
    assert_eq!(house.events(kind::APPROVAL_SPENT).await.len(), 0, "the yes is still worth something");
}

/// The writer's turn is held until calls are judged; then the stop is written before them.
#[tokio::test]
async fn no_call_slips_through_between_its_judgement_and_its_admission() {
    let world = World::with(json!([]));
    let house = world.house().await;
    assert_eq!(house.call("pay", json!({})).await, ["ok"]);
    let turn = house.journal.turn().await.unwrap();
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let mediator = house.mediator.clone();
            tokio::spawn(async move { mediator.call(request("pay", json!({})), line().0).await })
        })
        .collect();
    // They have nothing to wait for but the turn.
    for _ in 0..10_000 {
        tokio::task::yield_now().await;
    }
    let ordered = body::StopOrdered { tools: None, principal: None, reason: "Enough.".to_owned() };
    turn.commit(vec![Draft::new("olga", kind::STOP_ORDERED, "stop", &ordered).unwrap()]).await.unwrap();
    for caller in callers {
        assert_eq!(told(&caller.await.unwrap()), ["suspended"]);
    }
    assert_eq!(world.shop.sent().len(), 1);
}
