//! `interlock plugin`: what authors and operators of plugins do. One file per verb.

mod bench;
mod build;
mod inspect;
mod keygen;
mod new;
mod pull;
mod push;
mod sign;
mod standing;
mod test;
mod verify;

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand};

use super::{
    arguments::Global,
    error::{Failure, Kind},
    running::cache_folder,
};
use crate::{
    kit::{KitError, Target},
    sandbox::{Isolation, LoadError, Sandbox},
};

#[derive(Debug, Args)]
pub(super) struct Plugin {
    #[command(subcommand)]
    action: Action,
}

/// What to do with plugins.
#[derive(Debug, Subcommand)]
enum Action {
    /// Makes a folder for a plugin of your own, which builds and passes its tests at once.
    New(new::New),
    /// Makes a component of a plugin's folder.
    Build(build::Build),
    /// Runs a plugin's cases against its component, in the sandbox.
    Test(test::Test),
    /// Shows what there is to know of a component, or what changes from one to another.
    Inspect(inspect::Inspect),
    /// Measures what a plugin costs per call.
    Bench(bench::Bench),
    /// Lists which component judges for each policy, and which waits to.
    List,
    /// Shows a policy's component, what its candidate judged otherwise, and what can be gone back to.
    Show(standing::Show),
    /// Puts a policy's candidate in force, in every gateway.
    Promote(standing::Promote),
    /// Puts an earlier component of a policy in force again, in every gateway.
    Rollback(standing::Rollback),
    /// Makes a pair of keys to sign components with.
    Keygen(keygen::Keygen),
    /// Signs a component: the signature is a file beside it.
    Sign(sign::Sign),
    /// Checks who has signed a component.
    Verify(verify::Verify),
    /// Puts a component into a registry, and prints the reference to pin it by.
    Push(push::Push),
    /// Fetches a component from a registry: to where the configuration finds it, or into a file.
    Pull(pull::Pull),
}

/// Does it.
pub(super) fn run(global: &Global, plugin: &Plugin) -> Result<(), Failure> {
    match &plugin.action {
        Action::New(asked) => new::run(global, asked),
        Action::Build(asked) => build::run(global, asked),
        Action::Test(asked) => test::run(global, asked),
        Action::Inspect(asked) => inspect::run(global, asked),
        Action::Bench(asked) => bench::run(global, asked),
        Action::List => standing::list(global),
        Action::Show(asked) => standing::show(global, asked),
        Action::Promote(asked) => standing::put_in_force(global, asked),
        Action::Rollback(asked) => standing::take_back(global, asked),
        Action::Keygen(asked) => keygen::run(global, asked),
        Action::Sign(asked) => sign::run(global, asked),
        Action::Verify(asked) => verify::run(global, asked),
        Action::Push(asked) => push::run(global, asked),
        Action::Pull(asked) => pull::run(global, asked),
    }
}

/// The sandbox that plugins are tried in: the same as the gateway's, with what it keeps.
fn sandbox() -> Result<Sandbox, Failure> {
    Ok(Sandbox::start(cache_folder().as_deref()).context("the sandbox cannot start")?)
}

/// What is asked about, with cases from elsewhere if some are named.
async fn target(asked: &str, cases: Option<PathBuf>) -> Result<Target, KitError> {
    let target = Target::find(asked).await?;
    Ok(match cases {
        Some(path) => target.with_cases(path),
        None => target,
    })
}

/// How calls are kept apart: for programs, and for people.
fn isolation(isolation: Isolation) -> (&'static str, &'static str) {
    match isolation {
        Isolation::Snapshot => ("snapshot", "a fresh instance of the configured snapshot for each call"),
        Isolation::ConfigureEach => ("configure_each", "a fresh instance for each call, configured anew: no snapshot"),
    }
}

/// An author's folder cannot be made or used: exit code 1, 2 where it was asked for in a wrong way, 4 where
/// a component is none or is refused.
impl From<KitError> for Failure {
    fn from(error: KitError) -> Self {
        let kind = match &error {
            KitError::BadName(_) | KitError::PushToDigest(_) | KitError::Reference(_) => Kind::Usage,
            KitError::Load(LoadError::Unreadable { .. } | LoadError::Registry(_) | LoadError::Host(_)) => Kind::Failed,
            KitError::Load(_) => Kind::Config,
            KitError::Exists(_)
            | KitError::File { .. }
            | KitError::NoSources { .. }
            | KitError::Ambiguous { .. }
            | KitError::NotOneModule { .. }
            | KitError::Guest(_)
            | KitError::NoTool { .. }
            | KitError::NoTarget { .. }
            | KitError::Cases(_)
            | KitError::Tool { .. }
            | KitError::Key(_)
            | KitError::Untrusted(_)
            | KitError::Registry(_) => Kind::Failed,
        };
        let hint = error.hint();
        let mut chain = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
        let message = chain.next().map(ToString::to_string).unwrap_or_default();
        // Some tell their cause themselves.
        let causes = chain.map(ToString::to_string).filter(|cause| !message.ends_with(cause.as_str())).collect();
        Self::Other { kind, message, causes, hint }
    }
}
