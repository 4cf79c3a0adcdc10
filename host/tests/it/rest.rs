//! Tools for programs that do not speak MCP: the real program, by HTTP alone.

mod answers;
mod described;
mod limits;
mod schemathesis;

use std::{fs, path::Path, process::Command};

use interlock::journal::kind;
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    plugins::cache,
    swap::live::{Served, events},
};

fn folder(more: Value) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut config = json!({
        "mcpServers": {"bank": {"component": "payments"}},
        "policies": [
            {"name": "order", "component": "sequence", "settings": {"rules": [
                {"tools": ["bank/process_payment"], "after": ["bank/fraud_check"]}]}},
            {"name": "large", "component": "approval", "settings": {"rules": [
                {"tools": ["bank/process_payment"], "when": {"argument": "/amount", "op": ">", "value": 100}}]}},
            {"name": "slowly", "component": "rate-limit", "scope": "global", "settings": {"limits": [
                {"tools": ["bank/fraud_check"], "max_calls": 2, "per_seconds": 600}]}},
        ],
        "approvals": {"hold_open_seconds": 0},
    });
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    fs::write(folder.path().join("interlock.json"), config.to_string()).unwrap();
    folder
}

/// Makes a key.
fn key(folder: &Path, arguments: &[&str]) -> String {
    interlock(folder, &[&["keys", "create"][..], arguments].concat()).trim_end().to_owned()
}

fn interlock(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_interlock"));
    command.args(arguments).current_dir(folder).env("INTERLOCK_CACHE_DIR", cache()).env_remove("INTERLOCK_CONFIG");
    let ended = command.output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    String::from_utf8(ended.stdout).unwrap()
}

/// The door by its root.
struct Door {
    root: String,
    client: Client,
}

impl Door {
    fn of(served: &Served) -> Self {
        let root = served.url.trim_end_matches("/mcp").to_owned();
        // A connection for each request: after a refusal before the body's end, the door closes the one that it came by.
        Self { root, client: Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap() }
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.root))
    }

    fn post(&self, path: &str) -> RequestBuilder {
        self.client.post(format!("{}{path}", self.root))
    }

    async fn call(&self, tool: &str, arguments: Value) -> (StatusCode, Value) {
        read(self.post(&format!("/tools/{tool}")).json(&arguments).send().await.unwrap()).await
    }
}

