//! One case of a `cases.json`: what is configured, what has happened, what is called, and what is to come of it.
//!
//! The format is the one that the SDK's `testing::run_cases` documents, and for toolsets: `history` is called before,
//! in this order, and `expect` holds `text` (a part of it), `structured` and `is_error`.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    call::{Call, CallId, Caller, NotAToolName, Outcome, PastCall, ToolName},
    clock::Timestamp,
    config::Position,
    verdict::{Approver, Grant},
};

/// "Now" where a case does not say otherwise: Monday, 2026-01-05T09:00:00Z.
const NOW: u64 = 1_767_603_600_000;

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
            caller: local(),
            session: "session".to_owned(),
            received: Timestamp(NOW),
            hints: Arc::default(),
            definition: "".into(),
            continues: None,
        };
        let at = Position { line: 1, column: 1 };
        Self { name: "trivial".to_owned(), at, settings, history: Vec::new(), call, grant: None, expect: None }
    }
}

/// As it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CaseFile {
    name: String,
    #[serde(default)]
    settings: Option<Map<String, Value>>,
    #[serde(default)]
    history: Vec<PastFile>,
    call: CallFile,
    #[expect(dead_code, reason = "read for its mistakes alone")]
    expect: Option<ExpectFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PastFile {
    tool: String,
    arguments: Option<Map<String, Value>>,
    outcome: Option<Ended>,
    result: Option<Value>,
    seconds_ago: Option<u64>,
    caller: Option<CallerFile>,
    id: Option<String>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Ended {
    Running,
    Succeeded,
    Failed,
    Cancelled,
    Unknown,
    InputRequired,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CallFile {
    tool: String,
    arguments: Option<Map<String, Value>>,
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

/// Read for its mistakes alone: what is expected is compared as JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only what does not fit it is of interest")]
struct ExpectFile {
    verdict: Option<Word>,
    code: Option<String>,
    unlocks: Option<Vec<Map<String, Value>>>,
    reason: Option<String>,
    details: Option<Map<String, Value>>,
    question: Option<Map<String, Value>>,
    calls: Option<Vec<String>>,
    text: Option<String>,
    structured: Option<Value>,
    is_error: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Allow,
    Refuse,
    Ask,
    Hold,
}

impl CaseFile {
    /// The case, given its place and its expectation as it was written.
    ///
    /// # Errors
    /// If a tool has no name that a tool could have.
    pub(super) fn build(self, at: Position, expect: Option<Map<String, Value>>) -> Result<Case, NotAToolName> {
        let now = self.call.received.unwrap_or(NOW);
        let mut history = Vec::new();
        for past in self.history {
            history.push(past.build(now)?);
        }
        history.sort_by_key(|past| past.admitted);
        for (nth, past) in history.iter_mut().enumerate().filter(|(_, past)| past.id.as_str().is_empty()) {
            past.id = CallId::from(format!("past-{}", nth + 1).as_str());
        }
        let (call, grant) = self.call.build(now)?;
        let settings = Value::Object(self.settings.unwrap_or_default());
        Ok(Case { name: self.name, at, settings, history, call, grant, expect })
    }
}

impl CallerFile {
    fn build(self) -> Caller {
        Caller { principal: self.principal, roles: self.roles, client: None }
    }
}

fn local() -> Caller {
    Caller { principal: "local".to_owned(), roles: Vec::new(), client: None }
}

/// `server/tool`; the tools of a toolset at hand may do without their server.
fn tool(name: &str) -> Result<ToolName, NotAToolName> {
    if name.is_empty() || name.contains('/') { name.parse() } else { Ok(ToolName::new("toolset", name)) }
}

impl CallFile {
    fn build(self, now: u64) -> Result<(Call, Option<Grant>), NotAToolName> {
        let approvers: Vec<Approver> =
            self.approved_by.into_iter().map(|CallerFile { principal, roles }| Approver { principal, roles }).collect();
        let grant =
            (!approvers.is_empty()).then(|| Grant { id: "approval".to_owned(), approvers, granted: Timestamp(now) });
        let call = Call {
            id: "call".into(),
            tool: tool(&self.tool)?,
            arguments: Arc::new(self.arguments.unwrap_or_default()),
            beside: Arc::default(),
            caller: self.caller.map_or_else(local, CallerFile::build),
            session: self.session.unwrap_or_else(|| "session".to_owned()),
            received: Timestamp(now),
            hints: self.hints.into(),
            definition: "".into(),
            continues: None,
        };
        Ok((call, grant))
    }
}

impl PastFile {
    fn build(self, now: u64) -> Result<PastCall, NotAToolName> {
        let outcome = match self.outcome.unwrap_or(Ended::Succeeded) {
            Ended::Running => None,
            Ended::Succeeded => Some(Outcome::Succeeded),
            Ended::Failed => Some(Outcome::Failed),
            Ended::Cancelled => Some(Outcome::Cancelled),
            Ended::Unknown => Some(Outcome::Unknown),
            Ended::InputRequired => Some(Outcome::InputRequired),
        };
        let admitted = now.saturating_sub(self.seconds_ago.unwrap_or(60).saturating_mul(1000));
        let nothing = || serde_json::json!({ "content": [], "isError": false });
        Ok(PastCall {
            id: self.id.as_deref().unwrap_or_default().into(),
            tool: tool(&self.tool)?,
            arguments: Arc::new(self.arguments.unwrap_or_default()),
            outcome,
            result: outcome.map(|_| Arc::new(self.result.unwrap_or_else(nothing))),
            admitted: Timestamp(admitted),
            finished: outcome.map(|_| Timestamp(admitted.saturating_add(1000))),
            caller: self.caller.map_or_else(local, CallerFile::build),
        })
    }
}
