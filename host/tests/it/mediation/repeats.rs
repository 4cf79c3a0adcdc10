//! Calls that are the same piece of work: it is done once, whoever asks again, and wherever.

use std::{sync::Arc, time::Duration};

use interlock::{
    approvals::Reply,
    call::{CallId, Caller, Outcome},
    clock::Timestamp,
    journal::{Draft, Verified, body, kind},
    mediation::{Answer, CallRequest, Derivation},
};
use interlock_glob::Glob;
use serde_json::{Value, json};

use super::world::{House, World, id, in_the_end, line, policy, request, told};

fn keyed(tool: &str, arguments: Value, key: &str) -> CallRequest {
    CallRequest { idempotency_key: Some(key.to_owned()), ..request(tool, arguments) }
}

/// Whether an answer is one that was given before.
fn replayed(answer: &Answer) -> bool {
    let mark = |result: &Value| result["_meta"]["interlock/replayed"] == true;
    match answer {
        Answer::Result { result, replayed, .. } => {
            assert_eq!(*replayed, mark(result), "{result}");
            *replayed
        }
        Answer::Error { replayed, .. } => *replayed,
        Answer::Refused { result, .. } => mark(result),
    }
}

#[tokio::test]
async fn what_is_asked_for_again_under_one_key_is_told_again_and_not_done_again() {
    let world = World::with(json!([]));
    let house = world.house().await;
    let first = house.send(keyed("pay", json!({"amount": 5}), "k")).await;
    assert!(told(&first) == ["ok"] && !replayed(&first), "{first:?}");
    let from_elsewhere = CallRequest { session: "t".to_owned(), ..keyed("pay", json!({"amount": 5}), "k") };
    for again in [keyed("pay", json!({"amount": 5}), "k"), from_elsewhere] {
        let again = house.send(again).await;
        assert!(replayed(&again));
        assert_eq!(id(&again), id(&first));
        let (Answer::Result { mut result, .. }, Answer::Result { result: before, .. }) = (again, &first) else {
            panic!()
        };
        result.as_object_mut().unwrap().remove("_meta");
        assert_eq!(result, *before);
    }
    assert_eq!(world.shop.sent().len(), 1);
    let events = house.events(kind::CALL_REPLAYED).await;
    assert_eq!(events.len(), 2);
    let first = id(&first).to_string();
    assert!(events.iter().all(|event| event.subject == first && event.body["idempotency"]["key"] == "k"), "{events:?}");
    assert!(matches!(house.journal.verify().await.unwrap(), Verified::Whole { .. }));
}

