//! What would be decided about a call, by each policy, without sending or recording anything.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{CallRequest, Mediator, Refused, refusing::Turned};
use crate::{
    approvals::{State, binding},
    policy::Record,
    verdict::{Decision, Verdict},
};

/// What would be decided.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// `server/tool`.
    pub tool: String,
    /// `allow`, `hold`, `ask` or `refuse`.
    pub decision: &'static str,
    /// What each policy says, in configuration order.
    pub policies: Vec<Judged>,
    /// Scopes that were looked at.
    pub scopes: Vec<String>,
}

/// What one policy says.
#[derive(Clone, Debug, Serialize)]
pub struct Judged {
    /// Its name.
    pub policy: String,
    /// `enforce` or `shadow`.
    pub mode: &'static str,
    /// `allow`, `hold`, `ask` or `refuse`.
    pub verdict: &'static str,
    /// Why, and what would unlock it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Refused>,
    /// What a human would be asked, or why the call waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How its question stands, if it has been put already: the approval's id and state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<(String, State)>,
    /// How it failed, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// How long it took, in microseconds.
    pub micros: u64,
}

impl Mediator {
    /// What would be decided about a call. Sends nothing, records nothing, asks nobody.
    ///
    /// # Errors
    /// If there is no such tool, or the journal cannot be read; as refusals.
    pub async fn explain(&self, request: CallRequest) -> Result<Explanation, Vec<Refused>> {
        let name = request.tool.clone();
        let mut identified = self
            .identify(request)
            .map_err(|_| vec![Refused::by_host("tool_unknown", format!("There is no tool `{name}`."))])?;
        let told = |turned: Turned| turned.into_refused(&identified.call);
        let parts = self.parts();
        let policies = self.policies();
        let view = parts.ledger.view().await.map_err(|error| told(error.into()))?;
        if let Some(refused) = self.would_hinder(&identified.call).await.map_err(told)? {
            return Err(vec![refused]);
        }
        let rewritten = policies.rewrite(&identified.call, &view).await;
        if !rewritten.refused.is_empty() {
            return Err(Refused::all(&rewritten.refused));
        }
        if let Some(arguments) = rewritten.arguments {
            identified.call.arguments = arguments.into();
        }
        let call = &identified.call;
        let told = |turned: Turned| turned.into_refused(call);
        let mut grants = BTreeMap::new();
        let mut approvals = BTreeMap::new();
        let mut judgement = policies.judge(call, &grants, &view).await;
        if let Decision::Ask(questions) = &judgement.decision {
            for (policy, _) in questions {
                let Some(record) = judgement.records.iter().find(|record| record.policy == *policy) else { continue };
                let bound = binding(call, policy, &record.component, &record.settings);
                let found = parts.approvals.find(&bound, call.continues.as_ref()).await;
                let Some(approval) = found.map_err(|error| told(error.into()))?.0 else { continue };
                let state = approval.state(parts.approvals.now());
                if state == State::Granted {
                    grants.extend(approval.grant().map(|grant| (policy.clone(), grant)));
                }
                approvals.insert(policy.clone(), (approval.id, state));
            }
            if !grants.is_empty() {
                judgement = policies.judge(call, &grants, &view).await;
            }
        }
        judgement.records.splice(0..0, rewritten.records);
        Ok(Explanation {
            tool: call.tool.to_string(),
            decision: match &judgement.decision {
                Decision::Allow => "allow",
                Decision::Hold(_) => "hold",
                Decision::Ask(_) => "ask",
                Decision::Refuse(_) => "refuse",
            },
            policies: judgement.records.iter().map(|record| judged(record, approvals.remove(&record.policy))).collect(),
            scopes: judgement.scopes.iter().map(ToString::to_string).collect(),
        })
    }
}

fn judged(record: &Record, approval: Option<(String, State)>) -> Judged {
    let refused =
        |refusal: &crate::verdict::Refusal| Refused { policy: record.policy.clone(), refusal: refusal.clone() };
    let (refusal, reason) = match &record.verdict {
        Verdict::Allow => (None, None),
        Verdict::Refuse(refusal) => (Some(refused(refusal)), None),
        Verdict::Ask(question) => (None, Some(format!("{} {}", question.reason, question.preview).trim().to_owned())),
        Verdict::Hold(hold) => (Some(refused(&hold.otherwise)), Some(format!("waits for {} calls", hold.calls.len()))),
    };
    Judged {
        policy: record.policy.clone(),
        mode: record.mode.word(),
        verdict: record.verdict.word(),
        refusal,
        reason,
        approval,
        fault: record.fault.as_ref().map(ToString::to_string),
        micros: record.micros,
    }
}
