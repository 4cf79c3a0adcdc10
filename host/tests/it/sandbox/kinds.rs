//! Transformers, reviewers and toolsets under the same faults as policies, and with answers that are no JSON.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use interlock::{
    call::Outcome,
    sandbox::{FactsError, Fault, FaultKind, Finding, KeyValue, Limits, Plugin, Sandbox, ToolAnswer},
};
use serde_json::{Map, Value, json};

use super::{
    Nothing, call,
    faults::{PLENTY, SHORT, load},
};
use crate::plugins::cache;

/// A store without limits, so that what a guest does to it shows.
#[derive(Default)]
pub(super) struct Shelf(Mutex<BTreeMap<String, String>>);

#[async_trait]
impl KeyValue for Shelf {
    async fn get(&self, key: &str) -> Result<Option<String>, FactsError> {
        Ok(self.0.lock().unwrap().get(key).cloned())
    }
    async fn set(&self, key: &str, value: &str) -> Result<Result<(), String>, FactsError> {
        self.0.lock().unwrap().insert(key.to_owned(), value.to_owned());
        Ok(Ok(()))
    }
    async fn list(&self, _: &str, _: u32) -> Result<Vec<String>, FactsError> {
        Err(FactsError("the shelf is broken".to_owned()))
    }
    async fn delete(&self, key: &str) -> Result<bool, FactsError> {
        Ok(self.0.lock().unwrap().remove(key).is_some())
    }
    async fn increment(&self, key: &str, _: i64) -> Result<Result<i64, String>, FactsError> {
        Ok(Err(format!("`{key}` is no counter")))
    }
}

/// Has a transformer do as it is told.
pub(super) async fn rewrite(plugin: &Plugin, told: Value) -> Result<Option<Map<String, Value>>, Fault> {
    plugin.rewrite(&call("a/b", json!({ "told": told })), Arc::new(Nothing)).await
}

/// Has a reviewer do as it is told.
pub(super) async fn review(plugin: &Plugin, told: Value) -> Result<Finding, Fault> {
    let result = json!({"content": [{"type": "text", "text": "t"}]});
    plugin.review(&call("a/b", json!({ "told": told })), Outcome::Succeeded, &result).await
}

/// Has a tool do as it is told.
pub(super) async fn act(plugin: &Plugin, told: Value, shelf: &Arc<Shelf>) -> Result<ToolAnswer, Fault> {
    plugin.call_tool(&call("a/act", json!({ "told": told })), shelf.clone()).await
}

const MISDEEDS: [(&str, FaultKind); 5] = [
    ("spin", FaultKind::Timeout),
    ("panic", FaultKind::Trap),
    ("long_panic", FaultKind::Trap),
    ("hoard", FaultKind::Memory),
    ("recurse", FaultKind::Trap),
];

#[tokio::test]
async fn every_misdeed_of_every_kind_of_guest_ends_in_its_own_fault_and_the_next_call_works() {
    let sandbox = Sandbox::start(Some(&cache())).unwrap();
    let hasty = [load(&sandbox, "recites", json!({}), SHORT).await, load(&sandbox, "offers", json!({}), SHORT).await];
    let patient =
        [load(&sandbox, "recites", json!({}), PLENTY).await, load(&sandbox, "offers", json!({}), PLENTY).await];
    let (hasty, patient) = (hasty.map(Result::unwrap), patient.map(Result::unwrap));
    let shelf = Arc::new(Shelf::default());
    for (misdeed, kind) in MISDEEDS {
        let [recites, offers] = if kind == FaultKind::Timeout { &hasty } else { &patient };
        let told = json!({ "misdeed": misdeed });
        let faults = [
            rewrite(recites, told.clone()).await.expect_err(misdeed),
            review(recites, told.clone()).await.expect_err(misdeed),
            act(offers, told, &shelf).await.expect_err(misdeed),
        ];
        for fault in faults {
            assert_eq!(fault.kind, kind, "{misdeed}: {fault}");
            let is_panic = misdeed.ends_with("panic");
            assert_eq!(fault.detail.contains("it was told to"), is_panic, "{misdeed}: {fault}");
        }
        assert_eq!(rewrite(recites, json!({})).await, Ok(None), "after {misdeed}");
        assert_eq!(review(recites, json!({})).await, Ok(Finding::Pass), "after {misdeed}");
        assert_eq!(act(offers, json!({}), &shelf).await.unwrap().text, "", "after {misdeed}");
    }
}

#[tokio::test]
async fn answers_that_are_no_json_objects_are_nonsense_wherever_they_are_given() {
    let sandbox = Sandbox::start(Some(&cache())).unwrap();
    let recites = load(&sandbox, "recites", json!({}), PLENTY).await.unwrap();
    let offers = load(&sandbox, "offers", json!({}), PLENTY).await.unwrap();
    let shelf = Arc::new(Shelf::default());
    let deep = format!("{{\"deep\": {}{}}}", "[".repeat(1000), "]".repeat(1000));
    for text in [
        "",
        "null",
        "[]",
        "1",
        "\"{}\"",
        "{",
        "{\"a\": }",
        "{} {}",
        "{\"a\": NaN}",
        "{\"a\": -1e999}",
        "\u{feff}{}",
        &deep,
    ] {
        let faults = [
            rewrite(&recites, json!({ "rewrite": text })).await.expect_err(text),
            review(&recites, json!({ "redact": text })).await.expect_err(text),
            review(&recites, json!({ "withhold": text })).await.expect_err(text),
            act(&offers, json!({ "structured": text }), &shelf).await.expect_err(text),
        ];
        for fault in faults {
            assert_eq!(fault.kind, FaultKind::Nonsense, "{text}: {fault}");
        }
    }
}