#[tokio::test]
async fn a_key_is_one_principals_for_one_tool_and_one_set_of_arguments() {
    let world = World::with(json!([]));
    let house = world.house().await;
    assert_eq!(told(&house.send(keyed("pay", json!({"amount": 5}), "k")).await), ["ok"]);
    assert_eq!(told(&house.send(keyed("pay", json!({"amount": 6}), "k")).await), ["idempotency_conflict"]);
    let beside = json!({"urgent": true}).as_object().unwrap().clone();
    let beside = CallRequest { beside, ..keyed("pay", json!({"amount": 5}), "k") };
    assert_eq!(told(&house.send(beside).await), ["idempotency_conflict"]);
    assert_eq!(world.shop.sent().len(), 1);
    let mallory = Caller { principal: "mallory".to_owned(), roles: Vec::new(), client: None };
    let hers = CallRequest { caller: mallory, ..keyed("pay", json!({"amount": 5}), "k") };
    for other in [hers, keyed("check", json!({"amount": 5}), "k"), keyed("pay", json!({"amount": 5}), "l")] {
        let answer = house.send(other).await;
        assert!(told(&answer) == ["ok"] && !replayed(&answer), "{answer:?}");
    }
    assert_eq!(world.shop.sent().len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_at_one_instant_in_two_processes_one_is_made_and_the_others_wait_for_its_answer() {
    let world = World::with(json!([]));
    let houses = [Arc::new(world.house().await), Arc::new(world.house().await)];
    let mut calls = Vec::new();
    for nth in 0..20 {
        let house: Arc<House> = houses[nth % 2].clone();
        calls.push(tokio::spawn(async move { house.send(keyed("slow_pay", json!({"amount": 5}), "k")).await }));
    }
    world.shop.until_sent(1).await;
    // Whoever were made beside it would not have to wait.
    world.shop.let_go(20);
    let mut answers = Vec::new();
    for call in calls {
        answers.push(in_the_end(call).await.unwrap());
    }
    assert!(answers.iter().all(|answer| told(answer) == ["ok"] && id(answer) == id(&answers[0])), "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| !replayed(answer)).count(), 1);
    assert_eq!(world.shop.sent().len(), 1);
}

#[tokio::test]
async fn whoever_does_not_wait_for_the_end_of_the_first_is_told_that_it_is_under_way() {
    let world = World::with(json!([]));
    let house = Arc::new(world.house().await);
    let first = tokio::spawn({
        let house = house.clone();
        async move { house.send(keyed("slow_pay", json!({}), "k")).await }
    });
    world.shop.until_sent(1).await;
    let (link, client) = line();
    client.cancel.cancel();
    let second = house.mediator.call(keyed("slow_pay", json!({}), "k"), link).await;
    assert_eq!(told(&second), ["idempotency_in_progress"]);
    world.shop.let_go(1);
    assert_eq!(told(&first.await.unwrap()), ["ok"]);
}

#[tokio::test]
async fn each_end_of_the_first_is_told_again_as_what_it_was() {
    let world = World::with(json!([]));
    let house = world.house().await;
    for (tool, at_first, again, sent) in [
        ("fail", "failed", "failed", 1),
        ("error", "error -32050", "error -32050", 1),
        ("ask", "input_required", "input_required", 1),
        // Nothing was sent: it may be tried again.
        ("away", "server_unavailable", "server_unavailable", 0),
        ("lose", "outcome_unknown", "idempotency_unknown", 1),
    ] {
        let before = world.shop.sent().len();
        let first = house.send(keyed(tool, json!({}), "k")).await;
        let second = house.send(keyed(tool, json!({}), "k")).await;
        assert_eq!((told(&first), told(&second)), (vec![at_first.to_owned()], vec![again.to_owned()]));
        assert_eq!(world.shop.sent().len() - before, sent, "{tool}");
        assert_eq!(replayed(&second), ["fail", "error", "ask"].contains(&tool), "{tool}");
    }
}

#[tokio::test]
async fn what_was_settled_by_hand_is_not_done_again_either() {
    let world = World::with(json!([]));
    let house = world.house().await;
    let lost = house.send(keyed("lose", json!({}), "k")).await;
    let settled = body::Settled { outcome: Outcome::Succeeded, by: "ops".to_owned(), reason: None };
    let draft = Draft::new("ops", kind::CALL_SETTLED, id(&lost).as_str(), &settled).unwrap();
    house.journal.append(vec![draft]).await.unwrap();
    assert_eq!(told(&house.send(keyed("lose", json!({}), "k")).await), ["idempotency_no_result"]);
    assert_eq!(world.shop.sent().len(), 1);
}

#[tokio::test]
async fn what_was_never_made_takes_no_key() {
    let asks = json!([policy("gate", "approval", json!({"rules": [{"tools": ["shop/pay"]}]}), json!({}))]);
    let world = World::with(asks);
    let house = world.house().await;
    assert_eq!(told(&house.send(keyed("pay", json!({}), "k")).await), ["approval_pending"]);
    let question = house.mediator.approvals().list().await.unwrap().remove(0);
    house.mediator.approvals().answer(&question.id, Reply::desk("dana", true)).await.unwrap();
    assert_eq!(told(&house.send(keyed("pay", json!({}), "k")).await), ["ok"]);
    // The yes is used up, and not needed: nothing happens any more.
    let again = house.send(keyed("pay", json!({}), "k")).await;
    assert!(told(&again) == ["ok"] && replayed(&again));
    assert_eq!(world.shop.sent().len(), 1);
}

#[tokio::test]
async fn a_call_that_goes_on_with_the_first_is_no_repetition_of_it() {
    let world = World::with(json!([]));
    let house = world.house().await;
    let first = house.send(keyed("ask", json!({}), "k")).await;
    let goes_on = |earlier: CallId| CallRequest { continues: Some(earlier), ..keyed("ask", json!({}), "k") };
    let second = house.send(goes_on(id(&first))).await;
    assert!(!replayed(&second) && id(&second) != id(&first));
    // The same round again is a repetition.
    let twice = house.send(goes_on(id(&first))).await;
    assert!(replayed(&twice) && id(&twice) == id(&second));
    assert_eq!(world.shop.sent().len(), 2);
}

#[tokio::test]
async fn a_restart_forgets_no_key() {
    let world = World::with(json!([]));
    let before = world.house().await;
    let first = before.send(keyed("pay", json!({}), "k")).await;
    assert!(before.journal.close(Duration::from_secs(20)).await);
    let after = world.house().await;
    let again = after.send(keyed("pay", json!({}), "k")).await;
    assert!(replayed(&again) && id(&again) == id(&first));
    assert_eq!(world.shop.sent().len(), 1);
}

#[tokio::test]
async fn keys_are_derived_from_arguments_for_callers_who_send_none() {
    let mut world = World::with(json!([]));
    world.idempotency = vec![Derivation {
        tools: Glob::new("shop/pay"),
        key: vec!["/to".to_owned(), "/order/id".to_owned()],
        within: Duration::from_secs(600),
    }];
    let house = world.house().await;
    let order = |id: Value, amount: u32| json!({"to": "ann", "order": {"id": id}, "amount": amount});
    let send = async |arguments: Value| {
        let answer = house.send(request("pay", arguments)).await;
        (told(&answer).remove(0), replayed(&answer))
    };
    let (made, told_again) = (("ok".to_owned(), false), ("ok".to_owned(), true));
    assert_eq!(send(order(json!(1), 5)).await, made);
    assert_eq!(send(order(json!(1), 5)).await, told_again);
    assert_eq!(send(order(json!(1), 6)).await, ("idempotency_conflict".to_owned(), false));
    assert_eq!(send(order(json!(2), 5)).await, made);
    // A number is not its text, and what is not there is not null.
    assert_eq!(send(order(json!("1"), 5)).await, made);
    assert_eq!(send(order(json!(null), 5)).await, made);
    assert_eq!(send(json!({"to": "ann", "amount": 5})).await, made);
    // Where none of it is there, nothing tells one piece of work from another.
    assert_eq!(send(json!({"amount": 5})).await, made);
    assert_eq!(send(json!({"amount": 6})).await, made);
    // Another tool has no such rule, and a key of the caller's own counts alone.
    assert_eq!(told(&house.send(request("check", order(json!(1), 5))).await), ["ok"]);
    assert!(!replayed(&house.send(keyed("pay", order(json!(1), 5), "k")).await));
    world.clock.set(Timestamp(1_767_603_600_000 + 600_001));
    assert_eq!(send(order(json!(1), 5)).await, made);
    assert_eq!(world.shop.sent().len(), 10);
}

#[tokio::test]
async fn a_result_that_was_too_large_to_keep_is_not_made_again() {
    let world = World::with(json!([]));
    let house = world.house().await;
    let large = json!({"text": "x".repeat(80 << 10)});
    assert_eq!(told(&house.send(keyed("pay", large.clone(), "k")).await), ["ok"]);
    assert_eq!(told(&house.send(keyed("pay", large, "k")).await), ["idempotency_no_result"]);
    assert_eq!(world.shop.sent().len(), 1);
}

#[tokio::test]
async fn what_a_policy_withholds_today_is_not_told_again() {
    let open = World::with(json!([]));
    let house = open.house().await;
    assert_eq!(told(&house.send(keyed("pay", json!({}), "k")).await), ["ok"]);
    let reviewer = json!([policy("reviewer", "reviews", json!({"withhold": "It is not for you."}), json!({}))]);
    let mut strict = World::with(reviewer);
    strict.folder = open.folder;
    let again = strict.house().await.send(keyed("pay", json!({}), "k")).await;
    assert!(matches!(again, Answer::Refused { .. }), "{again:?}");
    assert_eq!(strict.shop.sent().len(), 0);
}

#[tokio::test]
async fn what_the_journal_hides_is_compared_all_the_same_and_its_digest_tells_nothing_of_it() {
    let mut world = World::with(json!([]));
    world.redact = vec![(Glob::new("shop/*"), vec!["/to".to_owned()])];
    let house = world.house().await;
    let pay = |to: &str| keyed("pay", json!({"amount": 5, "to": to}), "k");
    assert_eq!(told(&house.send(pay("carol")).await), ["ok"]);
    assert_eq!(told(&house.send(pay("david")).await), ["idempotency_conflict"]);
    assert!(replayed(&house.send(pay("carol")).await));
    let admitted = house.events(kind::CALL_ADMITTED).await;
    let on_record = admitted[0].body["idempotency"]["arguments"].as_str().unwrap();
    let plain = interlock::scope::canonical(&json!({"arguments": {"amount": 5, "to": "carol"}, "beside": {}}));
    assert_ne!(on_record, interlock::sandbox::sha256(plain.as_bytes()), "it could be tried");
}
