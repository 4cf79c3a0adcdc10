//! The seam towards what callers may ask after beside tools: questions to people, and what became of their own calls.
//! What an answer is worth is decided behind it.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::call::Caller;

/// Where callers who are known answer questions, and look after their calls.
#[async_trait]
pub trait Desk: Send + Sync + std::fmt::Debug {
    /// The open questions that this caller has asked or may answer, the oldest first; a bounded number of them.
    ///
    /// # Errors
    /// If they cannot be read.
    async fn questions(&self, caller: &Caller) -> Result<Vec<Question>, DeskError>;

    /// One question, open or not, that this caller has asked or that is for one of their roles.
    ///
    /// # Errors
    /// [`DeskError::Unknown`] if there is none.
    async fn question(&self, id: &str, caller: &Caller) -> Result<Question, DeskError>;

    /// Records what this caller says to a question, and returns it as it stands then.
    ///
    /// # Errors
    /// As [`Desk::question`]; or if the caller may not answer it, or it cannot be answered any more.
    async fn answer(&self, id: &str, caller: &Caller, reply: Reply) -> Result<Question, DeskError>;

    /// What became of a call that this principal made.
    ///
    /// # Errors
    /// [`DeskError::Unknown`] if they made none with this id.
    async fn call(&self, id: &str, caller: &Caller) -> Result<CallStatus, DeskError>;
}

/// What somebody says to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Yes or no.
    pub approve: bool,
    /// Why, in their words.
    pub reason: Option<String>,
    /// The digest of what they were shown: the answer counts only if that is what is asked.
    pub seen: Option<String>,
}

/// A question to people: about exactly one call, or about all of a batch, which gets one answer.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Question {
    /// Its id, as in `POST /confirm/{approval_id}`; of a batch, the batch's.
    pub id: String,
    /// What has become of it. Of an `unreachable` one, nobody could be told; it can be answered all the same.
    #[schemars(extend("enum" = ["open", "granted", "refused", "expired", "spent", "unreachable"]))]
    pub state: &'static str,
    /// What would be done. More than one call is a batch, or asked about by several policies of it.
    pub calls: Vec<AskedCall>,
    /// The batch that its caller made, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<BatchName>,
    /// Who made the calls.
    pub caller: String,
    /// When it was asked first (RFC 3339).
    pub asked: String,
    /// When silence becomes a no (RFC 3339).
    pub expires: String,
    /// What has been answered so far.
    pub answers: Vec<Answered>,
    /// SHA-256 of all that is asked: an answer with it as `seen` counts for nothing else.
    pub digest: String,
    /// Whether you may answer it now.
    pub may_answer: bool,
}

/// A call that is asked about.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct AskedCall {
    /// The id of the call that gave rise to the question.
    pub call: String,
    /// The tool that would be called, as `server/tool`.
    pub tool: String,
    /// With what; as the journal keeps it: redacted, and cut if it is large.
    pub arguments: Value,
    /// Whether they are only the beginning, with length and digest: have the rest shown to you before you answer.
    pub arguments_cut: bool,
    /// The policy that asks.
    pub policy: String,
    /// Why a person must look.
    pub reason: String,
    /// What would be done, in a line.
    pub preview: String,
    /// Roles of which whoever answers must hold one; empty: anyone but the caller.
    pub roles: Vec<String>,
    /// How many distinct principals must say yes.
    pub quorum: u32,
}

/// Which batch a question is about.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct BatchName {
    /// What its caller calls it.
    pub name: String,
    /// How many calls are to be in it: it can be answered when all are there.
    pub size: u32,
}

/// One answer to a question.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Answered {
    /// Whose.
    pub by: String,
    /// In whose name, where not in their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<String>,
    /// Yes or no.
    pub approve: bool,
    /// When (RFC 3339).
    pub at: String,
    /// Why, in their words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What became of a call.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct CallStatus {
    /// Its id.
    pub call: String,
    /// The tool, as `server/tool`.
    pub tool: String,
    /// Where it stands: `waiting` for people, `running`, `refused`, or how it ended. Of an `unknown` one, nobody knows
    /// whether the tool did it.
    #[schemars(extend("enum" = [
        "waiting", "running", "refused", "succeeded", "failed", "cancelled", "unknown", "input_required"
    ]))]
    pub state: String,
    /// With what, as the tool received it; as the journal keeps it: redacted, and cut if it is large.
    pub arguments: Value,
    /// In which session.
    pub session: String,
    /// When that became so (RFC 3339).
    pub at: String,
    /// Ids of the approvals that it waits, or has waited, for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<String>,
    /// What the tool answered, where it is kept and no policy is to look at it before you do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// Every refusal, if it was refused: its policy, code, reason, and what would unlock it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<Value>,
}

/// Why something cannot be had at the desk.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DeskError {
    /// There is no such thing, or it is none of this caller's business.
    #[error("there is no such thing")]
    Unknown,
    /// The caller sees the question, and may not answer it.
    #[error("{0}")]
    Denied(String),
    /// It has been answered, its time is over, or it is not what they were shown.
    #[error("{0}")]
    Over(String),
    /// It cannot be read or recorded at the moment.
    #[error("the journal is not available")]
    Unavailable,
}
