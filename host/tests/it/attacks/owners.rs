//! What belongs to somebody: sessions, what a call goes on with, tasks, histories. To everybody else it is as if it were not
//! there, however well they are known themselves.

use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Map, Value, json};

use super::Gate;
use crate::keys::create;

const SERVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/downstream/server.py");
const ACCEPT: &str = "application/json, text/event-stream";

/// A gate with a server that asks and has tasks, and a rule about what comes first.
async fn open() -> Gate {
    let more = json!({
        "mcpServers": {
            "ci": {"component": "delivery"},
            "odd": {"command": "python3", "args": [SERVER, "modern", "listed", "job"], "prefix": ""},
        },
        "policies": [{"name": "order", "component": "sequence", "settings": {"rules": [
            {"tools": ["ci/security_scan"], "after": ["ci/run_tests"]}]}}],
    });
    Gate::with(json!({}), more).await
}

/// One caller by what they show.
pub(super) struct Caller<'a> {
    pub(super) gate: &'a Gate,
    pub(super) shown: String,
}

impl Caller<'_> {
    /// A request of the stateless era.
    pub(super) async fn ask(&self, method: &str, mut params: Value, meta: Value) -> Value {
        let name = params.get("name").or(params.get("taskId")).and_then(Value::as_str).unwrap_or("-").to_owned();
        let mut all = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {
                "elicitation": {"form": {}}, "extensions": {"io.modelcontextprotocol/tasks": {}}},
            "io.modelcontextprotocol/clientInfo": {"name": "raw", "version": "1"},
        });
        all.as_object_mut().unwrap().extend(meta.as_object().unwrap().clone());
        params["_meta"] = all;
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let request = Client::new().post(&self.gate.served.url).bearer_auth(&self.shown).header("accept", ACCEPT);
        let request = request.header("mcp-protocol-version", "2026-07-28").header("mcp-method", method);
        request.header("mcp-name", name).json(&body).send().await.unwrap().json().await.unwrap()
    }

    pub(super) async fn call(&self, tool: &str, arguments: Value, meta: Value) -> Value {
        self.ask("tools/call", json!({"name": tool, "arguments": arguments}), meta).await
    }

    /// A request of a session.
    fn within(&self, session: &str, method: Method, body: Option<Value>) -> RequestBuilder {
        let request = Client::new().request(method, &self.gate.served.url).bearer_auth(&self.shown);
        let request = request.header("accept", ACCEPT).header("mcp-session-id", session);
        match body {
            Some(body) => request.json(&body),
            None => request,
        }
    }

    async fn open_session(&self) -> String {
        let params =
            json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"}});
        let body = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params});
        let opened = Client::new().post(&self.gate.served.url).bearer_auth(&self.shown).header("accept", ACCEPT);
        opened.json(&body).send().await.unwrap().headers()["mcp-session-id"].to_str().unwrap().to_owned()
    }
}

