//! What logs may not tell, however much they are asked for: what callers sent, what servers answered, and secrets.

use std::{fs, path::Path, process::Command};

use serde_json::json;

use crate::plugins::cache;

const SERVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/downstream/server.py");

/// Runs a verb with all logging on, and returns what was logged: not what the person at the terminal is told.
fn logged(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_interlock"));
    command.args(arguments).arg("-vv").current_dir(folder).env_remove("INTERLOCK_CONFIG");
    let ended = command.env("INTERLOCK_CACHE_DIR", cache()).env("RUST_LOG", "trace").output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    let is_logged = |line: &&str| {
        let level = line.split_whitespace().nth(1).unwrap_or_default();
        ["TRACE", "DEBUG", "INFO", "WARN", "ERROR"].contains(&level)
    };
    said.lines().filter(is_logged).map(|line| format!("{line}\n")).collect()
}

#[test]
fn nothing_of_arguments_results_or_secrets_is_logged() {
    for era in ["legacy", "modern"] {
        let folder = tempfile::tempdir().unwrap();
        let config = json!({
            "mcpServers": {
                "odd": {"command": "python3", "args": [SERVER, era, "listed", "noise"], "env": {"TOKEN": "canary-secret"}},
                "bank": {"component": "payments"},
            },
            "policies": [
                {"name": "known", "component": "condition", "match": {"tools": ["odd/*"]}, "settings": {"rules": [
                    {"tools": ["odd/echo"], "reason": "Say so.",
                     "require": {"argument": "/said", "op": "==", "value": "canary-argument"}}]}},
                {"name": "check-first", "component": "sequence", "match": {"tools": ["bank/*"]}, "settings": {"rules": [
                    {"tools": ["bank/process_payment"], "after": ["bank/fraud_check"]}]}},
            ],
        });
        fs::write(folder.path().join("interlock.json"), config.to_string()).unwrap();
        for (tool, arguments, end) in [
            ("odd/echo", r#"{"said": "canary-argument"}"#, "call finished"),
            ("odd/echo", r#"{"said": "canary-other"}"#, "call refused"),
            (
                "odd/noise",
                r#"{"lines": ["no JSON: canary", "{\"jsonrpc\": \"2.0\", \"id\": 7, \"result\": {\"a\": \"canary\"}}"]}"#,
                "call finished",
            ),
            ("bank/process_payment", r#"{"payment_id": "canary", "amount": 1, "to": "canary"}"#, "call refused"),
            ("bank/fraud_check", r#"{"payment_id": "canary", "amount": "canary"}"#, "call finished"),
        ] {
            let log = logged(folder.path(), &["call", tool, "--args", arguments]);
            assert!(log.contains(end), "{era}, {tool}: {log}");
            assert!(!log.contains("canary"), "{era}, {tool}: {log}");
        }
    }
}
