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

/// What two components must say alike: all but the words for people, and that they can judge at all.
fn told(record: &Record) -> (Verdict, bool) {
    let mut verdict = record.verdict.clone();
    match &mut verdict {
        Verdict::Allow => {}
        Verdict::Refuse(refusal) => refusal.reason.clear(),
        Verdict::Hold(hold) => hold.otherwise.reason.clear(),
        Verdict::Ask(question) => {
            question.reason.clear();
            question.preview.clear();
        }
    }
    (verdict, record.fault.is_some())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        sandbox::{Fault, FaultKind},
        verdict::{Hold, Question, Refusal, Unlock},
    };

    fn said(verdict: Verdict) -> (Verdict, bool) {
        told(&record(verdict))
    }

    fn record(verdict: Verdict) -> Record {
        Record {
            policy: "rule".to_owned(),
            component: "one".into(),
            settings: "some".into(),
            mode: Mode::Enforce,
            verdict,
            fault: None,
            micros: 0,
        }
    }

    fn asked(reason: &str, role: &str) -> Verdict {
        Verdict::Ask(Question {
            reason: reason.to_owned(),
            preview: format!("preview: {reason}"),
            roles: vec![role.to_owned()],
            quorum: 1,
            expires_in: Duration::ZERO,
            self_approval: false,
            channel: "desk".to_owned(),
        })
    }

    fn held(refusal: Refusal, seconds: u64) -> Verdict {
        Verdict::Hold(Hold { calls: Vec::new(), longest: Duration::from_secs(seconds), otherwise: refusal })
    }

    #[test]
    fn words_may_differ_and_nothing_else() {
        let (one, other) = (Refusal::new("code", "some words"), Refusal::new("code", "others"));
        assert_eq!(said(Verdict::Refuse(one.clone())), said(Verdict::Refuse(other.clone())));
        assert_eq!(said(held(one.clone(), 1)), said(held(other, 1)));
        assert_eq!(said(asked("some", "finance")), said(asked("others", "finance")));

        assert_ne!(said(Verdict::Allow), said(Verdict::Refuse(one.clone())));
        assert_ne!(said(Verdict::Refuse(one.clone())), said(Verdict::Refuse(Refusal::new("other", "some words"))));
        let unlocks = vec![Unlock::Call("a/b".to_owned())];
        assert_ne!(said(Verdict::Refuse(one.clone())), said(Verdict::Refuse(Refusal { unlocks, ..one.clone() })));
        assert_ne!(said(held(one.clone(), 1)), said(held(one, 2)));
        assert_ne!(said(asked("some", "finance")), said(asked("some", "intern")), "somebody else would be asked");
    }

    #[test]
    fn to_fail_is_not_to_refuse_even_in_the_same_words() {
        let refused = record(Verdict::Refuse(Refusal::new("policy_fault", "words")));
        let fault = Fault { kind: FaultKind::Trap, detail: "details".to_owned() };
        assert_ne!(told(&refused), told(&Record { fault: Some(fault), ..record(refused.verdict.clone()) }));
    }
}
