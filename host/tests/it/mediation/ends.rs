//! How calls end: whatever happens to the client, the server or the journal, nothing is sent that is not recorded, and
//! everything that is admitted has one end.

use std::{sync::Arc, time::Duration};

use interlock::{
    journal::{Verified, kind},
    mediation::Answer,
};
use serde_json::json;

use super::world::{World, id, line, request, told};

#[tokio::test]
async fn every_end_of_a_call_is_in_the_journal_as_what_it_was() {
    let world = World::with(json!([]));
    let house = world.house().await;
    let mut all = Vec::new();
    for tool in ["look", "fail", "error", "lose", "away", "ask"] {
        all.extend(house.call(tool, json!({})).await);
    }
    assert_eq!(all, ["ok", "failed", "error -32050", "outcome_unknown", "server_unavailable", "input_required"]);
    let outcomes = house.outcomes().await;
    assert_eq!(outcomes, ["succeeded", "failed", "failed", "unknown", "cancelled", "input_required"]);
    assert!(matches!(house.journal.verify().await.unwrap(), Verified::Whole { .. }));
}

#[tokio::test]
async fn a_call_whose_client_goes_away_while_it_runs_ends_as_what_it_was() {
    let world = World::with(json!([]));
    let house = Arc::new(world.house().await);
    let call = tokio::spawn({
        let house = house.clone();
        async move { house.call("slow_pay", json!({})).await }
    });
    world.shop.until_sent(1).await;
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    world.shop.let_go(1);
    house.until(kind::CALL_FINISHED, 1).await;
    assert_eq!(house.outcomes().await, ["succeeded"]);
}

#[tokio::test]
async fn a_call_that_was_called_off_before_it_was_sent_is_told_in_the_journal_and_goes_nowhere() {
    let world = World::with(json!([]));
    let house = world.house().await;
    let (link, client) = line();
    client.cancel.cancel();
    assert_eq!(told(&house.mediator.call(request("pay", json!({})), link).await), ["cancelled"]);
    assert_eq!(world.shop.sent(), []);
    let kinds: Vec<_> = house.events("call.*").await.into_iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [kind::CALL_REFUSED]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_go_away_at_any_moment_leave_no_call_open() {
    let world = World::with(json!([]));
    let house = Arc::new(world.house().await);
    for nth in 0..300 {
        let call = tokio::spawn({
            let house = house.clone();
            async move { house.call("look", json!({"nth": nth})).await }
        });
        for _ in 0..nth % 60 {
            tokio::task::yield_now().await;
        }
        call.abort();
        drop(call.await);
    }
    // A call of its own comes after all of theirs.
    assert_eq!(house.call("check", json!({})).await, ["ok"]);
    let mut changes = house.journal.changes();
    loop {
        changes.borrow_and_update();
        house.journal.flush().await.unwrap();
        if house.journal.open_calls().is_empty() {
            break;
        }
        changes.changed().await.unwrap();
    }
    let outcomes = house.outcomes().await;
    let succeeded = outcomes.iter().filter(|outcome| *outcome == "succeeded").count();
    let cancelled = outcomes.iter().filter(|outcome| *outcome == "cancelled").count();
    assert_eq!(succeeded + cancelled, outcomes.len(), "{outcomes:?}");
    assert_eq!(succeeded, world.shop.sent().len(), "what was sent succeeded, and nothing else was");
}

#[tokio::test]
async fn without_a_journal_nothing_is_sent() {
    let world = World::with(json!([]));
    let house = world.house().await;
    assert!(house.journal.close(Duration::from_secs(20)).await);
    let refused = house.send(request("pay", json!({}))).await;
    assert_eq!(told(&refused), ["journal_unavailable"]);
    assert_eq!(world.shop.sent(), []);
}

#[tokio::test]
async fn a_journal_that_was_deleted_or_replaced_is_none() {
    let world = World::with(json!([]));
    let house = world.house().await;
    assert_eq!(house.call("look", json!({})).await, ["ok"]);
    house.journal.flush().await.unwrap();
    std::fs::rename(world.database(), world.folder.path().join("elsewhere.db")).unwrap();
    assert_eq!(house.call("pay", json!({})).await, ["journal_unavailable"]);
    assert_eq!(world.shop.sent().len(), 1);
    std::fs::rename(world.folder.path().join("elsewhere.db"), world.database()).unwrap();
    assert_eq!(house.call("pay", json!({})).await, ["ok"], "and it is one again when it is back");
    assert_eq!(house.outcomes().await.len(), 2);
}

#[tokio::test]
async fn an_answer_names_the_call_that_the_journal_knows() {
    let world = World::with(json!([]));
    let house = world.house().await;
    let answer = house.send(request("look", json!({}))).await;
    assert!(matches!(&answer, Answer::Result { .. }));
    assert_eq!(house.events(kind::CALL_ADMITTED).await[0].subject, id(&answer).as_str());
}
