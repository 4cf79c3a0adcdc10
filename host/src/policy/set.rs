//! The set of policies in force: loaded together, immutable, replaced as a whole.

use std::sync::{Arc, LazyLock};

use serde_json::{Value, json};

use super::{Match, Mode, OnFault, PolicyConfig};
use crate::{
    call::{Call, Hints, ToolName},
    journal::Hash,
    sandbox::{self, LoadError, Plugin, Sandbox},
    scope::{Scope, canonical},
};

/// A policy that cannot be loaded.
#[derive(Debug, thiserror::Error)]
#[error("policy `{policy}`: component `{component}`: {source}")]
pub struct PolicyError {
    /// Its name in the configuration.
    pub policy: String,
    /// The component, as written there.
    pub component: String,
    /// Why not.
    pub source: LoadError,
}

/// One policy in force.
#[derive(Clone, Debug)]
pub struct Policy {
    config: PolicyConfig,
    plugin: Plugin,
}

impl Policy {
    /// Its name in the configuration.
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// What part of history it sees.
    pub fn scope(&self) -> &Scope {
        &self.config.scope
    }

    /// Whether its verdicts count.
    pub fn mode(&self) -> Mode {
        self.config.mode
    }

    /// What becomes of a call when it fails.
    pub fn on_fault(&self) -> OnFault {
        self.config.on_fault
    }

    /// Which calls it is asked about.
    pub fn matches(&self) -> &Match {
        &self.config.matches
    }

    /// The component behind it.
    pub fn plugin(&self) -> &Plugin {
        &self.plugin
    }

    /// Whether it is to be asked about this call.
    pub fn guards(&self, call: &Call) -> bool {
        self.guards_tool(&call.tool, &call.hints)
            && (self.matches().roles.is_empty()
                || self.matches().roles.iter().any(|role| call.caller.roles.contains(role)))
    }

    /// Whether it is to be asked about calls of this tool, by some caller at least.
    pub fn guards_tool(&self, tool: &ToolName, hints: &Hints) -> bool {
        let Match { tools, hints: wanted, .. } = self.matches();
        self.mode() != Mode::Off
            && (tools.is_empty() || tools.iter().any(|glob| glob.matches(tool.as_str())))
            && wanted.iter().all(|(hint, wanted)| hints.contains(hint) == *wanted)
    }
}

/// All policies of one configuration, in its order. Clones share everything.
#[derive(Clone, Debug)]
pub struct Policies {
    all: Arc<[Policy]>,
    digest: Arc<str>,
}

impl Default for Policies {
    fn default() -> Self {
        static NONE: LazyLock<Policies> = LazyLock::new(|| Policies::of(Vec::new()));
        NONE.clone()
    }
}

impl Policies {
    /// Loads every policy; those that are off too, so that a mistake in one shows before it is switched on.
    ///
    /// # Errors
    /// One error for each policy that cannot be loaded.
    pub async fn load(sandbox: &Sandbox, configs: Vec<PolicyConfig>) -> Result<Self, Vec<PolicyError>> {
        // Where nothing was in force before, nothing can be kept.
        Self::default().succeeded_by(sandbox, configs).await.map(|(policies, _)| policies)
    }

    /// Loads the policies that are to follow these. What is as it was is not loaded again. A policy that is written as
    /// before, but whose component can no longer be loaded, stays as it is: those are told beside the new set.
    ///
    /// # Errors
    /// One error for each policy that is new, or written otherwise than before, and cannot be loaded.
    pub async fn succeeded_by(
        &self,
        sandbox: &Sandbox,
        configs: Vec<PolicyConfig>,
    ) -> Result<(Self, Vec<PolicyError>), Vec<PolicyError>> {
        let before = |config: &PolicyConfig| self.iter().find(|policy| policy.name() == config.name);
        let loading = configs.into_iter().map(|config| async {
            let before = before(&config);
            (before, load(sandbox, &config, before).await, config)
        });
        let (mut policies, mut kept, mut errors) = (Vec::new(), Vec::new(), Vec::new());
        for (before, loaded, config) in futures::future::join_all(loading).await {
            match (loaded, before) {
                (Ok(plugin), _) => policies.push(Policy { config, plugin }),
                (Err(source), before) => {
                    let error =
                        PolicyError { policy: config.name.clone(), component: config.component.to_string(), source };
                    match before.filter(|before| before.config.is_made_of_the_same(&config)) {
                        Some(before) => {
                            kept.push(error);
                            policies.push(Policy { config, plugin: before.plugin.clone() });
                        }
                        None => errors.push(error),
                    }
                }
            }
        }
        if errors.is_empty() { Ok((Self::of(policies), kept)) } else { Err(errors) }
    }

    fn of(policies: Vec<Policy>) -> Self {
        let digest = Hash::of(canonical(&list(&policies)).as_bytes()).to_string().into();
        Self { all: policies.into(), digest }
    }

    /// The policies, in configuration order.
    pub fn iter(&self) -> impl Iterator<Item = &Policy> {
        self.all.iter()
    }

    /// SHA-256 of the canonical JSON of [`Policies::list`], as hexadecimal digits: by it the record of a call names every
    /// component and setting that was in force.
    pub fn digest(&self) -> &Arc<str> {
        &self.digest
    }

    /// Which policies these are: an array of objects with `policy`, `component`, `settings` (their digests) and `mode`.
    pub fn list(&self) -> Value {
        list(&self.all)
    }

    /// What the policies in force ask of callers of a tool, a sentence each.
    pub async fn rules(&self, tool: &ToolName, hints: &Hints) -> Vec<String> {
        let mut all = Vec::new();
        let judging = |policy: &&Policy| policy.mode() == Mode::Enforce && policy.plugin.exports().judge;
        for policy in self.iter().filter(judging).filter(|policy| policy.guards_tool(tool, hints)) {
            match policy.plugin.rules(tool.as_str()).await {
                Ok(rules) => all.extend(rules),
                Err(fault) => tracing::warn!(policy = policy.name(), %fault, "a policy could not tell its rules"),
            }
        }
        all
    }
}

fn list(policies: &[Policy]) -> Value {
    let listed = policies.iter().map(|policy| {
        json!({
            "policy": policy.name(),
            "component": policy.plugin.digest(),
            "settings": policy.plugin.settings_digest(),
            "mode": policy.mode().word(),
        })
    });
    listed.collect()
}

async fn load(sandbox: &Sandbox, config: &PolicyConfig, before: Option<&Policy>) -> Result<Plugin, LoadError> {
    let bytes = config.component.read().await?;
    // First, because a toolset would find fault with the settings of a policy.
    if !sandbox::exports(&bytes)?.is_policy() {
        return Err(LoadError::Misplaced("toolset"));
    }
    match before.filter(|before| before.plugin.is_of(&bytes, &config.settings, config.limits)) {
        Some(before) => Ok(before.plugin.clone()),
        None => sandbox.load(&config.name, &bytes, &config.settings, config.limits).await,
    }
}
