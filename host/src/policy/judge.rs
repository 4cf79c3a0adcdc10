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
}

impl Judgement {
    /// No policy was asked.
    pub fn none() -> Self {
        Self { records: Vec::new(), decision: Decision::Allow, scopes: Vec::new() }
    }
}

/// What the transforming policies made of a call's arguments.
#[derive(Clone, Debug, PartialEq)]
pub struct Rewritten {
    /// The arguments; none: as they were.
    pub arguments: Option<Map<String, Value>>,
    /// Refusals of those that failed, each with its policy's name.
    pub refused: Vec<(String, Refusal)>,
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
        let counting = records.iter().filter(|record| record.mode == Mode::Enforce);
        let decision =
            combine(counting.map(|record| Opinion { policy: record.policy.clone(), verdict: record.verdict.clone() }));
        Judgement { records, decision, scopes: scopes.into_iter().collect() }
    }

    /// Runs the transforming policies, each on what the one before it left.
    ///
    /// Those in shadow mode run, so that their faults show, and change nothing.
    pub async fn rewrite(&self, call: &Call, view: &View) -> Rewritten {
        let mut call = call.clone();
        let mut rewritten = Rewritten { arguments: None, refused: Vec::new() };
        for policy in self.iter() {
            if !policy.plugin().exports().transform || !policy.guards(&call) {
                continue;
            }
            let answer = match ScopedHistory::of(policy, &call, view) {
                Some(history) => policy.plugin().rewrite(&call, Arc::new(history)).await,
                None if policy.mode() == Mode::Enforce => {
                    rewritten.refused.push((policy.name().to_owned(), scope_missing(policy)));
                    continue;
                }
                None => continue,
            };
            match answer {
                Ok(Some(arguments)) if policy.mode() == Mode::Enforce => {
                    call.arguments = Arc::new(arguments.clone());
                    rewritten.arguments = Some(arguments);
                }
                Ok(_) => {}
                Err(fault) => {
                    warn(policy, &fault);
                    if policy.mode() == Mode::Enforce && policy.on_fault() == OnFault::Refuse {
                        rewritten.refused.push((policy.name().to_owned(), refusal(policy, &fault)));
                    }
                }
            }
        }
        rewritten
    }

    /// Shows a result to the reviewing policies, each what the one before it left.
    pub async fn review(&self, call: &Call, outcome: Outcome, result: &Value) -> Reviewed {
        let mut current: Option<Value> = None;
        for policy in self.iter() {
            if !policy.plugin().exports().review || !policy.guards(call) {
                continue;
            }
            let finding = policy.plugin().review(call, outcome, current.as_ref().unwrap_or(result)).await;
            let finding = finding.unwrap_or_else(|fault| {
                warn(policy, &fault);
                match policy.on_fault() {
                    OnFault::Refuse => Finding::Withhold(refusal(policy, &fault)),
                    OnFault::Allow => Finding::Pass,
                }
            });
            match finding {
                _ if policy.mode() != Mode::Enforce => {}
                Finding::Pass => {}
                Finding::Redact(result) => current = Some(result),
                Finding::Withhold(reason) => return Reviewed::Withheld(policy.name().to_owned(), reason),
            }
        }
        current.map_or(Reviewed::Pass, Reviewed::Redacted)
    }
}

async fn judge(policy: &Policy, call: &Call, grant: Option<&Grant>, view: &View) -> Record {
    let start = Instant::now();
    let answer = match ScopedHistory::of(policy, call, view) {
        Some(history) => policy.plugin().judge(call, grant, Arc::new(history)).await,
        None => Ok(Verdict::Refuse(scope_missing(policy))),
    };
    let (verdict, fault) = match answer {
        Ok(verdict) => (verdict, None),
        Err(fault) => {
            warn(policy, &fault);
            let verdict = match policy.on_fault() {
                OnFault::Refuse => Verdict::Refuse(refusal(policy, &fault)),
                OnFault::Allow => Verdict::Allow,
            };
            (verdict, Some(fault))
        }
    };
    Record {
        policy: policy.name().to_owned(),
        component: policy.plugin().digest().clone(),
        settings: policy.plugin().settings_digest().clone(),
        mode: policy.mode(),
        verdict,
        fault,
        micros: u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX),
    }
}

/// The refusal that a fault is: its code, and nothing of its insides.
fn refusal(policy: &Policy, fault: &Fault) -> Refusal {
    let reason = format!("Policy {} could not judge this call, so it is refused.", policy.name());
    Refusal::new(fault.kind.code(), reason)
}

fn warn(policy: &Policy, fault: &Fault) {
    tracing::warn!(policy = policy.name(), code = fault.kind.code(), %fault, "a policy failed");
}
