//! Raw JSON-RPC over stdio, up to 2025-11-25.

use std::time::Duration;

use interlock::gateway::{Announcement, Config};
use serde_json::{Value, json};

use super::{
    behind::{House, Seen},
    wire::Wire,
};

#[tokio::test]
async fn what_is_not_a_message_is_answered_and_the_session_goes_on() {
    let house = House::new();
    let mut wire = Wire::legacy(&house, json!({})).await;
    for (line, code, id) in [
        ("{not json", -32700, Value::Null),
        ("[]", -32600, Value::Null),
        (r#"{"jsonrpc":"2.0","id":7}"#, -32600, json!(7)),
        (r#"{"jsonrpc":"2.0","id":8,"method":"ping","params":[1]}"#, -32602, json!(8)),
        ("\u{0}", -32700, Value::Null),
    ] {
        wire.line(line).await;
        let answer = wire.next().await;
        assert_eq!((&answer["error"]["code"], &answer["id"]), (&json!(code), &id), "{line}");
    }
    wire.line("   ").await;
    assert_eq!(wire.ask("ping", json!({})).await["result"], json!({}));
}

#[tokio::test]
async fn a_line_that_is_too_long_is_skipped() {
    let house = House::with(Config { most_bytes: 300, ..Config::default() });
    let mut wire = Wire::legacy(&house, json!({})).await;
    wire.line("x".repeat(100_000)).await;
    assert_eq!(wire.next().await["error"]["code"], -32700);
    assert_eq!(wire.ask("ping", json!({})).await["result"], json!({}));
}

#[tokio::test]
async fn only_a_ping_may_come_before_initialize() {
    let house = House::new();
    let mut wire = Wire::to(&house);
    assert_eq!(wire.ask("ping", json!({})).await["result"], json!({}));
    assert_eq!(wire.ask("tools/list", json!({})).await["error"]["code"], -32600);
    let welcome = wire.ask("initialize", json!({"protocolVersion": "1999-01-01", "capabilities": {}})).await;
    assert_eq!(welcome["result"]["protocolVersion"], "2025-11-25");
    assert_eq!(welcome["result"]["serverInfo"]["name"], "interlock");
    assert_eq!(welcome["result"]["instructions"], "Be kind.");
    assert_eq!(welcome["result"]["capabilities"]["tools"], json!({"listChanged": true}));
    assert_eq!(welcome["result"]["capabilities"].get("tasks"), None);
    assert_eq!(welcome["result"]["capabilities"]["extensions"], json!({}));
}

#[tokio::test]
async fn nothing_is_lost_that_the_wire_carried() {
    let house = House::new();
    let mut wire = Wire::legacy(&house, json!({})).await;
    let listed = wire.ask("tools/list", json!({})).await;
    assert_eq!(listed["result"]["tools"][0]["unheardOf"], json!({"of": "echo"}));
    assert_eq!(listed["result"].get("resultType"), None);

    let arguments = json!({"a": null, "b": [1.5, {"c": 18_446_744_073_709_551_615_u64}]});
    let answer = wire.ask("tools/call", json!({"name": "echo", "arguments": arguments})).await;
    assert_eq!(
        answer["result"],
        json!({
            "content": [{"type": "hologram", "text": "hi", "extra": 1}],
            "structuredContent": arguments,
            "unheardOf": {"deep": [1, null, 1e30, 18_446_744_073_709_551_615_u64]},
        })
    );

    let answer = wire.ask("resources/read", json!({"uri": "a://b"})).await;
    assert_eq!(answer["result"]["contents"][0]["unheardOf"], true);
}

#[tokio::test]
async fn a_request_that_is_not_understood_reaches_no_server() {
    let mut house = House::new();
    let mut wire = Wire::legacy(&house, json!({})).await;
    for (method, params, code) in [
        ("tools/call", json!({}), -32602),
        ("tools/call", json!({"name": "echo", "arguments": []}), -32602),
        ("tools/call", json!({"name": "echo", "_meta": 1}), -32602),
        ("resources/read", json!({"uri": 1}), -32602),
        ("completion/complete", json!({}), -32602),
        ("logging/setLevel", json!({"level": "loud"}), -32602),
        ("prompts/list", json!({"cursor": 1}), -32602),
        ("server/shutdown", json!({}), -32601),
        ("subscriptions/listen", json!({"notifications": {}}), -32601),
        ("tasks/list", json!({}), -32601),
        ("tasks/get", json!({"taskId": "t"}), -32601),
    ] {
        assert_eq!(wire.ask(method, params.clone()).await["error"]["code"], code, "{method} {params}");
    }
    assert!(house.seen.try_recv().is_err());
}

#[tokio::test]
async fn a_servers_error_is_passed_on_as_it_is() {
    let house = House::new();
    let mut wire = Wire::legacy(&house, json!({})).await;
    let answer = wire.ask("tools/call", json!({"name": "none"})).await;
    assert_eq!(answer["error"], json!({"code": -32602, "message": "unknown tool `none`", "data": {"why": "fake"}}));
    assert_eq!(wire.ask("resources/read", json!({"uri": "gone://"})).await["error"]["code"], -32002);
}

#[tokio::test]
async fn the_caller_is_local_and_its_session_is_the_process() {
    let house = House::new();
    let mut wire = Wire::legacy(&house, json!({})).await;
    let meta = json!({"traceparent": "t", "progressToken": 1, "interlock/session": "other",
        "io.modelcontextprotocol/x": 1});
    let first =
        wire.ask("tools/call", json!({"name": "who", "_meta": meta})).await["result"]["structuredContent"].take();
    assert_eq!(first["caller"], json!({"principal": "local", "roles": ["agent"], "client": "raw"}));
    assert_eq!(first["meta"], json!({"traceparent": "t"}));
    assert_ne!(first["session"], "other");
    let second = wire.ask("tools/call", json!({"name": "who"})).await["result"]["structuredContent"].take();
    assert_eq!(first["session"], second["session"]);
}

#[tokio::test]
async fn notifications_come_in_order_and_before_the_result() {
    let house = House::new();
    let mut wire = Wire::legacy(&house, json!({})).await;
    assert_eq!(wire.ask("logging/setLevel", json!({"level": "warning"})).await["result"], json!({}));
    wire.request(json!(1), "tools/call", json!({"name": "steps", "_meta": {"progressToken": "mine"}})).await;
    for progress in [1, 3, 4] {
        let told = wire.next().await;
        assert_eq!(told["method"], "notifications/progress");
        assert_eq!(told["params"], json!({"progress": progress, "progressToken": "mine"}));
    }
    assert_eq!(wire.next().await["params"], json!({"level": "error", "data": "error"}));
    let result = wire.next().await;
    assert_eq!(result["id"], 1);
    assert_eq!(result["result"]["structuredContent"], json!({"wanted": true, "level": "warning"}));

    // No token, no progress.
    wire.request(json!(2), "tools/call", json!({"name": "steps"})).await;
    assert_eq!(wire.next().await["method"], "notifications/message");
    assert_eq!(wire.next().await["result"]["structuredContent"]["wanted"], false);
}

#[tokio::test]
async fn a_cancelled_call_is_called_off_and_not_answered() {
    let mut house = House::new();
    let mut wire = Wire::legacy(&house, json!({})).await;
    wire.request(json!(1), "tools/call", json!({"name": "wait", "_meta": {"progressToken": 1}})).await;
    assert_eq!(wire.next().await["method"], "notifications/progress");
    wire.request(json!(1), "tools/call", json!({"name": "echo"})).await;
    assert_eq!(wire.next().await["error"]["code"], -32600, "an id that is in use");
    wire.tell("notifications/cancelled", json!({"requestId": 1})).await;
    assert_eq!(house.seen.recv().await, Some(Seen::CalledOff));
    assert_eq!(wire.ask("ping", json!({})).await["result"], json!({}));
}

#[tokio::test]
async fn a_client_that_hangs_up_gets_what_ends_and_the_rest_is_called_off() {
    let mut house = House::with(Config { grace: Duration::from_millis(50), ..Config::default() });
    let mut wire = Wire::legacy(&house, json!({})).await;
    wire.request(json!(1), "tools/call", json!({"name": "wait"})).await;
    wire.request(json!(2), "tools/call", json!({"name": "echo"})).await;
    let rest = wire.hang_up().await;
    assert_eq!(rest.iter().map(|answer| &answer["id"]).collect::<Vec<_>>(), [&json!(2)]);
    assert_eq!(house.seen.recv().await, Some(Seen::CalledOff));
}

#[tokio::test]
async fn a_servers_question_goes_to_the_client_and_its_answer_back() {
    let house = House::new();
    let mut wire = Wire::legacy(&house, json!({"elicitation": {}})).await;
    wire.request(json!(1), "tools/call", json!({"name": "ask"})).await;
    let question = wire.next().await;
    assert_eq!(question["method"], "elicitation/create");
    assert_eq!(question["params"]["message"], "Sure?");
    let answer = json!({"action": "accept", "content": {"sure": true}, "unheardOf": 1});
    wire.send(json!({"jsonrpc": "2.0", "id": question["id"], "result": answer})).await;
    assert_eq!(wire.next().await["result"]["structuredContent"]["answer"], answer);
}

#[tokio::test]
async fn a_client_that_takes_no_questions_is_not_asked() {
    let house = House::new();
    let mut wire = Wire::legacy(&house, json!({"elicitation": {"url": {}}})).await;
    let answer = wire.ask("tools/call", json!({"name": "ask"})).await;
    assert_eq!(answer["result"]["structuredContent"]["answer"], json!({"error": -32601}));
}

#[tokio::test]
async fn a_question_is_withdrawn_when_its_call_is_called_off() {
    let house = House::new();
    let mut wire = Wire::legacy(&house, json!({"elicitation": {}})).await;
    wire.request(json!(1), "tools/call", json!({"name": "ask"})).await;
    let question = wire.next().await;
    wire.tell("notifications/cancelled", json!({"requestId": 1})).await;
    let withdrawal = wire.next().await;
    assert_eq!(withdrawal["method"], "notifications/cancelled");
    assert_eq!(withdrawal["params"]["requestId"], question["id"]);
}

#[tokio::test]
async fn updates_are_announced_to_those_who_subscribed() {
    let mut house = House::new();
    let mut wire = Wire::legacy(&house, json!({})).await;
    assert_eq!(wire.ask("resources/subscribe", json!({"uri": "a://b"})).await["result"], json!({}));
    assert_eq!(wire.ask("resources/subscribe", json!({"uri": "a://b"})).await["result"], json!({}), "once is enough");
    let update = |uri: &str| Announcement::ResourceUpdated { server: "s".into(), uri: uri.to_owned() };
    for announcement in [update("a://c"), update("a://b"), Announcement::ToolsChanged] {
        house.behind.announce.send(announcement).unwrap();
    }
    let told = wire.next().await;
    assert_eq!(
        (&told["method"], &told["params"]),
        (&json!("notifications/resources/updated"), &json!({"uri": "a://b"}))
    );
    assert_eq!(wire.next().await["method"], "notifications/tools/list_changed");

    assert_eq!(wire.ask("resources/unsubscribe", json!({"uri": "a://b"})).await["result"], json!({}));
    house.behind.announce.send(update("a://b")).unwrap();
    house.behind.announce.send(Announcement::PromptsChanged).unwrap();
    assert_eq!(wire.next().await["method"], "notifications/prompts/list_changed");
    for method in ["resources/subscribe", "resources/unsubscribe"] {
        assert_eq!(house.seen.recv().await, Some(Seen::Request(method.to_owned(), json!({"uri": "a://b"}))));
    }
}
