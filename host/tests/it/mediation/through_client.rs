//! Questions that are put through the AI app: the person at it answers once, for exactly this call, where the policy takes
//! the caller's own yes.

use std::{sync::Arc, time::Duration};

use interlock::{
    approvals::{Approval, Reply, State},
    downstream::{FromServer, Link},
    journal::kind,
    mediation::{Answer, CallRequest, ClientAnswer, ClientQuestion},
};
use serde_json::{Value, json};

use super::world::{Client, House, World, in_the_end, line, policy, request, told};

/// A gate whose question may be put through the AI app, with these changes to its rule.
fn gate(more: Value) -> Value {
    let mut rule =
        json!({"tools": ["shop/pay"], "channel": "client", "self_approval": true, "preview": "Pay {/amount}"});
    rule.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!([policy("gate", "approval", json!({"rules": [rule]}), json!({}))])
}

/// A line to a client that can show forms; and that can come back with what was said, or else keeps the line open.
fn showing_forms(comes_back: bool) -> (Link, Client) {
    let (link, client) = line();
    (Link { capabilities: json!({"elicitation": {}}), takes_input_required: comes_back, ..link }, client)
}

async fn ask(house: &House, request: CallRequest) -> (Vec<String>, Vec<ClientQuestion>) {
    let answer = house.mediator.call(request, showing_forms(true).0).await;
    let asks = if let Answer::Refused { asks, .. } = &answer { asks.clone() } else { Vec::new() };
    (told(&answer), asks)
}

fn pay(amount: u32) -> CallRequest {
    request("pay", json!({"amount": amount}))
}

/// The call again, with what came back.
fn back(question: &ClientQuestion, result: Value) -> CallRequest {
    let (approval, seen) = (question.approval.clone(), question.seen.clone());
    CallRequest { answers: vec![ClientAnswer { approval, seen, result, again: false }], ..pay(5) }
}

fn yes() -> Value {
    json!({"action": "accept", "content": {"approve": true, "reason": " It is due. "}})
}

async fn question(house: &House) -> Approval {
    house.mediator.approvals().list().await.unwrap().pop().unwrap()
}

#[tokio::test]
async fn a_client_that_can_come_back_is_given_the_question_and_its_answer_counts_once() {
    let world = World::with(gate(json!({})));
    let house = world.house().await;
    let (refused, asks) = ask(&house, pay(5)).await;
    assert_eq!((refused, asks.len()), (vec!["approval_pending".to_owned()], 1));
    let params = &asks[0].request["params"];
    assert_eq!((&asks[0].request["method"], &params["mode"]), (&json!("elicitation/create"), &json!("form")));
    assert_eq!(params["requestedSchema"]["required"], json!(["approve"]));
    let message = params["message"].as_str().unwrap();
    assert!(
        message.contains("Pay 5") && message.contains("shop/pay") && message.contains("\"amount\": 5"),
        "{message}"
    );
    assert_eq!(asks[0].seen, question(&house).await.digest());

    // It may be another process that the client comes back to, or the same after a restart.
    assert!(house.journal.close(Duration::from_secs(20)).await);
    let house = world.house().await;
    assert_eq!(ask(&house, back(&asks[0], yes())).await.0, ["ok"]);
    let granted = house.events(kind::APPROVAL_GRANTED).await;
    let body = &granted[0].body;
    assert_eq!((&body["by"], &body["channel"]), (&json!("alice"), &json!("client")));
    assert_eq!((&body["reason"], &body["seen"]), (&json!("It is due."), &json!(asks[0].seen)));
    assert_eq!(house.events(kind::APPROVAL_SPENT).await.len(), 1);

    assert_eq!(ask(&house, back(&asks[0], yes())).await.0, ["error -32602"], "it was used");
    assert_eq!(world.shop.sent().len(), 1);
}

