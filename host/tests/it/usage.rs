//! The command line as scripts use it: what goes where, and with which exit code.

use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder with a toolset, of whose tools one is for nobody.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let rule = json!({"effect": "refuse", "tools": ["validation/validate_data"]});
    let config = json!({
        "mcpServers": {"validation": {"component": "validation"}},
        "policies": [{"name": "who", "component": "allow-list", "settings": {"rules": [rule], "default": "allow"}}],
    });
    std::fs::write(folder.path().join("interlock.json"), config.to_string()).unwrap();
    folder
}

fn run(folder: &TempDir, arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_interlock"))
        .args(arguments)
        .current_dir(folder.path())
        .env("INTERLOCK_CACHE_DIR", crate::plugins::cache())
        .env_remove("INTERLOCK_CONFIG")
        .output()
        .unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn explaining_ends_as_the_call_would() {
    let folder = folder();
    let tools: Value = serde_json::from_str(&run(&folder, &["tools", "--json"]).1).unwrap();
    let all = tools.as_array().unwrap().iter().map(|tool| tool["tool"].as_str().unwrap());
    let allowed = all.into_iter().find(|tool| !tool.ends_with("/validate_data")).unwrap();
    let (code, told, _) = run(&folder, &["explain", allowed]);
    assert!(code == Some(0) && told.contains(": allow"), "{told}");
    for (json, part) in [(&[][..], "validation/validate_data: refuse"), (&["--json"][..], r#""decision": "refuse""#)] {
        let (code, told, said) = run(&folder, &[&["explain", "validation/validate_data"][..], json].concat());
        assert!(told.contains(part), "the answer is told all the same: {told}");
        assert_eq!(
            (code, said.lines().last().unwrap()),
            (Some(3), "Refused: a call of validation/validate_data would be refused")
        );
    }
    assert_eq!(run(&folder, &["call", "validation/validate_data"]).0, Some(3));
}

#[test]
fn a_kind_of_events_that_there_is_not_is_told_with_those_that_there_are() {
    let folder = folder();
    for wrong in ["nosuch", "call.nosuch", "cal.*", "*.refused", ""] {
        let (code, told, said) = run(&folder, &["audit", "query", "--kind", wrong]);
        assert_eq!((code, told.as_str()), (Some(2), ""), "{wrong}: {said}");
        assert!(said.contains("call.admitted, call.finished, ") && said.contains("process.stopped"), "{said}");
    }
    for right in ["call.refused", "call.*", "tool*", "*"] {
        assert_eq!(run(&folder, &["audit", "query", "--kind", right]).0, Some(0), "{right}");
    }
}

#[test]
fn json_can_be_asked_for_before_and_after_the_verb_where_there_is_a_table() {
    let folder = folder();
    for arguments in [["--json", "calls", "list"], ["calls", "--json", "list"], ["calls", "list", "--json"]] {
        let (code, told, said) = run(&folder, &arguments);
        assert_eq!((code, told.as_str()), (Some(0), "[]\n"), "{arguments:?}: {said}");
    }
    for arguments in
        [&["--json", "schema"][..], &["schema", "--json"], &["completions", "bash", "--json"], &["serve", "--json"]]
    {
        let (code, told, said) = run(&folder, arguments);
        assert_eq!((code, told.as_str()), (Some(2), ""), "{arguments:?}: {said}");
        assert!(said.starts_with("Usage error: `--json`"), "{said}");
    }
}
