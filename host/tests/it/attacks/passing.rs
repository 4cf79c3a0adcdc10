//! What callers show is for the gate alone: no server behind it gets to see it.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    middleware::{self, Next},
    response::Response,
};
use interlock::tasks::Tasks;
use serde_json::{Value, json};

use super::{Gate, issuer::Issuer};
use crate::{
    downstream::http::{ERAS, listen, serving},
    keys::create,
};

/// Everything that came to a server: heads and bodies, as text.
type Record = Arc<Mutex<String>>;

async fn record(State(record): State<Record>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    record.lock().unwrap().push_str(&format!(
        "{} {:?}\n{}\n",
        parts.uri,
        parts.headers,
        String::from_utf8_lossy(&body)
    ));
    next.run(Request::from_parts(parts, Body::from(body))).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_a_caller_shows_reaches_a_server() {
    for era in ERAS {
        let (seen, tasks) = (Record::default(), Tasks::new());
        let router: Router = serving(era).0.layer(middleware::from_fn_with_state(seen.clone(), record));
        let url = listen(&tasks, router).await;
        // One server has a token of its own, one a header.
        let own = Issuer::start().await;
        let oauth =
            json!({"client_id": "gate", "client_secret": "s3cret-gate", "token_url": format!("{}/token", own.url)});
        let more = json!({
            "mcpServers": {
                "far": {"url": url, "oauth": oauth},
                "near": {"url": url, "headers": {"Authorization": "Bearer own"}},
            },
            "policies": [],
        });
        let gate = Gate::with(json!({}), more).await;
        let key = create(gate.folder.path(), &["agent"]);
        let token = gate.issuer.token("ann", json!({"note": "canary-claim"}));
        for shown in [&key, &token] {
            for tool in ["far__steps", "near__steps"] {
                let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
                "name": tool, "arguments": {}, "_meta": {
                    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                    "io.modelcontextprotocol/clientCapabilities": {},
                }}});
                let request = reqwest::Client::new().post(format!("{}?t={shown}", gate.served.url)).bearer_auth(shown);
                let request = request.header("accept", "application/json, text/event-stream");
                let request = request.header("mcp-protocol-version", "2026-07-28").header("mcp-method", "tools/call");
                let request = request.header("mcp-name", tool).header("cookie", format!("session={shown}"));
                let answer = request.header("x-forwarded-authorization", shown).json(&call).send().await.unwrap();
                let answer: Value = answer.json().await.unwrap();
                assert_eq!(answer["result"]["content"][0]["text"], "done", "{answer}");
                let rest = reqwest::Client::new().post(gate.url(&format!("/tools/{tool}"))).bearer_auth(shown);
                assert_eq!(rest.send().await.unwrap().status(), 200);
            }
        }
        gate.served.stop().await;
        let seen = seen.lock().unwrap().clone();
        assert!(seen.matches("steps").count() >= 8 && seen.contains("Bearer own"), "{seen}");
        for secret in [&key[17..81], &token[token.len() - 60..], "canary-claim", "cookie", "x-forwarded"] {
            assert!(!seen.contains(secret), "{secret} is in {seen}");
        }
        // What it was shown instead is the server's own.
        let shown = |part: &str| seen.contains(part);
        assert!(shown("authorization") && !own.asked_for_tokens().is_empty());
        tasks.stop(std::time::Duration::from_secs(30)).await;
    }
}
