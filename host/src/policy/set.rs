//! The set of policies in force: loaded together, immutable, replaced as a whole.

use std::sync::{Arc, LazyLock};

use serde_json::{Value, json};

use super::{Match, Mode, OnFault, PolicyConfig, Rollout, Standing, Standings, Tally};
use crate::{
    call::{Call, Hints, ToolName},
    journal::Hash,
    sandbox::{self, Component, LoadError, Plugin, Sandbox, Supply},
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
    /// Of a candidate: how it has judged so far.
    tally: Arc<Tally>,
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

    /// How another component comes to be in force in its place.
    pub fn rollout(&self) -> Option<Rollout> {
        self.config.rollout
    }

    /// How a candidate has judged so far, in this process.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The same, written as the configuration has it now.
    fn written_as(&self, config: &PolicyConfig) -> Self {
        let mode = if self.mode() == Mode::Candidate { Mode::Candidate } else { config.mode };
        Self {
            config: PolicyConfig { mode, ..config.clone() },
            plugin: self.plugin.clone(),
            tally: Arc::clone(&self.tally),
        }
    }

    /// Whether it is a candidate still, given what counts and what is written.
    fn stays_beside(&self, counts: &Plugin, config: &PolicyConfig) -> bool {
        self.mode() == Mode::Candidate
            && self.plugin.digest() != counts.digest()
            && config.rollout.is_some()
            && self.config.is_made_of_the_same(config)
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
    pub async fn load(
        sandbox: &Sandbox,
        supply: &Supply,
        configs: Vec<PolicyConfig>,
    ) -> Result<Self, Vec<PolicyError>> {
        // Where nothing was in force before, nothing can be kept.
        let unkept = Standings::default();
        Self::default().succeeded_by(sandbox, supply, configs, &unkept).await.map(|(policies, _)| policies)
    }

    /// Loads the policies that are to follow these, each as it stands. What is as it was is not loaded again. A policy that
    /// is written as before, but whose component can no longer be loaded, stays as it is: those are told beside the new
    /// set. Components are put on the shelf, if there is one.
    ///
    /// # Errors
    /// One error for each policy that is new, or written otherwise than before, and cannot be loaded.
    pub async fn succeeded_by(
        &self,
        sandbox: &Sandbox,
        supply: &Supply,
        configs: Vec<PolicyConfig>,
        standings: &Standings,
    ) -> Result<(Self, Vec<PolicyError>), Vec<PolicyError>> {
        let loading = configs.into_iter().map(|config| async {
            let before = self.iter().filter(|policy| policy.name() == config.name).collect::<Vec<_>>();
            (load(sandbox, supply, &config, &before, standings).await, before, config)
        });
        let (mut policies, mut kept, mut errors) = (Vec::new(), Vec::new(), Vec::new());
        for (loaded, before, config) in futures::future::join_all(loading).await {
            let error =
                |source| PolicyError { policy: config.name.clone(), component: config.component.to_string(), source };
            match loaded {
                Ok(Loaded { counts, candidate }) => {
                    // What cannot be used leaves the candidate that there was, too.
                    let stays = || before.iter().find(|before| before.stays_beside(&counts, &config));
                    let candidate = match candidate {
                        Some(Ok(plugin)) => Some(candidate_of(&config, plugin, &before)),
                        Some(Err(source)) => {
                            kept.push(error(source));
                            stays().map(|before| before.written_as(&config))
                        }
                        None => None,
                    };
                    policies.push(Policy { config: config.clone(), plugin: counts, tally: Arc::default() });
                    // Of a policy that is off, nothing is asked.
                    policies.extend(candidate.filter(|_| config.mode != Mode::Off));
                }
                // All of it: a candidate that can no longer be loaded is one still.
                Err(source) if before.iter().any(|before| before.config.is_made_of_the_same(&config)) => {
                    kept.push(error(source));
                    let stays = |before: &&Policy| before.mode() != Mode::Candidate || config.mode != Mode::Off;
                    policies.extend(before.into_iter().filter(stays).map(|before| before.written_as(&config)));
                }
                Err(source) => errors.push(error(source)),
            }
        }
        if errors.is_empty() { Ok((Self::of(policies), kept)) } else { Err(errors) }
    }

    /// These, with what people have said since is to count in the place of what does: candidates that were promoted, and
    /// components on the shelf. No file is looked at, and nothing else is loaded. What cannot be had leaves its policy as it
    /// is, and is told.
    pub async fn as_told(&self, sandbox: &Sandbox, supply: &Supply, standings: &Standings) -> (Self, Vec<PolicyError>) {
        let (mut policies, mut errors) = (Vec::new(), Vec::new());
        for policy in self.iter() {
            let standing = standings.policies.get(policy.name());
            let counts = standing.and_then(|standing| standing.counts.as_ref());
            let taken_back = standing.and_then(|standing| standing.taken_back.as_ref());
            let digest = policy.plugin.digest();
            match counts {
                Some(counts) if policy.mode() == Mode::Candidate => {
                    policies.extend((digest != counts && Some(digest) != taken_back).then(|| policy.clone()));
                }
                Some(counts) if digest != counts => {
                    let before: Vec<&Policy> = self.iter().filter(|before| before.name() == policy.name()).collect();
                    let plugin = match before.iter().find(|before| before.plugin.digest() == counts) {
                        Some(candidate) => Ok(candidate.plugin.clone()),
                        None => kept(sandbox, supply, &policy.config, &before, standings, counts).await,
                    };
                    policies.push(match plugin {
                        Ok(plugin) => Policy { config: policy.config.clone(), plugin, tally: Arc::default() },
                        Err(source) => {
                            let (name, component) = (policy.name().to_owned(), policy.config.component.to_string());
                            errors.push(PolicyError { policy: name, component, source });
                            policy.clone()
                        }
                    });
                }
                Some(_) | None => policies.push(policy.clone()),
            }
        }
        (Self::of(policies), errors)
    }

    /// The candidate for a policy, if there is one.
    pub fn candidate(&self, policy: &str) -> Option<&Policy> {
        self.iter().find(|one| one.mode() == Mode::Candidate && one.name() == policy)
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

/// What a policy is loaded as.
struct Loaded {
    /// The component whose verdicts count.
    counts: Plugin,
    /// The one that is to follow it; or why it cannot.
    candidate: Option<Result<Plugin, LoadError>>,
}

/// Loads a policy as it stands. Where its file holds nothing that can be used, and another component was put in force since
/// this one, that one is loaded, and what is wrong with the file's is told as of a candidate.
async fn load(
    sandbox: &Sandbox,
    supply: &Supply,
    config: &PolicyConfig,
    before: &[&Policy],
    standings: &Standings,
) -> Result<Loaded, LoadError> {
    let unknown = Standing::default();
    let standing = standings.policies.get(&config.name).unwrap_or(&unknown);
    let error = match of_file(sandbox, supply, config, before, standings, standing).await {
        Ok(loaded) => return Ok(loaded),
        Err(error) => error,
    };
    let in_force =
        before.iter().find(|before| before.mode() != Mode::Candidate && before.config.is_made_of_the_same(config));
    match (in_force, &standing.counts) {
        (Some(in_force), Some(counts)) if in_force.plugin.digest() != counts => {
            match kept(sandbox, supply, config, before, standings, counts).await {
                Ok(counts) => Ok(Loaded { counts, candidate: Some(Err(error)) }),
                Err(_) => Err(error),
            }
        }
        _ => Err(error),
    }
}

/// What the file holds, or what counts in its place.
async fn of_file(
    sandbox: &Sandbox,
    supply: &Supply,
    config: &PolicyConfig,
    before: &[&Policy],
    standings: &Standings,
    standing: &Standing,
) -> Result<Loaded, LoadError> {
    let bytes = config.component.read(supply).await?;
    let found = sandbox::sha256(&bytes);
    let Some(counts) = standing.instead_of(&found, config.rollout.is_some()) else {
        let counts = plugin(sandbox, config, &bytes, before).await?;
        keep(standings, config, &bytes).await;
        return Ok(Loaded { counts, candidate: None });
    };
    let counts = kept(sandbox, supply, config, before, standings, counts).await?;
    let candidate = if standing.taken_back.as_deref() == Some(&found) {
        None
    } else {
        let candidate = plugin(sandbox, config, &bytes, before).await;
        if candidate.is_ok() {
            keep(standings, config, &bytes).await;
        }
        Some(candidate)
    };
    Ok(Loaded { counts, candidate })
}

/// A component that is on the shelf.
async fn kept(
    sandbox: &Sandbox,
    supply: &Supply,
    config: &PolicyConfig,
    before: &[&Policy],
    standings: &Standings,
    digest: &str,
) -> Result<Plugin, LoadError> {
    let found = match &standings.shelf {
        Some(shelf) => shelf.find(&config.name, digest, supply).await?,
        None => None,
    };
    let found = found.ok_or_else(|| LoadError::NotKept { digest: digest.to_owned() })?;
    let plugin = plugin(sandbox, config, &found, before).await?;
    keep(standings, config, &found).await;
    Ok(plugin)
}

/// A component with a policy's settings, taken over from before if it is the same.
async fn plugin(
    sandbox: &Sandbox,
    config: &PolicyConfig,
    bytes: &[u8],
    before: &[&Policy],
) -> Result<Plugin, LoadError> {
    // First, because a toolset would find fault with the settings of a policy.
    if !sandbox::exports(bytes)?.is_policy() {
        return Err(LoadError::Misplaced("toolset"));
    }
    match before.iter().find(|before| before.plugin.is_of(bytes, &config.settings, config.limits)) {
        Some(before) => Ok(before.plugin.clone()),
        None => sandbox.load(&config.name, bytes, &config.settings, config.limits).await,
    }
}

/// Puts a component that works on the shelf. That it cannot be gone back to is no reason not to use it.
async fn keep(standings: &Standings, config: &PolicyConfig, component: &Component) {
    if let Some(shelf) = standings.shelf.as_ref().filter(|_| standings.may_write)
        && let Err(error) = shelf.keep(&config.name, component).await
    {
        tracing::warn!(policy = config.name, %error, "a component could not be kept; it cannot be gone back to");
    }
}

/// The candidate for a policy; the same as before, with what it has judged so far, if it is.
fn candidate_of(config: &PolicyConfig, plugin: Plugin, before: &[&Policy]) -> Policy {
    let is_it = |before: &&&Policy| {
        let other = &before.plugin;
        before.mode() == Mode::Candidate
            && (other.digest(), other.settings_digest()) == (plugin.digest(), plugin.settings_digest())
    };
    let tally = before.iter().find(is_it).map(|before| Arc::clone(&before.tally)).unwrap_or_default();
    Policy { config: PolicyConfig { mode: Mode::Candidate, ..config.clone() }, plugin, tally }
}
