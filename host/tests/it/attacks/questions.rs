//! Questions about calls: what one person answers is for one caller, one call and one time.

use std::{path::Path, sync::Arc};

use reqwest::{Client, Method};
use serde_json::{Value, json};

use super::{Gate, owners::Caller};
use crate::{
    keys::{create, interlock},
    swap::live::{Served, events},
};

/// How many retries of one granted call come at once.
const RETRIES: usize = 50;

/// A gate whose bank asks the person at the app about small payments, and someone with the role `lead` about large ones.
async fn open() -> Gate {
    let more = json!({
        "mcpServers": {"bank": {"component": "payments"}},
        "policies": [{"name": "gate", "component": "approval", "limits": {"time_ms": 10_000}, "settings": {"rules": [
            {"tools": ["bank/process_payment"], "when": {"argument": "/amount", "op": "<", "value": 100},
                "channel": "client", "self_approval": true},
            {"tools": ["bank/process_payment"], "when": {"argument": "/amount", "op": ">=", "value": 100},
                "roles": ["lead"]}]}}],
        "approvals": {"hold_open_seconds": 0},
    });
    Gate::with(json!({}), more).await
}

fn payment(amount: u32) -> Value {
    json!({"payment_id": "p1", "amount": amount, "to": "ACME"})
}

/// The call again, with what the person at the app is to have said.
async fn back(caller: &Caller<'_>, asked: &Value, state: &str, arguments: Value) -> Value {
    back_with(caller, asked, state, arguments, json!({})).await
}

