//! Starting: journal, sandbox, policies, servers, and the line that joins them, in this order.

use std::{path::Path, sync::Arc, time::Duration};

use tokio::sync::watch;

use super::{assembly::Ground, live::Live, record};
use crate::{
    clock::{Clock, SystemClock},
    config::{Config, Problems},
    downstream::Announcements,
    identity::Pepper,
    journal::{Draft, Journal, JournalError, body, kind},
    mediation::Mediator,
    sandbox::{LoadError, Sandbox},
    tasks::Tasks,
};

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
    pub(super) live: Arc<Live>,
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
        | JournalError::Redacted { .. }
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
        let seal = match role.map(|_| Pepper::read_or_make(&config.journal.seal())).transpose() {
            Ok(seal) => seal,
            Err(error) => {
                end_early(&house, &journal).await;
                let (path, source) = (config.journal.seal(), std::io::Error::other(error.to_string()));
                return Err(unopened(config, JournalError::File { path, source }));
            }
        };
        let ground = Ground {
            sandbox,
            journal: journal.clone(),
            clock: clock.clone(),
            calls: calls.clone(),
            house: house.clone(),
            announcements: Announcements::new(),
            on_record: role.is_some(),
            seal,
        };
        let standings = ground.standings(config).await?;
        let assembly = match ground.assemble(config.clone(), None, &standings).await {
            Ok(assembly) => assembly,
            Err(problems) => {
                end_early(&house, &journal).await;
                return Err(problems.into());
            }
        };
        if let Some(role) = role {
            let process = body::Process {
                role: role.to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                pid: std::process::id(),
            };
            let mut drafts = vec![Draft::new("interlock", kind::PROCESS_STARTED, journal.process(), &process)?];
            drafts.extend(record::arrivals(None, assembly.mediator.policies(), &standings)?);
            drafts.push(record::applied(&assembly, &journal, &[])?);
            journal.append(drafts).await?;
        }
        let live = Arc::new(Live::new(ground, assembly));
        Ok(Self { journal, clock, role, calls, house, live })
    }

    /// The line that calls take from now on.
    pub fn mediator(&self) -> Mediator {
        self.live.mediators().borrow().clone()
    }

    /// The same, and each that comes to stand in its place.
    pub fn mediators(&self) -> watch::Receiver<Mediator> {
        self.live.mediators()
    }
}

/// Ends what has been started when the rest cannot be.
async fn end_early(house: &Tasks, journal: &Journal) {
    house.stop(EARLY_GRACE).await;
    journal.close(EARLY_GRACE).await;
}