#[tokio::test]
async fn what_comes_back_once_more_answers_nothing_and_is_told_again_what_came_of_it_under_its_key() {
    let world = World::with(gate(json!({})));
    let house = world.house().await;
    let keyed = |request: CallRequest| CallRequest { idempotency_key: Some("k".to_owned()), ..request };
    let asks = ask(&house, keyed(pay(5))).await.1;
    let again = |mut request: CallRequest| {
        request.answers[0].again = true;
        request
    };
    assert_eq!(
        ask(&house, again(keyed(back(&asks[0], yes())))).await.0,
        ["error -32602"],
        "nothing has come of it yet"
    );
    assert_eq!(ask(&house, keyed(back(&asks[0], yes()))).await.0, ["ok"]);
    let told = house.send(again(keyed(back(&asks[0], yes())))).await;
    assert!(matches!(told, Answer::Result { replayed: true, .. }), "{told:?}");
    assert_eq!(ask(&house, again(back(&asks[0], yes()))).await.0, ["error -32602"], "without its key");
    assert_eq!(world.shop.sent().len(), 1);
}

#[tokio::test]
async fn no_and_later_are_not_yes() {
    for (result, code) in [
        (json!({"action": "accept", "content": {"approve": false}}), "approval_refused"),
        (json!({"action": "decline"}), "approval_refused"),
        (json!({"action": "cancel"}), "approval_pending"),
        (json!({"action": "accept", "content": {}}), "approval_pending"),
        (json!({"action": "accept", "content": {"approve": "true"}}), "approval_pending"),
        (json!({"action": "accept"}), "approval_pending"),
        (json!({"action": "Accept", "content": {"approve": true}}), "approval_pending"),
        (json!(true), "approval_pending"),
    ] {
        let world = World::with(gate(json!({})));
        let house = world.house().await;
        let asks = ask(&house, pay(5)).await.1;
        let (refused, again) = ask(&house, back(&asks[0], result.clone())).await;
        assert_eq!(refused, [code], "{result}");
        assert!(again.is_empty(), "who has put it off is not asked again at once: {result}");
        assert_eq!(world.shop.sent(), []);
        if code == "approval_pending" {
            // The desk can still answer.
            let id = question(&house).await.id;
            house.mediator.approvals().answer(&id, Reply::desk("dana", true)).await.unwrap();
            assert_eq!(ask(&house, pay(5)).await.0, ["ok"]);
        }
    }
}

#[tokio::test]
async fn an_answer_to_anything_else_is_refused() {
    let world = World::with(gate(json!({})));
    let house = world.house().await;
    let mine = ask(&house, pay(5)).await.1.remove(0);
    let others = ask(&house, CallRequest { caller: mallory(), ..pay(5) }).await.1.remove(0);
    let unheard_of = ClientQuestion { approval: "none".to_owned(), ..mine.clone() };
    let altered = ClientQuestion { seen: others.seen.clone(), ..mine.clone() };
    for wrong in [&others, &unheard_of, &altered] {
        assert_eq!(ask(&house, back(wrong, yes())).await.0, ["error -32602"], "{wrong:?}");
    }
    // What was approved is this call alone.
    let other_arguments = CallRequest { arguments: pay(6).arguments, ..back(&mine, yes()) };
    assert_eq!(ask(&house, other_arguments).await.0, ["approval_pending"]);
    assert_eq!(world.shop.sent(), []);
    assert_eq!(ask(&house, pay(5)).await.0, ["ok"], "and for that it holds");
}

fn mallory() -> interlock::call::Caller {
    interlock::call::Caller { principal: "mallory".to_owned(), roles: vec!["agent".to_owned()], client: None }
}

