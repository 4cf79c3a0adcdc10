//! What policies say of a call, and how the opinions of all become one decision. Pure.

use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::{call::CallId, clock::Timestamp};

/// What one policy says, strictest last.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Nothing against it.
    Allow,
    /// Not now: wait for other calls to end, then judge again.
    Hold(Hold),
    /// A human decides.
    Ask(Question),
    /// It may not go through.
    Refuse(Refusal),
}

impl Verdict {
    /// The word for it in the journal and on the command line.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Hold(_) => "hold",
            Self::Ask(_) => "ask",
            Self::Refuse(_) => "refuse",
        }
    }
}

/// Why a call may not go through, and what would change that.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refusal {
    /// Stable and machine-readable: `sequence_unmet`.
    pub code: String,
    /// For a model and a person; tools are named `server/tool`.
    pub reason: String,
    /// All that must happen first, in order; empty if nothing will help.
    #[serde(default)]
    pub unlocks: Vec<Unlock>,
    /// Further facts, shown beside the code.
    #[serde(default, flatten)]
    pub details: Map<String, Value>,
}

impl Refusal {
    /// A refusal that nothing unlocks.
    pub fn new(code: &str, reason: impl Into<String>) -> Self {
        Self { code: code.to_owned(), reason: reason.into(), unlocks: Vec::new(), details: Map::new() }
    }
}

/// Something that would make a refused call acceptable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unlock {
    /// Run this tool first.
    Call(String),
    /// Wait so long; whole seconds, rounded up, when written.
    #[serde(rename = "wait_seconds", serialize_with = "whole_seconds", deserialize_with = "from_seconds")]
    Wait(Duration),
    /// Have this approval granted.
    Approval(String),
    /// Come back at this time; RFC 3339 when written.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    After(Timestamp),
}

fn whole_seconds<S: Serializer>(wait: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u64(wait.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX))
}

fn from_seconds<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    u64::deserialize(from).map(Duration::from_secs)
}

fn rfc3339<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(at)
}

fn from_rfc3339<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
    let at: jiff::Timestamp = String::deserialize(from)?.parse().map_err(serde::de::Error::custom)?;
    Ok(Timestamp(u64::try_from(at.as_millisecond()).unwrap_or_default()))
}

/// A question to a human about one call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Why a human must look.
    pub reason: String,
    /// What would be done.
    pub preview: String,
    /// Roles of which an approver must hold one; empty: anyone at the human's door.
    pub roles: Vec<String>,
    /// How many distinct principals must say yes; at least 1.
    pub quorum: u32,
    /// From asking until silence becomes a no; zero: as long as the host is configured to wait.
    #[serde(rename = "expires_in_ms", with = "millis")]
    pub expires_in: Duration,
    /// Whether the caller may approve their own call.
    pub self_approval: bool,
    /// `desk` or `client`.
    pub channel: String,
}

mod millis {
    //! A duration as whole milliseconds.
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(duration.as_millis().try_into().unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_millis)
    }
}

/// A question that was answered with yes, for exactly one call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Id of the approval.
    pub id: String,
    /// Everyone who said yes: distinct principals.
    pub approvers: Vec<Approver>,
    /// When the last needed yes was given.
    pub granted: Timestamp,
}

/// One person who said yes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approver {
    /// Who.
    pub principal: String,
    /// Roles held when answering, or answered for: by delegation, or because the question had been escalated.
    #[serde(default)]
    pub roles: Vec<String>,
}

/// A wait for other calls.
#[derive(Clone, Debug, PartialEq)]
pub struct Hold {
    /// The calls to wait for; one of them ending is enough to judge again.
    pub calls: Vec<CallId>,
    /// Longest wait, from when the call was received.
    pub longest: Duration,
    /// What the caller is told when the wait was in vain.
    pub otherwise: Refusal,
}

/// One policy's verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct Opinion {
    /// The policy's name in the configuration.
    pub policy: String,
    /// What it says.
    pub verdict: Verdict,
}

