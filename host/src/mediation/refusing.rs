//! Telling that a call was refused: to the model in words that it can act on, to programs as structured content.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use super::{Answer, ClientQuestion, wording};
use crate::{
    approvals::ApprovalsError,
    call::{Call, CallId},
    downstream::Catalogue,
    journal::JournalError,
    policy::Judgement,
    verdict::{Hold, Refusal, Unlock},
};

/// When a caller may try again whose call was overtaken too often.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// One policy's refusal of one call.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Refused {
    /// The policy; `interlock` for the host itself.
    pub policy: String,
    /// What it said.
    #[serde(flatten)]
    pub refusal: Refusal,
}

impl Refused {
    /// By the host itself.
    pub(super) fn by_host(code: &str, reason: impl Into<String>) -> Self {
        Self { policy: "interlock".to_owned(), refusal: Refusal::new(code, reason) }
    }

    /// The slowest policy's, where other calls kept changing what it looked at while it judged.
    pub(super) fn too_slow(judgement: &Judgement) -> Self {
        let slowest = judgement.records.iter().max_by_key(|record| record.micros);
        let policy = slowest.map_or("interlock", |record| record.policy.as_str());
        let reason = format!(
            "Policy {policy} took so long to judge this call that other calls changed again and again what it looked at."
        );
        let refusal = Refusal { unlocks: vec![Unlock::Wait(TRY_AGAIN)], ..Refusal::new("policy_timeout", reason) };
        Self { policy: policy.to_owned(), refusal }
    }

    pub(super) fn all(refusals: &[(String, Refusal)]) -> Vec<Self> {
        refusals.iter().map(|(policy, refusal)| Self { policy: policy.clone(), refusal: refusal.clone() }).collect()
    }

    /// What callers are told who waited for room that did not come.
    pub(super) fn in_vain(holds: &[(String, Hold)]) -> Vec<Self> {
        holds.iter().map(|(policy, hold)| Self { policy: policy.clone(), refusal: hold.otherwise.clone() }).collect()
    }
}

/// Why a call did not become an admission.
#[derive(Debug)]
pub(super) enum Turned {
    /// It was refused, and the journal says so.
    Refused(Vec<Refused>),
    /// So it is for now, and the client may come back with what the person at it says.
    AsksClient(Vec<Refused>, Vec<ClientQuestion>),
    /// What the client has brought back is no answer to anything about this call, or was used before.
    Stale,
    /// The journal cannot be read or written, so nothing may happen.
    NoJournal(String),
    /// What came of an earlier call that is the same.
    Replayed(Box<Answer>),
}

impl Turned {
    pub(super) fn into_refused(self, call: &Call) -> Vec<Refused> {
        match self {
            Self::Refused(refused) | Self::AsksClient(refused, _) => refused,
            // Nothing of it was refused.
            Self::Replayed(_) | Self::Stale => Vec::new(),
            Self::NoJournal(reason) => {
                tracing::error!(call.id = %call.id, tool = %call.tool, reason, "the journal is not available");
                let told =
                    "The journal is not available, and nothing may happen that is not recorded. Try again later.";
                vec![Refused::by_host("journal_unavailable", told)]
            }
        }
    }
}

impl From<JournalError> for Turned {
    fn from(error: JournalError) -> Self {
        Self::NoJournal(error.to_string())
    }
}

impl From<ApprovalsError> for Turned {
    fn from(error: ApprovalsError) -> Self {
        Self::NoJournal(error.to_string())
    }
}

/// `{"interlock": {"refused": […], "call": ID}}`
pub(super) fn structured(call: &CallId, refused: &[Refused]) -> Value {
    json!({ "interlock": { "refused": refused, "call": call } })
}

/// A refusal as an MCP `CallToolResult`.
pub(super) fn result(catalogue: &Catalogue, call: &CallId, refused: &[Refused]) -> Value {
    let mut text = String::new();
    for Refused { policy, refusal } in refused {
        text.push_str(&format!("Refused by {policy} ({}): {}\n", refusal.code, refusal.reason));
        if !refusal.unlocks.is_empty() {
            let steps: Vec<String> = refusal.unlocks.iter().map(step).collect();
            text.push_str(&format!("To unlock: {}; then make this call again.\n", steps.join("; ")));
        }
    }
    text.push_str(&format!("Call {call}."));
    json!({
        "content": [{ "type": "text", "text": wording::for_model(catalogue, &text) }],
        "structuredContent": structured(call, refused),
        "isError": true,
    })
}

fn step(unlock: &Unlock) -> String {
    match unlock {
        Unlock::Call(tool) => format!("call {tool}"),
        Unlock::Wait(wait) => match wait.as_millis().div_ceil(1000) {
            1 => "wait 1 second".to_owned(),
            seconds => format!("wait {seconds} seconds"),
        },
        Unlock::Approval(id) => format!("have approval {id} granted by a human"),
        Unlock::After(at) => format!("wait until {at}"),
    }
}
