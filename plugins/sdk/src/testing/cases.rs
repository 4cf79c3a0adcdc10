//! Cases as data: `cases.json` beside a policy, the same for a policy in any language.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{CallBuilder, Ledger, PastBuilder, calls, unlock_json};
use crate::{Policy, Question, Refusal, Verdict};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    settings: Value,
    #[serde(default)]
    history: Vec<PastFile>,
    call: CallFile,
    expect: Expect,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PastFile {
    tool: String,
    arguments: Option<Value>,
    outcome: Option<String>,
    result: Option<Value>,
    seconds_ago: Option<u64>,
    caller: Option<CallerFile>,
    id: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CallFile {
    tool: String,
    arguments: Option<Value>,
    received: Option<u64>,
    #[serde(default)]
    hints: Vec<String>,
    session: Option<String>,
    caller: Option<CallerFile>,
    #[serde(default)]
    approved_by: Vec<CallerFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CallerFile {
    principal: String,
    #[serde(default)]
    roles: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    verdict: String,
    code: Option<String>,
    unlocks: Option<Vec<Value>>,
    reason: Option<String>,
    details: Option<Value>,
    question: Option<Value>,
    calls: Option<Vec<String>>,
}

impl CallerFile {
    fn roles(&self) -> Vec<&str> {
        self.roles.iter().map(String::as_str).collect()
    }
}

impl CallFile {
    fn build(self) -> CallBuilder {
        let mut call = calls::call(&self.tool);
        if let Some(received) = self.received {
            call = call.at(received);
        }
        if let Some(caller) = &self.caller {
            call = call.by(&caller.principal, &caller.roles());
        }
        for approver in &self.approved_by {
            call = call.approved_by(&approver.principal, &approver.roles());
        }
        if let Some(session) = self.session {
            call.0.session = session;
        }
        let hints: Vec<_> = self.hints.iter().map(String::as_str).collect();
        call.hints(&hints).arguments(&self.arguments.unwrap_or_else(|| json!({})))
    }
}

impl PastFile {
    fn build(self, now: u64) -> PastBuilder {
        let mut past = calls::past(&self.tool);
        if let Some(result) = &self.result {
            past = past.result(result);
        }
        match self.outcome.as_deref() {
            Some("running") => past = past.running(),
            Some(outcome) => past = past.outcome(outcome),
            None => {}
        }
        if let Some(caller) = &self.caller {
            past = past.by(&caller.principal, &caller.roles());
        }
        let ago = self.seconds_ago.unwrap_or(60) * 1000;
        let arguments = self.arguments.unwrap_or_else(|| json!({}));
        past.at(now - ago).id(self.id.as_deref().unwrap_or_default()).arguments(&arguments)
    }
}

/// Runs each case of a `cases.json` against a policy.
///
/// ```jsonc
/// [ { "name": "a sentence about behaviour",
///     "settings": { … },
///     "history": [ { "tool": "a/b",                    // the rest may be left out
///                    "arguments": {}, "outcome": "succeeded", "result": { … },
///                    "seconds_ago": 60,                // admitted so long before the call; finished a second later
///                    "caller": {"principal": "local", "roles": []}, "id": "past-1" } ],
///     "call": { "tool": "x/y",
///               "arguments": {}, "received": 1767603600000, "hints": [], "session": "session",
///               "caller": {"principal": "local", "roles": []},
///               "approved_by": [ {"principal": "ann", "roles": ["finance"]} ] },
///     "expect": { "verdict": "allow | refuse | ask | hold",
///                 "code": "…", "unlocks": [ … ], "reason": "a part of it", "details": { … },     // of a refusal
///                 "question": { "roles": […], "quorum": 1, … },                // of an ask; those that are named
///                 "calls": ["past-1"] } } ]                                    // of a hold; `code` is `otherwise`'s
/// ```
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
    let call = case.call.build();
    let ledger = Ledger::from(case.history.into_iter().map(|past| past.build(call.received)));
    let told = |what: String| format!("{}: {what}", case.name);
    let policy = super::configure::<P>(&case.settings).map_err(|problems| told(format!("{problems:?}")))?;
    let verdict = policy.judge(&call, &ledger.facing(&call)).map_err(|fault| told(format!("{fault:?}")))?;
    let expect = &case.expect;
    let fits = match &verdict {
        Verdict::Allow => expect.verdict == "allow",
        Verdict::Refuse(refusal) => expect.verdict == "refuse" && expect.fits(refusal),
        Verdict::Ask(question) => expect.verdict == "ask" && expect.asks(question),
        Verdict::Hold(hold) => {
            let calls = expect.calls.as_ref().is_none_or(|calls| *calls == hold.calls);
            expect.verdict == "hold" && calls && expect.fits(&hold.otherwise)
        }
    };
    if fits { Ok(()) } else { Err(told(format!("{verdict:?}"))) }
}

impl Expect {
    fn fits(&self, refusal: &Refusal) -> bool {
        let details = || serde_json::from_str(refusal.details.as_deref()?).ok();
        self.code.as_ref().is_none_or(|code| *code == refusal.code)
            && self.reason.as_ref().is_none_or(|part| refusal.reason.contains(part))
            && as_named(self.details.as_ref(), details)
            && as_named(self.unlocks.as_ref(), || Some(refusal.unlocks.iter().map(unlock_json).collect()))
    }

    fn asks(&self, question: &Question) -> bool {
        let asked = json!({
            "reason": question.reason,
            "preview": question.preview,
            "roles": question.roles,
            "quorum": question.quorum,
            "expires_in": question.expires_in,
            "self_approval": question.self_approval,
            "channel": question.channel,
        });
        let named = self.question.as_ref().and_then(Value::as_object);
        named.is_none_or(|named| named.iter().all(|(key, value)| asked.get(key) == Some(value)))
            && self.reason.as_ref().is_none_or(|part| question.reason.contains(part))
    }
}

/// What is not named is not looked at.
fn as_named<T: PartialEq>(named: Option<&T>, actual: impl FnOnce() -> Option<T>) -> bool {
    named.is_none_or(|named| actual().is_some_and(|actual| actual == *named))
}
