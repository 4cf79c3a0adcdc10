//! From a configuration to the line that calls take: its policies and servers, loaded beside what is in force.

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use serde::Serialize;

use super::mistakes;
use crate::{
    clock::Clock,
    config::{Config, Problem, Problems},
    downstream::{
        Announcement, Announcements, Catalogue, McpServer, Reach, ServerConfig, Settings, ToolServer, Toolset,
    },
    identity::Pepper,
    journal::{Journal, JournalError},
    mediation::{self, Mediator},
    policy::{Policies, PolicyError, Standings},
    sandbox::{self, Limits, LoadError, Plugin, Sandbox, Supply},
    tasks::{self, Tasks},
    trust::KeyError,
};

/// How long servers that are slow to connect are waited for. They come in when they are ready.
const CONNECT_WAIT: Duration = Duration::from_secs(15);

/// What every configuration of a process is put together on.
#[derive(Debug)]
pub(super) struct Ground {
    pub(super) sandbox: Sandbox,
    pub(super) journal: Journal,
    pub(super) clock: Arc<dyn Clock>,
    /// Calls that are under way.
    pub(super) calls: Tasks,
    /// The servers' keepers, and everything else that runs for as long as the program does.
    pub(super) house: Tasks,
    pub(super) announcements: Announcements,
    /// Whether it is told in the journal what this process does.
    pub(super) on_record: bool,
    /// By which what is on record of what was sent is digested; none: it only looks.
    pub(super) seal: Option<Pepper>,
}

/// One configuration, put together.
#[derive(Debug)]
pub(super) struct Assembly {
    pub(super) config: Config,
    pub(super) mediator: Mediator,
    servers: Vec<Running>,
    supply: Supply,
    /// What stayed as it was, because the component in its place cannot be used.
    pub(super) kept: Vec<Kept>,
}

/// A component that cannot be used, in whose place the one before goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// `policy` or `server`.
    pub kind: &'static str,
    /// Its name in the configuration.
    pub name: String,
    /// The component, as written there.
    pub component: String,
    /// What is wrong with it.
    pub reason: String,
}

/// A server, and what it was made of.
#[derive(Clone, Debug)]
struct Running {
    config: ServerConfig,
    /// Of a toolset.
    plugin: Option<Plugin>,
    server: Arc<dyn ToolServer>,
}

impl Assembly {
    /// Whether the same servers, in the same order, stand behind both.
    pub(super) fn has_the_servers_of(&self, other: &Self) -> bool {
        self.servers.len() == other.servers.len()
            && self.servers.iter().zip(&other.servers).all(|(one, other)| Arc::ptr_eq(&one.server, &other.server))
    }
}

