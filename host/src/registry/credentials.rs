//! Who one is to a registry, by what `docker login` has written.

use std::{
    fs::File,
    io::{self, BufReader, Read as _},
    path::{Path, PathBuf},
};

use docker_credential::{CredentialRetrievalError as Failed, DockerCredential, get_credential_from_reader};
use oci_client::secrets::RegistryAuth;

use super::{Reference, RegistryError};
use crate::tasks;

/// No more is read of Docker's configuration.
const MAX_BYTES: u64 = 1 << 20;
/// Under which Docker keeps the credentials for its own registry.
const DOCKER_HUB: (&str, &str) = ("index.docker.io", "https://index.docker.io/v1/");

/// Where credentials for registries are looked for, whenever they are needed: in Docker's `config.json`, and in the helpers
/// that it names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credentials {
    file: Option<PathBuf>,
}

impl Credentials {
    /// None, wherever one looks.
    pub const fn none() -> Self {
        Self { file: None }
    }

    /// Those of whom this environment is: in the folder that `DOCKER_CONFIG` names, or else in `.docker` of `HOME`.
    pub fn of(environment: &dyn Fn(&str) -> Option<String>) -> Self {
        let named = |name: &str| environment(name).filter(|path| !path.is_empty()).map(PathBuf::from);
        let folder = named("DOCKER_CONFIG").or_else(|| named("HOME").map(|home| home.join(".docker")));
        Self { file: folder.map(|folder| folder.join("config.json")) }
    }

    /// Those for the registry of a reference; nobody's if there are none.
    pub(super) async fn login(&self, to: &Reference) -> Result<RegistryAuth, RegistryError> {
        let Some(path) = self.file.clone() else { return Ok(RegistryAuth::Anonymous) };
        let registry = to.registry().to_owned();
        let failed = {
            let (registry, path) = (registry.clone(), path.clone());
            move |reason: String| RegistryError::Credentials { registry, path, reason }
        };
        let found = tasks::blocking(move || find(&path, &registry)).await;
        found.map_err(|panicked| failed.clone()(panicked.to_string()))?.map_err(failed)
    }
}

/// Blocking: a helper is a program, and may ask its user.
fn find(path: &Path, registry: &str) -> Result<RegistryAuth, String> {
    let file = match File::open(path) {
        Ok(file) => BufReader::new(file.take(MAX_BYTES)),
        Err(none) if none.kind() == io::ErrorKind::NotFound => return Ok(RegistryAuth::Anonymous),
        Err(error) => return Err(error.to_string()),
    };
    let server = if registry == DOCKER_HUB.0 { DOCKER_HUB.1 } else { registry };
    match get_credential_from_reader(file, server) {
        Ok(DockerCredential::UsernamePassword(name, secret)) => Ok(RegistryAuth::Basic(name, secret)),
        Ok(DockerCredential::IdentityToken(_)) => {
            Err("an identity token is kept for it, which Interlock cannot use: a user name and a token can be"
                .to_owned())
        }
        Err(error) => match error {
            Failed::NoCredentialConfigured | Failed::ConfigNotFound => Ok(RegistryAuth::Anonymous),
            // What Docker's own helpers say where they know of none.
            Failed::HelperFailure { stdout, .. } if stdout.trim().starts_with("credentials not found") => {
                Ok(RegistryAuth::Anonymous)
            }
            // What else they say may be a secret.
            Failed::HelperFailure { helper, .. } => Err(format!("`{helper} get` has failed")),
            Failed::HelperCommunicationError => Err("the helper that it names for it cannot be run".to_owned()),
            Failed::MalformedHelperResponse => Err("the helper that it names for it answers nonsense".to_owned()),
            Failed::CredentialDecodingError => Err("its `auth` is not `user:password` in Base64".to_owned()),
            Failed::CredentialMismatchError => {
                Err("its `auth` is another than its `username` and `password`".to_owned())
            }
            Failed::ConfigReadError => Err("it is not written as Docker's configuration is".to_owned()),
        },
    }
}
