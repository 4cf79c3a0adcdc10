//! Starting: journal, sandbox, policies, servers, and the line that joins them, in this order.

use std::{path::Path, sync::Arc, time::Duration};

use futures::future::join_all;
use serde_json::json;

use crate::{
    clock::{Clock, SystemClock},
    config::{Config, Owner, Problem, Problems},
    downstream::{Announcements, Catalogue, McpServer, Reach, ServerConfig, Settings, ToolServer, Toolset},
    journal::{Draft, Journal, JournalError, body, kind},
    mediation::{self, Mediator},
    policy::{Policies, PolicyError},
    sandbox::{self, Limits, LoadError, Sandbox},
    tasks::Tasks,
};

/// How long a start waits for servers that are slow to connect. They come in when they are ready.
const CONNECT_WAIT: Duration = Duration::from_secs(15);
/// How long what has been started may take to end when the rest cannot be.
const EARLY_GRACE: Duration = Duration::from_secs(2);

/// Why the program could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration names something that cannot be used.
    #[error(transparent)]
    Config(#[from] Problems),
    /// The journal cannot be used.
    #[error("the journal cannot be used: {0}")]
    Journal(#[from] JournalError),
    /// The sandbox cannot work on this machine.
    #[error(transparent)]
    Sandbox(#[from] LoadError),
}

/// A running program.
#[derive(Debug)]
pub struct App {
    /// The call path.
    pub mediator: Mediator,
    /// The journal.
    pub journal: Journal,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What it calls itself in the journal, if it is told there.
    pub(super) role: Option<&'static str>,
    /// Calls that are under way.
    pub(super) calls: Tasks,
    /// The servers' keepers, and everything else that runs for as long as the program does.
    pub(super) house: Tasks,
}

/// Opens a configuration's journal alone, for looking at what happened and answering what was asked.
///
/// # Errors
/// If it cannot be opened.
pub async fn open_journal(config: &Config) -> Result<(Journal, Arc<dyn Clock>), StartError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let opened = Journal::open(config.journal.clone(), clock.clone(), Tasks::new()).await;
    Ok((opened.map_err(|error| unopened(config, error))?, clock))
}

/// Where a journal cannot be is a mistake in the configuration; that it is busy, or the disk full, is none.
fn unopened(config: &Config, error: JournalError) -> StartError {
    let (key, hint) = match &error {
        JournalError::File { path, .. } if config.journal.mirror_dir.as_ref() == Some(path) => {
            ("mirror_dir", "name a folder that can be made or written to, or write null for no mirror.")
        }
        JournalError::File { .. } | JournalError::ReadOnly => {
            ("url", "name a file in a folder that is there and that you may write to.")
        }
        JournalError::NotADatabase | JournalError::Newer { .. } => {
            ("url", "name another file, or one that is not there yet.")
        }
        JournalError::Closed
        | JournalError::Busy
        | JournalError::DiskFull
        | JournalError::Gone(_)
        | JournalError::TurnOver
        | JournalError::Malformed { .. }
        | JournalError::Unreadable { .. }
        | JournalError::Database(_)
        | JournalError::Shared(_) => return error.into(),
    };
    let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
    Problems(vec![config.journal_problem(key, &format!("{error}{cause}"), hint)]).into()
}

impl App {
    /// Tasks for a door: told to end when the program is, and waited for before it.
    pub fn doors(&self) -> Tasks {
        self.house.child()
    }

    /// Starts everything that a configuration names, and waits a while for its servers. `cache` is where compiled
    /// components are kept; `role` is what this process calls itself in the journal; none: it only looks, and leaves no trace.
    ///
    /// # Errors
    /// See [`StartError`]. A server that is away is not an error: it is tried again and again.
    pub async fn start(config: &Config, cache: Option<&Path>, role: Option<&'static str>) -> Result<Self, StartError> {
        Self::start_with_clock(config, cache, role, Arc::new(SystemClock)).await
    }

    /// The same by another clock.
    ///
    /// # Errors
    /// As for [`App::start`].
    pub async fn start_with_clock(
        config: &Config,
        cache: Option<&Path>,
        role: Option<&'static str>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StartError> {
        let (house, calls) = (Tasks::new(), Tasks::new());
        let opened = Journal::open(config.journal.clone(), clock.clone(), house.clone()).await;
        let journal = opened.map_err(|error| unopened(config, error))?;
        let sandbox = Sandbox::start(cache)?;
        let (policies, servers) = tokio::join!(
            Policies::load(&sandbox, config.policies.clone()),
            servers(config, &sandbox, &journal, &clock, &house)
        );
        let (policies, (servers, announcements)) = match (policies, servers) {
            (Ok(policies), Ok(servers)) => (policies, servers),
            (policies, servers) => {
                let mut problems: Vec<Problem> = servers.err().unwrap_or_default();
                let refused = policies.err().unwrap_or_default();
                problems.extend(refused.into_iter().flat_map(|error| policy_problems(config, error)));
                end_early(&house, &journal).await;
                return Err(Problems(problems).into());
            }
        };
        let catalogue = Catalogue::new(servers, announcements);
        let clashes: Vec<Problem> = catalogue
            .clashes()
            .iter()
            .map(|clash| config.prefix_problem(clash.shadowed.server(), &clash.to_string()))
            .collect();
        if !clashes.is_empty() {
            end_early(&house, &journal).await;
            return Err(Problems(clashes).into());
        }
        let told = mediation::Config {
            hold_open: config.approvals.hold_open,
            expire: config.approvals.expire,
            heartbeat: mediation::HEARTBEAT,
            describe_rules: config.describe_rules,
            pin_tools: config.pin_tools,
        };
        if let Some(role) = role {
            record_start(&journal, config, &policies, role).await?;
        }
        let mediator = Mediator::new(told, catalogue, policies, journal.clone(), calls.clone());
        Ok(Self { mediator, journal, clock, role, calls, house })
    }
}

type Servers = (Vec<(Arc<dyn ToolServer>, String)>, Announcements);

async fn servers(
    config: &Config,
    sandbox: &Sandbox,
    journal: &Journal,
    clock: &Arc<dyn Clock>,
    house: &Tasks,
) -> Result<Servers, Vec<Problem>> {
    let announcements = Announcements::new();
    let starting = config.servers.iter().map(|server| {
        let announcements = announcements.clone();
        async move {
            let started = start_server(server, sandbox, journal, clock, house, announcements).await;
            started.map(|started| (started, server.prefix.clone())).map_err(|error| (server, error))
        }
    });
    let (mut servers, mut problems) = (Vec::new(), Vec::new());
    for started in join_all(starting).await {
        match started {
            Ok(server) => servers.push(server),
            Err((server, LoadError::Settings(found))) => {
                problems.extend(found.iter().map(|one| config.server_problem(&server.name, &one.pointer, &one.message)))
            }
            Err((server, error)) => problems.push(component_problem(config, Owner::Server(&server.name), &error)),
        }
    }
    if problems.is_empty() { Ok((servers, announcements)) } else { Err(problems) }
}

async fn start_server(
    server: &ServerConfig,
    sandbox: &Sandbox,
    journal: &Journal,
    clock: &Arc<dyn Clock>,
    house: &Tasks,
    announcements: Announcements,
) -> Result<Arc<dyn ToolServer>, LoadError> {
    match &server.reach {
        Reach::Toolset { component, settings } => {
            let bytes = component.read().await?;
            // First, because a policy would find fault with the settings of a toolset.
            if !sandbox::exports(&bytes)?.toolset {
                return Err(LoadError::Misplaced("policy"));
            }
            let plugin = sandbox.load(&server.name, &bytes, settings, Limits::TOOLSET).await?;
            let store = journal.store_for(&server.name);
            Ok(Arc::new(Toolset::start(&server.name, &server.prefix, plugin, store, clock.now()).await?))
        }
        Reach::Stdio { .. } | Reach::Http { .. } => {
            let started = McpServer::start(server.clone(), Settings::default(), announcements, clock.clone(), house);
            let Some(server) = started else { return Err(LoadError::WrongWorld("not an MCP server".to_owned())) };
            // Late is no error: it comes in when it is ready.
            drop(tokio::time::timeout(CONNECT_WAIT, server.settled()).await);
            Ok(Arc::new(server))
        }
    }
}

/// Ends what has been started when the rest cannot be.
async fn end_early(house: &Tasks, journal: &Journal) {
    house.stop(EARLY_GRACE).await;
    journal.close(EARLY_GRACE).await;
}

fn policy_problems(config: &Config, error: PolicyError) -> Vec<Problem> {
    match error.source {
        LoadError::Settings(found) => {
            found.iter().map(|one| config.policy_problem(&error.policy, &one.pointer, &one.message)).collect()
        }
        source => vec![component_problem(config, Owner::Policy(&error.policy), &source)],
    }
}

fn component_problem(config: &Config, of: Owner<'_>, error: &LoadError) -> Problem {
    let hint = match error {
        LoadError::Unreadable { .. } => {
            Some("name a .wasm file that is there, relative to this file, or a plugin that Interlock brings.")
        }
        LoadError::NotAComponent(_) => Some("a plugin is built as a WebAssembly component, not as a module."),
        LoadError::Misplaced("toolset") => Some("toolsets are servers: they stand under `mcpServers`."),
        LoadError::Misplaced(_) => Some("policies stand under `policies`."),
        LoadError::NoSuchPlugin { .. }
        | LoadError::TooLarge { .. }
        | LoadError::ForeignImport { .. }
        | LoadError::WrongWorld(_)
        | LoadError::Compile(_)
        | LoadError::Failed { .. }
        | LoadError::Settings(_)
        | LoadError::Host(_) => None,
    };
    Problem { hint: hint.map(str::to_owned), ..config.component_problem(of, &error.to_string()) }
}

/// Says in the journal who begins to decide, by which configuration and which components.
async fn record_start(journal: &Journal, config: &Config, policies: &Policies, role: &str) -> Result<(), JournalError> {
    let process =
        body::Process { role: role.to_owned(), version: env!("CARGO_PKG_VERSION").to_owned(), pid: std::process::id() };
    let servers: Vec<&str> = config.servers.iter().map(|server| server.name.as_str()).collect();
    let applied = json!({
        "digest": &*config.digest, "set": &**policies.digest(), "policies": policies.list(), "servers": servers,
    });
    let id = journal.process().to_owned();
    journal
        .append(vec![
            Draft::new("interlock", kind::PROCESS_STARTED, &id, &process)?,
            Draft::new("interlock", "config.applied", &id, &applied)?,
        ])
        .await
        .map(drop)
}