/// What all opinions together come to. Each case names the policies that spoke for it, in configuration order.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// No policy objects.
    Allow,
    /// Wait; never empty.
    Hold(Vec<(String, Hold)>),
    /// Ask; never empty.
    Ask(Vec<(String, Question)>),
    /// Refuse; never empty: every refusal, not only the first.
    Refuse(Vec<(String, Refusal)>),
}

/// The decision that the opinions of all policies come to: the strictest verdict counts.
pub fn combine(opinions: impl IntoIterator<Item = Opinion>) -> Decision {
    let (mut refusals, mut questions, mut holds) = (Vec::new(), Vec::new(), Vec::new());
    for Opinion { policy, verdict } in opinions {
        match verdict {
            Verdict::Allow => {}
            Verdict::Hold(hold) => holds.push((policy, hold)),
            Verdict::Ask(question) => questions.push((policy, question)),
            Verdict::Refuse(refusal) => refusals.push((policy, refusal)),
        }
    }
    if !refusals.is_empty() {
        Decision::Refuse(refusals)
    } else if !questions.is_empty() {
        Decision::Ask(questions)
    } else if !holds.is_empty() {
        Decision::Hold(holds)
    } else {
        Decision::Allow
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn strictness(verdict: &Verdict) -> u8 {
        match verdict {
            Verdict::Allow => 0,
            Verdict::Hold(_) => 1,
            Verdict::Ask(_) => 2,
            Verdict::Refuse(_) => 3,
        }
    }

    fn any_verdict() -> impl Strategy<Value = Verdict> {
        let refusal = "[a-z]{1,8}".prop_map(|code| Refusal::new(&code, "no"));
        prop_oneof![
            Just(Verdict::Allow),
            refusal.clone().prop_map(Verdict::Refuse),
            "[a-z]{1,8}".prop_map(|reason| Verdict::Ask(Question {
                reason,
                preview: String::new(),
                roles: Vec::new(),
                quorum: 1,
                expires_in: Duration::from_secs(60),
                self_approval: false,
                channel: "desk".to_owned(),
            })),
            refusal.prop_map(|otherwise| Verdict::Hold(Hold {
                calls: Vec::new(),
                longest: Duration::from_secs(1),
                otherwise
            })),
        ]
    }

    proptest! {
        #[test]
        fn the_strictest_verdict_counts_and_all_of_that_kind_speak_in_order(verdicts in prop::collection::vec(any_verdict(), 0..8)) {
            let opinions: Vec<_> = verdicts
                .iter()
                .enumerate()
                .map(|(at, verdict)| Opinion { policy: format!("p{at}"), verdict: verdict.clone() })
                .collect();
            let strictest = verdicts.iter().map(strictness).max().unwrap_or(0);
            let expected: Vec<_> = opinions
                .iter()
                .filter(|opinion| strictness(&opinion.verdict) == strictest)
                .map(|opinion| opinion.policy.clone())
                .collect();
            let (kind, policies): (u8, Vec<String>) = match combine(opinions) {
                Decision::Allow => (0, expected.clone()),
                Decision::Hold(holds) => (1, holds.into_iter().map(|(policy, _)| policy).collect()),
                Decision::Ask(questions) => (2, questions.into_iter().map(|(policy, _)| policy).collect()),
                Decision::Refuse(refusals) => (3, refusals.into_iter().map(|(policy, _)| policy).collect()),
            };
            prop_assert_eq!(kind, strictest);
            prop_assert_eq!(policies, expected);
        }
    }

    #[test]
    fn an_unlock_is_written_as_the_contract_says() {
        let unlocks = [
            Unlock::Call("a/b".to_owned()),
            Unlock::Wait(Duration::from_millis(11_001)),
            Unlock::Approval("x".to_owned()),
            Unlock::After(Timestamp(1_767_603_600_000)),
        ];
        assert_eq!(
            serde_json::to_value(unlocks).unwrap(),
            json!([{"call": "a/b"}, {"wait_seconds": 12}, {"approval": "x"}, {"after": "2026-01-05T09:00:00Z"}])
        );
    }
}
