//! A component that is judged in shadow beside the one that it is to follow: whether they judge alike.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Judgement, Mode, Policies, Record};
use crate::verdict::Verdict;

/// What a process has seen of one candidate.
#[derive(Debug, Default)]
pub struct Tally {
    alike: AtomicU64,
    otherwise: AtomicU64,
}

impl Tally {
    /// Calls that both judged alike.
    pub fn alike(&self) -> u64 {
        self.alike.load(Ordering::Relaxed)
    }

    /// Calls that they judged otherwise.
    pub fn otherwise(&self) -> u64 {
        self.otherwise.load(Ordering::Relaxed)
    }
}

/// A call that a candidate judged otherwise than the component in force.
#[derive(Debug)]
pub struct Divergence<'a> {
    /// What the component in force said.
    pub counted: &'a Record,
    /// What the candidate said.
    pub candidate: &'a Record,
    /// How many of its there were before, in this process.
    pub before: u64,
}

impl Policies {
    /// Takes note of how candidates judged a call that is decided, and tells which of them judged otherwise.
    pub fn compare<'a>(&self, judgement: &'a Judgement) -> Vec<Divergence<'a>> {
        let mut divergences = Vec::new();
        for candidate in judgement.records.iter().filter(|record| record.mode == Mode::Candidate) {
            let is_its = |record: &&Record| record.policy == candidate.policy && record.mode != Mode::Candidate;
            let counted = judgement.records.iter().find(is_its);
            let tally = self.candidate(&candidate.policy).map(|policy| policy.tally());
            let (Some(counted), Some(tally)) = (counted, tally) else { continue };
            if told(counted) == told(candidate) {
                tally.alike.fetch_add(1, Ordering::Relaxed);
            } else {
                let before = tally.otherwise.fetch_add(1, Ordering::Relaxed);
                divergences.push(Divergence { counted, candidate, before });
            }
        }
        divergences
    }
}

/// What two components must say alike: the verdict, the code, and that they can judge at all. Words may differ.
fn told(record: &Record) -> (&'static str, Option<&str>, bool) {
    let code = match &record.verdict {
        Verdict::Refuse(refusal) => Some(refusal.code.as_str()),
        Verdict::Allow | Verdict::Ask(_) | Verdict::Hold(_) => None,
    };
    (record.verdict.word(), code, record.fault.is_some())
}
