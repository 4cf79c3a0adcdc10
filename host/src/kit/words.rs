//! What came of a case, in the words of its `expect`.

use serde_json::{Map, Value, json};

use crate::{
    sandbox::{Finding, ToolAnswer},
    verdict::{Refusal, Verdict},
};

/// Every verdict and finding.
pub(super) const KNOWN: [&str; 7] = ["allow", "refuse", "ask", "hold", "pass", "redact", "withhold"];

/// A toolset's answer.
pub(super) fn answer(ToolAnswer { text, structured, is_error }: ToolAnswer) -> Map<String, Value> {
    object(json!({ "text": text, "structured": structured, "is_error": is_error }))
}

/// The arguments that go on.
pub(super) fn arguments(arguments: &Map<String, Value>) -> Map<String, Value> {
    object(json!({ "arguments": arguments }))
}

/// A reviewer's finding.
pub(super) fn finding(finding: &Finding) -> Map<String, Value> {
    match finding {
        Finding::Pass => object(json!({ "finding": "pass" })),
        Finding::Redact(result) => object(json!({ "finding": "redact", "result": result })),
        Finding::Withhold(refusal) => refused("finding", "withhold", refusal),
    }
}

/// A policy's verdict.
pub(super) fn verdict(verdict: &Verdict) -> Map<String, Value> {
    match verdict {
        Verdict::Allow => object(json!({ "verdict": "allow" })),
        Verdict::Refuse(refusal) => refused("verdict", "refuse", refusal),
        Verdict::Hold(hold) => {
            let mut given = refused("verdict", "hold", &hold.otherwise);
            given.insert("calls".to_owned(), json!(hold.calls));
            given
        }
        Verdict::Ask(question) => object(json!({
            "verdict": "ask",
            "reason": question.reason,
            "question": {
                "reason": question.reason,
                "preview": question.preview,
                "roles": question.roles,
                "quorum": question.quorum,
                "expires_in": u64::try_from(question.expires_in.as_millis()).unwrap_or(u64::MAX),
                "self_approval": question.self_approval,
                "channel": question.channel,
            },
        })),
    }
}

fn refused(key: &str, word: &str, refusal: &Refusal) -> Map<String, Value> {
    let mut given = object(json!({
        key: word,
        "code": refusal.code,
        "reason": refusal.reason,
        "unlocks": refusal.unlocks,
    }));
    if !refusal.details.is_empty() {
        given.insert("details".to_owned(), Value::Object(refusal.details.clone()));
    }
    given
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    }
}
