//! Idempotency keys by the real program: from several processes, over REST and over MCP, and after a restart.

use std::{fs, path::Path};

use interlock::journal::kind;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::swap::live::{Served, events};

/// How many at once, from how many processes.
const CALLS: usize = 100;
const PROCESSES: usize = 4;

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let config = json!({
        "mcpServers": {"crm": {"component": "crm"}},
        "idempotency": {"crm/create_ticket": {"key": ["/customer_id", "/subject"], "within_minutes": 60}},
    });
    fs::write(folder.path().join("interlock.json"), config.to_string()).unwrap();
    folder
}

fn ticket(subject: &str) -> Value {
    json!({"customer_id": "C-1001", "subject": subject, "description": "Nothing works.", "priority": "high"})
}

fn rest(served: &Served, key: Option<&str>, arguments: &Value) -> RequestBuilder {
    let root = served.url.trim_end_matches("/mcp");
    let request = Client::builder().no_proxy().build().unwrap().post(format!("{root}/tools/crm/create_ticket"));
    let request = request.json(arguments);
    if let Some(key) = key { request.header("Idempotency-Key", key) } else { request }
}

fn mcp(served: &Served, key: &Value, arguments: &Value) -> RequestBuilder {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "interlock/idempotency-key": key,
    });
    let params = json!({"name": "crm__create_ticket", "arguments": arguments, "_meta": meta});
    let client = Client::builder().no_proxy().build().unwrap();
    let request = client.post(&served.url).header("Accept", "application/json, text/event-stream");
    let request = request.header("MCP-Protocol-Version", "2026-07-28").header("Mcp-Method", "tools/call");
    let request = request.header("Mcp-Name", "crm__create_ticket");
    request.json(&json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}))
}

/// Status, whether it is marked as given before, and the body.
async fn sent(request: RequestBuilder) -> (u16, bool, Value) {
    let answer = request.send().await.unwrap();
    let marked = answer.headers().get("idempotency-replayed").is_some_and(|mark| mark == "true");
    (answer.status().as_u16(), marked, answer.json().await.unwrap())
}

async fn admitted(folder: &Path) -> usize {
    events(folder).await.iter().filter(|event| event.kind == kind::CALL_ADMITTED).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_at_once_from_four_processes_make_one_ticket() {
    let folder = folder();
    let mut gateways = Vec::new();
    for _ in 0..PROCESSES {
        gateways.push(Served::start(folder.path()).await);
    }
    let asked = (0..CALLS).map(|nth| sent(rest(&gateways[nth % PROCESSES], Some("order-77"), &ticket("Outage"))));
    let answers = futures::future::join_all(asked).await;
    let first = &answers[0].2;
    for (status, _, body) in &answers {
        assert_eq!((*status, &body["call"]), (200, &first["call"]), "{body}");
        assert_eq!(body["result"]["structuredContent"], first["result"]["structuredContent"]);
    }
    assert_eq!(answers.iter().filter(|(_, marked, _)| !marked).count(), 1, "one was made, and said so");
    for gateway in gateways {
        gateway.stop().await;
    }
    assert_eq!(admitted(folder.path()).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_key_is_one_piece_of_work_by_whatever_door_and_after_a_restart() {
    let folder = folder();
    let served = Served::start(folder.path()).await;
    let (_, marked, made) = sent(rest(&served, Some("k-1"), &ticket("Outage"))).await;
    assert!(!marked && made["result"]["isError"] == false, "{made}");
    let (status, _, conflict) = sent(rest(&served, Some("k-1"), &ticket("Another"))).await;
    assert_eq!((status, &conflict["refused"][0]["code"]), (409, &json!("idempotency_conflict")));
    // As the draft of the standard writes it.
    let (_, marked, again) = sent(rest(&served, Some("\"k-1\""), &ticket("Outage"))).await;
    assert!(marked && again["call"] == made["call"], "{again}");
    served.stop().await;

    let served = Served::start(folder.path()).await;
    let (_, _, answer) = sent(mcp(&served, &json!("k-1"), &ticket("Outage"))).await;
    assert_eq!(answer["result"]["_meta"]["interlock/replayed"], true, "{answer}");
    assert_eq!(answer["result"]["structuredContent"], made["result"]["structuredContent"]);
    for wrong in [json!(7), json!(""), json!("a b"), json!("x".repeat(256))] {
        let (_, _, answer) = sent(mcp(&served, &wrong, &ticket("Outage"))).await;
        assert_eq!(answer["error"]["code"], -32602, "{answer}");
    }
    for wrong in ["", "a b", &"x".repeat(256)] {
        assert_eq!(sent(rest(&served, Some(wrong), &ticket("Outage"))).await.0, 400, "{wrong}");
    }
    let twice = rest(&served, Some("k-1"), &ticket("Outage")).header("Idempotency-Key", "k-2");
    assert_eq!(sent(twice).await.0, 400);
    served.stop().await;
    assert_eq!(admitted(folder.path()).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_without_a_key_are_given_one_from_their_arguments() {
    let folder = folder();
    let served = Served::start(folder.path()).await;
    let (_, marked, made) = sent(rest(&served, None, &ticket("Outage"))).await;
    assert!(!marked, "{made}");
    let (_, marked, again) = sent(rest(&served, None, &ticket("Outage"))).await;
    assert!(marked && again["call"] == made["call"], "{again}");
    let mut other = ticket("Outage");
    other["priority"] = "low".into();
    let (status, _, conflict) = sent(rest(&served, None, &other)).await;
    assert_eq!(status, 409);
    assert!(conflict["detail"].as_str().unwrap().contains("the same /customer_id, /subject within 60 minutes"));
    assert!(!sent(rest(&served, None, &ticket("Another"))).await.1);
    served.stop().await;
    assert_eq!(admitted(folder.path()).await, 2);
}
