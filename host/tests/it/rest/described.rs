//! What is told of REST: the OpenAPI document and the page.

use std::collections::BTreeSet;

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{Door, folder, key, read};
use crate::swap::live::Served;

async fn document(door: &Door, key: Option<&str>) -> Value {
    let asked = door.get("/openapi.json");
    let asked = match key {
        Some(key) => asked.header("x-api-key", key),
        None => asked,
    };
    let (status, document) = read(asked.send().await.unwrap()).await;
    assert_eq!(status, 200);
    document
}

/// Every `$ref` of a document.
fn references(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            into.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|value| references(value, into));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_document_has_every_path_and_every_tool_with_its_own_schemas() {
    let folder = folder(json!({}));
    let served = Served::start(folder.path()).await;
    let door = Door::of(&served);
    let document = document(&door, None).await;
    let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    for path in [
        "/health",
        "/mcp/tools",
        "/tools/{server}/{tool}",
        "/tools/bank__fraud_check",
        "/calls/{call}",
        "/approvals",
        "/approvals/{approval_id}",
        "/confirm/{approval_id}",
        "/openapi.json",
        "/docs",
    ] {
        assert!(paths.iter().any(|found| *found == path), "{path}: {paths:?}");
    }
    let mut targets = BTreeSet::new();
    references(&document, &mut targets);
    assert!(targets.len() > 8, "{targets:?}");
    for target in targets {
        let found = document.pointer(target.strip_prefix('#').unwrap());
        assert!(found.is_some_and(jsonschema::meta::is_valid), "{target}");
    }
    let call = &document["paths"]["/tools/bank__fraud_check"]["post"];
    let schema = call["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str().unwrap();
    let schema = document.pointer(&schema[1..]).unwrap();
    assert!(schema["properties"]["amount"].is_object(), "{schema}");
    // What comes is what is told.
    let tools = read(door.get("/mcp/tools").send().await.unwrap()).await.1;
    let (_, answer) = door.call("bank/fraud_check", json!({"payment_id": "p1", "amount": 5})).await;
    let (_, refused) = door.call("bank/no_such_tool", json!({})).await;
    for (path, method, status, kind, body) in [
        ("/mcp/tools", "get", "200", "application/json", &tools),
        ("/tools/bank__fraud_check", "post", "200", "application/json", &answer),
        ("/tools/{server}/{tool}", "post", "404", "application/problem+json", &refused),
    ] {
        let schema = &document["paths"][path][method]["responses"][status]["content"][kind]["schema"];
        let whole = json!({"allOf": [schema], "components": document["components"]});
        let errors: Vec<_> =
            jsonschema::validator_for(&whole).unwrap().iter_errors(body).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{path}: {errors:?}");
    }
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_callers_must_be_known_only_they_are_told_which_tools_there_are() {
    let folder = folder(json!({"auth": {"keys": true}}));
    let key = key(folder.path(), &["script"]);
    let served = Served::start(folder.path()).await;
    let door = Door::of(&served);
    let (nobodys, theirs) = (document(&door, None).await, document(&door, Some(&key)).await);
    assert!(!nobodys.to_string().contains("fraud_check") && theirs.to_string().contains("bank__fraud_check"));
    for document in [&nobodys, &theirs] {
        assert_eq!(document["security"], json!([{"ApiKey": []}, {"Bearer": []}]));
        assert_eq!(document["paths"]["/health"]["get"]["security"], json!([]));
    }
    for path in ["/openapi.json", "/docs"] {
        let shown = door.get(path).bearer_auth("ilk_wrong").send().await.unwrap();
        assert_eq!(shown.status(), StatusCode::UNAUTHORIZED, "{path}");
        let shown = door.get(path).bearer_auth(&key).send().await.unwrap();
        assert_eq!((shown.status().as_u16(), &shown.headers()["cache-control"]), (200, &"no-store".parse().unwrap()));
        assert!(shown.text().await.unwrap().contains("bank__fraud_check"));
    }
    assert!(!door.get("/docs").send().await.unwrap().text().await.unwrap().contains("fraud_check"));
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_runs_nothing_and_loads_nothing() {
    let folder = folder(json!({}));
    let served = Served::start(folder.path()).await;
    let page = Door::of(&served).get("/docs").send().await.unwrap();
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && policy.contains("frame-ancestors 'none'"));
    assert!(page.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    let page = page.text().await.unwrap();
    assert!(!page.contains("<script") && !page.contains("src="), "{page}");
    let elsewhere = page.match_indices("href=\"").filter(|(at, _)| !page[at + 6..].starts_with(['#', '/']));
    assert_eq!(elsewhere.count(), 0);
    assert!(page.contains("bank__fraud_check") && page.contains("curl --json"), "{page}");
    served.stop().await;
}
