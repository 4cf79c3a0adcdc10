//! Runs the `cases.json` of a policy against its component, as `interlock plugin test` does.

use std::fs;

use interlock::{
    kit::{Target, run},
    sandbox::Sandbox,
};

use crate::plugins;

/// Judges each case by the component.
///
/// # Panics
/// If there are none, or one comes out otherwise; names every such case.
pub(crate) async fn come_out(name: &str, component: &[u8], cases: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("it.wasm");
    fs::write(&file, component).unwrap();
    fs::write(folder.path().join("cases.json"), cases).unwrap();
    let target = Target::find(file.to_str().unwrap()).await.unwrap();
    let cases = target.cases().unwrap_or_else(|error| panic!("{name}: {error}")).unwrap();
    assert!(!cases.cases.is_empty(), "{name}: no cases");
    let sandbox = Sandbox::start(Some(&plugins::cache())).unwrap();
    let report = run(&sandbox, &target, &cases).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    let wrong = report.results.iter().filter(|result| !result.is_ok());
    let wrong: Vec<String> = wrong.map(|result| format!("{name}, {}: {:?}", result.name, result.wrong)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
