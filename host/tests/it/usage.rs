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

#[test]
fn what_one_has_signed_another_can_verify() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::copy(crate::plugins::fault("misbehaves"), at("rule.wasm")).unwrap();
    let ends = |arguments: &[&str], code: i32, part: &str| {
        let (ended, told, said) = run(&folder, &[&["plugin"][..], arguments].concat());
        assert_eq!(ended, Some(code), "{arguments:?}: {told}{said}");
        assert!(format!("{told}{said}").contains(part), "{arguments:?}: {told}{said}");
    };
    ends(&["keygen", "--out", "team"], 0, "team.pub");
    ends(&["keygen", "--out", "team"], 1, "`team.pub` is there already");
    ends(&["keygen", "--out", "other"], 0, "other.key signs");
    std::fs::rename(at("other.pub"), at("elsewhere")).unwrap();
    ends(&["keygen", "--out", "other"], 1, "`other.key` is there already");
    std::fs::rename(at("elsewhere"), at("other.pub")).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(at("team.key")).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);

    ends(&["verify", "rule.wasm", "--key", "team.pub"], 1, "it is not signed");
    ends(&["sign", "rule.wasm", "--key", "team.pub"], 1, "it is no secret key");
    ends(&["sign", "team.pub", "--key", "team.key"], 4, "not WebAssembly");
    ends(&["sign", "rule.wasm", "--key", "team.key"], 0, "rule.wasm.sig: signed by key ");
    ends(&["verify", "rule.wasm", "--key", "other.pub", "--key", "team.pub"], 0, "rule.wasm: signed by key ");
    ends(&["verify", "rule.wasm", "--key", "other.pub"], 1, "it is signed by a stranger");
    ends(&["verify", "rule.wasm", "--key", "team.key"], 1, "it is a secret key");

    let config = json!({"trust": {"keys": ["team.pub"]}});
    std::fs::write(at("interlock.json"), config.to_string()).unwrap();
    ends(&["verify", "rule.wasm"], 0, "signed by key ");
    std::fs::write(at("interlock.json"), "{}").unwrap();
    ends(&["verify", "rule.wasm"], 2, "trusts none");

    ends(&["sign", "rule.wasm", "--key", "other.key", "--out", "apart.sig"], 0, "apart.sig");
    ends(&["verify", "rule.wasm", "--key", "other.pub", "--signature", "apart.sig"], 0, "signed by key ");
    std::fs::write(at("rule.wasm"), b"changed").unwrap();
    ends(&["verify", "rule.wasm", "--key", "team.pub"], 1, "its signature is wrong");
}

#[test]
fn calls_are_suspended_and_resumed_from_the_terminal() {
    let folder = folder();
    let tools: Value = serde_json::from_str(&run(&folder, &["tools", "--json"]).1).unwrap();
    let all = tools.as_array().unwrap().iter().map(|tool| tool["tool"].as_str().unwrap());
    let allowed = all.into_iter().find(|tool| !tool.ends_with("/validate_data")).unwrap();
    let (code, _, said) = run(&folder, &["stop", "--tool", "validation/*"]);
    assert!(code == Some(2) && said.contains("--reason TEXT"), "{said}");
    // By the name that models know, nothing would be suspended.
    let (code, _, said) = run(&folder, &["stop", "--tool", "validation__*", "--reason", "Wrong data."]);
    assert!(code == Some(2) && said.contains("nothing is suspended") && said.contains("server/tool"), "{said}");
    let stopped = run(&folder, &["stop", "--tool", "validation/*", "--reason", "Wrong data.", "--json"]).1;
    let id = serde_json::from_str::<Value>(&stopped).unwrap()[0]["id"].as_str().unwrap().to_owned();
    let (code, _, said) = run(&folder, &["stop", "--principal", "nobody", "--reason", "Just so."]);
    assert!(code == Some(0) && said.contains("there is no key of the name `nobody`"), "{said}");

    let (code, told, said) = run(&folder, &["call", allowed]);
    assert!(code == Some(3) && [told, said].concat().contains("suspended by an operator: Wrong data."));
    let status = run(&folder, &["status"]).1;
    assert!(
        status.starts_with("STOPPED     validation/*: Wrong data.\nSTOPPED     all tools by nobody: Just so.\n"),
        "{status}"
    );

    let (code, _, said) = run(&folder, &["resume"]);
    assert!(code == Some(2) && said.contains("2 stops are in force"), "{said}");
    assert_eq!(run(&folder, &["resume", &id]).0, Some(0));
    assert_ne!(run(&folder, &["call", allowed]).0, Some(3));
    let (code, _, said) = run(&folder, &["resume", &id]);
    assert!(code == Some(1) && said.contains("no stop"), "{said}");
    assert_eq!(run(&folder, &["resume", "--all"]).0, Some(0));
    assert!(run(&folder, &["status"]).1.starts_with("config"));
}
