//! Runs the `cases.json` of a policy against its component: the same cases that run natively beside it.

use std::sync::Arc;

use async_trait::async_trait;
use interlock::{
    call::{Call, CallId, Caller, Outcome, PastCall},
    clock::Timestamp,
    sandbox::{FactsError, History, Limits, Plugin, Sandbox},
    scope,
    verdict::{Approver, Grant, Verdict},
};
use interlock_glob::Glob;
use serde_json::{Value, json};

use crate::plugins;

/// "Now" where a case does not say otherwise.
const NOW: u64 = 1_767_603_600_000;

/// Judges each case by the component, within the limits of every policy.
///
/// # Panics
/// If there are none, or one comes out otherwise; names every such case.
pub(crate) async fn come_out(name: &str, component: &[u8], cases: &str) {
    let cases: Vec<Value> = serde_json::from_str(cases).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(!cases.is_empty(), "{name}: no cases");
    let sandbox = Sandbox::start(Some(&plugins::cache())).unwrap();
    let mut loaded: Option<(&Value, Plugin)> = None;
    let mut wrong = Vec::new();
    for case in &cases {
        let settings = &case["settings"];
        let plugin = match loaded.take() {
            Some((same, plugin)) if same == settings => plugin,
            _ => sandbox
                .load(name, component, settings, Limits::POLICY)
                .await
                .unwrap_or_else(|error| panic!("{name}, {}: {error:?}", case["name"])),
        };
        let received = case["call"]["received"].as_u64().unwrap_or(NOW);
        let verdict = plugin.judge(&call(case, received), grant(case, received).as_ref(), past(case, received)).await;
        if let Err(why) = fits(&case["expect"], verdict.map_err(|fault| fault.to_string())) {
            wrong.push(format!("{name}, {}: {why}", case["name"]));
        }
        loaded = Some((settings, plugin));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn fits(expect: &Value, verdict: Result<Verdict, String>) -> Result<(), String> {
    let verdict = verdict?;
    let refusal = match &verdict {
        Verdict::Refuse(refusal) => Some(refusal),
        Verdict::Hold(hold) => Some(&hold.otherwise),
        Verdict::Allow | Verdict::Ask(_) => None,
    };
    let kind = match &verdict {
        Verdict::Allow => "allow",
        Verdict::Refuse(_) => "refuse",
        Verdict::Ask(_) => "ask",
        Verdict::Hold(_) => "hold",
    };
    let reason = match &verdict {
        Verdict::Ask(question) => question.reason.as_str(),
        _ => refusal.map_or("", |refusal| &refusal.reason),
    };
    let mut right = expect["verdict"] == kind && expect["reason"].as_str().is_none_or(|part| reason.contains(part));
    if let Some(refusal) = refusal {
        let written = serde_json::to_value(refusal).unwrap();
        right &= expect.get("code").is_none_or(|code| *code == written["code"]);
        right &= expect.get("unlocks").is_none_or(|unlocks| *unlocks == written["unlocks"]);
        right &= expect.get("details").is_none_or(|details| *details == json!(refusal.details));
    }
    if let (Verdict::Hold(hold), Some(calls)) = (&verdict, expect.get("calls")) {
        right &= *calls == hold.calls.iter().map(|id| json!(id.to_string())).collect::<Value>();
    }
    if let (Verdict::Ask(question), Some(named)) = (&verdict, expect["question"].as_object()) {
        let mut asked = serde_json::to_value(question).unwrap();
        asked["expires_in"] = asked["expires_in_ms"].take();
        right &= named.iter().all(|(key, value)| asked[key] == *value);
    }
    if right { Ok(()) } else { Err(format!("{verdict:?}")) }
}

fn caller(from: &Value) -> Caller {
    let roles = from["roles"].as_array().into_iter().flatten().map(|role| role.as_str().unwrap().to_owned());
    let principal = from["principal"].as_str().unwrap_or("local").to_owned();
    Caller { principal, roles: roles.collect(), client: None }
}

fn call(case: &Value, received: u64) -> Call {
    let from = &case["call"];
    let hints = from["hints"].as_array().into_iter().flatten().map(|hint| hint.as_str().unwrap().to_owned());
    Call {
        id: CallId::from("call"),
        tool: from["tool"].as_str().unwrap().parse().unwrap(),
        arguments: Arc::new(from["arguments"].as_object().cloned().unwrap_or_default()),
        beside: Arc::default(),
        caller: caller(&from["caller"]),
        session: from["session"].as_str().unwrap_or("session").to_owned(),
        received: Timestamp(received),
        hints: hints.collect(),
        definition: "".into(),
        continues: None,
    }
}

fn grant(case: &Value, received: u64) -> Option<Grant> {
    let by = case["call"]["approved_by"].as_array()?.iter().map(caller);
    let approvers = by.map(|Caller { principal, roles, .. }| Approver { principal, roles }).collect();
    Some(Grant { id: "approval".to_owned(), approvers, granted: Timestamp(received) })
}

fn past(case: &Value, received: u64) -> Arc<dyn History> {
    let mut calls: Vec<PastCall> = case["history"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|from| {
            let admitted = received - from["seconds_ago"].as_u64().unwrap_or(60) * 1000;
            let outcome = match from["outcome"].as_str().unwrap_or("succeeded") {
                "running" => None,
                other => Some(serde_json::from_value::<Outcome>(json!(other)).unwrap()),
            };
            let plain = json!({"content": [], "isError": false});
            PastCall {
                id: CallId::from(from["id"].as_str().unwrap_or_default()),
                tool: from["tool"].as_str().unwrap().parse().unwrap(),
                arguments: Arc::new(from["arguments"].as_object().cloned().unwrap_or_default()),
                outcome,
                result: outcome.map(|_| Arc::new(from.get("result").cloned().unwrap_or(plain))),
                admitted: Timestamp(admitted),
                finished: outcome.map(|_| Timestamp(admitted + 1000)),
                caller: caller(&from["caller"]),
            }
        })
        .collect();
    calls.sort_by_key(|call| call.admitted.0);
    for (number, call) in calls.iter_mut().enumerate() {
        if call.id == CallId::from("") {
            call.id = CallId::from(format!("past-{}", number + 1).as_str());
        }
    }
    Arc::new(Past(calls))
}

/// The calls of a case, oldest first.
struct Past(Vec<PastCall>);

impl Past {
    /// Newest first.
    fn of(&self, tool: &str, outcome: Option<&str>) -> impl Iterator<Item = &PastCall> {
        let glob = Glob::new(tool);
        let fits = move |call: &&PastCall| {
            let is = call.outcome.map_or("running", Outcome::as_str);
            glob.matches(&call.tool.to_string()) && outcome.is_none_or(|outcome| outcome == is)
        };
        self.0.iter().rev().filter(fits)
    }
}

#[async_trait]
impl History for Past {
    async fn latest(&self, tool: &str, outcome: Option<&str>) -> Result<Option<PastCall>, FactsError> {
        Ok(self.of(tool, outcome).next().cloned())
    }

    async fn running(&self, tool: &str) -> Result<Vec<PastCall>, FactsError> {
        let mut running: Vec<_> =
            self.of(tool, None).filter(|call| matches!(call.outcome, None | Some(Outcome::Unknown))).cloned().collect();
        running.reverse();
        Ok(running)
    }

    async fn count(&self, tool: &str, outcome: Option<&str>, since: Timestamp) -> Result<u64, FactsError> {
        Ok(self.of(tool, outcome).filter(|call| call.admitted.0 >= since.0).count() as u64)
    }

    async fn recent(&self, tool: &str, limit: u32) -> Result<Vec<PastCall>, FactsError> {
        Ok(self.of(tool, None).take(limit as usize).cloned().collect())
    }

    async fn matching(
        &self,
        tool: &str,
        outcome: Option<&str>,
        same: &[(String, Value)],
        limit: u32,
    ) -> Result<Vec<PastCall>, FactsError> {
        let alike = |call: &&PastCall| {
            same.iter().all(|(at, value)| {
                let there = scope::argument(&call.arguments, at);
                there.is_some_and(|there| scope::canonical(there) == scope::canonical(value))
            })
        };
        Ok(self.of(tool, outcome).filter(alike).take(limit as usize).cloned().collect())
    }

    async fn sum(&self, tool: &str, argument: &str, since: Timestamp) -> Result<f64, FactsError> {
        let recent = self.of(tool, None).filter(|call| call.admitted.0 >= since.0);
        Ok(recent.filter_map(|call| scope::argument(&call.arguments, argument)?.as_f64()).sum())
    }
}
