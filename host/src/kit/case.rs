//! One case of a `cases.json`, as the sandbox is given it: what is configured, what has happened, what is called, and what
//! is to come of it.

use std::sync::Arc;

use interlock_cases as file;
use serde_json::{Map, Value, json};

use crate::{
    call::{Call, CallId, Caller, NotAToolName, Outcome, PastCall, ToolName},
    clock::Timestamp,
    config::Position,
    verdict::{Approver, Grant},
};

/// One case.
#[derive(Clone, Debug)]
pub struct Case {
    /// A sentence about behaviour.
    pub name: String,
    /// Where it begins.
    pub at: Position,
    /// What the plugin is configured with.
    pub settings: Value,
    /// What has happened before, oldest first.
    pub(super) history: Vec<PastCall>,
    /// The call at hand.
    pub(super) call: Call,
    /// The yes to the policy's own question, if there is one.
    pub(super) grant: Option<Grant>,
    /// How it ended and what came back, for a reviewer.
    pub(super) outcome: Outcome,
    pub(super) result: Value,
    /// What is to come of it; none: that is yet to be written.
    pub expect: Option<Map<String, Value>>,
}

impl Case {
    /// A call of a tool without arguments, before which nothing has happened.
    pub(super) fn trivial(tool: &str, settings: Value) -> Self {
        let call = Call {
            id: "call".into(),
            tool: ToolName::new("trivial", tool),
            arguments: Arc::default(),
            beside: Arc::default(),
            caller: caller(file::Caller::default()),
            session: "session".to_owned(),
            received: Timestamp(file::NOW),
            hints: Arc::default(),
            definition: "".into(),
            continues: None,
            idempotency: None,
            batch: None,
        };
        let at = Position { line: 1, column: 1 };
        Self {
            name: "trivial".to_owned(),
            at,
            settings,
            history: Vec::new(),
            call,
            grant: None,
            outcome: Outcome::Succeeded,
            result: json!({ "content": [] }),
            expect: None,
        }
    }

    /// The case that stands at a place of a file.
    ///
    /// # Errors
    /// If a tool has no name that a tool could have.
    pub(super) fn of(case: file::Case, at: Position) -> Result<Self, NotAToolName> {
        let now = case.call.received;
        let mut history = case.history.into_iter().map(|past| self::past(past, now)).collect::<Result<Vec<_>, _>>()?;
        history.sort_by_key(|past| past.admitted);
        for (nth, past) in history.iter_mut().enumerate().filter(|(_, past)| past.id.as_str().is_empty()) {
            past.id = CallId::from(format!("past-{}", nth + 1).as_str());
        }
        // Nobody is shown the result of what is running.
        let outcome = ended(case.call.outcome).unwrap_or(Outcome::Unknown);
        let result = case.call.result.clone();
        let (call, grant) = self::call(case.call)?;
        Ok(Self {
            name: case.name,
            at,
            settings: Value::Object(case.settings),
            history,
            call,
            grant,
            outcome,
            result,
            expect: case.expect.map(|expect| expect.named()),
        })
    }
}

fn caller(file::Caller { principal, roles }: file::Caller) -> Caller {
    Caller { principal, roles, client: None }
}

/// `server/tool`; the tools of a toolset at hand may do without their server.
fn tool(name: &str) -> Result<ToolName, NotAToolName> {
    if name.is_empty() || name.contains('/') { name.parse() } else { Ok(ToolName::new("toolset", name)) }
}

/// None while it is running.
fn ended(outcome: file::Outcome) -> Option<Outcome> {
    match outcome {
        file::Outcome::Running => None,
        file::Outcome::Succeeded => Some(Outcome::Succeeded),
        file::Outcome::Failed => Some(Outcome::Failed),
        file::Outcome::Cancelled => Some(Outcome::Cancelled),
        file::Outcome::Unknown => Some(Outcome::Unknown),
        file::Outcome::InputRequired => Some(Outcome::InputRequired),
    }
}

fn call(call: file::Call) -> Result<(Call, Option<Grant>), NotAToolName> {
    let received = Timestamp(call.received);
    let approver = |file::Caller { principal, roles }| Approver { principal, roles };
    let approvers: Vec<Approver> = call.approved_by.into_iter().map(approver).collect();
    let grant = (!approvers.is_empty()).then(|| Grant { id: "approval".to_owned(), approvers, granted: received });
    let call = Call {
        id: "call".into(),
        tool: tool(&call.tool)?,
        arguments: Arc::new(call.arguments),
        beside: Arc::default(),
        caller: caller(call.caller),
        session: call.session,
        received,
        hints: call.hints.into(),
        definition: "".into(),
        continues: None,
        idempotency: None,
        batch: None,
    };
    Ok((call, grant))
}

fn past(past: file::Past, now: u64) -> Result<PastCall, NotAToolName> {
    Ok(PastCall {
        id: past.id.as_deref().unwrap_or_default().into(),
        tool: tool(&past.tool)?,
        arguments: Arc::new(past.arguments.clone()),
        outcome: ended(past.outcome),
        admitted: Timestamp(past.admitted(now)),
        finished: past.finished(now).map(Timestamp),
        caller: caller(past.caller.clone()),
        result: past.into_result().map(Arc::new),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_past_is_told_oldest_first_however_it_is_written() {
        let past = |tool: &str, seconds: u64| json!({ "tool": tool, "seconds_ago": seconds });
        let history = [past("a/last", 1), past("a/first", 9), past("a/between", 5)];
        let case = json!({ "name": "n", "history": history, "call": { "tool": "a/b" } });
        let case = Case::of(serde_json::from_value(case).unwrap(), Position { line: 1, column: 1 }).unwrap();
        let told = case.history.iter().map(|past| (past.id.as_str(), past.tool.as_str())).collect::<Vec<_>>();
        assert_eq!(told, [("past-1", "a/first"), ("past-2", "a/between"), ("past-3", "a/last")]);
    }
}
