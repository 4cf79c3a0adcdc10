//! Why a component does not come from a registry.

use std::path::PathBuf;

use oci_client::secrets::RegistryAuth;

use super::Reference;

/// Why a component cannot be had, or handed in.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The registry cannot be reached, does not know it, or does not want to.
    #[error("`{reference}`: the registry did not do it: {reason}")]
    Registry {
        /// What was asked for.
        reference: String,
        /// What it said, or what became of the connection.
        reason: String,
    },
    /// The registry wants to know who asks, or does not let this one.
    #[error("`{reference}`: registry `{registry}` wants a login: {found}")]
    Login {
        /// What was asked for.
        reference: String,
        /// Which registry.
        registry: String,
        /// What became of that.
        found: &'static str,
    },
    /// The credentials for it cannot be had.
    #[error("the credentials for registry `{registry}` cannot be read from `{}`: {reason}", path.display())]
    Credentials {
        /// Which registry.
        registry: String,
        /// Docker's configuration.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// It takes too long.
    #[error("`{reference}`: the registry took longer than {seconds} s")]
    Slow {
        /// What was asked for.
        reference: String,
        /// How long it had.
        seconds: u64,
    },
    /// It is not what was asked for.
    #[error("digest mismatch: {what} is not the one with the digest {wanted}")]
    Mismatch {
        /// A manifest or component, and where it comes from.
        what: String,
        /// Which it should be.
        wanted: String,
    },
    /// It is too large to be looked at.
    #[error("the component has {bytes} bytes; at most {limit} are taken")]
    TooLarge {
        /// What it has, or says that it has.
        bytes: u64,
        /// What is taken.
        limit: usize,
    },
    /// It is an artifact of another kind.
    #[error("it is no component: {0}")]
    NotAComponent(String),
    /// What was pulled cannot be kept or found again.
    #[error("`{}`: {source}", path.display())]
    Store {
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl RegistryError {
    /// The registry has said that it does not let this one do that.
    pub(super) fn not_let_through(reference: &Reference, login: &RegistryAuth) -> Self {
        let found = match login {
            RegistryAuth::Anonymous => "there are no credentials for it",
            RegistryAuth::Basic(..) | RegistryAuth::Bearer(_) => "it does not accept the credentials that there are",
        };
        Self::Login { reference: reference.to_string(), registry: reference.registry().to_owned(), found }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Registry { .. } | Self::Slow { .. } => {
                "a running gateway asks again by itself; `interlock plugin pull` fetches it before one is started."
            }
            Self::Login { .. } | Self::Credentials { .. } => {
                "`docker login` writes credentials into `config.json`, in the folder that DOCKER_CONFIG names or in ~/.docker."
            }
            Self::Mismatch { .. } => {
                "somebody has changed it: ask who pushed it, and remove what is kept to pull it anew."
            }
            Self::TooLarge { .. } => "build it smaller: without debug information, optimised for size.",
            Self::NotAComponent(_) => {
                "push components with `interlock plugin push`, or as one layer of `application/wasm`."
            }
            Self::Store { .. } => "it is kept in a folder beside the journal, which must be there to be written to.",
        }
    }
}
