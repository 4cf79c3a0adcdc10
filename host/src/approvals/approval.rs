//! One question, what became of it, and what ties it to exactly one call. Pure.

use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::same_person;
use crate::{
    call::{Call, CallId, Caller, ToolName},
    clock::Timestamp,
    journal::body::{OnBehalf, TakenOver},
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
    /// What it would be bound by if it were asked alone; none: it is.
    #[serde(skip)]
    pub alone: Option<String>,
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
    /// When silence becomes a no, where it is asked alone: see [`Approval::deadline`].
    pub expires: Timestamp,
    /// Who else may answer later, if nobody has.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub escalate: Vec<TakenOver>,
    /// Those steps of it that the journal has taken note of.
    #[serde(skip)]
    pub told_escalated: Vec<TakenOver>,
    /// The questions that it is answered together with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<Together>,
    /// What people were told of it: by which channel, and of what.
    #[serde(skip)]
    pub told: Vec<(String, String)>,
    /// Why nobody could be told of it; none: that is not known, or it came right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreachable: Option<String>,
    /// Every answer, in order.
    pub answers: Vec<Answer>,
    /// Whether the journal says that it has expired.
    pub told_expired: bool,
    /// The call that used it up.
    pub spent_by: Option<CallId>,
}

/// What is the same for all questions of a batch, as far as they are there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Together {
    /// The id of them all.
    pub id: String,
    /// What the caller calls them.
    pub name: String,
    /// How many different calls they are to be about.
    pub size: u32,
    /// How many must say yes: the most that one of them needs.
    pub quorum: u32,
    /// When silence becomes a no: the earliest of all.
    pub expires: Timestamp,
}

/// One human's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// Whose.
    pub by: String,
    /// The roles they held then.
    pub roles: Vec<String>,
    /// Roles that they did not hold, and answered for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub answers_for: Vec<String>,
    /// In whose name, where not in their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_behalf: Option<OnBehalf>,
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

impl Answer {
    /// Whether this is the voice of that person, by their own mouth or another's.
    pub(super) fn is_by(&self, person: &str) -> bool {
        same_person(&self.by, person) || self.on_behalf.as_ref().is_some_and(|behalf| same_person(&behalf.of, person))
    }
}

/// What has become of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Not answered yet, or not by enough.
    Open,
    /// The same, and nobody could be told of it. It can be answered by whoever finds it.
    Unreachable,
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
            Self::Unreachable => "unreachable",
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
            None => self.deadline(),
        };
        match self.completed() {
            _ if self.told_expired || now >= ends => State::Expired,
            Some(_) => State::Granted,
            None if self.unreachable.is_some() => State::Unreachable,
            None => State::Open,
        }
    }

    /// Whether an answer is still waited for by `now`.
    pub fn is_open(&self, now: Timestamp) -> bool {
        match self.state(now) {
            State::Open | State::Unreachable => true,
            State::Granted | State::Refused | State::Expired | State::Spent => false,
        }
    }

    /// The id by which it is answered: its own, or that of its batch.
    pub fn answered_by(&self) -> &str {
        self.batch.as_ref().map_or(&self.id, |batch| &batch.id)
    }

    /// When silence becomes a no.
    pub fn deadline(&self) -> Timestamp {
        self.batch.as_ref().map_or(self.expires, |batch| batch.expires)
    }

    /// The steps of its escalation that are due by `now`.
    pub fn escalated(&self, now: Timestamp) -> impl Iterator<Item = &TakenOver> {
        self.escalate.iter().filter(move |step| step.at <= now)
    }

    /// Roles of which one who answers by `now` must hold one; empty: anyone may.
    pub fn roles(&self, now: Timestamp) -> Vec<String> {
        let mut roles = self.question.roles.clone();
        for step in self.escalated(now) {
            if !roles.contains(&step.to) {
                roles.push(step.to.clone());
            }
        }
        roles
    }

    /// How many different people must say yes.
    pub fn quorum(&self) -> u32 {
        self.question.quorum.max(self.batch.as_ref().map_or(1, |batch| batch.quorum)).max(1)
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
        let needed = usize::try_from(self.quorum()).unwrap_or(usize::MAX);
        self.answers.iter().filter(|answer| answer.approve).nth(needed - 1).map(|answer| answer.at)
    }

    /// Whether nobody said anything decisive in time: silence, as opposed to a yes that was not used.
    pub fn lapsed_in_silence(&self) -> bool {
        self.completed().is_none()
    }

    /// The proof of the yes, for the policy that asked; none unless it is complete.
    ///
    /// A policy looks at the approvers' roles once more. What it is told are those that they held and those that they answered
    /// for: whoever answers in the name of a lead has the lead's say, and no more.
    pub fn grant(&self) -> Option<Grant> {
        let approver = |answer: &Answer| Approver {
            principal: answer.by.clone(),
            roles: answer.roles.iter().chain(&answer.answers_for).cloned().collect(),
        };
        Some(Grant {
            id: self.id.clone(),
            approvers: self.answers.iter().filter(|answer| answer.approve).map(approver).collect(),
            granted: self.completed()?,
        })
    }
}

/// What ties a question to exactly one call: SHA-256, as hexadecimal digits, over the canonical JSON of tool,
/// arguments and what is beside them, batch, principal, session, digest of the tool's definition, and the asking policy's name, component digest and
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
    if let (Some(bound), Some(batch)) = (bound.as_object_mut(), &call.batch) {
        bound.insert("batch".to_owned(), json!(batch));
    }
    digest(&bound)
}

/// SHA-256 over the canonical JSON, as hexadecimal digits.
pub(super) fn digest(value: &Value) -> String {
    Sha256::digest(canonical(value)).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
impl Approval {
    /// A question for nine leads, from 50 on for directors too, about a call of `p0`; asked at 0, until 100.
    pub(crate) fn sample() -> Self {
        let question = Question {
            reason: String::new(),
            preview: String::new(),
            roles: vec!["lead".to_owned()],
            quorum: 9,
            expires_in: std::time::Duration::from_millis(100),
            self_approval: false,
            channel: "desk".to_owned(),
        };
        Self {
            id: "a".to_owned(),
            alone: None,
            binding: String::new(),
            policy: String::new(),
            question,
            call: CallId::from("c"),
            tool: ToolName::new("a", "b"),
            arguments: Value::Null,
            beside: Map::new(),
            caller: Caller { principal: "p0".to_owned(), roles: Vec::new(), client: None },
            session: String::new(),
            asked: Timestamp(0),
            expires: Timestamp(100),
            escalate: vec![TakenOver { from: "lead".to_owned(), to: "director".to_owned(), at: Timestamp(50) }],
            told_escalated: Vec::new(),
            batch: None,
            told: Vec::new(),
            unreachable: None,
            answers: Vec::new(),
            told_expired: false,
            spent_by: None,
        }
    }
}
