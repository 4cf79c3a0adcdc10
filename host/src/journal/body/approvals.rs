//! The bodies of `approval.*`: what was asked, who answered in whose name, and who was told.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::is_default;
use crate::{
    call::{CallId, Caller, ToolName},
    clock::Timestamp,
    verdict::Question,
};

/// Body of `approval.asked`; the subject is the approval's id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApprovalAsked {
    /// SHA-256 that binds it to one exact call, as hexadecimal digits.
    pub binding: String,
    /// What it would be bound by if it were asked alone; none: it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alone: Option<String>,
    /// The call that gave rise to it.
    pub call: CallId,
    /// Which policy asks.
    pub policy: String,
    /// What is asked.
    pub question: Question,
    /// Which tool would be called.
    pub tool: ToolName,
    /// With what.
    pub arguments: Value,
    /// What the request's parameters held beside name, arguments and `_meta`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub beside: Map<String, Value>,
    /// By whom.
    pub caller: Caller,
    /// In which session.
    pub session: String,
    /// When silence becomes a no.
    pub expires: Timestamp,
    /// Who else may answer later, if nobody has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub escalate: Vec<TakenOver>,
    /// The questions that it can be answered together with, and only so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<InBatch>,
}

/// From when on the holders of one role may answer in the place of those of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenOver {
    /// The role that the question is for.
    pub from: String,
    /// The role whose holders may answer as well.
    pub to: String,
    /// From when on.
    pub at: Timestamp,
}

/// Which questions are answered together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InBatch {
    /// The id of them all.
    pub id: String,
    /// What the caller calls them.
    pub name: String,
    /// How many different calls they are about.
    pub size: u32,
}

/// In whose name somebody answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnBehalf {
    /// Who has delegated it to them.
    pub of: String,
    /// The delegation's id.
    pub delegation: String,
}

/// Body of `approval.granted` and `approval.refused`: one human's answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApprovalAnswered {
    /// Whose answer.
    pub by: String,
    /// The roles they held when answering.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Roles that they did not hold, and answered for: by delegation, or because the question had been escalated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers_for: Vec<String>,
    /// In whose name, where not in their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf: Option<OnBehalf>,
    /// Why, in their words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// By which way: `desk` (the command line), `page`, `rest` or `client`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub channel: String,
    /// Digest of what was answered, of a whole batch where it was one; none in answers of before there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<String>,
}

/// Body of `approval.spent`; committed together with the admission that it made possible.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApprovalSpent {
    /// The call that was admitted.
    pub call: CallId,
}

/// Body of `approval.expired`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ApprovalExpired {
    /// Why, where it was not time alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Body of `approval.escalated`; the subject is the approval's id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApprovalEscalated {
    /// The role that did not answer in time.
    pub from: String,
    /// The role whose holders may answer as well by now.
    pub to: String,
}

/// Body of `approval.told`: people were told of a question, or of what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApprovalTold {
    /// By which channel: `webhook` and the beginning of its digest, or `client`.
    pub channel: String,
    /// Of what: `asked`, `escalated`, `granted`, `refused` or `expired`.
    pub news: String,
}

/// Body of `approval.unreachable`: nobody could be told of a question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApprovalUnreachable {
    /// By which channel it was tried.
    pub channel: String,
    /// Why it was in vain, without anything that is secret.
    pub reason: String,
}

/// Body of `approval.delegated`; the subject is the delegation's id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApprovalDelegated {
    /// Whose roles.
    pub from: String,
    /// Who may answer for them.
    pub to: String,
    /// Which roles.
    pub roles: Vec<String>,
    /// Until when.
    pub ends: Timestamp,
    /// Why, in the words of whoever delegated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Body of `approval.delegation-ended`; the subject is the delegation's id.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DelegationEnded {}
