//! What gets one answer: a question alone, or all of a batch. Pure.

use std::collections::BTreeSet;

use serde_json::json;

use super::{Approval, State, approval::digest};
use crate::{clock::Timestamp, scope::canonical};

/// One question, or those of a batch, oldest first. Never empty.
#[derive(Clone, Debug, PartialEq)]
pub struct Matter {
    /// The id to answer it by: the question's, or the batch's.
    pub id: String,
    /// The questions.
    pub approvals: Vec<Approval>,
}

impl Matter {
    /// The question that was put first.
    pub fn first(&self) -> Option<&Approval> {
        self.approvals.first()
    }

    /// What the caller calls the batch, and how many calls are to be in it; none where it is one question alone.
    pub fn batch(&self) -> Option<(&str, u32)> {
        let batch = self.first()?.batch.as_ref()?;
        Some((&batch.name, batch.size))
    }

    /// How many different calls are asked about.
    pub fn calls(&self) -> u32 {
        let call = |approval: &Approval| canonical(&json!([approval.tool, approval.arguments, approval.beside]));
        let calls: BTreeSet<String> = self.approvals.iter().map(call).collect();
        u32::try_from(calls.len()).unwrap_or(u32::MAX)
    }

    /// Whether all are there that get the answer.
    pub fn is_whole(&self) -> bool {
        self.batch().is_none_or(|(_, size)| self.calls() >= size)
    }

    /// What has become of it by `now`: of several, as long as one can be answered, that.
    pub fn state(&self, now: Timestamp) -> State {
        let states: Vec<State> = self.approvals.iter().map(|approval| approval.state(now)).collect();
        let order = [State::Unreachable, State::Open, State::Refused, State::Expired, State::Granted, State::Spent];
        order.into_iter().find(|state| states.contains(state)).unwrap_or(State::Expired)
    }

    /// When silence becomes a no.
    pub fn deadline(&self) -> Timestamp {
        self.first().map(Approval::deadline).unwrap_or_default()
    }

    /// The digest of what an approver gets to see: a question's own, or of a batch SHA-256 over the canonical JSON of its id and
    /// the digests of its questions in their order.
    pub fn digest(&self) -> String {
        match (self.batch(), self.first()) {
            (None, Some(alone)) => alone.digest(),
            (Some(_), _) | (None, None) => {
                let each: Vec<String> = self.approvals.iter().map(Approval::digest).collect();
                digest(&json!({ "batch": self.id, "questions": each }))
            }
        }
    }
}