/// Ann, and all who are not: another subject, and a key with her subject for its name.
async fn callers(gate: &Gate) -> (Caller<'_>, Vec<Caller<'_>>) {
    let token = |subject| Caller { gate, shown: gate.issuer.token(subject, json!({})) };
    let key = create(gate.folder.path(), &["ann", "--role", "ci"]);
    (token("ann"), vec![token("eve"), token("Ann"), Caller { gate, shown: key }])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_its_principals_whatever_is_asked_of_it() {
    let gate = open().await;
    let (ann, others) = callers(&gate).await;
    let session = ann.open_session().await;
    let request = |method: &str| json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": {"uri": "a:b"}});
    let tells = |method: &str| json!({"jsonrpc": "2.0", "method": method, "params": {"requestId": 7}});
    for other in &others {
        for body in [
            request("tools/list"),
            request("resources/subscribe"),
            request("resources/unsubscribe"),
            tells("notifications/cancelled"),
            tells("notifications/initialized"),
            json!({"jsonrpc": "2.0", "id": 1, "result": {"action": "accept"}}),
        ] {
            let answer = other.within(&session, Method::POST, Some(body.clone())).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{body}");
        }
        let stream = other.within(&session, Method::GET, None);
        assert_eq!(stream.send().await.unwrap().status(), StatusCode::NOT_FOUND);
        let stream = other.within(&session, Method::GET, None).header("last-event-id", "0-0");
        assert_eq!(stream.send().await.unwrap().status(), StatusCode::NOT_FOUND);
        let ended = other.within(&session, Method::DELETE, None);
        assert_eq!(ended.send().await.unwrap().status(), StatusCode::NOT_FOUND);
    }
    // As of a session that never was.
    let none = ann.within("00000000-0000-4000-8000-000000000000", Method::DELETE, None);
    assert_eq!(none.send().await.unwrap().status(), StatusCode::NOT_FOUND);
    let listed = ann.within(&session, Method::POST, Some(request("tools/list"))).send().await.unwrap();
    assert_eq!(listed.status(), StatusCode::OK);
    // Her next token is hers as well.
    let later = Caller { gate: &gate, shown: gate.issuer.token("ann", json!({"jti": "later"})) };
    assert_eq!(later.within(&session, Method::DELETE, None).send().await.unwrap().status(), StatusCode::NO_CONTENT);
    gate.served.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_call_goes_on_with_is_for_one_caller_one_call_and_one_time() {
    let gate = open().await;
    let (ann, others) = callers(&gate).await;
    let asked = ann.call("ask", json!({"a": 1}), json!({})).await;
    assert_eq!(asked["result"]["resultType"], "input_required", "{asked}");
    let state = asked["result"]["requestState"].as_str().unwrap().to_owned();
    let back = async |caller: &Caller<'_>, state: &str, arguments: Value| {
        let responses = json!({"who": {"action": "accept", "content": {"name": "n"}}});
        let params = json!({"name": "ask", "arguments": arguments, "requestState": state, "inputResponses": responses});
        caller.ask("tools/call", params, json!({})).await
    };
    let is_refused = |answer: &Value| answer["error"]["code"] == -32602;
    for other in &others {
        let stolen = back(other, &state, json!({"a": 1})).await;
        assert!(is_refused(&stolen), "{stolen}");
    }
    for at in [0, state.len() / 2, state.len() - 2] {
        let mut altered = state.clone();
        altered.replace_range(at..=at, if &state[at..=at] == "A" { "B" } else { "A" });
        let answer = back(&ann, &altered, json!({"a": 1})).await;
        assert!(is_refused(&answer), "altered at {at}: {answer}");
    }
    let answer = back(&ann, &state, json!({"a": 2})).await;
    assert!(is_refused(&answer), "for other arguments: {answer}");
    let done = back(&ann, &state, json!({"a": 1})).await;
    assert_eq!(done["result"]["seen"]["state"], "opaque", "{done}");
    let again = back(&ann, &state, json!({"a": 1})).await;
    assert!(is_refused(&again), "a second time: {again}");
    gate.served.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_is_nobody_elses() {
    let gate = open().await;
    let (ann, others) = callers(&gate).await;
    let begun = ann.call("job", json!({}), json!({})).await;
    let task = begun["result"]["taskId"].as_str().unwrap_or_else(|| panic!("{begun}")).to_owned();
    assert_ne!(task, "theirs", "the server's own id is not told");
    let ask = async |caller: &Caller<'_>, method: &str, task: &str| {
        let mut answer = caller.ask(method, json!({"taskId": task, "inputResponses": {}}), json!({})).await;
        answer["error"].take()
    };
    for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
        let never = ask(&ann, method, "00000000-0000-7000-8000-000000000000").await;
        assert_eq!(never["code"], -32602, "{never}");
        for other in &others {
            assert_eq!(ask(other, method, &task).await, never, "{method}");
        }
    }
    assert_eq!(ask(&ann, "tasks/get", &task).await, Value::Null);
    gate.served.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_has_the_past_of_another_by_naming_their_session() {
    let gate = open().await;
    let (ann, others) = callers(&gate).await;
    let session = || json!({"interlock/session": "release-7"});
    let is_error = |answer: &Value| answer["result"]["isError"].as_bool().unwrap_or_else(|| panic!("{answer}"));
    let revision = || json!({"revision": "r1"});
    assert!(!is_error(&ann.call("ci__run_tests", revision(), session()).await));
    for other in &others {
        for meta in [session(), json!(Map::new())] {
            assert!(is_error(&other.call("ci__security_scan", revision(), meta).await));
        }
    }
    // Nor do hers mix.
    assert!(is_error(&ann.call("ci__security_scan", revision(), json!({})).await));
    assert!(!is_error(&ann.call("ci__security_scan", revision(), session()).await));
    gate.served.stop().await;
}
