//! A customer as they stand: the roster, and what was changed since.

use std::collections::BTreeMap;

use interlock_plugin::Fault;
use interlock_plugin::prelude::*;
use interlock_simulation::bad_argument;

use crate::roster::{Entry, ROSTER};
use crate::status::{Change, Status};

/// Where the latest change of each customer's status is kept, if there was one.
const CHANGES: &str = "status/";

/// A customer as they stand.
pub(crate) struct Customer {
    pub(crate) entry: &'static Entry,
    pub(crate) status: Status,
    /// Why the status was changed, if it was and somebody said so.
    pub(crate) reason: Option<String>,
}

impl Customer {
    /// The customer with exactly this id: policies compare ids as they are written, so no other spelling is taken.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn find(context: &Context<'_>, id: &str) -> Result<Self, ToolError> {
        let missing =
            || bad_argument("customer_id", &format!("there is no customer `{id}`: `search_customer` finds them"));
        let entry = ROSTER.iter().find(|entry| entry.id == id).ok_or_else(missing)?;
        Ok(Self::of(entry, context.get(&Self::status_key(id))?))
    }

    /// All customers, by id.
    ///
    /// # Errors
    /// What the store holds is not what was put there.
    pub(crate) fn all(context: &Context<'_>) -> Result<Vec<Self>, Fault> {
        // Asked for at once: most customers have no change, and each question goes to the host's disk.
        let mut changes = BTreeMap::new();
        for key in context.list(CHANGES, ROSTER.len() as u32) {
            if let Some(change) = context.get::<Change>(&key)? {
                changes.insert(key, change);
            }
        }
        Ok(ROSTER.iter().map(|entry| Self::of(entry, changes.remove(&Self::status_key(entry.id)))).collect())
    }

    /// Where a change of their status is kept.
    pub(crate) fn status_key(id: &str) -> String {
        format!("{CHANGES}{id}")
    }

    fn of(entry: &'static Entry, change: Option<Change>) -> Self {
        match change {
            Some(Change { status, reason, .. }) => Self { entry, status, reason },
            None => Self { entry, status: entry.status, reason: None },
        }
    }
}
