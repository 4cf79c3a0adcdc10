//! The approval gate: one question for exactly this call, answered by whoever may, used once.

use std::{sync::Arc, time::Duration};

use interlock::{
    approvals::{Approval, ApprovalsError, Channel, Reply, State},
    downstream::FromServer,
    journal::kind,
    mediation::CallRequest,
};
use serde_json::{Value, json};

use super::world::{House, World, in_the_end, line, policy, request, told};

const PATIENTLY: Duration = Duration::from_secs(600);

fn gate(more: Value) -> Value {
    let mut rule = json!({"tools": ["shop/pay", "shop/slow_pay"], "preview": "Pay {/amount}"});
    rule.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!([policy("gate", "approval", json!({"rules": [rule]}), json!({}))])
}

async fn open(house: &House) -> Approval {
    let mut open: Vec<_> = house.mediator.approvals().list().await.unwrap();
    let now = house.mediator.approvals().now();
    open.retain(|approval| approval.state(now) == State::Open);
    assert_eq!(open.len(), 1, "{open:?}");
    open.remove(0)
}

async fn answer(house: &House, id: &str, by: &str, roles: &[&str], approve: bool) -> Result<Approval, ApprovalsError> {
    let roles: Vec<String> = roles.iter().map(|role| (*role).to_owned()).collect();
    let reply = Reply { roles, reason: Some("because".to_owned()), ..Reply::desk(by, approve) };
    house.mediator.approvals().answer(id, reply).await
}

#[tokio::test]
async fn a_call_that_needs_approval_waits_for_it_and_runs_once() {
    let world = World::with(gate(json!({})));
    let (house, desk) = (world.house().await, world.house().await);
    let pay = json!({"amount": 5});
    assert_eq!(house.call("pay", pay.clone()).await, ["approval_pending"]);
    let asked = open(&desk).await;
    assert_eq!((asked.question.preview.as_str(), &asked.arguments), ("Pay 5", &pay));
    assert_eq!(house.call("pay", pay.clone()).await, ["approval_pending"], "asking again is the same question");
    assert_eq!(open(&desk).await.id, asked.id);
    assert_eq!(world.shop.sent(), []);

    answer(&desk, &asked.id, "olga", &[], true).await.unwrap();
    assert_eq!(house.call("pay", json!({"amount": 6})).await, ["approval_pending"], "that is another call");
    let elsewhere = CallRequest { session: "t".to_owned(), ..request("pay", pay.clone()) };
    assert_eq!(told(&house.send(elsewhere).await), ["approval_pending"], "so is that");
    assert_eq!(house.call("pay", pay.clone()).await, ["ok"]);
    assert_eq!(world.shop.sent(), [("pay".to_owned(), pay.clone())]);
    let admitted = house.events(kind::CALL_ADMITTED).await;
    assert_eq!(admitted[0].body["approvals"], json!([asked.id]));
    let spent = house.events(kind::APPROVAL_SPENT).await;
    assert_eq!((spent.len(), &spent[0].subject), (1, &asked.id));

    assert_eq!(house.call("pay", pay).await, ["approval_pending"], "what was granted is used up");
    assert_eq!(house.events(kind::APPROVAL_ASKED).await.len(), 4);
    assert_eq!(world.shop.sent().len(), 1);
}

