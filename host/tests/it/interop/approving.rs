//! Approvals by the three kinds of client that there are, all of them Python's: one that comes back with the person's answer
//! (2026-07-28), one that puts the question while its call is open (up to 2025-11-25), and one that can put none. Whatever
//! kind, a question outlives a restart of the gateway, and is answered once.

use serde_json::{Value, json};

use super::{
    app::{Era, Script},
    house::{House, TIME_MS},
};

/// A bank that pays out only after a yes: at the app itself, or at the desk.
fn house(channel: &str) -> House {
    let rule = json!({"tools": ["bank/process_payment"], "channel": channel, "self_approval": channel == "client",
        "preview": "Pay {/amount} to {/to}"});
    House::with(&json!({
        "mcpServers": {"bank": {"component": "payments"}},
        "policies": [{"name": "gate", "component": "approval", "limits": {"time_ms": TIME_MS}, "settings": {"rules": [rule]}}],
        "approvals": {"hold_open_seconds": 0},
    }))
}

fn payment(id: &str) -> Value {
    json!({"call": {"name": "bank__process_payment", "arguments": {"payment_id": id, "amount": 250, "to": "ACME"}}})
}

fn yes() -> Value {
    json!({"action": "accept", "content": {"approve": true, "reason": "due"}})
}

/// Calls, and returns what the person at the app is shown.
async fn shown(app: &mut Script, id: &str) -> String {
    let asked = app.step(&payment(id)).await;
    asked["asks"].as_str().unwrap_or_else(|| panic!("nobody was asked: {asked}")).to_owned()
}

/// The approvals of a house, as the command line lists them.
async fn approvals(house: &House) -> Vec<Value> {
    let (listed, code) = house.json(&["approvals", "list", "--all"]).await;
    assert_eq!(code, 0);
    listed.as_array().unwrap().clone()
}

/// How many payments were made.
async fn admitted(house: &House) -> usize {
    house.kinds_about("bank/process_payment").await.iter().filter(|kind| *kind == "call.admitted").count()
}

fn codes(told: &Value) -> Vec<&str> {
    let refused = told["result"]["structuredContent"]["interlock"]["refused"].as_array();
    refused.into_iter().flatten().map(|one| one["code"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_client_that_comes_back_finds_the_question_after_a_restart() {
    let house = house("client");
    let door = house.open().await;
    let mut app = Script::with("asks", Era::Modern, &house, &door).await;
    let message = shown(&mut app, "p1").await;
    assert!(message.contains("Pay 250 to ACME") && message.contains("\"payment_id\": \"p1\""), "{message}");
    let door = house.reopen(door).await;
    let paid = app.step(&yes()).await;
    assert_eq!(paid["result"]["isError"], false, "{paid}");
    // No is no, and later is the desk's.
    shown(&mut app, "p2").await;
    assert_eq!(codes(&app.step(&json!({"action": "decline"})).await), ["approval_refused"]);
    shown(&mut app, "p3").await;
    assert_eq!(codes(&app.step(&json!({"action": "cancel"})).await), ["approval_pending"]);
    app.close().await;
    door.close().await;
    let all = approvals(&house).await;
    let states: Vec<_> = all.iter().map(|one| one["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["spent", "refused", "open"], "{all:?}");
    let (first, _) = house.json(&["approvals", "show", all[0]["id"].as_str().unwrap()]).await;
    assert_eq!(
        (&first["answers"][0]["by"], &first["answers"][0]["approve"]),
        (&json!("local"), &json!(true)),
        "{first}"
    );
    assert_eq!(admitted(&house).await, 1);
    house.assert_whole().await;
}

#[tokio::test]
async fn a_client_that_asks_while_its_call_is_open_is_asked_again_after_a_restart() {
    let house = house("client");
    let door = house.open().await;
    let mut app = Script::with("asks", Era::Legacy, &house, &door).await;
    shown(&mut app, "p1").await;
    assert_eq!(codes(&app.step(&json!({"action": "cancel"})).await), ["approval_pending"]);
    let door = house.reopen(door).await;
    // In the session that it opened before: the question is the same one.
    shown(&mut app, "p1").await;
    let paid = app.step(&yes()).await;
    assert_eq!(paid["result"]["isError"], false, "{paid}");
    shown(&mut app, "p2").await;
    assert_eq!(codes(&app.step(&json!({"action": "decline"})).await), ["approval_refused"]);
    app.close().await;
    door.close().await;
    let all = approvals(&house).await;
    let states: Vec<_> = all.iter().map(|one| one["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["spent", "refused"], "{all:?}");
    assert_eq!(admitted(&house).await, 1);
}

#[tokio::test]
async fn a_client_that_can_ask_nobody_is_told_to_call_again_and_a_yes_at_the_desk_outlives_a_restart() {
    for (era, channel) in
        [(Era::Legacy, "desk"), (Era::Modern, "desk"), (Era::Legacy, "client"), (Era::Modern, "client")]
    {
        let house = house(channel);
        let door = house.open().await;
        let mut app = Script::with("nobody", era, &house, &door).await;
        assert_eq!(codes(&app.step(&payment("p1")).await), ["approval_pending"]);
        let id = approvals(&house).await[0]["id"].as_str().unwrap().to_owned();
        let door = house.reopen(door).await;
        assert_eq!(house.json(&["approvals", "approve", &id, "--as", "dana"]).await.1, 0);
        let door = house.reopen(door).await;
        let paid = app.step(&payment("p1")).await;
        assert_eq!(paid["result"]["isError"], false, "{era:?}: {paid}");
        app.close().await;
        door.close().await;
        assert_eq!(admitted(&house).await, 1);
    }
}
