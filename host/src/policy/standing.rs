//! Which component counts for each policy, as people and gateways have put it down in the journal.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use crate::{
    clock::Timestamp,
    journal::{Journal, JournalError, Query, Sequence, kind},
    sandbox::Shelf,
};

/// What the journal tells of one policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// SHA-256 of the component that was put in force last, as hexadecimal digits; none: the journal knows of none.
    pub counts: Option<Arc<str>>,
    /// SHA-256 of the one that was taken back for it: it does not come again by itself.
    pub taken_back: Option<Arc<str>>,
    /// The one that was put beside it last, to be put in force one day.
    pub waiting: Option<Waiting>,
}

/// A component that waits to be put in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Its SHA-256, as hexadecimal digits.
    pub component: Arc<str>,
    /// Since when it is judged in shadow.
    pub since: Timestamp,
    /// The event that says so.
    pub seq: Sequence,
}

/// Most events of one policy that are looked at: a component whose settings were changed more often is not found.
const MOST: usize = 256;

impl Standing {
    /// The standing of a policy.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub async fn of(journal: &Journal, policy: &str) -> Result<Self, JournalError> {
        let kinds = [
            kind::PLUGIN_LOADED,
            kind::PLUGIN_SWAPPED,
            kind::PLUGIN_CANDIDATE,
            kind::PLUGIN_PROMOTED,
            kind::PLUGIN_ROLLED_BACK,
        ];
        let query = Query {
            kinds: kinds.map(str::to_owned).into(),
            subject: Some(policy.to_owned()),
            newest_first: true,
            limit: MOST,
            ..Query::default()
        };
        let mut standing = Self::default();
        for event in journal.read(&query).await? {
            let component = |pointer| event.body.pointer(pointer).and_then(Value::as_str).map(Arc::<str>::from);
            let (from, to) = (component("/from/component"), component("/to/component"));
            if event.kind == kind::PLUGIN_CANDIDATE {
                let waiting = to.map(|component| Waiting { component, since: event.at, seq: event.seq });
                standing.waiting = standing.waiting.or(waiting);
            } else if from != to {
                // The same component with other settings is no news of which one counts.
                standing.taken_back = from.filter(|_| event.kind == kind::PLUGIN_ROLLED_BACK);
                standing.counts = to;
                break;
            }
        }
        Ok(standing)
    }

    /// Which component counts where the policy's file holds `found`; none: that one.
    pub(super) fn instead_of(&self, found: &str, shadowed_first: bool) -> Option<&Arc<str>> {
        let is_taken_back = self.taken_back.as_deref() == Some(found);
        self.counts.as_ref().filter(|counts| &***counts != found && (shadowed_first || is_taken_back))
    }
}

/// What is known of all policies, and where their components are kept.
#[derive(Clone, Debug, Default)]
pub struct Standings {
    /// By the policy's name. One that is not there has no past.
    pub policies: BTreeMap<String, Standing>,
    /// None: nothing is kept.
    pub shelf: Option<Shelf>,
    /// Whether components are put there, or only looked for.
    pub may_write: bool,
}

impl Standings {
    /// The standings of these policies.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub async fn of(
        journal: &Journal,
        policies: impl Iterator<Item = &str>,
        may_write: bool,
    ) -> Result<Self, JournalError> {
        let shelf = Some(Shelf::new(journal.components()));
        let mut all = Self { policies: BTreeMap::new(), shelf, may_write };
        for policy in policies {
            all.policies.insert(policy.to_owned(), Standing::of(journal, policy).await?);
        }
        Ok(all)
    }
}
