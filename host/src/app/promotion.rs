//! Putting a candidate in force, and going back to an earlier component: by people, and by itself where the configuration
//! says so. Both are events; every process that decides calls takes them over.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Value, json};

use super::live::Live;
use crate::{
    clock::Timestamp,
    journal::{Draft, Journal, JournalError, Query, Sequence, kind},
    policy::{Mode, Standing},
    sandbox::{LoadError, Shelf, Supply},
    trust::Trust,
};

/// A component that was put in the place of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Promotion {
    /// The policy.
    pub policy: String,
    /// SHA-256 of the component that was in force.
    pub from: String,
    /// SHA-256 of the one that is.
    pub to: String,
}

/// Why no component was put in the place of another.
#[derive(Debug, thiserror::Error)]
pub enum PromotionError {
    /// The policy has no candidate.
    #[error("policy `{0}` has no candidate")]
    NoCandidate(String),
    /// The journal knows of no component of this policy.
    #[error("the journal knows of no policy `{0}`")]
    Unknown(String),
    /// There is no such component to go back to.
    #[error("of policy `{policy}` no {which} is kept")]
    NotKept {
        /// The policy.
        policy: String,
        /// What was asked for.
        which: String,
    },
    /// Several components begin so.
    #[error("`{0}` stands for more than one component")]
    Ambiguous(String),
    /// It is kept, and may not be used.
    #[error(transparent)]
    Unusable(#[from] LoadError),
    /// The components that are kept cannot be read.
    #[error("the components that are kept cannot be read: {0}")]
    Shelf(#[from] std::io::Error),
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// A candidate, and what the journal tells of it.
#[derive(Clone, Debug, Serialize)]
pub struct Candidate {
    /// Its SHA-256.
    pub component: String,
    /// Since when it is judged.
    pub since: Timestamp,
    /// The calls that it judged otherwise than the component in force, the last first: bodies of `plugin.diverged`.
    pub diverged: Vec<Value>,
}

/// The candidate for a policy, and how it differed.
///
/// # Errors
/// If the journal cannot be read.
pub async fn candidate(journal: &Journal, policy: &str) -> Result<Option<Candidate>, JournalError> {
    let Some(waiting) = Standing::of(journal, policy).await?.waiting else { return Ok(None) };
    let diverged = divergences(journal, policy, waiting.seq, 0).await?;
    Ok(Some(Candidate { component: waiting.component.to_string(), since: waiting.since, diverged }))
}

async fn divergences(
    journal: &Journal,
    policy: &str,
    since: Sequence,
    limit: usize,
) -> Result<Vec<Value>, JournalError> {
    let query = Query {
        after: since,
        kinds: vec![kind::PLUGIN_DIVERGED.to_owned()],
        subject: Some(policy.to_owned()),
        newest_first: true,
        limit,
        ..Query::default()
    };
    Ok(journal.read(&query).await?.into_iter().map(|event| (*event.body).clone()).collect())
}

/// Puts a policy's candidate in force. `by` is whose doing it is.
///
/// # Errors
/// See [`PromotionError`].
pub async fn promote(journal: &Journal, policy: &str, by: &str) -> Result<Promotion, PromotionError> {
    let standing = Standing::of(journal, policy).await?;
    let (Some(from), Some(waiting)) = (standing.counts, standing.waiting) else {
        return Err(PromotionError::NoCandidate(policy.to_owned()));
    };
    put(journal, kind::PLUGIN_PROMOTED, policy, &from, &waiting.component, by).await
}

/// Puts an earlier component of a policy in force again, if it may come in by now: the one that begins with `to`, or the last
/// before this one.
///
/// # Errors
/// See [`PromotionError`].
pub async fn roll_back(
    journal: &Journal,
    trust: &Trust,
    policy: &str,
    to: Option<&str>,
    by: &str,
) -> Result<Promotion, PromotionError> {
    let standing = Standing::of(journal, policy).await?;
    let from = standing.counts.ok_or_else(|| PromotionError::Unknown(policy.to_owned()))?;
    let past = Past::of(journal, policy).await?;
    let shelf = Shelf::new(journal.components());
    let kept = shelf.list(policy).await?;
    // What was taken back comes again only by its name, and what was never in force only by promotion.
    let may_come =
        |kept: &&String| **kept != *from && past.counted(kept) && (to.is_some() || !past.taken_back.contains(*kept));
    let mut fitting =
        past.in_order(&kept).filter(may_come).filter(|kept| to.is_none_or(|to| kept.starts_with(to))).cloned();
    let not_kept = || PromotionError::NotKept {
        policy: policy.to_owned(),
        which: to.map_or_else(|| "earlier component".to_owned(), |to| format!("component `{to}`")),
    };
    let found = fitting.next().ok_or_else(not_kept)?;
    if let (Some(to), Some(_)) = (to, fitting.next()) {
        return Err(PromotionError::Ambiguous(to.to_owned()));
    }
    let supply = Supply { trust: trust.clone(), ..Supply::of_anyone() };
    if shelf.find(policy, &found, &supply).await?.is_none() {
        return Err(PromotionError::NotKept { policy: policy.to_owned(), which: format!("whole component `{found}`") });
    }
    put(journal, kind::PLUGIN_ROLLED_BACK, policy, &from, &found, by).await
}

/// What has become of a policy's components, as far as the journal's last events about it tell.
#[derive(Debug, Default)]
struct Past {
    /// Those that were in force, the last first.
    in_force: Vec<String>,
    /// Those that were only judged in shadow.
    in_shadow: BTreeSet<String>,
    /// Those that were taken back, and have not been in force since.
    taken_back: BTreeSet<String>,
}

impl Past {
    async fn of(journal: &Journal, policy: &str) -> Result<Self, JournalError> {
        let in_force = [kind::PLUGIN_LOADED, kind::PLUGIN_SWAPPED, kind::PLUGIN_PROMOTED, kind::PLUGIN_ROLLED_BACK];
        let query = Query {
            kinds: in_force.iter().chain([&kind::PLUGIN_CANDIDATE]).map(|&kind| kind.to_owned()).collect(),
            subject: Some(policy.to_owned()),
            newest_first: true,
            ..Query::default()
        };
        let mut past = Self::default();
        for event in journal.read(&query).await? {
            let component = |pointer| event.body.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
            let (from, to) = (component("/from/component"), component("/to/component"));
            if event.kind == kind::PLUGIN_CANDIDATE {
                past.in_shadow.extend(to);
                continue;
            }
            // Newest first: what has been in force since is not taken back any more.
            if let Some(from) = from.as_ref().filter(|_| event.kind == kind::PLUGIN_ROLLED_BACK)
                && !past.in_force.contains(from)
            {
                past.taken_back.insert(from.clone());
            }
            for component in [to, from].into_iter().flatten() {
                if !past.in_force.contains(&component) {
                    past.in_force.push(component);
                }
            }
        }
        Ok(past)
    }

    /// Whether it was in force, or so long ago that nobody knows.
    fn counted(&self, component: &str) -> bool {
        self.in_force.iter().any(|one| one == component) || !self.in_shadow.contains(component)
    }

    /// What is kept: first what was in force, the last first.
    fn in_order<'a>(&self, kept: &'a [String]) -> impl Iterator<Item = &'a String> {
        let place = |one: &String| self.in_force.iter().position(|known| known == one).unwrap_or(usize::MAX);
        let mut ordered: Vec<&String> = kept.iter().collect();
        ordered.sort_by_key(|one| place(one));
        ordered.into_iter()
    }
}

async fn put(
    journal: &Journal,
    kind: &str,
    policy: &str,
    from: &str,
    to: &str,
    by: &str,
) -> Result<Promotion, PromotionError> {
    let body = json!({ "from": { "component": from }, "to": { "component": to } });
    journal.append(vec![Draft::new(by, kind, policy, &body)?]).await?;
    Ok(Promotion { policy: policy.to_owned(), from: from.to_owned(), to: to.to_owned() })
}

impl Live {
    /// Promotes candidates whose time has come: those that judged alike for as long as the configuration says, and never
    /// otherwise, in no process.
    ///
    /// # Errors
    /// If the journal cannot be used.
    pub(super) async fn promote_ripe(&self) -> Result<(), PromotionError> {
        let mediator = self.mediators().borrow().clone();
        let journal = &self.ground.journal;
        for policy in mediator.policies().iter().filter(|policy| policy.mode() == Mode::Candidate) {
            let Some(rollout) = policy.rollout() else { continue };
            let enough = rollout.after_calls.is_none_or(|calls| policy.tally().alike() >= calls);
            let asked = rollout.after_calls.is_some() || rollout.after.is_some();
            if !asked || !enough || policy.tally().otherwise() > 0 {
                continue;
            }
            let Some(waiting) = Standing::of(journal, policy.name()).await?.waiting else { continue };
            let long_enough = rollout.after.is_none_or(|after| journal.now().since(waiting.since) >= after);
            if waiting.component != *policy.plugin().digest()
                || !long_enough
                || !divergences(journal, policy.name(), waiting.seq, 1).await?.is_empty()
            {
                continue;
            }
            promote(journal, policy.name(), "interlock").await?;
        }
        Ok(())
    }
}
