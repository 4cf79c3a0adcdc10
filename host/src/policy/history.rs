//! What a policy sees of history: the ledger's view, cut to the scope that the policy is configured with.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use super::Policy;
use crate::{
    call::{Call, PastCall},
    clock::Timestamp,
    journal::{self, JournalError},
    ledger::{ScopeView, View},
    sandbox::{FactsError, History},
    scope::Scope,
    verdict::Refusal,
};

/// One scope of one view, as a guest's `history`.
pub(super) struct ScopedHistory(ScopeView);

impl ScopedHistory {
    /// The history that `policy` sees of `call`; none if the call lacks the argument that the scope goes by.
    pub(super) fn of(policy: &Policy, call: &Call, view: &View) -> Option<Self> {
        policy.scope().of(call).map(|key| Self(view.scope(key)))
    }
}

/// The refusal of a call that lacks the argument that its policy's scope goes by.
pub(super) fn scope_missing(policy: &Policy) -> Refusal {
    let pointer = match policy.scope() {
        Scope::Argument(pointer) => pointer.as_str(),
        Scope::Session | Scope::Caller | Scope::Global => "",
    };
    let reason = format!("Policy {} goes by the argument `{pointer}`, which this call lacks.", policy.name());
    Refusal::new("scope_missing", reason)
}

fn told(error: JournalError) -> FactsError {
    FactsError(error.to_string())
}

/// A call as the journal remembers it, in the words that policies are given.
fn past(call: Arc<journal::PastCall>) -> PastCall {
    PastCall {
        id: call.id.clone(),
        tool: call.tool.clone(),
        arguments: call.arguments.clone(),
        outcome: call.outcome,
        result: call.result.clone(),
        admitted: call.admitted,
        finished: call.finished,
        caller: call.caller.clone(),
    }
}

fn all(calls: Vec<Arc<journal::PastCall>>) -> Vec<PastCall> {
    calls.into_iter().map(past).collect()
}

#[async_trait]
impl History for ScopedHistory {
    async fn latest(&self, tool: &str, outcome: Option<&str>) -> Result<Option<PastCall>, FactsError> {
        Ok(self.0.latest(tool, outcome).await.map_err(told)?.map(past))
    }

    async fn running(&self, tool: &str) -> Result<Vec<PastCall>, FactsError> {
        self.0.running(tool).await.map(all).map_err(told)
    }

    async fn count(&self, tool: &str, outcome: Option<&str>, since: Timestamp) -> Result<u64, FactsError> {
        self.0.count(tool, outcome, since).await.map_err(told)
    }

    async fn recent(&self, tool: &str, limit: u32) -> Result<Vec<PastCall>, FactsError> {
        self.0.recent(tool, limit).await.map(all).map_err(told)
    }

    async fn matching(
        &self,
        tool: &str,
        outcome: Option<&str>,
        same: &[(String, Value)],
        limit: u32,
    ) -> Result<Vec<PastCall>, FactsError> {
        self.0.matching(tool, outcome, same, limit).await.map(all).map_err(told)
    }

    async fn sum(&self, tool: &str, argument: &str, since: Timestamp) -> Result<f64, FactsError> {
        self.0.sum(tool, argument, since).await.map_err(told)
    }
}