impl Ground {
    /// How the policies of a configuration stand.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub(super) async fn standings(&self, config: &Config) -> Result<Standings, JournalError> {
        let names = config.policies.iter().map(|policy| policy.name.as_str());
        Standings::of(&self.journal, names, self.on_record).await
    }

    /// An assembly with the policies' components that are said to count, and nothing else changed.
    pub(super) async fn as_told(&self, before: &Assembly, standings: &Standings) -> Assembly {
        let Assembly { config, mediator, servers, supply, kept } = before;
        let (policies, errors) = mediator.policies().as_told(&self.sandbox, supply, standings).await;
        let mut kept = kept.clone();
        for error in errors {
            let unusable = unusable(error);
            if !kept.contains(&unusable) {
                kept.push(unusable);
            }
        }
        let mediator = mediator.succeeded_by(told(config, self.seal.as_ref()), mediator.catalogue().clone(), policies);
        Assembly { config: config.clone(), mediator, servers: servers.clone(), supply: supply.clone(), kept }
    }

    /// Puts a configuration together. What is as it was `before` is taken over; a component that can no longer be used,
    /// where nothing but its file has changed, leaves the one before in its place.
    ///
    /// # Errors
    /// Everything that is wrong with the configuration. What was started for it has been told to end.
    pub(super) async fn assemble(
        &self,
        config: Config,
        before: Option<&Assembly>,
        standings: &Standings,
    ) -> Result<Assembly, Problems> {
        let supply = supply(&config).await?;
        // Where other keys are trusted, what no longer may be used is no accident of its file.
        let may_keep = before.is_some_and(|before| before.supply.trust == supply.trust);
        let policies = async {
            let of_before = before.map(|before| before.mediator.policies().clone()).unwrap_or_default();
            of_before.succeeded_by(&self.sandbox, &supply, config.policies.clone(), standings).await
        };
        let (policies, (servers, mut kept, mut problems)) =
            tokio::join!(policies, self.servers(&config, &supply, before));
        let policies = match policies {
            Ok((policies, errors)) if may_keep || errors.is_empty() => {
                kept.splice(0..0, errors.into_iter().map(unusable));
                policies
            }
            Ok((_, errors)) | Err(errors) => {
                problems.extend(errors.into_iter().flat_map(|error| mistakes::of_policy(&config, error)));
                Policies::default()
            }
        };
        if !problems.is_empty() {
            return Err(Problems(problems));
        }
        let mounted = servers.iter().map(|running| (running.server.clone(), running.config.prefix.clone())).collect();
        let catalogue = match before {
            Some(before) => before.mediator.catalogue().succeeded_by(mounted),
            None => Catalogue::new(mounted, self.announcements.clone()),
        };
        let clashes = catalogue.clashes();
        if !clashes.is_empty() {
            let clash =
                |clash: &crate::downstream::Clash| config.prefix_problem(clash.shadowed.server(), &clash.to_string());
            return Err(Problems(clashes.iter().map(clash).collect()));
        }
        let told = told(&config, self.seal.as_ref());
        let mediator = match before {
            Some(before) => before.mediator.succeeded_by(told, catalogue, policies),
            None => Mediator::new(told, catalogue, policies, self.journal.clone(), self.calls.clone()),
        };
        Ok(Assembly { config, mediator, servers, supply, kept })
    }

    async fn servers(
        &self,
        config: &Config,
        supply: &Supply,
        before: Option<&Assembly>,
    ) -> (Vec<Running>, Vec<Kept>, Vec<Problem>) {
        let may_keep = before.is_some_and(|before| before.supply.trust == supply.trust);
        let starting = config.servers.iter().map(|server| async move {
            let known = before.and_then(|before| before.servers.iter().find(|known| known.config == *server));
            (server, known, self.server(server, supply, known).await)
        });
        let (mut servers, mut kept, mut problems) = (Vec::new(), Vec::new(), Vec::new());
        for (config_of, known, started) in join_all(starting).await {
            match (started, known) {
                (Ok(running), _) => servers.push(running),
                (Err(error), Some(known)) if may_keep => {
                    let Reach::Toolset { component, .. } = &config_of.reach else { continue };
                    let (name, component) = (config_of.name.clone(), component.to_string());
                    kept.push(Kept { kind: "server", name, component, reason: reason(&error) });
                    servers.push(known.clone());
                }
                (Err(error), _) => problems.extend(mistakes::of_server(config, &config_of.name, error)),
            }
        }
        (servers, kept, problems)
    }

    /// Starts a server, or takes over the one that is `known` to be configured the same.
    async fn server(
        &self,
        config: &ServerConfig,
        supply: &Supply,
        known: Option<&Running>,
    ) -> Result<Running, LoadError> {
        let Reach::Toolset { component, settings } = &config.reach else {
            if let Some(known) = known {
                return Ok(known.clone());
            }
            let (settings, announcements) = (Settings::default(), self.announcements.clone());
            let started = McpServer::start(config.clone(), settings, announcements, self.clock.clone(), &self.house);
            let Some(server) = started else { return Err(LoadError::WrongWorld("not an MCP server".to_owned())) };
            // Late is no error: it comes in when it is ready.
            drop(tokio::time::timeout(CONNECT_WAIT, server.settled()).await);
            return Ok(Running { config: config.clone(), plugin: None, server: Arc::new(server) });
        };
        let bytes = component.read(supply).await?;
        let is_of = |plugin: &Plugin| plugin.is_of(&bytes, settings, Limits::TOOLSET);
        if let Some(known) = known.filter(|known| known.plugin.as_ref().is_some_and(is_of)) {
            return Ok(known.clone());
        }
        // First, because a policy would find fault with the settings of a toolset.
        if !sandbox::exports(&bytes)?.toolset {
            return Err(LoadError::Misplaced("policy"));
        }
        let plugin = self.sandbox.load(&config.name, &bytes, settings, Limits::TOOLSET).await?;
        let store = self.journal.store_for(&config.name);
        let server = Toolset::start(&config.name, &config.prefix, plugin.clone(), store, self.clock.now()).await?;
        Ok(Running { config: config.clone(), plugin: Some(plugin), server: Arc::new(server) })
    }

    /// Tells every client that whatever it has listed may be different.
    pub(super) fn announce_everything(&self) {
        for news in [Announcement::ToolsChanged, Announcement::PromptsChanged, Announcement::ResourcesChanged] {
            self.announcements.announce(news);
        }
    }
}

/// What a configuration demands of components, and where those from registries are kept.
async fn supply(config: &Config) -> Result<Supply, Problems> {
    let asked = config.trust.clone();
    let trust = tasks::blocking(move || asked.trust()).await.unwrap_or_else(|panicked| {
        let source = std::io::Error::other(panicked);
        Err(vec![(0, KeyError::Unreadable { path: config.path.clone(), source })])
    });
    let wrong = |(number, error): &(usize, KeyError)| config.key_problem(*number, error);
    let trust = trust.map_err(|all| Problems(all.iter().map(wrong).collect()))?;
    Ok(Supply { trust, store: Some(config.store()), credentials: config.credentials.clone() })
}

fn told(config: &Config, seal: Option<&Pepper>) -> mediation::Config {
    mediation::Config {
        hold_open: config.approvals.hold_open,
        expire: config.approvals.expire,
        escalate: config.approvals.escalate.clone(),
        heartbeat: mediation::HEARTBEAT,
        describe_rules: config.describe_rules,
        pin_tools: config.pin_tools,
        seal: seal.cloned(),
        idempotency: config.idempotency.clone(),
    }
}

/// A policy's component that cannot be used, in whose place the one before goes on.
fn unusable(error: PolicyError) -> Kept {
    Kept { kind: "policy", name: error.policy, component: error.component, reason: reason(&error.source) }
}

/// What is wrong with a component, settings with all that is wrong with them.
fn reason(error: &LoadError) -> String {
    match error {
        LoadError::Settings(problems) => {
            let each = problems.iter().map(|problem| format!("settings{}: {}", problem.pointer, problem.message));
            each.collect::<Vec<_>>().join("; ")
        }
        error => error.to_string(),
    }
}
