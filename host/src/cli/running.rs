//! What most verbs begin with: the configuration, an async runtime, a running program or its journal alone.

use std::{future::Future, path::PathBuf, sync::Arc, time::Duration};

use super::{
    arguments::Global,
    error::{Failure, Kind},
    output::tell,
};
use crate::{
    app::{App, StartError, open_journal},
    clock::Clock,
    config::{self, Config},
    journal::Journal,
    sandbox::standard_plugins,
};

/// How long a journal that was opened alone may take to close.
pub(super) const CLOSE: Duration = Duration::from_secs(5);

/// Reads the configuration file.
///
/// # Errors
/// Everything that is wrong with it.
pub(super) fn configuration(global: &Global) -> Result<Config, Failure> {
    Ok(config::load(&global.config, &|name| std::env::var(name).ok(), &standard_plugins())?)
}

/// The same for verbs that need no more than the journal: where the file cannot be used, they go on without what it says of
/// policies and servers. What is under way must not be out of reach because of a comma.
///
/// # Errors
/// Everything that is wrong with it, where no journal is to be found either.
pub(super) fn configuration_or_journal(global: &Global) -> Result<Config, Failure> {
    let environment = |name: &str| std::env::var(name).ok();
    config::load(&global.config, &environment, &standard_plugins()).or_else(|problems| {
        let Some(config) = config::load_journal(&global.config, &environment) else { return Err(problems.into()) };
        let file = global.config.display();
        tell(&format!(
            "Note: `{file}` cannot be used at the moment; `interlock check` tells why. This is by its journal."
        ));
        Ok(config)
    })
}

/// Runs a verb's work on an async runtime of its own.
///
/// # Errors
/// Whatever the work fails with.
pub(super) fn block_on(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Kind::Failed, format!("no threads can be started: {error}")))?;
    let done = runtime.block_on(work);
    // A read of standard input cannot be called off: whoever waits for it is left behind.
    runtime.shutdown_background();
    done
}

/// Starts everything that the configuration names, does the work, and ends it again in good order.
///
/// # Errors
/// Whatever the start or the work fails with.
pub(super) async fn with_app<F: Future<Output = Result<(), Failure>>>(
    config: &Config,
    role: Option<&'static str>,
    work: impl FnOnce(Arc<App>) -> F,
) -> Result<(), Failure> {
    let app = Arc::new(App::start(config, cache_folder().as_deref(), role).await?);
    let done = work(app.clone()).await;
    if let Some(app) = Arc::into_inner(app) {
        app.stop().await;
    }
    done
}

/// Opens the journal alone.
///
/// # Errors
/// If it cannot be opened.
pub(super) async fn journal(config: &Config) -> Result<(Journal, Arc<dyn Clock>), Failure> {
    Ok(open_journal(config).await?)
}

/// Where compiled components are kept: `INTERLOCK_CACHE_DIR`, or `interlock` in the user's cache folder.
pub(super) fn cache_folder() -> Option<PathBuf> {
    std::env::var_os("INTERLOCK_CACHE_DIR")
        .map(PathBuf::from)
        .or_else(|| dirs::cache_dir().map(|folder| folder.join("interlock")))
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Config(problems) => problems.into(),
            error @ (StartError::Journal(_) | StartError::Sandbox(_)) => anyhow::Error::from(error).into(),
        }
    }
}
