//! The REST door as schemathesis finds it: driven from its own OpenAPI document, with data that fits and data that does not.

use std::{fs, path::Path};

use serde_json::{Value, json};
use tokio::process::Command;

use super::{folder, key};
use crate::{interop::packages, swap::live::Served};

/// Which checks are on is told by this file; all are, but where it says why not.
const CONFIG: &str = include_str!("schemathesis.toml");

/// A customer desk, whose messages need a yes that its caller may give.
fn desk(more: Value) -> tempfile::TempDir {
    let mut config = json!({
        "mcpServers": {"crm": {"component": "crm"}},
        "policies": [{"name": "messages", "component": "approval", "settings": {"rules": [
            {"tools": ["crm/send_message"], "roles": ["support"], "self_approval": true}]}}],
    });
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let folder = folder(config);
    fs::write(folder.path().join("schemathesis.toml"), CONFIG).unwrap();
    folder
}

async fn drive(folder: &Path, key: Option<&str>) {
    let served = Served::start(folder).await;
    let mut command = Command::new(packages::schemathesis());
    command.args(["run", &served.url.replace("/mcp", "/openapi.json"), "--continue-on-failure"]);
    // The same each time.
    command.args(["--generation-deterministic", "--max-examples", "10", "--no-color"]);
    if let Some(key) = key {
        command.args(["--header", &format!("X-API-Key: {key}")]);
    }
    let ended = command.current_dir(folder).kill_on_drop(true).output().await.unwrap();
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success(), "{said}\n{}", String::from_utf8_lossy(&ended.stderr));
    assert!(said.contains("Stateful") && said.contains("Test cases:"), "{said}");
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_a_known_caller_sends_has_an_answer_that_is_not_told_of() {
    let folder = desk(json!({"auth": {"keys": true}}));
    let key = key(folder.path(), &["tester", "--role", "support"]);
    drive(folder.path(), Some(&key)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_has_what_anybody_sends_where_nobody_is_known() {
    drive(desk(json!({})).path(), None).await;
}
