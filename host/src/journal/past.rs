//! A call as the journal remembers it, and what each event changes about it. Pure.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Event, Sequence, body::Settled, kind};
use crate::{
    call::{Arguments, CallId, Caller, Idempotency, Outcome, ToolName},
    clock::Timestamp,
};

/// Where a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Status {
    /// Admitted, and not finished.
    Running,
    /// Finished as `unknown`, and nobody has settled it: it may still be going on.
    Doubtful,
    /// It ended so.
    Ended(Outcome),
}

impl Status {
    /// How the store writes it. `doubtful` is ours alone: everyone else is told `unknown`.
    pub(super) fn stored(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Doubtful => "doubtful",
            Self::Ended(outcome) => outcome.as_str(),
        }
    }

    /// Reads what [`Status::stored`] wrote.
    pub(super) fn from_stored(word: &str) -> Option<Self> {
        match word {
            "running" => Some(Self::Running),
            "doubtful" => Some(Self::Doubtful),
            other => Outcome::from_word(other).map(Self::Ended),
        }
    }

    /// How the call ended; none while it runs.
    pub fn outcome(self) -> Option<Outcome> {
        match self {
            Self::Running => None,
            Self::Doubtful => Some(Outcome::Unknown),
            Self::Ended(outcome) => Some(outcome),
        }
    }

    /// Whether it may still be going on.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Running | Self::Doubtful)
    }
}

/// A call that was admitted, as far as the journal knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct PastCall {
    /// Position of its admission: calls are in this order.
    pub seq: Sequence,
    /// Its id.
    pub id: CallId,
    /// Which tool.
    pub tool: ToolName,
    /// As the tool received them; redactions applied, and cut if they were too large.
    pub arguments: Arguments,
    /// Where it stands.
    pub status: Status,
    /// How it ended; none while it runs.
    pub outcome: Option<Outcome>,
    /// What came back (MCP `CallToolResult`); none while running, or if it was too large to keep.
    pub result: Option<Arc<Value>>,
    /// When it was admitted.
    pub admitted: Timestamp,
    /// When it ended.
    pub finished: Option<Timestamp>,
    /// Who made it.
    pub caller: Caller,
    /// In which session.
    pub session: String,
    /// Which process carries it out.
    pub process: String,
    /// What makes it the same as another call.
    pub idempotency: Option<Idempotency>,
}

/// What the ledger needs of `body::Admitted`.
#[derive(Deserialize)]
pub(super) struct Began {
    pub(super) tool: ToolName,
    pub(super) arguments: Value,
    pub(super) caller: Caller,
    pub(super) session: String,
    #[serde(default)]
    pub(super) process: String,
    #[serde(default)]
    pub(super) idempotency: Option<Idempotency>,
}

/// What it needs of `body::Finished`.
#[derive(Deserialize)]
pub(super) struct End {
    pub(super) outcome: Outcome,
    #[serde(default)]
    pub(super) result: Option<Value>,
}

/// What one event changes about one call.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The call after the event.
    pub call: Arc<PastCall>,
    /// Where it stood before; none: the event admits it.
    pub from: Option<Status>,
}

/// What an event changes, given the call that it is about if that call is open.
///
/// The first end of a call counts. A call that ended as `unknown` can still be settled, or turn out to have ended.
pub(super) fn change(event: &Event, open: Option<&Arc<PastCall>>) -> Option<Change> {
    match event.kind.as_str() {
        kind::CALL_ADMITTED => {
            let body = Began::deserialize(event.body.as_ref()).ok()?;
            Some(Change { call: Arc::new(admitted(event.seq, event.at, &event.subject, body)), from: None })
        }
        kind::CALL_FINISHED => {
            let (call, body) = (open?, End::deserialize(event.body.as_ref()).ok()?);
            let status = match body.outcome {
                Outcome::Unknown => Status::Doubtful,
                Outcome::Succeeded | Outcome::Failed | Outcome::Cancelled | Outcome::InputRequired => {
                    Status::Ended(body.outcome)
                }
            };
            (status != call.status).then(|| Change {
                from: Some(call.status),
                call: Arc::new(PastCall {
                    result: body.result.filter(|result| !is_cut(result)).map(Arc::new),
                    ..ended(call, status, event.at)
                }),
            })
        }
        kind::CALL_SETTLED => {
            let (call, body) = (open?, Settled::deserialize(event.body.as_ref()).ok()?);
            // That nobody knows is where it stood.
            (call.status == Status::Doubtful && body.outcome != Outcome::Unknown).then(|| Change {
                from: Some(call.status),
                call: Arc::new(ended(call, Status::Ended(body.outcome), event.at)),
            })
        }
        _ => None,
    }
}

fn ended(call: &PastCall, status: Status, at: Timestamp) -> PastCall {
    PastCall { status, outcome: status.outcome(), finished: Some(call.finished.unwrap_or(at)), ..call.clone() }
}

/// A call that has just been admitted.
pub(super) fn admitted(seq: Sequence, at: Timestamp, id: &str, body: Began) -> PastCall {
    PastCall {
        seq,
        id: CallId::from(id),
        tool: body.tool,
        arguments: Arc::new(match body.arguments {
            Value::Object(map) => map,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
        }),
        status: Status::Running,
        outcome: None,
        result: None,
        admitted: at,
        finished: None,
        caller: body.caller,
        session: body.session,
        process: body.process,
        idempotency: body.idempotency,
    }
}

/// Whether arguments were too large to keep: what is kept of them is their digest, length and beginning.
pub fn are_cut(arguments: &Value) -> bool {
    arguments
        .get("truncated")
        .is_some_and(|cut| ["sha256", "bytes", "first_kib"].iter().all(|key| cut.get(key).is_some()))
}

/// Whether a result was too large to keep: an MCP result always has content or asks for input.
pub(super) fn is_cut(result: &Value) -> bool {
    result.get("truncated").is_some() && result.get("content").is_none()
}
