//! `interlock plugin`: what authors and operators of plugins do. One file per verb.

mod build;
mod new;

use clap::{Args, Subcommand};

use super::{
    arguments::Global,
    error::{Failure, Kind},
};
use crate::kit::KitError;

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
}

/// Does it.
pub(super) fn run(global: &Global, plugin: &Plugin) -> Result<(), Failure> {
    match &plugin.action {
        Action::New(asked) => new::run(global, asked),
        Action::Build(asked) => build::run(global, asked),
    }
}

/// An author's folder cannot be made or used: exit code 1, or 2 where it was asked for in a wrong way.
impl From<KitError> for Failure {
    fn from(error: KitError) -> Self {
        let kind = if matches!(error, KitError::BadName(_)) { Kind::Usage } else { Kind::Failed };
        let hint = error.hint();
        let mut chain = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
        let message = chain.next().map(ToString::to_string).unwrap_or_default();
        Self::Other { kind, message, causes: chain.map(ToString::to_string).collect(), hint }
    }
}
