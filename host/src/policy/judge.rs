//! Asking the policies about one call: rewriting, judging, reviewing, each in configuration order.
//!
//! A policy that fails is never an error here. It is a refusal with a code of its own, or, where `on_fault` says so, an
//! allow that the record tells.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Instant,
};

use futures::future::join_all;
use serde_json::{Map, Value};

use super::{
    Mode, OnFault, Policies, Policy,
    history::{ScopedHistory, scope_missing},
};
use crate::{
    call::{Call, Outcome},
    ledger::View,
    sandbox::{Fault, Finding},
    scope::ScopeKey,
    verdict::{Decision, Grant, Opinion, Refusal, Verdict, combine},
};

/// What one policy said of one call: what the journal keeps of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The policy's name.
    pub policy: String,
    /// SHA-256 of its component.
    pub component: Arc<str>,
    /// SHA-256 of its settings.
    pub settings: Arc<str>,
    /// Whether its verdict counted.
    pub mode: Mode,
    /// What it said; after a fault, what was made of that.
    pub verdict: Verdict,
    /// How it failed, if it did.
    pub fault: Option<Fault>,
    /// How long it took, in microseconds.
    pub micros: u64,
}

/// What all policies said of one call, and what it comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// Every policy that was asked, in configuration order.
    pub records: Vec<Record>,
    /// What the enforcing ones come to.
    pub decision: Decision,
    /// The parts of history that they look at.
    pub scopes: Vec<ScopeKey>,
    /// The set that they are of: [`Policies::digest`]; empty if none was asked.
    pub set: Arc<str>,
}

impl Judgement {
    /// No policy was asked.
    pub fn none() -> Self {
        Self { records: Vec::new(), decision: Decision::Allow, scopes: Vec::new(), set: "".into() }
    }
}

/// What the transforming policies made of a call's arguments.
#[derive(Clone, Debug, PartialEq)]
pub struct Rewritten {
    /// The arguments; none: as they were.
    pub arguments: Option<Map<String, Value>>,
    /// Refusals of those that failed, each with its policy's name.
    pub refused: Vec<(String, Refusal)>,
    /// Every policy that was asked, in configuration order. A verdict here is `allow`, or the refusal.
    pub records: Vec<Record>,
}

/// What one policy made of a result: what the journal keeps of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Review {
    /// The policy's name.
    pub policy: String,
    /// Whether its finding counted.
    pub mode: Mode,
    /// What it found; after a fault, what was made of that.
    pub finding: Finding,
    /// How it failed, if it did.
    pub fault: Option<Fault>,
    /// How long it took, in microseconds.
    pub micros: u64,
}

/// What the reviewing policies made of a result.
#[derive(Clone, Debug, PartialEq)]
pub enum Reviewed {
    /// It goes on as it is.
    Pass,
    /// This goes on instead.
    Redacted(Value),
    /// Nothing goes on; by which policy, and why.
    Withheld(String, Refusal),
}

impl Policies {
    /// Judges one call with every matching policy, in configuration order.
    ///
    /// Takes at most the longest of their time limits. Sends nothing downstream. `grants` holds, by policy, the approvals
    /// that this very call was given; what the policies look at is noted in `view`.
    pub async fn judge(&self, call: &Call, grants: &BTreeMap<String, Grant>, view: &View) -> Judgement {
        let asked = || self.iter().filter(|policy| policy.plugin().exports().judge && policy.guards(call));
        let scopes: BTreeSet<ScopeKey> = asked().filter_map(|policy| policy.scope().of(call)).collect();
        let judging = asked().map(|policy| judge(policy, call, grants.get(policy.name()), view));
        // Each in an instance of its own, so they may as well wait for the ledger at the same time.
        let records = join_all(judging).await;
        let decision = decided(&records);
        Judgement { records, decision, scopes: scopes.into_iter().collect(), set: self.digest().clone() }
    }