#[tokio::test]
async fn a_yes_counts_for_the_parameters_beside_the_arguments_that_the_approver_saw() {
    let world = World::with(gate(json!({})));
    let house = world.house().await;
    let with = |beside: Value| {
        let beside = beside.as_object().unwrap().clone();
        CallRequest { beside, ..request("pay", json!({"amount": 5})) }
    };
    assert_eq!(told(&house.send(with(json!({"priority": 1}))).await), ["approval_pending"]);
    let asked = open(&house).await;
    assert_eq!(Value::Object(asked.beside), json!({"priority": 1}));
    answer(&house, &asked.id, "olga", &[], true).await.unwrap();
    assert_eq!(told(&house.send(with(json!({"priority": 2}))).await), ["approval_pending"], "that is another call");
    assert_eq!(told(&house.send(with(json!({}))).await), ["approval_pending"], "so is that");
    assert_eq!(told(&house.send(with(json!({"priority": 1}))).await), ["ok"]);
    let admitted = house.events(kind::CALL_ADMITTED).await;
    assert_eq!((admitted.len(), &admitted[0].body["beside"]), (1, &json!({"priority": 1})));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_yes_is_one_call_however_many_come_at_once() {
    let world = World::with(gate(json!({})));
    let houses = [Arc::new(world.house().await), Arc::new(world.house().await)];
    for round in 1..=10 {
        assert_eq!(houses[0].call("pay", json!({})).await, ["approval_pending"]);
        answer(&houses[1], &open(&houses[1]).await.id, "olga", &[], true).await.unwrap();
        let calls: Vec<_> = (0..6)
            .map(|nth| {
                let house = houses[nth % 2].clone();
                tokio::spawn(async move { house.call("pay", json!({})).await })
            })
            .collect();
        let mut ok = 0;
        for call in calls {
            let told = in_the_end(call).await.unwrap();
            ok += usize::from(told == ["ok"]);
            assert!(told == ["ok"] || told == ["approval_pending"], "{told:?}");
        }
        assert_eq!((ok, world.shop.sent().len()), (1, round));
        // The question that the others were left with is the next round's.
    }
}

#[tokio::test]
async fn a_no_stands_and_tells_why_and_an_expired_question_is_told_once_and_asked_anew() {
    let world = World::with(gate(json!({"expire_minutes": 10})));
    let house = world.house().await;
    assert_eq!(house.call("pay", json!({})).await, ["approval_pending"]);
    answer(&house, &open(&house).await.id, "olga", &[], false).await.unwrap();
    for _ in 0..2 {
        let refused = house.send(request("pay", json!({}))).await;
        assert_eq!(told(&refused), ["approval_refused"]);
        assert!(format!("{refused:?}").contains("because"), "{refused:?}");
    }
    world.clock.advance(Duration::from_secs(601));
    assert_eq!(house.call("pay", json!({})).await, ["approval_pending"], "a no lasts as long as its question");

    world.clock.advance(Duration::from_secs(601));
    assert_eq!(house.call("pay", json!({})).await, ["approval_expired"]);
    assert_eq!(house.call("pay", json!({})).await, ["approval_pending"]);
    answer(&house, &open(&house).await.id, "olga", &[], true).await.unwrap();
    world.clock.advance(Duration::from_secs(601));
    assert_eq!(house.call("pay", json!({})).await, ["approval_expired"], "a yes does not keep for ever either");
    assert_eq!(world.shop.sent(), []);
    let refused = house.events(kind::CALL_REFUSED).await;
    let codes: Vec<_> = refused.iter().map(|event| event.body["refused"][0]["code"].as_str().unwrap()).collect();
    let pending = "approval_pending";
    let expected =
        [pending, "approval_refused", "approval_refused", pending, "approval_expired", pending, "approval_expired"];
    assert_eq!(codes, expected);
}

#[tokio::test]
async fn only_who_may_answer_does_and_only_once_and_not_for_themselves() {
    let world = World::with(gate(json!({"roles": ["finance"], "quorum": 2})));
    let house = world.house().await;
    assert_eq!(house.call("pay", json!({})).await, ["approval_pending"]);
    let id = open(&house).await.id;
    let nobody = answer(&house, "no-such-id", "olga", &["finance"], true).await.unwrap_err();
    assert!(matches!(nobody, ApprovalsError::NotFound(_)), "{nobody}");
    let lacks = answer(&house, &id, "olga", &["sales"], true).await.unwrap_err();
    assert!(matches!(lacks, ApprovalsError::NotEntitled { .. }), "{lacks}");
    let own = answer(&house, &id, "alice", &["finance"], true).await.unwrap_err();
    assert!(matches!(own, ApprovalsError::OwnCall { .. }), "{own}");
    let disguised = answer(&house, &id, " Alice ", &["finance"], true).await.unwrap_err();
    assert!(matches!(disguised, ApprovalsError::OwnCall { .. }), "{disguised}");
    for nobody in ["", " ", "a\nb"] {
        let error = answer(&house, &id, nobody, &["finance"], true).await.unwrap_err();
        assert!(matches!(error, ApprovalsError::NoName), "{error}");
    }
    answer(&house, &id, "olga", &["finance"], true).await.unwrap();
    let twice = answer(&house, &id, "Olga ", &["finance"], true).await.unwrap_err();
    assert!(matches!(twice, ApprovalsError::Answered { .. }), "{twice}");
    assert_eq!(house.call("pay", json!({})).await, ["approval_pending"], "one of two is not enough");
    answer(&house, &id, "oleg", &["finance"], true).await.unwrap();
    let late = answer(&house, &id, "otto", &["finance"], false).await.unwrap_err();
    assert!(matches!(late, ApprovalsError::NotOpen { state: State::Granted, .. }), "{late}");
    assert_eq!(house.call("pay", json!({})).await, ["ok"]);
}

#[tokio::test]
async fn a_yes_for_one_large_number_is_none_for_its_neighbour() {
    let world = World::with(gate(json!({})));
    let house = world.house().await;
    let paying = |id: u64| house.call("pay", json!({ "id": id }));
    assert_eq!(paying(9_007_199_254_740_992).await, ["approval_pending"]);
    answer(&house, &open(&house).await.id, "olga", &[], true).await.unwrap();
    assert_eq!(paying(9_007_199_254_740_993).await, ["approval_pending"]);
    assert_eq!(paying(9_007_199_254_740_992).await, ["ok"]);
}

#[tokio::test]
async fn who_may_approve_their_own_calls_can() {
    let world = World::with(gate(json!({"self_approval": true})));
    let house = world.house().await;
    assert_eq!(house.call("pay", json!({})).await, ["approval_pending"]);
    answer(&house, &open(&house).await.id, "alice", &[], true).await.unwrap();
    assert_eq!(house.call("pay", json!({})).await, ["ok"]);
}

#[tokio::test]
async fn a_client_that_is_kept_waiting_hears_that_it_is_and_gets_its_result_with_the_answer() {
    let world = World::with(gate(json!({}))).holding_open(PATIENTLY, Duration::from_millis(5));
    let (house, desk) = (Arc::new(world.house().await), world.house().await);
    let (link, mut client) = line();
    let call = tokio::spawn({
        let house = house.clone();
        async move { house.mediator.call(request("pay", json!({})), link).await }
    });
    for beat in 1..=3 {
        let Some(FromServer::Notification { method, params }) = in_the_end(client.messages.recv()).await else {
            panic!("silence")
        };
        assert_eq!((method.as_str(), &params["progress"]), ("notifications/progress", &json!(beat)));
    }
    assert_eq!(house.events(kind::CALL_ASKED).await.len(), 1);
    answer(&desk, &open(&desk).await.id, "olga", &[], true).await.unwrap();
    assert_eq!(told(&in_the_end(call).await.unwrap()), ["ok"]);
    assert_eq!(house.events(kind::CALL_REFUSED).await, []);
}

#[tokio::test]
async fn a_client_that_waits_is_told_a_no_at_once() {
    let world = World::with(gate(json!({}))).holding_open(PATIENTLY, PATIENTLY);
    let house = Arc::new(world.house().await);
    let call = tokio::spawn({
        let house = house.clone();
        async move { house.call("pay", json!({})).await }
    });
    house.until(kind::APPROVAL_ASKED, 1).await;
    answer(&house, &open(&house).await.id, "olga", &[], false).await.unwrap();
    assert_eq!(in_the_end(call).await.unwrap(), ["approval_refused"]);
}

#[tokio::test]
async fn who_goes_away_while_waiting_leaves_the_question_to_be_answered_for_the_next_time() {
    let world = World::with(gate(json!({}))).holding_open(PATIENTLY, PATIENTLY);
    let house = Arc::new(world.house().await);
    let (link, client) = line();
    let call = tokio::spawn({
        let house = house.clone();
        async move { house.mediator.call(request("pay", json!({})), link).await }
    });
    house.until(kind::APPROVAL_ASKED, 1).await;
    client.cancel.cancel();
    assert_eq!(told(&in_the_end(call).await.unwrap()), ["approval_pending"]);
    assert_eq!(world.shop.sent(), []);
    answer(&house, &open(&house).await.id, "olga", &[], true).await.unwrap();
    assert_eq!(house.call("pay", json!({})).await, ["ok"]);
}

#[tokio::test]
async fn a_question_is_not_put_about_a_call_that_another_policy_refuses_anyway() {
    let mut policies = gate(json!({}));
    policies.as_array_mut().unwrap().push(policy("nobody", "allow-list", json!({"rules": []}), json!({})));
    let world = World::with(policies);
    let house = world.house().await;
    assert_eq!(house.call("pay", json!({})).await, ["not_allowed"]);
    assert_eq!(house.events("approval.*").await, []);
}

#[tokio::test]
async fn a_yes_does_not_outlast_what_other_policies_say_by_then() {
    let mut policies = gate(json!({}));
    let limit = json!({"limits": [{"tools": ["shop/pay"], "sum_of": "/amount", "max_sum": 10, "per_seconds": 60}]});
    policies.as_array_mut().unwrap().push(policy("slowly", "rate-limit", limit, json!({})));
    let world = World::with(policies);
    let house = world.house().await;
    for amount in [6, 7] {
        assert_eq!(house.call("pay", json!({"amount": amount})).await, ["approval_pending"]);
        answer(&house, &open(&house).await.id, "olga", &[], true).await.unwrap();
    }
    assert_eq!(house.call("pay", json!({"amount": 6})).await, ["ok"]);
    assert_eq!(house.call("pay", json!({"amount": 7})).await, ["rate_exceeded"]);
    world.clock.advance(Duration::from_secs(61));
    assert_eq!(house.call("pay", json!({"amount": 7})).await, ["ok"], "and it is not used up by a refusal");
}

#[tokio::test]
async fn an_answer_counts_only_for_what_was_shown_and_the_journal_has_its_digest() {
    let world = World::with(gate(json!({})));
    let house = world.house().await;
    for amount in [5, 6] {
        assert_eq!(house.call("pay", json!({"amount": amount})).await, ["approval_pending"]);
    }
    let all = house.mediator.approvals().list().await.unwrap();
    let (five, six) = (all[0].clone(), all[1].clone());
    assert_ne!(five.digest(), six.digest());
    let yes = |seen: String| Reply { seen: Some(seen), ..Reply::desk("olga", true) };
    let other = house.mediator.approvals().answer(&five.id, yes(six.digest())).await.unwrap_err();
    assert!(matches!(other, ApprovalsError::NotWhatWasSeen { .. }), "{other}");
    assert_eq!(house.events(kind::APPROVAL_GRANTED).await, []);
    house.mediator.approvals().answer(&five.id, yes(five.digest())).await.unwrap();
    // Whoever does not say what was shown to them has answered what is asked.
    house.mediator.approvals().answer(&six.id, Reply::desk("olga", false)).await.unwrap();
    let seen = |events: Vec<interlock::journal::Event>| events[0].body["seen"].clone();
    assert_eq!(seen(house.events(kind::APPROVAL_GRANTED).await), five.digest());
    assert_eq!(seen(house.events(kind::APPROVAL_REFUSED).await), six.digest());
}

#[tokio::test]
async fn the_ai_app_brings_answers_only_where_the_policy_says_so() {
    let world = World::with(gate(json!({})));
    let house = world.house().await;
    assert_eq!(house.call("pay", json!({})).await, ["approval_pending"]);
    let reply = Reply { channel: Channel::Client, ..Reply::desk("olga", true) };
    let refused = house.mediator.approvals().answer(&open(&house).await.id, reply).await.unwrap_err();
    assert!(matches!(refused, ApprovalsError::NotThisWay { .. }), "{refused}");
    assert_eq!(house.events(kind::APPROVAL_GRANTED).await, []);
}

#[tokio::test]
async fn nobody_elses_call_waits_for_an_answer() {
    let world = World::with(gate(json!({}))).holding_open(PATIENTLY, Duration::from_secs(5));
    let house = Arc::new(world.house().await);
    let asking = tokio::spawn({
        let house = house.clone();
        async move { house.call("pay", json!({"amount": 5})).await }
    });
    let asked = house.until(kind::APPROVAL_ASKED, 1).await.remove(0);
    for tool in ["look", "check"] {
        assert_eq!(in_the_end(house.call(tool, json!({"amount": 5}))).await, ["ok"], "{tool}");
    }
    assert!(!asking.is_finished(), "that one still waits");
    answer(&house, &asked.subject, "olga", &[], true).await.unwrap();
    assert_eq!(in_the_end(asking).await.unwrap(), ["ok"]);
}
