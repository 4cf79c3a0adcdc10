//! Cases as data: `cases.json` beside a policy, the same for a policy in any language.

use interlock_cases::{Case, Past, differences};
use serde_json::{Map, Value, json};

use super::{CallBuilder, Ledger, PastBuilder, calls, unlock_json};
use crate::{Call, PastCall, Policy, Question, Refusal, Verdict};

/// Runs each case of a `cases.json` against a policy. The crate `interlock-cases` documents the format.
///
/// # Panics
/// If the text is no list of cases, the list is empty, or a case comes out otherwise; names every such case.
pub fn run_cases<P: Policy>(text: &str) {
    let cases: Vec<Case> = serde_json::from_str(text).unwrap_or_else(|error| panic!("cases.json: {error}"));
    assert!(!cases.is_empty(), "cases.json has no cases");
    let wrong: Vec<_> = cases.into_iter().filter_map(|case| run::<P>(case).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn run<P: Policy>(case: Case) -> Result<(), String> {
    let told = |what: String| format!("{}: {what}", case.name);
    let now = case.call.received;
    let ledger = Ledger::from(case.history.into_iter().map(|one| past(one, now)));
    let call = call(case.call);
    let policy =
        super::configure::<P>(&Value::Object(case.settings)).map_err(|problems| told(format!("{problems:?}")))?;
    let verdict = policy.judge(&call, &ledger.facing(&call)).map_err(|fault| told(format!("{fault:?}")))?;
    let Some(expect) = case.expect else { return Err(told(format!("nothing is expected yet, of {verdict:?}"))) };
    let wrong = differences(&expect.named(), &given(&verdict));
    if wrong.is_empty() { Ok(()) } else { Err(told(wrong.join("; "))) }
}

fn call(call: interlock_cases::Call) -> CallBuilder {
    let mut made = calls::call(&call.tool).arguments(&Value::Object(call.arguments)).at(call.received);
    for approver in &call.approved_by {
        made = made.approved_by(&approver.principal, &strs(&approver.roles));
    }
    let caller = calls::caller(&call.caller.principal, &strs(&call.caller.roles));
    made.0 = Call { caller, session: call.session, hints: call.hints, ..made.0 };
    made
}

fn past(past: Past, now: u64) -> PastBuilder {
    PastBuilder(PastCall {
        id: past.id.clone().unwrap_or_default(),
        tool: past.tool.clone(),
        arguments: Value::Object(past.arguments.clone()).to_string(),
        outcome: past.outcome.word().to_owned(),
        admitted: past.admitted(now),
        finished: past.finished(now),
        caller: calls::caller(&past.caller.principal, &strs(&past.caller.roles)),
        result: past.into_result().map(|result| result.to_string()),
    })
}

fn strs(all: &[String]) -> Vec<&str> {
    all.iter().map(String::as_str).collect()
}

/// A verdict in the words of `expect`.
fn given(verdict: &Verdict) -> Map<String, Value> {
    let told = match verdict {
        Verdict::Allow => json!({ "verdict": "allow" }),
        Verdict::Refuse(refusal) => refused("refuse", refusal),
        Verdict::Ask(question) => json!({ "verdict": "ask", "reason": question.reason, "question": asked(question) }),
        Verdict::Hold(hold) => {
            let mut told = refused("hold", &hold.otherwise);
            told["calls"] = json!(hold.calls);
            told
        }
    };
    told.as_object().cloned().unwrap_or_default()
}

fn refused(word: &str, refusal: &Refusal) -> Value {
    let unlocks: Vec<Value> = refusal.unlocks.iter().map(unlock_json).collect();
    let mut told = json!({ "verdict": word, "code": refusal.code, "reason": refusal.reason, "unlocks": unlocks });
    if let Some(details) = &refusal.details {
        told["details"] = serde_json::from_str(details).unwrap_or_default();
    }
    told
}

fn asked(question: &Question) -> Value {
    json!({
        "reason": question.reason,
        "preview": question.preview,
        "roles": question.roles,
        "quorum": question.quorum,
        "expires_in": question.expires_in,
        "self_approval": question.self_approval,
        "channel": question.channel,
    })
}
