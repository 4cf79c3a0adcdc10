//! One question, what became of it, and what ties it to exactly one call. Pure.

use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::{
    call::{Call, CallId, Caller, ToolName},
    clock::Timestamp,
    scope::canonical,
    verdict::{Approver, Grant, Question},
};

/// A question about one exact call.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Approval {
    /// Its id.
    pub id: String,
    /// What ties it to one exact call: see [`binding`].
    pub binding: String,
    /// The policy that asks.
    pub policy: String,
    /// What it asks.
    pub question: Question,
    /// The call that gave rise to it.
    pub call: CallId,
    /// Which tool would be called.
    pub tool: ToolName,
    /// With what.
    pub arguments: Value,
    /// What the request's parameters held beside name, arguments and `_meta`.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub beside: Map<String, Value>,
    /// By whom.
    pub caller: Caller,
    /// In which session.
    pub session: String,
    /// When it was asked.
    pub asked: Timestamp,
    /// When silence becomes a no.
    pub expires: Timestamp,
    /// Every answer, in order.
    pub answers: Vec<Answer>,
    /// Whether the journal says that it has expired.
    pub told_expired: bool,
    /// The call that used it up.
    pub spent_by: Option<CallId>,
}

/// One human's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// Whose.
    pub by: String,
    /// The roles they held then.
    pub roles: Vec<String>,
    /// Yes or no.
    pub approve: bool,
    /// When.
    pub at: Timestamp,
    /// Why, in their words.
    pub reason: Option<String>,
    /// The digest of what they answered; none before answers had one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<String>,
}

/// What has become of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Not answered yet, or not by enough.
    Open,
    /// Answered with yes by enough, and not used yet.
    Granted,
    /// Someone said no.
    Refused,
    /// Not answered in time, or granted and not used in time.
    Expired,
    /// Used by the call that it was for.
    Spent,
}

impl State {
    /// The word for it in tables and in the journal.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Granted => "granted",
            Self::Refused => "refused",
            Self::Expired => "expired",
            Self::Spent => "spent",
        }
    }
}

impl Approval {
    /// What has become of it by `now`.
    ///
    /// One no is a no. A yes lives as long from when it was complete as the question did from when it was asked.
    pub fn state(&self, now: Timestamp) -> State {
        if self.spent_by.is_some() {
            return State::Spent;
        }
        if self.answers.iter().any(|answer| !answer.approve) {
            return State::Refused;
        }
        let ends = match self.completed() {
            Some(granted) => granted.plus(self.question.expires_in),
            None => self.expires,
        };
        match self.completed() {
            _ if self.told_expired || now >= ends => State::Expired,
            Some(_) => State::Granted,
            None => State::Open,
        }
    }

    /// The digest of what an approver gets to see: SHA-256, as hexadecimal digits, over the canonical JSON of the whole
    /// question: what is asked by which policy, of whom and until when, and the call, with its arguments as the journal keeps
    /// them. Whoever has the journal can work it out again.
    pub fn digest(&self) -> String {
        let Self {
            id, binding, policy, question, call, tool, arguments, beside, caller, session, asked, expires, ..
        } = self;
        let shown = json!({
            "id": id, "binding": binding, "policy": policy, "question": question, "call": call, "tool": tool,
            "arguments": arguments, "beside": beside, "caller": caller, "session": session, "asked": asked, "expires": expires,
        });
        digest(&shown)
    }

    /// When the last needed yes was given.
    fn completed(&self) -> Option<Timestamp> {
        let needed = usize::try_from(self.question.quorum.max(1)).unwrap_or(usize::MAX);
        self.answers.iter().filter(|answer| answer.approve).nth(needed - 1).map(|answer| answer.at)
    }

    /// Whether nobody said anything decisive in time: silence, as opposed to a yes that was not used.
    pub fn lapsed_in_silence(&self) -> bool {
        self.completed().is_none()
    }

    /// The proof of the yes, for the policy that asked; none unless it is complete.
    pub fn grant(&self) -> Option<Grant> {
        let approvers = self.answers.iter().filter(|answer| answer.approve);
        Some(Grant {
            id: self.id.clone(),
            approvers: approvers
                .map(|answer| Approver { principal: answer.by.clone(), roles: answer.roles.clone() })
                .collect(),
            granted: self.completed()?,
        })
    }
}

/// What ties a question to exactly one call: SHA-256, as hexadecimal digits, over the canonical JSON of tool,
/// arguments and what is beside them, principal, session, digest of the tool's definition, and the asking policy's name, component digest and
/// settings digest. Change any of them, and it is another question.
pub fn binding(call: &Call, policy: &str, component: &str, settings: &str) -> String {
    let arguments: &Map<String, Value> = &call.arguments;
    let mut bound = json!({
        "tool": call.tool.as_str(),
        "arguments": arguments,
        "principal": call.caller.principal,
        "session": call.session,
        "definition": &*call.definition,
        "policy": policy,
        "component": component,
        "settings": settings,
    });
    if let (Some(bound), false) = (bound.as_object_mut(), call.beside.is_empty()) {
        bound.insert("beside".to_owned(), Value::Object((*call.beside).clone()));
    }
    digest(&bound)
}

fn digest(value: &Value) -> String {
    Sha256::digest(canonical(value)).iter().map(|byte| format!("{byte:02x}")).collect()
}
