//! Calls that people are asked about together: one answer, all or none, and each spent on its own.

use std::time::Duration;

use interlock::{
    approvals::{ApprovalsError, Matter, Reply, State},
    call::Batch,
    journal::kind,
    mediation::CallRequest,
};
use serde_json::json;

use super::world::{House, World, policy, request, told};

fn world() -> World {
    let rules = json!({"rules": [
        {"tools": ["shop/pay"], "expire_minutes": 30},
        {"tools": ["shop/look"], "expire_minutes": 10, "quorum": 2},
    ]});
    World::with(json!([policy("gate", "approval", rules, json!({}))]))
}

fn paying(amount: u32, size: u64) -> CallRequest {
    CallRequest { batch: Batch::new("salaries", size), ..request("pay", json!({"amount": amount})) }
}

fn looking(size: u64) -> CallRequest {
    CallRequest { batch: Batch::new("salaries", size), ..request("look", json!({})) }
}

async fn only(house: &House) -> Matter {
    let mut matters = house.mediator.approvals().matters().await.unwrap();
    assert_eq!(matters.len(), 1, "{matters:?}");
    matters.remove(0)
}

async fn send(house: &House, call: CallRequest) -> Vec<String> {
    told(&house.send(call).await)
}

#[tokio::test]
async fn a_no_is_to_the_call_whatever_others_it_is_made_with() {
    let world = world();
    let house = world.house().await;
    let approvals = house.mediator.approvals().clone();
    house.send(request("pay", json!({"amount": 1}))).await;
    let alone = approvals.list().await.unwrap().pop().unwrap().id;
    approvals.answer(&alone, Reply::desk("dana", false)).await.unwrap();
    for size in [1, 2] {
        assert_eq!(told(&house.send(paying(1, size)).await), ["approval_refused"], "in a batch of {size}");
    }
    assert_eq!(told(&house.send(paying(2, 1)).await), ["approval_pending"], "another call");
    let batch = approvals.matters().await.unwrap().pop().unwrap().id;
    approvals.answer(&batch, Reply::desk("dana", false)).await.unwrap();
    assert_eq!(told(&house.send(request("pay", json!({"amount": 2}))).await), ["approval_refused"]);
    // A yes to it in other company does not help, whether it was given before or after.
    let batches = [paying(3, 1), CallRequest { batch: Batch::new("bonuses", 1), ..paying(3, 1) }];
    for batch in &batches {
        assert_eq!(told(&house.send(batch.clone()).await), ["approval_pending"]);
    }
    let [.., first, second] = &approvals.matters().await.unwrap()[..] else { panic!() };
    approvals.answer(&first.id, Reply::desk("dana", true)).await.unwrap();
    approvals.answer(&second.id, Reply::desk("lena", false)).await.unwrap();
    for batch in batches {
        assert_eq!(told(&house.send(batch).await), ["approval_refused"]);
    }
    // As long as the question would have lasted.
    world.clock.advance(Duration::from_secs(24 * 3600));
    assert_eq!(told(&house.send(request("pay", json!({"amount": 2}))).await), ["approval_pending"]);
}

#[tokio::test]
async fn a_batch_is_answered_as_a_whole_and_only_when_all_its_calls_are_there() {
    let world = world();
    let houses = [world.house().await, world.house().await];
    let house = &houses[0];
    let approvals = house.mediator.approvals();
    for (nth, amount) in [1, 2].into_iter().enumerate() {
        assert_eq!(send(&houses[nth % 2], paying(amount, 3)).await, ["approval_pending"]);
        assert_eq!(send(&houses[nth % 2], paying(amount, 3)).await, ["approval_pending"], "the same call is the same");
    }
    let batch = only(house).await;
    assert_eq!((batch.approvals.len(), batch.is_whole(), batch.state(house.journal.now())), (2, false, State::Open));
    let early = approvals.answer(&batch.id, Reply::desk("olga", true)).await.unwrap_err();
    assert!(matches!(early, ApprovalsError::Incomplete { here: 2, size: 3, .. }), "{early}");

    assert_eq!(send(&houses[1], paying(3, 3)).await, ["approval_pending"]);
    let batch = only(house).await;
    let part = approvals.answer(&batch.approvals[1].id, Reply::desk("olga", true)).await.unwrap_err();
    assert!(matches!(part, ApprovalsError::InBatch { .. }), "{part}");
    let seen = Reply { seen: Some(batch.approvals[0].digest()), ..Reply::desk("olga", true) };
    let other = approvals.answer(&batch.id, seen).await.unwrap_err();
    assert!(matches!(other, ApprovalsError::NotWhatWasSeen { .. }), "{other}");
    assert_eq!(house.events(kind::APPROVAL_GRANTED).await, []);

    let seen = Reply { seen: Some(batch.digest()), ..Reply::desk("olga", true) };
    approvals.answer(&batch.id, seen).await.unwrap();
    let granted = house.events(kind::APPROVAL_GRANTED).await;
    let positions: Vec<u64> = granted.iter().map(|event| event.seq.0 - granted[0].seq.0).collect();
    assert_eq!(positions, [0, 1, 2], "in one commit");
    assert!(granted.iter().all(|event| event.body["seen"] == batch.digest()));
    assert_eq!(
        told(&house.send(request("pay", json!({"amount": 1}))).await),
        ["approval_pending"],
        "alone it is another"
    );
    for amount in [1, 2, 3] {
        assert_eq!(send(house, paying(amount, 3)).await, ["ok"]);
        assert_eq!(send(house, paying(amount, 3)).await, ["approval_pending"], "once each");
    }
    assert_eq!(world.shop.sent().len(), 3);
}

