//! Raw JSON-RPC over stdio, from 2026-07-28.

use std::{num::NonZeroUsize, time::Duration};

use interlock::gateway::{Announcement, Config};
use serde_json::{Value, json};

use super::{
    behind::{House, Seen},
    wire::{Wire, modern, modern_as},
};

#[tokio::test]
async fn a_client_discovers_what_there_is() {
    let house = House::new();
    let mut wire = Wire::to(&house);
    let found = wire.ask("server/discover", modern(json!({}))).await["result"].take();
    assert_eq!(found["supportedVersions"][0], "2026-07-28");
    assert_eq!((&found["resultType"], &found["cacheScope"]), (&json!("complete"), &json!("private")));
    assert_eq!(found["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "interlock");
    let listed = wire.ask("tools/list", modern(json!({}))).await["result"].take();
    assert_eq!((&listed["ttlMs"], &listed["cacheScope"]), (&json!(0), &json!("private")));
    assert_eq!(listed["tools"][0]["unheardOf"], json!({"of": "echo"}));
}

#[tokio::test]
async fn every_request_must_say_what_it_speaks() {
    let house = House::new();
    let mut wire = Wire::to(&house);
    assert_eq!(wire.ask("server/discover", json!({})).await["error"]["code"], -32602);
    let version = "io.modelcontextprotocol/protocolVersion";
    let answer = wire.ask("tools/list", json!({"_meta": {version: "2026-07-28"}})).await;
    assert_eq!(answer["error"]["code"], -32602);
    let answer = wire.ask("tools/list", json!({"_meta": {version: "2099-01-01"}})).await;
    assert_eq!(answer["error"]["code"], -32022);
    assert_eq!(answer["error"]["data"]["supported"][0], "2026-07-28");
    for gone in ["ping", "logging/setLevel", "resources/subscribe", "initialize"] {
        let params = modern(json!({"level": "info", "uri": "a://b"}));
        assert_eq!(wire.ask(gone, params).await["error"]["code"], -32601, "{gone}");
    }
}

#[tokio::test]
async fn logs_come_only_if_the_request_asks_for_them() {
    let house = House::new();
    let mut wire = Wire::to(&house);
    let answer = wire.ask("tools/call", modern(json!({"name": "steps"}))).await;
    assert_eq!(answer["result"]["structuredContent"], json!({"wanted": false, "level": null}));
    let meta = json!({"io.modelcontextprotocol/logLevel": "debug"});
    wire.request(json!(1), "tools/call", modern(json!({"name": "steps", "_meta": meta}))).await;
    assert_eq!(wire.next().await["params"]["level"], "debug");
    assert_eq!(wire.next().await["params"]["level"], "error");
    assert_eq!(wire.next().await["id"], 1);
}

#[tokio::test]
async fn a_resource_that_is_not_there_is_a_wrong_parameter() {
    let house = House::new();
    let mut wire = Wire::to(&house);
    assert_eq!(wire.ask("resources/read", modern(json!({"uri": "gone://"}))).await["error"]["code"], -32602);
}

#[tokio::test]
async fn requests_about_tasks_go_behind_the_door_with_who_asks() {
    let mut house = House::new();
    let mut wire = Wire::to(&house);
    let tasks = json!({"extensions": {"io.modelcontextprotocol/tasks": {}}});
    let found = wire.ask("server/discover", modern(json!({}))).await["result"].take();
    assert_eq!(found["capabilities"]["extensions"], tasks["extensions"]);
    assert_eq!(found["capabilities"].get("tasks"), None, "of older revisions");

    let state = wire.ask("tasks/get", modern_as(json!({"taskId": "t"}), tasks.clone())).await["result"].take();
    assert_eq!((&state["status"], &state["unheardOf"]), (&json!("working"), &json!(1)));
    assert_eq!(state["resultType"], "complete");
    let responses = json!({"taskId": "t", "inputResponses": {"a": {"action": "accept"}}});
    let done = wire.ask("tasks/update", modern_as(responses.clone(), tasks.clone())).await;
    assert_eq!(done["result"]["resultType"], "complete");
    wire.ask("tasks/cancel", modern_as(json!({"taskId": "t"}), tasks.clone())).await;
    for (method, params) in
        [("tasks/get", json!({"taskId": "t"})), ("tasks/update", responses), ("tasks/cancel", json!({"taskId": "t"}))]
    {
        assert_eq!(house.seen.recv().await, Some(Seen::Task("local".to_owned(), method.to_owned(), params)));
    }
    let ordered = json!({"_meta": {}, "taskId": "t", "b": 1, "inputResponses": {}});
    wire.ask("tasks/update", modern_as(ordered, tasks.clone())).await;
    let Some(Seen::Task(_, _, params)) = house.seen.recv().await else { panic!("it does not get there") };
    assert_eq!(params.to_string(), r#"{"taskId":"t","b":1,"inputResponses":{}}"#);
    for (method, params, code) in [
        ("tasks/get", json!({"taskId": "another"}), -32602),
        ("tasks/get", json!({}), -32602),
        ("tasks/update", json!({"taskId": "t"}), -32602),
        ("tasks/list", json!({}), -32601),
        ("tasks/result", json!({"taskId": "t"}), -32601),
    ] {
        assert_eq!(wire.ask(method, modern_as(params, tasks.clone())).await["error"]["code"], code, "{method}");
    }
    let refused = wire.ask("tasks/get", modern(json!({"taskId": "t"}))).await["error"].take();
    assert_eq!((&refused["code"], &refused["data"]["requiredCapabilities"]), (&json!(-32021), &tasks));
}

fn retry(mut params: Value, state: &Value, responses: Value) -> Value {
    params["requestState"] = state.clone();
    params["inputResponses"] = responses;
    params
}

#[tokio::test]
async fn a_servers_question_ends_the_request_and_the_retry_goes_on_with_the_call() {
    let house = House::new();
    let mut wire = Wire::to(&house);
    let params = modern(json!({"name": "ask", "arguments": {"a": 1}}));
    let asked = wire.ask("tools/call", params.clone()).await["result"].take();
    assert_eq!(asked["resultType"], "input_required");
    let (key, question) = asked["inputRequests"].as_object().unwrap().iter().next().unwrap();
    assert_eq!(question["method"], "elicitation/create");
    let answer = json!({"action": "accept", "content": {"sure": true}, "unheardOf": 1});

    // A retry without the answer is asked again.
    let again = wire.ask("tools/call", retry(params.clone(), &asked["requestState"], json!({}))).await["result"].take();
    assert_eq!(again["inputRequests"], asked["inputRequests"]);
    let spent = wire.ask("tools/call", retry(params.clone(), &asked["requestState"], json!({key: answer}))).await;
    assert_eq!(spent["error"]["code"], -32602);

    let came_back = retry(params, &again["requestState"], json!({key: answer}));
    let done = wire.ask("tools/call", came_back.clone()).await;
    assert_eq!(done["result"]["structuredContent"]["answer"], answer);
    assert_eq!(wire.ask("tools/call", came_back).await["error"]["code"], -32602, "it comes back once");
}

#[tokio::test]
async fn a_client_that_declares_no_elicitation_is_not_asked() {
    let house = House::new();
    let mut wire = Wire::to(&house);
    let answer = wire.ask("tools/call", modern_as(json!({"name": "ask"}), json!({}))).await;
    assert_eq!(answer["result"]["structuredContent"]["answer"], json!({"error": -32601}));
}

#[tokio::test]
async fn a_servers_own_state_comes_back_to_it_byte_for_byte() {
    let house = House::new();
    let mut wire = Wire::to(&house);
    let params = modern(json!({"name": "continued", "arguments": {"a": 1}}));
    let asked = wire.ask("tools/call", params.clone()).await["result"].take();
    assert_eq!(asked["inputRequests"]["name"]["method"], "roots/list");
    let state = &asked["requestState"];
    assert_ne!(state, "the server's own ☃");
    let responses = json!({"name": {"roots": []}});

    let mut tampered = state.as_str().unwrap().to_owned();
    let last = tampered.pop().unwrap();
    tampered.push(if last == 'A' { 'B' } else { 'A' });
    let elsewhere = modern(json!({"name": "continued", "arguments": {"a": 2}}));
    for (what, wrong) in [
        ("tampered", retry(params.clone(), &json!(tampered), responses.clone())),
        ("other arguments", retry(elsewhere, state, responses.clone())),
        ("no text", retry(params.clone(), &json!(1), responses.clone())),
        ("no state", retry(params.clone(), &Value::Null, responses.clone())),
    ] {
        assert_eq!(wire.ask("tools/call", wrong).await["error"]["code"], -32602, "{what}");
    }

    let right = retry(params, state, responses.clone());
    let done = wire.ask("tools/call", right.clone()).await["result"]["structuredContent"].take();
    assert_eq!((&done["responses"], &done["state"]), (&responses, &json!("the server's own ☃")));
    assert!(done["continues"].is_string());
    assert_eq!(wire.ask("tools/call", right).await["error"]["code"], -32602, "replayed");
}

#[tokio::test]
async fn an_answer_that_nobody_asked_for_is_the_servers_to_judge() {
    let house = House::new();
    let mut wire = Wire::to(&house);
    let mut params = modern(json!({"name": "continued"}));
    params["inputResponses"] = json!({"x": {}});
    let done = wire.ask("tools/call", params.clone()).await["result"]["structuredContent"].take();
    assert_eq!(done, json!({"responses": {"x": {}}, "state": null, "continues": null}));
    params["inputResponses"] = json!([]);
    assert_eq!(wire.ask("tools/call", params).await["error"]["code"], -32602);
}

#[tokio::test]
async fn the_oldest_waiting_call_makes_room() {
    let house = House::with(Config { most_waiting: NonZeroUsize::MIN, ..Config::default() });
    let mut wire = Wire::to(&house);
    let params = modern(json!({"name": "ask"}));
    let first = wire.ask("tools/call", params.clone()).await["result"]["requestState"].take();
    let second = wire.ask("tools/call", params.clone()).await["result"]["requestState"].take();
    let answer = json!({"question": {"action": "decline"}});
    assert_eq!(wire.ask("tools/call", retry(params.clone(), &first, answer.clone())).await["error"]["code"], -32602);
    let done = wire.ask("tools/call", retry(params, &second, answer)).await;
    assert_eq!(done["result"]["structuredContent"]["answer"]["action"], "decline");
}

#[tokio::test]
async fn a_call_whose_client_stays_away_is_called_off() {
    let mut house = House::with(Config { input_wait: Duration::ZERO, ..Config::default() });
    let mut wire = Wire::to(&house);
    let params = modern(json!({"name": "ask"}));
    let state = wire.ask("tools/call", params.clone()).await["result"]["requestState"].take();
    assert_eq!(house.seen.recv().await, Some(Seen::CalledOff));
    let answer = json!({"question": {"action": "accept"}});
    assert_eq!(wire.ask("tools/call", retry(params, &state, answer)).await["error"]["code"], -32602);
}

#[tokio::test]
async fn a_subscription_is_acknowledged_tagged_and_only_hears_what_it_asked_for() {
    let mut house = House::new();
    let mut wire = Wire::to(&house);
    let wishes = json!({"toolsListChanged": true, "resourceSubscriptions": ["a://b"]});
    wire.request(json!("sub"), "subscriptions/listen", modern(json!({"notifications": wishes}))).await;
    let tag = json!({"io.modelcontextprotocol/subscriptionId": "sub"});
    let told = wire.next().await;
    assert_eq!(told["method"], "notifications/subscriptions/acknowledged");
    assert_eq!(told["params"], json!({"notifications": wishes, "_meta": tag}));
    assert_eq!(house.seen.recv().await, Some(Seen::Request("resources/subscribe".to_owned(), json!({"uri": "a://b"}))));
    for announcement in [
        Announcement::PromptsChanged,
        Announcement::ResourceUpdated { server: "s".into(), uri: "a://c".to_owned() },
        Announcement::ResourceUpdated { server: "s".into(), uri: "a://b".to_owned() },
        Announcement::ToolsChanged,
    ] {
        house.behind.announce.send(announcement).unwrap();
    }
    assert_eq!(wire.next().await["params"], json!({"uri": "a://b", "_meta": tag}));
    let told = wire.next().await;
    assert_eq!((&told["method"], &told["params"]["_meta"]), (&json!("notifications/tools/list_changed"), &tag));

    wire.tell("notifications/cancelled", json!({"requestId": "sub"})).await;
    assert_eq!(
        house.seen.recv().await,
        Some(Seen::Request("resources/unsubscribe".to_owned(), json!({"uri": "a://b"})))
    );
}

#[tokio::test]
async fn a_subscription_ends_with_a_result_when_the_door_shuts() {
    let house = House::new();
    let mut wire = Wire::to(&house);
    wire.request(json!(9), "subscriptions/listen", modern(json!({"notifications": {}}))).await;
    assert_eq!(wire.next().await["method"], "notifications/subscriptions/acknowledged");
    house.tasks.stopping().cancel();
    let ended = wire.next().await;
    assert_eq!(ended["result"]["resultType"], "complete");
    assert_eq!(ended["result"]["_meta"]["io.modelcontextprotocol/subscriptionId"], 9);
}
