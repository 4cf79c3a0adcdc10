//! Who may answer a question, and in whose name. Pure.
//!
//! In their own, where they hold a role that it is for, or one that it has been escalated to; else in the name of somebody who
//! does and has delegated it. No way leads to an answer about one's own call but the one that a policy writes out.

use super::{Approval, ApprovalsError, Delegation, State, same_person};
use crate::{
    clock::Timestamp,
    journal::body::{OnBehalf, TakenOver},
};

/// As whom somebody answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Entitled {
    /// Roles that they do not hold themselves, and answer for.
    pub(super) answers_for: Vec<String>,
    /// In whose name, where not in their own.
    pub(super) on_behalf: Option<OnBehalf>,
}

/// As whom `by`, who holds `roles`, may answer by `now`.
///
/// # Errors
/// If they may not: the question is not open, they made the call, they lack the role, or they have spoken already.
pub(super) fn entitled<'a>(
    approval: &Approval,
    delegations: impl Iterator<Item = &'a Delegation>,
    by: &str,
    roles: &[String],
    now: Timestamp,
) -> Result<Entitled, ApprovalsError> {
    let (id, question) = (&approval.id, &approval.question);
    match approval.state(now) {
        State::Open | State::Unreachable => {}
        state @ (State::Granted | State::Refused | State::Expired | State::Spent) => {
            return Err(ApprovalsError::NotOpen { id: id.clone(), state });
        }
    }
    let own = same_person(by, &approval.caller.principal);
    if own && !question.self_approval {
        return Err(ApprovalsError::OwnCall { by: by.to_owned() });
    }
    let escalated: Vec<&TakenOver> = approval.escalated(now).collect();
    // Roles of these that the question takes, and those of it that they stand for.
    let fitting = |roles: &[String]| -> Option<Vec<String>> {
        let direct = roles.iter().any(|role| question.roles.contains(role));
        let taken = escalated.iter().filter(|step| roles.contains(&step.to)).map(|step| step.from.clone());
        let stands_for: Vec<String> = if direct { Vec::new() } else { taken.collect() };
        (direct || !stands_for.is_empty()).then_some(stands_for)
    };
    let answered = |person: &str| approval.answers.iter().any(|answer| answer.is_by(person));
    let answered_already = || ApprovalsError::Answered { id: id.clone(), by: by.to_owned() };
    if answered(by) {
        return Err(answered_already());
    }
    if question.roles.is_empty() {
        return Ok(Entitled::default());
    }
    if let Some(answers_for) = fitting(roles) {
        return Ok(Entitled { answers_for, on_behalf: None });
    }
    let mut why = None;
    for delegation in delegations.filter(|delegation| delegation.is_to(by, now)) {
        let Some(stands_for) = fitting(&delegation.roles) else { continue };
        // Neither one's own call in another's name, nor another's own call in theirs.
        if own || same_person(&delegation.from, &approval.caller.principal) {
            why = Some(ApprovalsError::OwnCall { by: if own { by } else { &delegation.from }.to_owned() });
        } else if answered(&delegation.from) {
            why = Some(ApprovalsError::Answered { id: id.clone(), by: delegation.from.clone() });
        } else {
            let theirs = delegation
                .roles
                .iter()
                .filter(|role| question.roles.contains(role) || escalated.iter().any(|step| step.to == **role));
            let answers_for = theirs.cloned().chain(stands_for).collect();
            let on_behalf = OnBehalf { of: delegation.from.clone(), delegation: delegation.id.clone() };
            return Ok(Entitled { answers_for, on_behalf: Some(on_behalf) });
        }
    }
    Err(why.unwrap_or_else(|| {
        let takes = question.roles.iter().chain(escalated.iter().map(|step| &step.to));
        let roles = takes.map(|role| format!("`{role}`")).collect::<Vec<_>>().join(", ");
        ApprovalsError::NotEntitled { id: id.clone(), roles, by: by.to_owned() }
    }))
}
