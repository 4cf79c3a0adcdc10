//! What goes wrong with an author's folder.

use std::{io, path::PathBuf};

use interlock_guests::GuestError;

use super::CaseProblem;
use crate::{
    registry::{ReferenceError, RegistryError},
    sandbox::LoadError,
    trust::{KeyError, TrustError},
};

/// Why an author's folder cannot be made or used.
#[derive(Debug, thiserror::Error)]
pub enum KitError {
    /// A plugin cannot have that name.
    #[error("`{0}` is no name for a plugin: lower case letters, digits and hyphens, beginning with a letter")]
    BadName(String),
    /// There is something already.
    #[error("`{}` is there already, and nothing is overwritten", .0.display())]
    Exists(PathBuf),
    /// A file could not be read or written.
    #[error("`{}`: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The folder holds nothing that a plugin could be made of.
    #[error("`{}` holds no plugin: no Cargo.toml, package.json, .js or .py", folder.display())]
    NoSources {
        /// Which folder.
        folder: PathBuf,
    },
    /// There is more than one file that could be the plugin.
    #[error("which of {} is the plugin? {how}", .found.join(", "))]
    Ambiguous {
        /// What there is.
        found: Vec<String>,
        /// How to tell.
        how: &'static str,
    },
    /// A folder's Cargo.toml makes no component.
    #[error(
        "it makes {found} components; a plugin's folder makes one: its Cargo.toml needs `[lib] crate-type = [\"cdylib\"]`"
    )]
    NotOneModule {
        /// How many it makes.
        found: usize,
    },
    /// Cargo, or what stands for it here, has failed.
    #[error(transparent)]
    Guest(#[from] GuestError),
    /// A tool that makes components of another language is not there.
    #[error("`{tool}` is not installed")]
    NoTool {
        /// Which.
        tool: &'static str,
        /// How it is installed.
        install: String,
    },
    /// Nothing of that name is known.
    #[error("`{asked}` is no folder, no file, and no plugin that Interlock brings")]
    NoTarget {
        /// What was asked for.
        asked: String,
        /// What Interlock brings.
        known: String,
    },
    /// A component cannot be used.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A component has the digest that it has.
    #[error("`{0}` names a digest, which what is pushed only gets")]
    PushToDigest(String),
    /// A text names nothing in a registry.
    #[error("`oci://…` {0}")]
    Reference(#[from] ReferenceError),
    /// A registry does not give or take it.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// A key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Nobody who is trusted has signed it.
    #[error(transparent)]
    Untrusted(#[from] TrustError),
    /// A file of cases is wrong.
    #[error("{}", told(.0))]
    Cases(Vec<CaseProblem>),
    /// It is there and has failed; it has told why on standard error.
    #[error("`{tool}` has failed; what it said stands above")]
    Tool {
        /// Which.
        tool: &'static str,
    },
}

impl KitError {
    /// What to type next, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoTool { install, .. } => Some(install.clone()),
            Self::NoSources { .. } => Some("`interlock plugin new NAME --lang rust` makes a folder.".to_owned()),
            Self::Exists(_) => Some("choose another name, or remove what is there.".to_owned()),
            Self::NoTarget { known, .. } => Some(format!("Interlock brings {known}.")),
            Self::PushToDigest(_) => Some("name a tag: `oci://host/repository:1.0.0`.".to_owned()),
            Self::Registry(error) => Some(error.hint().to_owned()),
            Self::Key(error) => Some(error.hint().to_owned()),
            Self::Untrusted(error) => Some(error.hint().to_owned()),
            Self::BadName(_)
            | Self::Reference(_)
            | Self::Load(_)
            | Self::Cases(_)
            | Self::File { .. }
            | Self::Ambiguous { .. }
            | Self::NotOneModule { .. }
            | Self::Guest(_)
            | Self::Tool { .. } => None,
        }
    }
}

impl From<Vec<CaseProblem>> for KitError {
    fn from(problems: Vec<CaseProblem>) -> Self {
        Self::Cases(problems)
    }
}

fn told(problems: &[CaseProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
