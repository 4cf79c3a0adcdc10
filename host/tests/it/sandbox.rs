//! Real plugins in the real sandbox: what is loaded, what is refused, what is kept from one start to the next.

mod bounds;
mod cache;
mod faults;
mod forge;
mod kinds;
mod languages;
mod leaks;
mod loading;
mod shape;
mod turns;

pub(crate) use forge::{Forgery, forged};
pub(crate) use shape::renamed;

use std::sync::Arc;

use async_trait::async_trait;
use interlock::{
    call::{Call, CallId, Caller, PastCall},
    clock::Timestamp,
    sandbox::{
        ComponentSource, FactsError, History, Isolation, Limits, LoadError, Plugin, Sandbox, Supply, standard_plugins,
    },
    verdict::{Unlock, Verdict},
};
use serde_json::{Map, Value, json};

use crate::plugins;

/// A scope in which nothing has happened yet.
struct Nothing;

#[async_trait]
impl History for Nothing {
    async fn latest(&self, _: &str, _: Option<&str>) -> Result<Option<PastCall>, FactsError> {
        Ok(None)
    }
    async fn running(&self, _: &str) -> Result<Vec<PastCall>, FactsError> {
        Ok(Vec::new())
    }
    async fn count(&self, _: &str, _: Option<&str>, _: Timestamp) -> Result<u64, FactsError> {
        Ok(0)
    }
    async fn recent(&self, _: &str, _: u32) -> Result<Vec<PastCall>, FactsError> {
        Ok(Vec::new())
    }
    async fn matching(
        &self,
        _: &str,
        _: Option<&str>,
        _: &[(String, Value)],
        _: u32,
    ) -> Result<Vec<PastCall>, FactsError> {
        Ok(Vec::new())
    }
    async fn sum(&self, _: &str, _: &str, _: Timestamp) -> Result<f64, FactsError> {
        Ok(0.0)
    }
}

fn call(tool: &str, arguments: Value) -> Call {
    let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
    Call {
        id: CallId::new(),
        tool: tool.parse().unwrap(),
        arguments: Arc::new(arguments),
        beside: Arc::default(),
        caller: Caller { principal: "local".to_owned(), roles: vec!["agent".to_owned()], client: None },
        session: "s".to_owned(),
        received: Timestamp(1_767_603_600_000),
        hints: Arc::new([]),
        definition: "".into(),
        continues: None,
        idempotency: None,
        batch: None,
    }
}

async fn load(sandbox: &Sandbox, name: &str, settings: Value) -> Result<Plugin, LoadError> {
    let limits = Limits { time: std::time::Duration::from_secs(5), ..Limits::POLICY };
    let bytes = ComponentSource::Standard(name.to_owned()).read(&Supply::of_anyone()).await?;
    sandbox.load(name, &bytes, &settings, limits).await
}

fn validate_first() -> Value {
    json!({"rules": [{"tools": ["processing/*"], "after": ["validation/validate_data"]}]})
}

#[tokio::test]
async fn a_configured_policy_judges_from_its_snapshot() {
    let sandbox = Sandbox::start(None).unwrap();
    let plugin = load(&sandbox, "sequence", validate_first()).await.unwrap();
    assert_eq!(plugin.isolation(), Isolation::Snapshot);
    assert_eq!(plugin.manifest().name, "sequence");
    let refused = plugin.judge(&call("processing/process_data", json!({})), None, Arc::new(Nothing)).await.unwrap();
    let Verdict::Refuse(refusal) = refused else { panic!("{refused:?}") };
    assert_eq!(refusal.code, "sequence_unmet");
    assert_eq!(refusal.unlocks, [Unlock::Call("validation/validate_data".to_owned())]);
    let allowed = plugin.judge(&call("backup/create_backup", json!({})), None, Arc::new(Nothing)).await.unwrap();
    assert_eq!(allowed, Verdict::Allow);
}

#[tokio::test]
async fn settings_that_a_plugin_refuses_come_back_with_their_place() {
    let sandbox = Sandbox::start(None).unwrap();
    let wrong = json!({"rules": [{"tools": ["processing/*"], "afer": []}]});
    let Err(LoadError::Settings(problems)) = load(&sandbox, "sequence", wrong).await else { panic!("it was accepted") };
    assert!(problems.iter().any(|problem| problem.pointer == "/rules/0/afer"), "{problems:?}");
}

#[tokio::test]
async fn what_was_configured_once_is_found_again_and_a_damaged_copy_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let configured = folder.path().join("configured");
    let entries = || -> Vec<_> {
        let mut entries: Vec<_> = std::fs::read_dir(&configured).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        entries
    };
    let first = Sandbox::start(Some(folder.path())).unwrap();
    let digest = load(&first, "sequence", validate_first()).await.unwrap().digest().clone();
    let kept = entries();
    assert_eq!(kept.len(), 2, "{kept:?}");
    let wasm = kept.iter().find(|path| path.extension().unwrap() == "wasm").unwrap();
    let whole = std::fs::read(wasm).unwrap();
    std::fs::write(wasm, b"nonsense").unwrap();

    let second = Sandbox::start(Some(folder.path())).unwrap();
    let plugin = load(&second, "sequence", validate_first()).await.unwrap();
    assert_eq!(plugin.digest(), &digest);
    assert_eq!(std::fs::read(wasm).unwrap().len(), whole.len());
    assert_eq!(entries(), kept);
}

#[tokio::test]
async fn every_plugin_that_interlock_brings_loads_and_runs_from_a_snapshot() {
    let sandbox = Sandbox::start(Some(&plugins::cache())).unwrap();
    let mut toolsets = 0;
    assert!(standard_plugins().len() >= 19, "{:?}", standard_plugins());
    for name in standard_plugins() {
        let settings = match name {
            "sequence" => validate_first(),
            "exclusive" => json!({"groups": [{"tools": ["a/*"]}]}),
            "condition" => json!({"rules": [{"tools": ["a/*"], "require": {"role": "oncall"}}]}),
            "approval" => json!({"rules": [{"tools": ["a/*"]}]}),
            "allow-list" => json!({"rules": []}),
            "cedar" => json!({"policies": "permit (principal, action, resource);"}),
            "cel" => json!({"validations": [{"expression": "true"}]}),
            "rego" => json!({"policy": "package interlock\ndefault allow := true"}),
            "rate-limit" => json!({"limits": [{"tools": ["**"], "max_calls": 1, "per_seconds": 1}]}),
            _ => Value::Object(Map::new()),
        };
        let plugin = load(&sandbox, name, settings).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(plugin.isolation(), Isolation::Snapshot, "{name}");
        assert_eq!(plugin.manifest().name, name);
        if plugin.exports().toolset {
            toolsets += 1;
            let tools = plugin.tools().await.unwrap();
            assert!((2..=5).contains(&tools.len()), "{name} has {} tools", tools.len());
        }
    }
    assert_eq!(toolsets, 10);
}
