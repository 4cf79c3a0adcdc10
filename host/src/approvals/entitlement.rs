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

/// Whether a question is the business of `by`, who is known to hold `roles`: of whoever made the call, and of all who hold a role
/// to answer in, whatever has become of it. One that names no roles is for whoever the operator lets in, and whom being known
/// as somebody, such as another agent, does not make its approver.
pub(super) fn concerns<'a>(
    approval: &Approval,
    mut delegations: impl Iterator<Item = &'a Delegation>,
    by: &str,
    roles: &[String],
    now: Timestamp,
) -> bool {
    let takes = approval.roles(now);
    let fits = |roles: &[String]| roles.iter().any(|role| takes.contains(role));
    same_person(by, &approval.caller.principal)
        || fits(roles)
        || delegations.any(|delegation| delegation.is_to(by, now) && fits(&delegation.roles))
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
    let lent = delegations.filter(|delegation| delegation.is_to(by, now) && !same_person(&delegation.from, by));
    for delegation in lent {
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::approvals::Answer;

    fn question(self_approval: bool) -> Approval {
        let mut approval = Approval::sample();
        approval.question.self_approval = self_approval;
        approval
    }

    fn delegation((nth, (from, to, director, ends)): (usize, (u8, u8, bool, u64))) -> Delegation {
        Delegation {
            id: format!("d{nth}"),
            from: format!("p{from}"),
            to: format!("P{to}"),
            roles: vec![if director { "director" } else { "lead" }.to_owned()],
            by: String::new(),
            reason: None,
            begins: Timestamp(0),
            ends: Timestamp(ends),
            ended: None,
        }
    }

    proptest! {
        #[test]
        fn nobody_speaks_twice_or_for_the_caller_and_everyone_has_a_role_that_counts_by_then(
            self_approval in any::<bool>(),
            lent in prop::collection::vec((0..5_u8, 0..5_u8, any::<bool>(), 0..100_u64), 0..8),
            attempts in prop::collection::vec((0..5_u8, 0..3_usize, 0..100_u64), 0..12),
        ) {
            let mut approval = question(self_approval);
            let lent: Vec<Delegation> = lent.into_iter().enumerate().map(delegation).collect();
            let mut attempts = attempts;
            attempts.sort_by_key(|(_, _, at)| *at);
            for (by, role, at) in attempts {
                let (by, now) = (format!("p{by}"), Timestamp(at));
                let roles = [vec![], vec!["lead".to_owned()], vec!["director".to_owned()]][role].clone();
                let Ok(entitled) = entitled(&approval, lent.iter(), &by, &roles, now) else { continue };
                if let Some(behalf) = &entitled.on_behalf {
                    let by_right = lent.iter().find(|one| one.id == behalf.delegation).unwrap();
                    prop_assert!(by_right.ends > now && by_right.from == behalf.of, "{:?}", by_right);
                    prop_assert!(by != "p0" && behalf.of != "p0");
                }
                let counts = |role: &String| role == "lead" || (role == "director" && at >= 50);
                prop_assert!(roles.iter().chain(&entitled.answers_for).any(counts));
                prop_assert!(roles.iter().chain(&entitled.answers_for).any(|role| role == "lead"), "for the policy");
                let Entitled { answers_for, on_behalf } = entitled;
                approval.answers.push(Answer { by, roles, answers_for, on_behalf, approve: true, at: now, reason: None, seen: None });
            }
            let voices = approval.answers.iter();
            let voices: Vec<&String> =
                voices.flat_map(|one| std::iter::once(&one.by).chain(one.on_behalf.as_ref().map(|it| &it.of))).collect();
            prop_assert_eq!(voices.iter().collect::<BTreeSet<_>>().len(), voices.len(), "{:?}", voices);
            prop_assert!(self_approval || !voices.iter().any(|voice| *voice == "p0"));
        }
    }
}
