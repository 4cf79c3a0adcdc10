//! The program as it is put together from a configuration file, and what `interlock check` says of a wrong one.

use std::{fs, path::Path, process::Command, sync::Arc};

use interlock::{
    app::{App, StartError, open_journal},
    clock::{Clock, ManualClock, Timestamp},
    config,
    journal::{Query, kind},
    mediation::{Answer, CallRequest},
    sandbox::standard_plugins,
};
use serde_json::{Map, Value, json};

use super::world::{line, told};
use crate::plugins::{cache, fault};

async fn start(folder: &Path, text: &str, clock: Arc<dyn Clock>) -> Result<App, StartError> {
    let file = folder.join("interlock.json");
    fs::write(&file, text).unwrap();
    let config = config::load(&file, &|_| None, &standard_plugins()).unwrap();
    App::start_with_clock(&config, Some(&cache()), Some("test"), clock).await
}

fn request(tool: &str, arguments: Value) -> CallRequest {
    CallRequest {
        tool: tool.to_owned(),
        arguments: arguments.as_object().cloned().unwrap_or_else(Map::new),
        beside: Map::new(),
        caller: interlock::call::Caller {
            principal: "local".to_owned(),
            roles: vec!["agent".to_owned()],
            client: None,
        },
        session: "s".to_owned(),
        continues: None,
        idempotency_key: None,
        answers: Vec::new(),
        batch: None,
    }
}

#[tokio::test]
async fn a_house_of_toolsets_and_standard_policies_starts_works_by_its_own_clock_and_stops() {
    let folder = tempfile::tempdir().unwrap();
    let text = r#"{
        "mcpServers": { "bank": { "component": "payments" } },
        "policies": [
            { "name": "checked", "component": "sequence", "scope": {"argument": "/payment_id"},
              "limits": {"time_ms": 30000}, "match": {"tools": ["bank/process_payment"]},
              "settings": {"rules": [{"tools": ["bank/process_payment"],
                                      "after": [{"tool": "bank/fraud_check", "within_minutes": 10}]}]} } ]
    }"#;
    let clock = Arc::new(ManualClock::new(Timestamp(1_767_603_600_000)));
    let app = start(folder.path(), text, clock.clone()).await.unwrap();
    let call = async |tool: &str, arguments: Value| app.mediator().call(request(tool, arguments), line().0).await;
    let payment = json!({"payment_id": "p1", "amount": 5, "to": "bob"});
    assert_eq!(told(&call("bank__process_payment", payment.clone()).await), ["sequence_unmet"]);
    assert_eq!(told(&call("bank__fraud_check", json!({"payment_id": "p1", "amount": 5})).await), ["ok"]);
    clock.advance(std::time::Duration::from_secs(601));
    assert_eq!(told(&call("bank__process_payment", payment.clone()).await), ["sequence_unmet"]);
    assert_eq!(told(&call("bank__fraud_check", json!({"payment_id": "p1", "amount": 5})).await), ["ok"]);
    let Answer::Result { result, .. } = call("bank/process_payment", payment).await else { panic!("it was refused") };
    assert_eq!(result["structuredContent"]["processed_at_ms"], json!(1_767_604_201_000_u64));
    app.stop().await;
    let config = config::load(&folder.path().join("interlock.json"), &|_| None, &standard_plugins()).unwrap();
    let (journal, _) = open_journal(&config).await.unwrap();
    let events = journal.read(&Query::default()).await.unwrap();
    assert_eq!(events.first().unwrap().kind, kind::PROCESS_STARTED);
    assert_eq!(events.last().unwrap().kind, kind::PROCESS_STOPPED);
}

/// What `interlock check` exits with, and what it writes to the terminal of a person.
fn check(text: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("interlock.json"), text).unwrap();
    let checked = Command::new(env!("CARGO_BIN_EXE_interlock"))
        .arg("check")
        .current_dir(folder.path())
        .env("INTERLOCK_CACHE_DIR", cache())
        .env_remove("INTERLOCK_CONFIG")
        .output()
        .unwrap();
    (checked.status.code(), String::from_utf8(checked.stderr).unwrap())
}

#[test]
fn a_wrong_key_in_a_plugins_settings_is_found_in_the_file_by_line_and_column() {
    let (code, said) = check(
        r#"{
  "mcpServers": { "bank": { "component": "payments", "settings": { "latency": 5 } } },
  "policies": [
    { "name": "first", "component": "sequence", "settings": { "rules": [
        { "tools": ["bank/*"],
          "afer": ["bank/fraud_check"] } ] } }
  ]
}"#,
    );
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("interlock.json:6:11"), "{said}");
    assert!(said.contains("`first`") && said.contains("afer") && said.contains("after"), "{said}");
    assert!(said.contains("interlock.json:2:68") && said.contains("latency_ms"), "both mistakes are told: {said}");
}

#[test]
fn a_plugin_in_the_wrong_place_is_named_with_its_own_place_in_the_file() {
    let (code, said) = check(
        r#"{
  "mcpServers": { "gate": { "component": "sequence", "settings": {"rules": []} } },
  "policies": [
    { "name": "odd", "component": "payments" } ]
}"#,
    );
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("it is a toolset, which cannot") && said.contains("interlock.json:4:"), "{said}");
    assert!(said.contains("it is a policy, which cannot") && said.contains("interlock.json:2:"), "{said}");
}

#[test]
fn a_component_that_cannot_be_loaded_is_a_problem_of_the_configuration() {
    let text = json!({
        "mcpServers": { "bank": { "component": "payments" } },
        "policies": [
            { "name": "silent", "component": fault("refuses-to-describe") },
            { "name": "absent", "component": "./nowhere.wasm" },
        ],
    });
    let (code, said) = check(&text.to_string());
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("`silent`") && said.contains("failed in `describe`"), "{said}");
    assert!(said.contains("`absent`") && said.contains("nowhere.wasm"), "{said}");
}

#[test]
fn two_tools_under_one_name_are_a_problem_that_names_both() {
    let (code, said) = check(
        r#"{
  "mcpServers": {
    "one": { "component": "payments", "prefix": "" },
    "two": { "component": "payments", "prefix": "" }
  }
}"#,
    );
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("`one/fraud_check`") && said.contains("`two/fraud_check`"), "{said}");
    assert!(said.contains("interlock.json:4:39") && said.contains("prefix"), "{said}");
}
