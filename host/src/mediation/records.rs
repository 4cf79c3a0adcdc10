//! What the journal is told of a call, step by step.

use serde_json::{Map, Value};

use super::{CallRequest, Refused, request::Identified};
use crate::{
    call::{Call, CallId, Idempotency, Outcome},
    clock::Timestamp,
    journal::{Draft, JournalError, Sequence, body, kind},
    policy::{Divergence, Judgement, Mode, Record, Review},
    sandbox::Finding,
    scope::ScopeKey,
    verdict::Verdict,
};

fn object(arguments: &Map<String, Value>) -> Value {
    Value::Object(arguments.clone())
}

/// A scope that is wider than the call's session. Its caller is named in the same event.
fn in_brief(scope: &ScopeKey) -> Option<String> {
    match scope {
        ScopeKey::Session { .. } => None,
        ScopeKey::Caller { .. } => Some("caller".to_owned()),
        ScopeKey::Global | ScopeKey::Argument { .. } => Some(scope.to_string()),
    }
}

fn mode(mode: Mode) -> Option<String> {
    (mode != Mode::Enforce).then(|| mode.word().to_owned())
}

/// That a candidate judged a call otherwise than the component in force.
pub(super) fn diverged(call: &Call, divergence: &Divergence<'_>) -> Result<Draft, JournalError> {
    let both = judged(&[divergence.counted.clone(), divergence.candidate.clone()]);
    let body = serde_json::json!({
        "call": &call.id, "tool": &call.tool, "component": &*divergence.candidate.component, "judged": both,
    });
    Draft::new("interlock", kind::PLUGIN_DIVERGED, &divergence.candidate.policy, &body)
}

fn judged(records: &[Record]) -> Vec<body::Judged> {
    let judged = |record: &Record| body::Judged {
        policy: record.policy.clone(),
        mode: mode(record.mode),
        verdict: record.verdict.word().to_owned(),
        code: match &record.verdict {
            Verdict::Refuse(refusal) => Some(refusal.code.clone()),
            Verdict::Allow | Verdict::Hold(_) | Verdict::Ask(_) => None,
        },
        micros: record.micros,
        fault: record.fault.as_ref().map(ToString::to_string),
    };
    records.iter().map(judged).collect()
}

fn refusals(refused: &[Refused]) -> Vec<body::Refused> {
    refused
        .iter()
        .map(|Refused { policy, refusal }| body::Refused { policy: policy.clone(), refusal: refusal.clone() })
        .collect()
}

pub(super) fn admitted(
    identified: &Identified,
    judgement: &Judgement,
    view: Sequence,
    spends: &[String],
    process: &str,
) -> Result<Draft, JournalError> {
    let call = &identified.call;
    let body = body::Admitted {
        tool: call.tool.clone(),
        arguments: object(&call.arguments),
        arguments_before: identified.before.as_deref().map(object),
        beside: (*call.beside).clone(),
        definition: call.definition.to_string(),
        caller: call.caller.clone(),
        session: call.session.clone(),
        hints: call.hints.to_vec(),
        received: call.received,
        policies: judged(&judgement.records),
        set: judgement.set.to_string(),
        scopes: judgement.scopes.iter().filter_map(in_brief).collect(),
        view,
        approvals: spends.to_vec(),
        continues: call.continues.clone(),
        idempotency: call.idempotency.clone(),
        process: process.to_owned(),
    };
    Draft::new(&call.caller.principal, kind::CALL_ADMITTED, call.id.as_str(), &body)
}

pub(super) fn refused(
    call: &Call,
    refused: &[Refused],
    judgement: &Judgement,
    view: Sequence,
) -> Result<Draft, JournalError> {
    let body = body::CallRefused {
        tool: call.tool.to_string(),
        arguments: object(&call.arguments),
        caller: call.caller.clone(),
        session: call.session.clone(),
        definition: call.definition.to_string(),
        received: call.received,
        refused: refusals(refused),
        policies: judged(&judgement.records),
        set: judgement.set.to_string(),
        view,
    };
    Draft::new(&call.caller.principal, kind::CALL_REFUSED, call.id.as_str(), &body)
}

pub(super) fn unknown_tool(
    call: &CallId,
    request: &CallRequest,
    refused: &[Refused],
    received: Timestamp,
) -> Result<Draft, JournalError> {
    let body = body::CallRefused {
        tool: request.tool.clone(),
        arguments: object(&request.arguments),
        caller: request.caller.clone(),
        session: request.session.clone(),
        definition: String::new(),
        received,
        refused: refusals(refused),
        policies: Vec::new(),
        set: String::new(),
        view: Default::default(),
    };
    Draft::new(&request.caller.principal, kind::CALL_REFUSED, call.as_str(), &body)
}

pub(super) fn asked(call: &Call, approvals: &[String], judgement: &Judgement) -> Result<Draft, JournalError> {
    let body = body::Asked {
        tool: call.tool.clone(),
        arguments: object(&call.arguments),
        caller: call.caller.clone(),
        session: call.session.clone(),
        definition: call.definition.to_string(),
        received: call.received,
        approvals: approvals.to_vec(),
        policies: judged(&judgement.records),
        set: judgement.set.to_string(),
    };
    Draft::new(&call.caller.principal, kind::CALL_ASKED, call.id.as_str(), &body)
}

pub(super) fn finished(
    call: &Call,
    outcome: Outcome,
    result: Option<&Value>,
    duration_ms: u64,
    reason: Option<String>,
) -> Result<Draft, JournalError> {
    let body = body::Finished {
        tool: call.tool.clone(),
        outcome,
        result: result.cloned(),
        duration_ms,
        process: String::new(),
        reason,
    };
    Draft::new("interlock", kind::CALL_FINISHED, call.id.as_str(), &body)
}

/// That a call was answered from the record of an earlier one.
pub(super) fn replayed(call: &Call, idempotency: &Idempotency, earlier: &CallId) -> Result<Draft, JournalError> {
    let body = body::Replayed {
        call: call.id.clone(),
        tool: call.tool.clone(),
        caller: call.caller.clone(),
        session: call.session.clone(),
        received: call.received,
        idempotency: idempotency.clone(),
    };
    Draft::new(&call.caller.principal, kind::CALL_REPLAYED, earlier.as_str(), &body)
}

/// What became of a result, where it did not simply pass.
pub(super) fn reviewed(call: &Call, set: &str, reviews: &[Review]) -> Result<Option<Draft>, JournalError> {
    if reviews.iter().all(|review| review.finding == Finding::Pass && review.fault.is_none()) {
        return Ok(None);
    }
    let judged = |review: &Review| {
        let (verdict, code) = match &review.finding {
            Finding::Pass => ("pass", None),
            Finding::Redact(_) => ("redact", None),
            Finding::Withhold(refusal) => ("withhold", Some(refusal.code.clone())),
        };
        body::Judged {
            policy: review.policy.clone(),
            mode: mode(review.mode),
            verdict: verdict.to_owned(),
            code,
            micros: review.micros,
            fault: review.fault.as_ref().map(ToString::to_string),
        }
    };
    let policies = reviews.iter().map(judged).collect();
    let body = body::Reviewed { tool: call.tool.clone(), policies, set: set.to_owned() };
    Draft::new("interlock", kind::CALL_REVIEWED, call.id.as_str(), &body).map(Some)
}
