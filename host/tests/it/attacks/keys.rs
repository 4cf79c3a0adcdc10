//! API keys where tokens are taken as well.

use serde_json::json;

use super::{Gate, try_all};
use crate::keys::create;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_a_key_wherever_it_is_shown_and_no_other_text_is() {
    let gate = Gate::with(json!({"required_scopes": ["mcp"]}), json!({})).await;
    let key = create(gate.folder.path(), &["agent", "--role", "ci"]);
    let other = create(gate.folder.path(), &["other", "--role", "ci"]);
    let mut altered = key.clone();
    altered.replace_range(20..21, if &key[20..21] == "0" { "1" } else { "0" });
    let token = gate.issuer.token("ann", json!({"scope": "mcp"}));
    try_all(vec![
        // Scopes are for tokens: what a key is for, its roles say.
        ("as a key", gate.call().header("x-api-key", &key), 200),
        ("as a bearer token", gate.call().bearer_auth(&key), 200),
        ("altered", gate.call().bearer_auth(&altered), 401),
        ("in upper case", gate.call().bearer_auth(key.to_uppercase()), 401),
        ("two keys", gate.call().bearer_auth(&key).header("x-api-key", &other), 401),
        ("the same key twice", gate.call().header("x-api-key", &key).header("x-api-key", &key), 401),
        ("a key and a token", gate.call().bearer_auth(&token).header("x-api-key", &key), 401),
        ("in a query", gate.served.call(&format!("{}?api_key={key}", gate.served.url)), 401),
        ("with a password", gate.call().basic_auth("agent", Some(&key)), 401),
    ])
    .await;
    let revoked = std::process::Command::new(env!("CARGO_BIN_EXE_interlock"))
        .args(["keys", "revoke", "agent"])
        .current_dir(gate.folder.path())
        .env_remove("INTERLOCK_CONFIG")
        .status();
    assert!(revoked.unwrap().success());
    try_all(vec![
        ("revoked", gate.call().bearer_auth(&key), 401),
        ("not revoked", gate.call().bearer_auth(&other), 200),
    ])
    .await;
    gate.served.stop().await;
}