async fn back_with(caller: &Caller<'_>, asked: &Value, state: &str, arguments: Value, meta: Value) -> Value {
    let questions = asked["result"]["inputRequests"].as_object().unwrap();
    let yes = json!({"action": "accept", "content": {"approve": true}});
    let responses: serde_json::Map<_, _> = questions.keys().map(|key| (key.clone(), yes.clone())).collect();
    let params = json!({"name": "bank__process_payment", "arguments": arguments, "requestState": state,
        "inputResponses": responses});
    caller.ask("tools/call", params, meta).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_apps_answer_is_for_one_caller_one_call_and_one_time_and_outlives_the_gateway() {
    let mut gate = open().await;
    let token = |gate: &Gate, subject: &str| gate.issuer.token(subject, json!({}));
    let (anns, eves) = (token(&gate, "ann"), token(&gate, "eve"));
    let ann = Caller { gate: &gate, shown: anns.clone() };
    let asked = ann.call("bank__process_payment", payment(5), json!({})).await;
    assert_eq!(asked["result"]["resultType"], "input_required", "{asked}");
    let state = asked["result"]["requestState"].as_str().unwrap().to_owned();
    assert!(!state.contains("ACME"), "what is given to clients has no arguments in it");
    let is_refused = |answer: &Value| answer["error"]["code"] == -32602;
    let stolen = back(&Caller { gate: &gate, shown: eves }, &asked, &state, payment(5)).await;
    assert!(is_refused(&stolen), "another's: {stolen}");
    for at in [0, state.len() / 3, state.len() / 2, state.len() - 2] {
        let mut altered = state.clone();
        altered.replace_range(at..=at, if &state[at..=at] == "A" { "B" } else { "A" });
        let answer = back(&ann, &asked, &altered, payment(5)).await;
        assert!(is_refused(&answer), "altered at {at}: {answer}");
    }
    let answer = back(&ann, &asked, &state, payment(6)).await;
    assert!(is_refused(&answer), "for another amount: {answer}");

    // The gateway that gave it out is gone.
    gate.served = gate.served.again(gate.folder.path()).await;
    let ann = Caller { gate: &gate, shown: anns.clone() };
    let paid = back(&ann, &asked, &state, payment(5)).await;
    assert_eq!(paid["result"]["isError"], false, "{paid}");
    let again = back(&ann, &asked, &state, payment(5)).await;
    assert!(is_refused(&again), "a second time: {again}");
    gate.served = gate.served.again(gate.folder.path()).await;
    let again = back(&Caller { gate: &gate, shown: anns }, &asked, &state, payment(5)).await;
    assert!(is_refused(&again), "a second time, to a gateway that has never seen it: {again}");
    gate.served.stop().await;
    assert_eq!(admitted(gate.folder.path()).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_made_once_more_with_its_answers_is_told_what_came_of_it_under_its_key_alone() {
    let gate = open().await;
    let ann = Caller { gate: &gate, shown: gate.issuer.token("ann", json!({})) };
    let meta = |key: &str| json!({"interlock/idempotency-key": key});
    let asked = ann.call("bank__process_payment", payment(5), meta("k")).await;
    let state = asked["result"]["requestState"].as_str().unwrap().to_owned();
    let paid = back_with(&ann, &asked, &state, payment(5), meta("k")).await;
    assert_eq!(paid["result"]["isError"], false, "{paid}");
    let again = back_with(&ann, &asked, &state, payment(5), meta("k")).await;
    assert_eq!(again["result"]["_meta"]["interlock/replayed"], true, "{again}");
    assert_eq!(again["result"]["content"], paid["result"]["content"]);
    for meta in [json!({}), meta("another")] {
        let again = back_with(&ann, &asked, &state, payment(5), meta).await;
        assert_eq!(again["error"]["code"], -32602, "{again}");
    }
    gate.served.stop().await;
    assert_eq!(admitted(gate.folder.path()).await, 1);
}

async fn admitted(folder: &Path) -> usize {
    events(folder).await.iter().filter(|event| event.kind == "call.admitted").count()
}

/// A request over REST by whoever has this key.
async fn rest(served: &Served, method: Method, path: &str, key: &str, body: Option<Value>) -> (u16, Value) {
    let url = format!("{}{path}", served.url.trim_end_matches("/mcp"));
    let request = Client::builder().no_proxy().build().unwrap().request(method, url).header("x-api-key", key);
    let request = if let Some(body) = body { request.json(&body) } else { request };
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_yes_is_one_payment_however_many_retries_come_at_once_to_two_gateways() {
    let gate = open().await;
    let folder = gate.folder.path();
    let other = Arc::new(Served::start(folder).await);
    let (agent, lead, mallory) =
        (create(folder, &["agent"]), create(folder, &["lena", "--role", "lead"]), create(folder, &["mallory"]));
    let pay = async |served: &Served, key: &str, amount| {
        rest(served, Method::POST, "/tools/bank/process_payment", key, Some(payment(amount))).await
    };
    let (status, pending) = pay(&gate.served, &agent, 500).await;
    assert_eq!(status, 202, "{pending}");
    let id = pending["approvals"][0].as_str().unwrap();
    let (question, confirm) = (format!("/approvals/{id}"), format!("/confirm/{id}"));
    let yes = || Some(json!({"approve": true}));

    // Not the caller themself, and nobody without the role: to them there is no such question.
    assert_eq!(rest(&gate.served, Method::POST, &confirm, &agent, yes()).await.0, 403);
    assert_eq!(rest(&gate.served, Method::POST, &confirm, &mallory, yes()).await.0, 404);
    assert_eq!(rest(&gate.served, Method::GET, &question, &mallory, None).await.0, 404);
    let altered = json!({"approve": true, "seen": "0".repeat(64)});
    assert_eq!(rest(&gate.served, Method::POST, &confirm, &lead, Some(altered)).await.0, 409);
    assert_eq!(rest(&other, Method::POST, &confirm, &lead, yes()).await.0, 200);

    // It is not for another's call, nor for another amount.
    assert_eq!(pay(&gate.served, &mallory, 500).await.0, 202);
    assert_eq!(pay(&gate.served, &agent, 501).await.0, 202);
    let retries = (0..RETRIES).map(|nth| pay(if nth % 2 == 0 { &gate.served } else { &other }, &agent, 500));
    let answers = futures::future::join_all(retries).await;
    let paid = answers.iter().filter(|(status, _)| *status == 200).count();
    let asked_anew = answers.iter().filter(|(status, _)| *status == 202).count();
    assert_eq!((paid, asked_anew), (1, RETRIES - 1), "{answers:?}");
    Arc::into_inner(other).unwrap().stop().await;
    assert_eq!(admitted(gate.folder.path()).await, 1);
    gate.served.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_without_roles_is_for_whom_the_operator_lets_in_and_not_for_another_agent() {
    let more = json!({
        "mcpServers": {"bank": {"component": "payments"}},
        "policies": [{"name": "gate", "component": "approval", "limits": {"time_ms": 10_000},
            "settings": {"rules": [{"tools": ["bank/process_payment"]}]}}],
        "approvals": {"hold_open_seconds": 0},
    });
    let gate = Gate::with(json!({}), more).await;
    let folder = gate.folder.path();
    let (agent, other) = (create(folder, &["agent"]), create(folder, &["other", "--role", "lead"]));
    let pay = || rest(&gate.served, Method::POST, "/tools/bank/process_payment", &agent, Some(payment(5)));
    let (_, pending) = pay().await;
    let id = pending["approval_id"].as_str().unwrap().to_owned();
    let yes = || Some(json!({"approve": true}));
    assert_eq!(rest(&gate.served, Method::POST, &format!("/confirm/{id}"), &other, yes()).await.0, 404);
    assert_eq!(rest(&gate.served, Method::GET, &format!("/approvals/{id}"), &other, None).await.0, 404);
    assert_eq!(rest(&gate.served, Method::GET, "/approvals", &other, None).await.1["approvals"], json!([]));
    assert_eq!(rest(&gate.served, Method::POST, &format!("/confirm/{id}"), &agent, yes()).await.0, 403);
    assert_eq!(rest(&gate.served, Method::GET, &format!("/approvals/{id}"), &agent, None).await.0, 200);
    let (code, _, said) = interlock(folder, &["approvals", "approve", &id, "--as", "dana"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(pay().await.0, 200);
    gate.served.stop().await;
}