#[tokio::test]
async fn one_no_is_a_no_to_all() {
    let world = world();
    let house = world.house().await;
    for amount in [1, 2] {
        assert_eq!(send(&house, paying(amount, 2)).await, ["approval_pending"]);
    }
    house.mediator.approvals().answer(&only(&house).await.id, Reply::desk("olga", false)).await.unwrap();
    for amount in [1, 2] {
        assert_eq!(send(&house, paying(amount, 2)).await, ["approval_refused"]);
    }
    assert_eq!(world.shop.sent(), []);
}

#[tokio::test]
async fn all_wait_for_the_most_voices_that_one_needs_and_not_longer_than_the_shortest() {
    let world = world();
    let house = world.house().await;
    assert_eq!(send(&house, paying(1, 2)).await, ["approval_pending"]);
    assert_eq!(send(&house, looking(2)).await, ["approval_pending"]);
    let approvals = house.mediator.approvals();
    let batch = only(&house).await;
    approvals.answer(&batch.id, Reply::desk("olga", true)).await.unwrap();
    assert_eq!(send(&house, paying(1, 2)).await, ["approval_pending"], "all or none");
    approvals.answer(&batch.id, Reply::desk("oleg", true)).await.unwrap();
    assert_eq!(send(&house, paying(1, 2)).await, ["ok"]);
    assert_eq!(send(&house, looking(2)).await, ["ok"]);

    // The next of that name is another one, and ends when the first of its calls does.
    assert_eq!(send(&house, paying(1, 2)).await, ["approval_pending"]);
    assert_eq!(send(&house, looking(2)).await, ["approval_pending"]);
    let next = house.mediator.approvals().matters().await.unwrap().pop().unwrap();
    assert_ne!(next.id, batch.id);
    world.clock.advance(Duration::from_secs(601));
    let late = approvals.answer(&next.id, Reply::desk("olga", true)).await.unwrap_err();
    assert!(matches!(late, ApprovalsError::NotOpen { state: State::Expired, .. }), "{late}");
    assert_eq!(send(&house, paying(1, 2)).await, ["approval_expired"]);
}

#[tokio::test]
async fn a_batch_that_does_not_fill_up_expires_and_is_its_callers_and_sessions_alone() {
    let world = world();
    let house = world.house().await;
    assert_eq!(send(&house, paying(1, 2)).await, ["approval_pending"]);
    let elsewhere = CallRequest { session: "another".to_owned(), ..paying(2, 2) };
    assert_eq!(send(&house, elsewhere).await, ["approval_pending"]);
    let mut theirs = paying(3, 2);
    theirs.caller.principal = "mallory".to_owned();
    assert_eq!(send(&house, theirs).await, ["approval_pending"]);
    let matters = house.mediator.approvals().matters().await.unwrap();
    assert_eq!(matters.iter().map(Matter::calls).collect::<Vec<_>>(), [1, 1, 1]);
    world.clock.advance(Duration::from_secs(1801));
    assert_eq!(send(&house, paying(1, 2)).await, ["approval_expired"]);
    assert_eq!(send(&house, paying(1, 2)).await, ["approval_pending"], "and it begins anew");
    assert_eq!(world.shop.sent(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_come_at_once_by_several_processes_come_into_one_batch() {
    let world = world();
    let houses = [std::sync::Arc::new(world.house().await), std::sync::Arc::new(world.house().await)];
    let calls: Vec<_> = (0..8)
        .map(|nth: u32| {
            let house = houses[nth as usize % 2].clone();
            tokio::spawn(async move { told(&house.send(paying(nth, 8)).await) })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), ["approval_pending"]);
    }
    let batch = only(&houses[0]).await;
    assert_eq!((batch.calls(), batch.is_whole()), (8, true));
}
