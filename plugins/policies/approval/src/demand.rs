//! What the rules that fit one call demand together.

use std::collections::BTreeSet;

use interlock_plugin::prelude::*;
use interlock_plugin::{Caller, GrantedApproval, moment};

use crate::settings::{Channel, Rule};

/// Who must say yes, how many, and until when.
pub(crate) struct Demand {
    /// Roles of which each approver must hold one; none: anyone; empty: nobody can.
    pub(crate) roles: Option<Vec<String>>,
    quorum: u32,
    /// None: as long as the host waits.
    expire_minutes: Option<u32>,
    self_approval: bool,
    channel: Channel,
}

impl From<&Rule> for Demand {
    fn from(rule: &Rule) -> Self {
        Self {
            roles: rule.roles.clone(),
            quorum: rule.quorum,
            expire_minutes: rule.expire_minutes,
            self_approval: rule.self_approval,
            channel: rule.channel,
        }
    }
}

impl Demand {
    /// Whatever satisfies the result satisfies both.
    pub(crate) fn and(self, other: Self) -> Self {
        let roles = match (self.roles, other.roles) {
            (Some(left), Some(right)) => Some(left.into_iter().filter(|role| right.contains(role)).collect()),
            (left, right) => left.or(right),
        };
        Self {
            roles,
            quorum: self.quorum.max(other.quorum),
            expire_minutes: self.expire_minutes.into_iter().chain(other.expire_minutes).min(),
            self_approval: self.self_approval && other.self_approval,
            channel: self.channel.min(other.channel),
        }
    }

    /// Whether enough of the right people have said yes.
    pub(crate) fn is_met_by(&self, approval: &GrantedApproval, caller: &Caller) -> bool {
        let counts = approval.approvers.iter().filter(|approver| {
            let entitled =
                self.roles.as_ref().is_none_or(|roles| approver.roles.iter().any(|role| roles.contains(role)));
            entitled && (self.self_approval || approver.principal != caller.principal)
        });
        let people: BTreeSet<_> = counts.map(|approver| approver.principal.as_str()).collect();
        people.len() >= self.quorum as usize
    }

    /// `by 2 people with the role finance or audit`.
    pub(crate) fn by_whom(&self) -> String {
        let roles = self.roles.as_ref().map(|roles| format!(" with the role {}", roles.join(" or ")));
        let roles = roles.unwrap_or_default();
        if self.quorum == 1 { format!("by someone{roles}") } else { format!("by {} people{roles}", self.quorum) }
    }

    pub(crate) fn question(self, reason: String, preview: String) -> Question {
        Question {
            reason,
            preview,
            roles: self.roles.unwrap_or_default(),
            quorum: self.quorum,
            expires_in: self.expire_minutes.map_or(0, |minutes| u64::from(minutes) * moment::MINUTE_MS),
            self_approval: self.self_approval,
            channel: self.channel.as_str().to_owned(),
        }
    }
}