#[tokio::test]
async fn who_may_not_answer_is_not_asked() {
    for (more, capabilities) in [
        (json!({"roles": ["finance"]}), json!({"elicitation": {}})),
        (json!({"channel": "desk"}), json!({"elicitation": {}})),
        (json!({}), json!({})),
        (json!({}), json!({"elicitation": {"url": {}}})),
    ] {
        for comes_back in [true, false] {
            let world = World::with(gate(more.clone()));
            let house = world.house().await;
            let (link, mut client) = showing_forms(comes_back);
            let answer = house.mediator.call(pay(5), Link { capabilities: capabilities.clone(), ..link }).await;
            let Answer::Refused { asks, .. } = &answer else { panic!("{answer:?}") };
            assert_eq!((told(&answer), asks.len()), (vec!["approval_pending".to_owned()], 0), "{more}");
            assert!(client.messages.try_recv().is_err(), "{more}");
        }
    }
    // Who was not shown everything has not approved it.
    let world = World::with(gate(json!({})));
    let large = request("pay", json!({"amount": 5, "note": "x".repeat(20 << 10)}));
    assert_eq!(ask(&world.house().await, large).await.1, []);
}

#[tokio::test]
async fn of_two_that_are_needed_the_app_brings_one() {
    let world = World::with(gate(json!({"quorum": 2})));
    let house = world.house().await;
    let asks = ask(&house, pay(5)).await.1;
    let (refused, again) = ask(&house, back(&asks[0], yes())).await;
    assert_eq!((refused, again.len()), (vec!["approval_pending".to_owned()], 0));
    house.mediator.approvals().answer(&asks[0].approval, Reply::desk("dana", true)).await.unwrap();
    assert_eq!(ask(&house, pay(5)).await.0, ["ok"]);
}

#[tokio::test]
async fn over_an_open_line_the_person_is_asked_while_the_call_waits() {
    let world = World::with(gate(json!({})));
    let house = Arc::new(world.house().await);
    let no = interlock::downstream::RpcError { code: -32601, message: "no".to_owned(), data: None };
    let ends = [
        (Ok(json!({"action": "decline"})), "approval_refused"),
        (Ok(json!({"action": "cancel"})), "approval_pending"),
        (Err(no), "approval_pending"),
        (Ok(yes()), "ok"),
    ];
    for (amount, (result, code)) in (0..).zip(ends) {
        let (link, mut client) = showing_forms(false);
        let calling = tokio::spawn({
            let house = house.clone();
            async move { told(&house.mediator.call(pay(amount), link).await) }
        });
        let reply = in_the_end(asked(&mut client)).await;
        reply.send(result).unwrap();
        assert_eq!(in_the_end(calling).await.unwrap(), [code]);
    }
    assert_eq!(world.shop.sent().len(), 1);
}

/// The first question that reaches a client.
async fn asked(client: &mut Client) -> tokio::sync::oneshot::Sender<Result<Value, interlock::downstream::RpcError>> {
    loop {
        if let FromServer::Request { method, reply, .. } = client.messages.recv().await.unwrap() {
            assert_eq!(method, "elicitation/create");
            return reply;
        }
    }
}

#[tokio::test]
async fn the_desk_may_be_quicker_and_the_app_may_go_away() {
    let world = World::with(gate(json!({})));
    let house = Arc::new(world.house().await);
    let (link, mut client) = showing_forms(false);
    let calling = tokio::spawn({
        let house = house.clone();
        async move { told(&house.mediator.call(pay(5), link).await) }
    });
    let reply = in_the_end(asked(&mut client)).await;
    let id = question(&house).await.id;
    house.mediator.approvals().answer(&id, Reply::desk("dana", true)).await.unwrap();
    assert_eq!(in_the_end(calling).await.unwrap(), ["ok"]);
    assert!(reply.is_closed(), "nobody waits for the app any more");

    let (link, mut client) = showing_forms(false);
    let calling = tokio::spawn({
        let house = house.clone();
        async move { told(&house.mediator.call(pay(6), link).await) }
    });
    let _reply = in_the_end(asked(&mut client)).await;
    client.cancel.cancel();
    assert_eq!(in_the_end(calling).await.unwrap(), ["approval_pending"]);
    assert_eq!(question(&house).await.state(house.mediator.approvals().now()), State::Open, "it outlives the app");
}
