//! Delegating: somebody may answer in another's name, from now on, in every process, and for a while.

use std::time::Duration;

use uuid::Uuid;

use super::{
    Approvals, ApprovalsError, Delegation,
    answering::{named, reason},
    same_person, touching,
};
use crate::journal::{Committed, Draft, Event, Guard, body, kind};

/// The longest time that something can be delegated for.
const LONGEST: Duration = Duration::from_hours(30 * 24);
/// The shortest.
const SHORTEST: Duration = Duration::from_mins(1);

/// What is to be delegated. Whether the one who says so may, is for the door that they came in by to know.
#[derive(Clone, Debug)]
pub struct Delegating {
    /// Whose roles.
    pub from: String,
    /// Who may answer for them.
    pub to: String,
    /// Which roles.
    pub roles: Vec<String>,
    /// Those of them that are known to be their own, and not theirs by delegation.
    pub own: Vec<String>,
    /// For how long.
    pub lasts: Duration,
    /// Why.
    pub reason: Option<String>,
}

impl Approvals {
    /// Lets somebody answer in another's name.
    ///
    /// # Errors
    /// If that cannot be, as of [`ApprovalsError`]; a delegated role cannot be delegated on.
    pub async fn delegate(&self, by: &str, wanted: Delegating) -> Result<Delegation, ApprovalsError> {
        let (from, to) = (named(&wanted.from)?, named(&wanted.to)?);
        if same_person(from, to) {
            return Err(ApprovalsError::ToThemself(from.to_owned()));
        }
        if wanted.roles.is_empty() {
            return Err(ApprovalsError::NoRoles);
        }
        if !(SHORTEST..=LONGEST).contains(&wanted.lasts) {
            return Err(ApprovalsError::NoSuchTime);
        }
        loop {
            let since = self.refresh().await?;
            let now = self.now();
            let lent = |role: &&String| {
                let has = |delegation: &Delegation| delegation.is_to(from, now) && delegation.roles.contains(role);
                !wanted.own.contains(role) && self.0.look(|book, _| book.delegations().any(has))
            };
            if let Some(role) = wanted.roles.iter().find(lent) {
                return Err(ApprovalsError::Chain { from: from.to_owned(), role: role.clone() });
            }
            let id = Uuid::now_v7().to_string();
            let delegated = body::ApprovalDelegated {
                from: from.to_owned(),
                to: to.to_owned(),
                roles: wanted.roles.clone(),
                ends: now.plus(wanted.lasts),
                reason: wanted.reason.as_deref().and_then(reason),
            };
            let draft = Draft::new(by, kind::APPROVAL_DELEGATED, &id, &delegated)?;
            // Nothing may be delegated to them meanwhile that they delegate on with this.
            let disturbed_by = Box::new(|event: &Event| event.kind == kind::APPROVAL_DELEGATED);
            match self.journal().commit(vec![draft], Guard { since, disturbed_by }).await? {
                Committed::At(_) => return self.delegation(&id).await,
                Committed::Conflict => {}
            }
        }
    }

    /// Ends a delegation before its time.
    ///
    /// # Errors
    /// If there is none, or it is over.
    pub async fn end_delegation(&self, by: &str, id: &str) -> Result<Delegation, ApprovalsError> {
        loop {
            let since = self.refresh().await?;
            if !self.delegation(id).await?.in_force(self.now()) {
                return Err(ApprovalsError::DelegationOver(id.to_owned()));
            }
            let draft = Draft::new(by, kind::APPROVAL_DELEGATION_ENDED, id, &body::DelegationEnded::default())?;
            match self.journal().commit(vec![draft], touching(vec![id.to_owned()], since)).await? {
                Committed::At(_) => return self.delegation(id).await,
                Committed::Conflict => {}
            }
        }
    }

    async fn delegation(&self, id: &str) -> Result<Delegation, ApprovalsError> {
        let all = self.delegations().await?;
        all.into_iter().find(|one| one.id == id).ok_or_else(|| ApprovalsError::NoDelegation(id.to_owned()))
    }
}
