//! The shapes of events' bodies. Fields that a reader does not know are passed over; new fields need a default.

mod approvals;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use approvals::{
    ApprovalAnswered, ApprovalAsked, ApprovalDelegated, ApprovalEscalated, ApprovalExpired, ApprovalSpent,
    ApprovalTold, ApprovalUnreachable, DelegationEnded, InBatch, OnBehalf, TakenOver,
};

use super::Sequence;
use crate::{
    call::{CallId, Caller, Idempotency, Outcome, ToolName},
    clock::Timestamp,
    verdict::Refusal,
};

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// How one policy judged one call. Which component it was, with which settings, says the event `config.applied` of the
/// same `set`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// Its name in the configuration.
    pub policy: String,
    /// `shadow`, where its verdict did not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// `allow`, `hold`, `ask` or `refuse`.
    pub verdict: String,
    /// Code of the refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// How long it took, in microseconds.
    pub micros: u64,
    /// Why it could not judge, where it could not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// Body of `call.admitted`; the subject is the call's id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Admitted {
    /// Which tool.
    pub tool: ToolName,
    /// What the tool receives: an object.
    pub arguments: Value,
    /// What was asked for, where a policy changed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments_before: Option<Value>,
    /// What the request's parameters held beside name, arguments and `_meta`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub beside: Map<String, Value>,
    /// Digest of the tool's definition.
    #[serde(default)]
    pub definition: String,
    /// By whom.
    pub caller: Caller,
    /// In which session.
    pub session: String,
    /// What the tool's definition promises.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
    /// When the gateway received the call.
    #[serde(default)]
    pub received: Timestamp,
    /// What each policy said.
    #[serde(default)]
    pub policies: Vec<Judged>,
    /// Digest of all policies in force.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub set: String,
    /// The scopes that were looked at beside the call's own session, as text for people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// The version of the ledger that was looked at.
    #[serde(default)]
    pub view: Sequence,
    /// Ids of the approvals that this admission spends.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<String>,
    /// The earlier call that this one goes on with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continues: Option<CallId>,
    /// What makes it the same as another call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency: Option<Idempotency>,
    /// Id of the process that carries it out: [`super::Journal::process`].
    #[serde(default)]
    pub process: String,
}

/// Body of `call.replayed`: a call was answered with what is recorded of an earlier one, its subject, and not run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Replayed {
    /// The call that was not run.
    pub call: CallId,
    /// Which tool.
    pub tool: ToolName,
    /// By whom.
    pub caller: Caller,
    /// In which session.
    pub session: String,
    /// When the gateway received it.
    pub received: Timestamp,
    /// What makes both the same.
    pub idempotency: Idempotency,
}

/// Body of `call.finished`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finished {
    /// Which tool.
    pub tool: ToolName,
    /// How it ended.
    pub outcome: Outcome,
    /// What came back: MCP `CallToolResult`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// From admission to answer, in milliseconds.
    #[serde(default)]
    pub duration_ms: u64,
    /// Id of the process that wrote this, where it is not the one that carried the call out.
    #[serde(default, skip_serializing_if = "is_default")]
    pub process: String,
    /// Why, where the outcome does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Body of `call.reviewed`: a call's result did not simply pass.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reviewed {
    /// Which tool.
    pub tool: ToolName,
    /// What each reviewing policy made of it; the verdict is `pass`, `redact` or `withhold`.
    pub policies: Vec<Judged>,
    /// Digest of all policies in force.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub set: String,
}

/// One policy's refusal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refused {
    /// Which policy, or `interlock`.
    pub policy: String,
    /// What it said: code, reason, unlocks and details.
    #[serde(flatten)]
    pub refusal: Refusal,
}

/// Body of `call.refused`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallRefused {
    /// Which tool, as far as it is known.
    pub tool: String,
    /// With what.
    pub arguments: Value,
    /// By whom.
    pub caller: Caller,
    /// In which session.
    pub session: String,
    /// Digest of the tool's definition.
    #[serde(default, skip_serializing_if = "is_default")]
    pub definition: String,
    /// When the gateway received the call.
    #[serde(default)]
    pub received: Timestamp,
    /// Every refusal.
    pub refused: Vec<Refused>,
    /// What each policy said.
    #[serde(default)]
    pub policies: Vec<Judged>,
    /// Digest of all policies in force.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub set: String,
    /// The version of the ledger that was looked at.
    #[serde(default)]
    pub view: Sequence,
}

/// Body of `call.asked`: a call waits for the answer to a question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// Which tool.
    pub tool: ToolName,
    /// With what.
    pub arguments: Value,
    /// By whom.
    pub caller: Caller,
    /// In which session.
    pub session: String,
    /// Digest of the tool's definition.
    #[serde(default, skip_serializing_if = "is_default")]
    pub definition: String,
    /// When the gateway received the call.
    #[serde(default)]
    pub received: Timestamp,
    /// Ids of the approvals that it waits for.
    pub approvals: Vec<String>,
    /// What each policy said.
    #[serde(default)]
    pub policies: Vec<Judged>,
    /// Digest of all policies in force.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub set: String,
}

/// Body of `call.settled`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settled {
    /// How the call ended, as far as a human could find out.
    pub outcome: Outcome,
    /// Who says so.
    pub by: String,
    /// How they know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Body of `tool.pinned`, `tool.changed` and `tool.accepted`; the subject is `server/tool`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Defined {
    /// Which tool.
    pub tool: ToolName,
    /// SHA-256 of the definition's canonical JSON, as hexadecimal digits.
    pub definition: String,
    /// The definition itself: the MCP `Tool` object.
    pub content: Value,
}

/// Body of `key.created`; the subject is the key's id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeyCreated {
    /// The principal of its calls.
    pub name: String,
    /// Their roles.
    pub roles: Vec<String>,
    /// When it ends by itself; none: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// HMAC-SHA-256 of its id and secret by the pepper, as hexadecimal digits.
    pub digest: String,
}

/// Body of `key.revoked`; the subject is the key's id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeyRevoked {
    /// The principal of its calls.
    pub name: String,
}

/// Body of `admin.opened`: a process serves the door for people; the subject is the process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdminOpened {
    /// Where people reach it: scheme, host and, if need be, port.
    pub url: String,
    /// Whether they show API keys; otherwise they come in by links.
    pub keys: bool,
}

/// Body of `admin.linked`: a link by which somebody can come in to the door for people, once; the subject is its id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdminLinked {
    /// SHA-256 of its 256 random bits, as hexadecimal digits.
    pub digest: String,
    /// Until when it can be used.
    pub expires: Timestamp,
}

/// Body of `admin.entered`: the link has been used; the subject is its id, the actor who they say they are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AdminEntered {}

/// Body of `stop.ordered`; the subject is the stop's id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StopOrdered {
    /// Pattern of `server/tool`; none: every tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<String>,
    /// Whose calls; none: everyone's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// Why, in the operator's words.
    pub reason: String,
}

/// Body of `stop.lifted`; the subject is the stop's id.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StopLifted {}

/// Body of `session.began`; the subject is the session's id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionBegan {
    /// Whose it is.
    pub principal: String,
    /// What its client said of itself when it opened it; none: the protocol has no sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<Value>,
}

/// Body of `session.used`; the subject is the session's id.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SessionUsed {}

/// Body of `session.ended`; the subject is the session's id.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SessionEnded {}

/// Body of `process.started` and `process.stopped`; the subject is the process id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Process {
    /// What it is: `serve`, `worker`, …
    pub role: String,
    /// Version of this program.
    pub version: String,
    /// The operating system's number for it.
    #[serde(default)]
    pub pid: u32,
}
