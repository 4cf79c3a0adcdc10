//! What the pipeline is told of each policy.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use interlock_glob::Glob;
use serde_json::Value;

use crate::{
    sandbox::{ComponentSource, Limits},
    scope::Scope,
};

/// One policy of the configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyConfig {
    /// Unique; shown in refusals and in the journal.
    pub name: String,
    /// Which component.
    pub component: ComponentSource,
    /// Which calls it is asked about.
    pub matches: Match,
    /// What part of history it sees.
    pub scope: Scope,
    /// Whether its verdicts count.
    pub mode: Mode,
    /// What becomes of a call when it fails.
    pub on_fault: OnFault,
    /// How much it may use for one call.
    pub limits: Limits,
    /// What it is configured with.
    pub settings: Arc<Value>,
    /// How another component comes to be in force: judged in shadow first; none: at once.
    pub rollout: Option<Rollout>,
}

/// When a component that was judged in shadow is put in force without being told to. Never, unless one of these is given;
/// where both are, both must hold. One that differed from the component in force on any call waits to be told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rollout {
    /// After so many calls that both judged alike.
    pub after_calls: Option<u64>,
    /// After so long.
    pub after: Option<Duration>,
}

impl PolicyConfig {
    /// Whether the same component is meant, with the same settings and limits.
    pub(super) fn is_made_of_the_same(&self, other: &Self) -> bool {
        self.component == other.component && self.settings == other.settings && self.limits == other.limits
    }
}

/// Which calls a policy is asked about. All that is given must fit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Match {
    /// Patterns of `server/tool`; one must fit. Empty: every tool.
    pub tools: Vec<Glob>,
    /// Hints that must hold (`true`) or must not (`false`).
    pub hints: BTreeMap<String, bool>,
    /// Roles of which the caller must have one. Empty: every caller.
    pub roles: Vec<String>,
}

/// Whether a policy's verdicts count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// They count.
    Enforce,
    /// They are only journalled.
    Shadow,
    /// It is not asked.
    Off,
    /// They are only journalled, beside those of the component that it is to follow. Not for configurations to say.
    Candidate,
}

impl Mode {
    /// The word for it in the configuration and the journal.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Shadow => "shadow",
            Self::Off => "off",
            Self::Candidate => "candidate",
        }
    }
}

/// What becomes of a call when a policy fails to judge it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFault {
    /// It is refused.
    Refuse,
    /// It goes on, and the journal says so.
    Allow,
}
