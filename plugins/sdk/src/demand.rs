//! What a policy demands of the people who are asked about a call, and the question that comes of it.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Call, Caller, GrantedApproval, Question, Refusal, Verdict, json, moment};

/// How long the arguments may be in a preview that nobody has written, in characters.
const LONGEST_PREVIEW: usize = 500;

/// Who must say yes, how many, and until when.
#[derive(Clone, Debug, PartialEq)]
pub struct Demand {
    /// Roles of which each approver must hold one; none: anyone; empty: nobody can.
    pub roles: Option<Vec<String>>,
    /// How many different people.
    pub quorum: u32,
    /// How long silence lasts until the question expires; none: as long as the host waits.
    pub expire_minutes: Option<u32>,
    /// Whether the caller's own yes counts.
    pub self_approval: bool,
    /// Where the question is asked.
    pub channel: Channel,
}

/// Where a question is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Channel {
    /// At the human's own door.
    #[default]
    Desk,
    /// Through the AI app, which is not a trusted channel.
    Client,
}

impl Channel {
    /// The word that the interface uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Desk => "desk",
            Self::Client => "client",
        }
    }
}

impl Default for Demand {
    /// One yes, of anyone but the caller, at the desk.
    fn default() -> Self {
        Self { roles: None, quorum: 1, expire_minutes: None, self_approval: false, channel: Channel::Desk }
    }
}

impl Demand {
    /// Whatever satisfies the result satisfies both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let roles = match (self.roles, other.roles) {
            (Some(left), Some(right)) => Some(left.into_iter().filter(|role| right.contains(role)).collect()),
            (left, right) => left.or(right),
        };
        Self {
            roles,
            quorum: self.quorum.max(other.quorum),
            expire_minutes: self.expire_minutes.into_iter().chain(other.expire_minutes).min(),
            self_approval: self.self_approval && other.self_approval,
            channel: self.channel.min(other.channel),
        }
    }

    /// Whether enough of the right people have said yes.
    fn is_met_by(&self, approval: &GrantedApproval, caller: &Caller) -> bool {
        let counts = approval.approvers.iter().filter(|approver| {
            let entitled =
                self.roles.as_ref().is_none_or(|roles| approver.roles.iter().any(|role| roles.contains(role)));
            entitled && (self.self_approval || approver.principal != caller.principal)
        });
        let people: BTreeSet<_> = counts.map(|approver| approver.principal.as_str()).collect();
        people.len() >= self.quorum as usize
    }

    /// `by 2 people with the role finance or audit`.
    pub fn by_whom(&self) -> String {
        let roles = self.roles.as_ref().map(|roles| format!(" with the role {}", roles.join(" or ")));
        let roles = roles.unwrap_or_default();
        if self.quorum == 1 { format!("by someone{roles}") } else { format!("by {} people{roles}", self.quorum) }
    }

    /// Lets a call through that was approved so; else asks. Where no role could give it, refuses as
    /// `approval_unreachable`.
    ///
    /// `reason` is one sentence, or left to be made; `previews` say what would be done, or the tool and its arguments do.
    pub fn put(self, call: &Call, reason: Option<String>, mut previews: Vec<String>) -> Verdict {
        if self.roles.as_ref().is_some_and(Vec::is_empty) {
            let reason = format!(
                "{} needs approval under several rules that have no role in common, so nobody can give it.",
                call.tool
            );
            return Refusal::new("approval_unreachable", reason).into();
        }
        if call.approval.as_ref().is_some_and(|approval| self.is_met_by(approval, &call.caller)) {
            return Verdict::Allow;
        }
        previews.dedup();
        if previews.is_empty() {
            previews.push(format!("Run {} with {}", call.tool, json::cut(&call.arguments, LONGEST_PREVIEW)));
        }
        Verdict::Ask(Question {
            reason: reason.unwrap_or_else(|| format!("{} needs approval {}.", call.tool, self.by_whom())),
            preview: previews.join("; "),
            roles: self.roles.unwrap_or_default(),
            quorum: self.quorum,
            expires_in: self.expire_minutes.map_or(0, |minutes| u64::from(minutes) * moment::MINUTE_MS),
            self_approval: self.self_approval,
            channel: self.channel.as_str().to_owned(),
        })
    }
}