    /// Runs the transforming policies, each on what the one before it left.
    ///
    /// Those in shadow mode run, so that their faults show, and change nothing.
    pub async fn rewrite(&self, call: &Call, view: &View) -> Rewritten {
        let mut call = call.clone();
        let mut rewritten = Rewritten { arguments: None, refused: Vec::new(), records: Vec::new() };
        for policy in self.iter() {
            if !policy.plugin().exports().transform || !policy.guards(&call) {
                continue;
            }
            let start = Instant::now();
            let answer = match ScopedHistory::of(policy, &call, view) {
                Some(history) => policy.plugin().rewrite(&call, Arc::new(history)).await.map_err(Unfit::Fault),
                None => Err(Unfit::NoScope),
            };
            let (verdict, fault) = match answer {
                Ok(Some(arguments)) if policy.mode() == Mode::Enforce => {
                    call.arguments = Arc::new(arguments.clone());
                    rewritten.arguments = Some(arguments);
                    (Verdict::Allow, None)
                }
                Ok(_) => (Verdict::Allow, None),
                Err(Unfit::NoScope) => (Verdict::Refuse(scope_missing(policy)), None),
                Err(Unfit::Fault(fault)) => (failed(policy, &fault), Some(fault)),
            };
            if let Verdict::Refuse(refusal) = &verdict
                && policy.mode() == Mode::Enforce
            {
                rewritten.refused.push((policy.name().to_owned(), refusal.clone()));
            }
            rewritten.records.push(record(policy, start, verdict, fault));
        }
        rewritten
    }

    /// Shows a result to the reviewing policies, each what the one before it left. Returns what each made of it, too.
    pub async fn review(&self, call: &Call, outcome: Outcome, result: &Value) -> (Reviewed, Vec<Review>) {
        let (mut current, mut reviews) = (Reviewed::Pass, Vec::new());
        for policy in self.iter() {
            if !policy.plugin().exports().review || !policy.guards(call) {
                continue;
            }
            let start = Instant::now();
            let shown = if let Reviewed::Redacted(redacted) = &current { redacted } else { result };
            let (finding, fault) = match policy.plugin().review(call, outcome, shown).await {
                Ok(finding) => (finding, None),
                Err(fault) => {
                    warn(policy, &fault);
                    let finding = match policy.on_fault() {
                        OnFault::Refuse => Finding::Withhold(refusal(
                            policy,
                            &fault,
                            "review the result of this call, so it is withheld",
                        )),
                        OnFault::Allow => Finding::Pass,
                    };
                    (finding, Some(fault))
                }
            };
            reviews.push(Review {
                policy: policy.name().to_owned(),
                mode: policy.mode(),
                finding: finding.clone(),
                fault,
                micros: micros(start),
            });
            match finding {
                _ if policy.mode() != Mode::Enforce => {}
                Finding::Pass => {}
                Finding::Redact(result) => current = Reviewed::Redacted(result),
                Finding::Withhold(reason) => {
                    return (Reviewed::Withheld(policy.name().to_owned(), reason), reviews);
                }
            }
        }
        (current, reviews)
    }
}

/// What the records come to: only those of policies that are in force count.
fn decided(records: &[Record]) -> Decision {
    let counting = records.iter().filter(|record| record.mode == Mode::Enforce);
    combine(counting.map(|record| Opinion { policy: record.policy.clone(), verdict: record.verdict.clone() }))
}

/// Why a policy could not rewrite.
enum Unfit {
    /// The call lacks the argument that its scope goes by.
    NoScope,
    /// It failed.
    Fault(Fault),
}

async fn judge(policy: &Policy, call: &Call, grant: Option<&Grant>, view: &View) -> Record {
    let start = Instant::now();
    let answer = match ScopedHistory::of(policy, call, view) {
        Some(history) => policy.plugin().judge(call, grant, Arc::new(history)).await,
        None => Ok(Verdict::Refuse(scope_missing(policy))),
    };
    let (verdict, fault) = match answer {
        Ok(verdict) => (verdict, None),
        Err(fault) => (failed(policy, &fault), Some(fault)),
    };
    record(policy, start, verdict, fault)
}