async fn read(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    let expected = if status.as_u16() < 300 { "application/json" } else { "application/problem+json" };
    assert_eq!(response.headers()["content-type"], expected);
    let body: Value = response.json().await.unwrap();
    assert!(status.as_u16() < 300 || body["status"] == status.as_u16(), "{body}");
    (status, body)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_takes_the_same_line_and_is_told_in_the_words_of_http() {
    let folder = folder(json!({}));
    let served = Served::start(folder.path()).await;
    let door = Door::of(&served);
    let payment = |amount: u32| json!({"payment_id": "p1", "amount": amount, "to": "ACME"});

    let (status, tools) = read(door.get("/mcp/tools").send().await.unwrap()).await;
    let tools = tools["tools"].as_array().unwrap();
    let check = tools.iter().find(|tool| tool["name"] == "bank__fraud_check").unwrap();
    assert!(status == 200 && check["inputSchema"]["properties"]["amount"].is_object(), "{check}");

    let (status, refused) = door.call("bank/process_payment", payment(5)).await;
    assert_eq!((status, &refused["refused"][0]["code"]), (StatusCode::FORBIDDEN, &json!("sequence_unmet")));
    assert_eq!(refused["refused"][0]["unlocks"], json!([{"call": "bank/fraud_check"}]));
    let checked = json!({"payment_id": "p1", "amount": 5});
    let (status, answer) = door.call("bank/fraud_check", checked.clone()).await;
    assert_eq!((status, &answer["result"]["isError"]), (StatusCode::OK, &json!(false)));
    // By the name that models know, too.
    assert_eq!(door.call("bank__process_payment", payment(5)).await.0, 200);

    let (status, pending) = door.call("bank/process_payment", payment(500)).await;
    assert_eq!((status, &pending["requires_confirmation"]), (StatusCode::ACCEPTED, &json!(true)), "{pending}");
    interlock(folder.path(), &["approvals", "approve", pending["approvals"][0].as_str().unwrap(), "--as", "dana"]);
    assert_eq!(door.call("bank/process_payment", payment(500)).await.0, 200);

    assert_eq!(door.call("bank/fraud_check", checked.clone()).await.0, 200);
    let limited = door.post("/tools/bank/fraud_check").json(&checked).send().await.unwrap();
    assert!(limited.headers()["retry-after"].to_str().unwrap().parse::<u64>().unwrap() > 500);
    assert_eq!(read(limited).await.0, StatusCode::TOO_MANY_REQUESTS);
    // Another session has done nothing yet.
    let elsewhere = door.post("/tools/bank/process_payment").json(&payment(5)).header("interlock-session", "another");
    assert_eq!(read(elsewhere.send().await.unwrap()).await.0, 403);
    served.stop().await;

    let mut told = Vec::new();
    for event in events(folder.path()).await {
        if [kind::CALL_ADMITTED, kind::CALL_REFUSED].contains(&event.kind.as_str()) {
            told.push((event.kind.clone(), event.body["tool"].as_str().unwrap().to_owned()));
        }
    }
    let count = |kind: &str| told.iter().filter(|(found, _)| found == kind).count();
    // One of those refused was put to a person first.
    assert_eq!((count(kind::CALL_ADMITTED), count(kind::CALL_REFUSED)), (4, 4), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_has_not_been_there_yet_is_away_and_its_tools_are_not_unknown() {
    // Nobody listens there any more.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let servers = json!({
        "bank": {"component": "payments"}, "shop": {"url": format!("http://{gone}/mcp")},
        "plain": {"url": format!("http://{gone}/mcp"), "prefix": "p_"},
    });
    let folder = folder(json!({"mcpServers": servers}));
    let served = Served::start(folder.path()).await;
    let door = Door::of(&served);
    for tool in ["shop/buy", "shop__buy", "plain/buy", "p_buy"] {
        let (status, told) = door.call(tool, json!({})).await;
        assert_eq!((status.as_u16(), &told["refused"][0]["code"]), (503, &json!("server_unavailable")), "{tool}");
    }
    for tool in ["bank/buy", "bank__buy", "nowhere/buy", "buy"] {
        assert_eq!(door.call(tool, json!({})).await.0, 404, "{tool}");
    }
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_understood_is_a_problem_and_no_call() {
    let folder = folder(json!({}));
    let served = Served::start(folder.path()).await;
    let door = Door::of(&served);
    let (status, problem) = door.call("bank/no_such_tool", json!({})).await;
    assert_eq!((status, &problem["detail"]), (StatusCode::NOT_FOUND, &json!("There is no tool `bank/no_such_tool`.")));
    for body in ["[]", "7", "{", r#"{"amount": 1, "amount": 2}"#, "\u{0}"] {
        let sent = door.post("/tools/bank/fraud_check").body(body).send().await.unwrap();
        assert_eq!(read(sent).await.0, StatusCode::BAD_REQUEST, "{body}");
    }
    // One byte too many: read to its end, so that the answer is not lost to a connection that breaks off.
    let large = door.post("/tools/bank/fraud_check").body(" ".repeat((4 << 20) + 1)).send().await.unwrap();
    assert_eq!(read(large).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    let unnamed = door.post("/tools/bank/fraud_check").header("interlock-session", "").body("{}");
    assert_eq!(read(unnamed.send().await.unwrap()).await.0, StatusCode::BAD_REQUEST);
    let form = door.post("/tools/bank/fraud_check").header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(read(form.body("amount=1").send().await.unwrap()).await.0, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    for (path, allowed) in [("/tools/bank/fraud_check", "POST"), ("/health", "GET,HEAD"), ("/docs", "GET,HEAD")] {
        let not_so = door.client.delete(format!("{}{path}", door.root)).send().await.unwrap();
        assert_eq!(not_so.headers()["allow"], allowed);
        assert_eq!(read(not_so).await.0, StatusCode::METHOD_NOT_ALLOWED);
    }
    for nowhere in ["/", "/elsewhere", "/tools/%ff", "/calls/%ff", "/calls/no-such-call", "/approvals/%00"] {
        let sent = if nowhere.starts_with("/tools") { door.post(nowhere) } else { door.get(nowhere) };
        assert_eq!(read(sent.send().await.unwrap()).await.0, StatusCode::NOT_FOUND, "{nowhere}");
    }
    let elsewhere = door.get("/mcp/tools").header("host", "evil.example.com");
    assert_eq!(read(elsewhere.send().await.unwrap()).await.0, StatusCode::FORBIDDEN);
    served.stop().await;
    let admitted = events(folder.path()).await.into_iter().filter(|event| event.kind == kind::CALL_ADMITTED);
    assert_eq!(admitted.count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_asked_for_here_as_well_but_for_whether_anybody_is_there() {
    let folder = folder(json!({"auth": {"keys": true}}));
    let key = interlock(folder.path(), &["keys", "create", "script"]);
    let served = Served::start(folder.path()).await;
    let door = Door::of(&served);
    let (status, health) = read(door.get("/health").send().await.unwrap()).await;
    assert_eq!((status, health), (StatusCode::OK, json!({"status": "ok"})));
    for path in ["/mcp/tools", "/tools/bank/fraud_check", "/approvals", "/calls/x", "/elsewhere"] {
        assert_eq!(door.get(path).send().await.unwrap().status(), StatusCode::UNAUTHORIZED, "{path}");
    }
    assert_eq!(
        door.post("/tools/bank/fraud_check").body("{}").send().await.unwrap().status(),
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(door.get("/mcp/tools").bearer_auth(key.trim_end()).send().await.unwrap().status(), StatusCode::OK);
    let evil = door.get("/health").header("host", "evil.example.com");
    assert_eq!(evil.send().await.unwrap().status(), StatusCode::FORBIDDEN);
    served.stop().await;
}