#[tokio::test]
async fn a_redacted_result_must_be_a_result() {
    let sandbox = Sandbox::start(Some(&cache())).unwrap();
    let recites = load(&sandbox, "recites", json!({}), PLENTY).await.unwrap();
    for result in [
        json!({}),
        json!({"content": "text"}),
        json!({"content": [], "isError": "no"}),
        json!({"content": [], "resultType": "input_required", "inputRequests": {}}),
        json!({"structuredContent": []}),
    ] {
        let fault = review(&recites, json!({"redact": result.to_string()})).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Nonsense, "{result}: {fault}");
    }
    for result in [json!({"content": [], "isError": true, "x": 1}), json!({"structuredContent": {}})] {
        let answer = review(&recites, json!({"redact": result.to_string()})).await;
        assert_eq!(answer, Ok(Finding::Redact(result)));
    }
}

#[tokio::test]
async fn answers_of_many_megabytes_are_faults() {
    let sandbox = Sandbox::start(Some(&cache())).unwrap();
    let ample = Limits { memory_bytes: 64 << 20, ..PLENTY };
    let recites = load(&sandbox, "recites", json!({}), ample).await.unwrap();
    let offers = load(&sandbox, "offers", json!({}), ample).await.unwrap();
    let times = 9 << 20;
    for (what, fault) in [
        ("rewrite", rewrite(&recites, json!({"rewrite": " ", "times": times})).await.unwrap_err()),
        ("redact", review(&recites, json!({"redact": " ", "times": times})).await.unwrap_err()),
        ("withhold", review(&recites, json!({"withhold": " ", "times": 32 << 10})).await.unwrap_err()),
        ("text", act(&offers, json!({"text_kib": times >> 10}), &Arc::new(Shelf::default())).await.unwrap_err()),
    ] {
        assert_eq!(fault.kind.code(), "policy_fault", "{what}: {fault}");
    }
}

#[tokio::test]
async fn a_toolset_that_cannot_tell_its_tools_is_told_of_so() {
    let sandbox = Sandbox::start(Some(&cache())).unwrap();
    for (settings, limits, kind) in [
        (json!({"misdeed": "spin", "at_once": true}), SHORT, FaultKind::Timeout),
        (json!({"misdeed": "panic", "at_once": true}), PLENTY, FaultKind::Trap),
        (json!({"misdeed": "hoard", "at_once": true}), PLENTY, FaultKind::Memory),
        (json!({"schema": "{\"type\": "}), PLENTY, FaultKind::Nonsense),
        (json!({"schema": "true"}), PLENTY, FaultKind::Nonsense),
        (json!({"more": 256}), PLENTY, FaultKind::Nonsense),
        (json!({"more": 17, "text_kib": 512}), PLENTY, FaultKind::Trap),
    ] {
        let plugin = load(&sandbox, "offers", settings.clone(), limits).await.unwrap();
        let fault = plugin.tools().await.unwrap_err();
        assert_eq!(fault.kind, kind, "{settings}: {fault}");
    }
    let most = load(&sandbox, "offers", json!({"more": 255}), PLENTY).await.unwrap();
    assert_eq!(most.tools().await.unwrap().len(), 256);
}

#[tokio::test]
async fn a_tool_that_waits_for_ever_ends_with_its_time() {
    let sandbox = Sandbox::start(Some(&cache())).unwrap();
    let offers = load(&sandbox, "offers", json!({}), SHORT).await.unwrap();
    let shelf = Arc::new(Shelf::default());
    for wait_ms in [0, 1, u32::MAX] {
        let fault = act(&offers, json!({ "wait_ms": wait_ms }), &shelf).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Timeout, "{wait_ms}: {fault}");
    }
}

#[tokio::test]
async fn what_a_store_does_not_take_the_tool_is_told_and_what_a_store_cannot_do_is_a_fault() {
    let sandbox = Sandbox::start(Some(&cache())).unwrap();
    let offers = load(&sandbox, "offers", json!({}), PLENTY).await.unwrap();
    let shelf = Arc::new(Shelf::default());
    let answer = act(&offers, json!({"store": "overstep"}), &shelf).await.unwrap();
    assert_eq!(answer.text, "ok ok ok store_limit store_limit store_limit");
    let fault = act(&offers, json!({"store": "list_all"}), &shelf).await.unwrap_err();
    assert_eq!((fault.kind, fault.detail.as_str()), (FaultKind::Host, "the shelf is broken"));
}

#[tokio::test]
async fn a_plugin_is_not_asked_for_what_it_does_not_export() {
    let sandbox = Sandbox::start(Some(&cache())).unwrap();
    let offers = load(&sandbox, "offers", json!({}), PLENTY).await.unwrap();
    let recites = load(&sandbox, "recites", json!({}), PLENTY).await.unwrap();
    let faults = [
        rewrite(&offers, json!({})).await.unwrap_err(),
        review(&offers, json!({})).await.unwrap_err(),
        recites.rules("a/b").await.unwrap_err(),
        recites.tools().await.unwrap_err(),
    ];
    assert!(faults.iter().all(|fault| fault.kind == FaultKind::Nonsense), "{faults:?}");
}