fn record(policy: &Policy, start: Instant, verdict: Verdict, fault: Option<Fault>) -> Record {
    Record {
        policy: policy.name().to_owned(),
        component: policy.plugin().digest().clone(),
        settings: policy.plugin().settings_digest().clone(),
        mode: policy.mode(),
        verdict,
        fault,
        micros: micros(start),
    }
}

fn micros(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// The verdict that is made of a fault.
fn failed(policy: &Policy, fault: &Fault) -> Verdict {
    warn(policy, fault);
    match policy.on_fault() {
        OnFault::Refuse => Verdict::Refuse(refusal(policy, fault, "judge this call, so it is refused")),
        OnFault::Allow => Verdict::Allow,
    }
}

/// The refusal that a fault is: its code, and nothing of its insides.
fn refusal(policy: &Policy, fault: &Fault, what: &str) -> Refusal {
    Refusal::new(fault.kind.code(), format!("Policy {} could not {what}.", policy.name()))
}

fn warn(policy: &Policy, fault: &Fault) {
    tracing::warn!(policy = policy.name(), code = fault.kind.code(), %fault, "a policy failed");
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::verdict::{Hold, Question};

    fn verdict() -> impl Strategy<Value = Verdict> {
        let question = Question {
            reason: String::new(),
            preview: String::new(),
            roles: Vec::new(),
            quorum: 1,
            expires_in: Duration::ZERO,
            self_approval: false,
            channel: "desk".to_owned(),
        };
        let hold = Hold { calls: Vec::new(), longest: Duration::ZERO, otherwise: Refusal::new("held", "") };
        prop_oneof![
            Just(Verdict::Allow),
            Just(Verdict::Hold(hold)),
            Just(Verdict::Ask(question)),
            "[a-z]{1,8}".prop_map(|code| Verdict::Refuse(Refusal::new(&code, ""))),
        ]
    }

    fn records() -> impl Strategy<Value = Vec<Record>> {
        let mode = prop_oneof![Just(Mode::Enforce), Just(Mode::Shadow)];
        prop::collection::vec((verdict(), mode), 0..8).prop_map(|all| {
            let numbered = all.into_iter().enumerate();
            numbered
                .map(|(at, (verdict, mode))| Record {
                    policy: format!("p{at}"),
                    component: "c".into(),
                    settings: "s".into(),
                    mode,
                    verdict,
                    fault: None,
                    micros: 0,
                })
                .collect()
        })
    }

    fn refused_by(decision: &Decision) -> Vec<&str> {
        match decision {
            Decision::Refuse(refusals) => refusals.iter().map(|(policy, _)| policy.as_str()).collect(),
            Decision::Allow | Decision::Hold(_) | Decision::Ask(_) => Vec::new(),
        }
    }

    proptest! {
        #[test]
        fn what_shadow_policies_say_never_counts(records in records()) {
            let in_force: Vec<_> = records.iter().filter(|record| record.mode == Mode::Enforce).cloned().collect();
            prop_assert_eq!(decided(&records), decided(&in_force));
        }

        #[test]
        fn every_refusal_in_force_is_reported_in_configuration_order(records in records()) {
            let refusing = records.iter().filter(|record| {
                record.mode == Mode::Enforce && matches!(record.verdict, Verdict::Refuse(_))
            });
            let expected: Vec<_> = refusing.map(|record| record.policy.as_str()).collect();
            let decision = decided(&records);
            prop_assert_eq!(refused_by(&decision), expected);
        }

        #[test]
        fn another_policy_never_makes_a_decision_milder(records in records(), more in verdict()) {
            let strictness = |decision: &Decision| match decision {
                Decision::Allow => 0,
                Decision::Hold(_) => 1,
                Decision::Ask(_) => 2,
                Decision::Refuse(_) => 3,
            };
            let before = decided(&records);
            let mut all = records;
            all.push(Record {
                policy: "more".to_owned(),
                component: "c".into(),
                settings: "s".into(),
                mode: Mode::Enforce,
                verdict: more,
                fault: None,
                micros: 0,
            });
            prop_assert!(strictness(&decided(&all)) >= strictness(&before));
        }
    }
}
