//! The plugins that Interlock brings, and the reading of any component's bytes.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

use super::{Component, ComponentSource, LoadError, Supply, shape::MAX_BYTES, signature_of};
use crate::{registry, tasks, trust::Trust};

/// A file larger than this holds no signatures.
const MAX_SIGNATURE_BYTES: usize = 16 << 10;

include!(concat!(env!("OUT_DIR"), "/standard_plugins.rs"));

/// Names of the plugins that Interlock brings, in alphabetical order.
pub fn standard_plugins() -> Vec<&'static str> {
    STANDARD.iter().map(|(name, _)| *name).collect()
}

impl ComponentSource {
    /// The component, if it may be used: nothing of what comes from outside has been looked at but its size and
    /// its signature. What Interlock brings is a part of it, and needs none.
    ///
    /// # Errors
    /// If there is no such plugin, the file cannot be read or is too large, or nobody who is trusted has signed it.
    pub async fn read(&self, supply: &Supply) -> Result<Component, LoadError> {
        match self {
            Self::Standard(name) => STANDARD
                .iter()
                .find_map(|(standard, bytes)| (standard == name).then_some(Component::standard(bytes)))
                .ok_or_else(|| LoadError::NoSuchPlugin { name: name.clone(), known: standard_plugins().join(", ") }),
            Self::Registry(pinned) => {
                let store =
                    supply.store.as_ref().ok_or_else(|| LoadError::NoStore { reference: pinned.to_string() })?;
                let artifact = registry::fetch(pinned, store, &supply.credentials, MAX_BYTES).await?;
                Ok(Component::admit(artifact.component, artifact.signatures, &supply.trust)?)
            }
            Self::File(path) => {
                let (path, trust) = (path.clone(), supply.trust.clone());
                let read = move || file(&path, &trust);
                tasks::blocking(read).await.map_err(|panicked| LoadError::Host(panicked.to_string()))?
            }
        }
    }
}

/// A component's file, and if need be its signature, which lies beside it.
fn file(path: &Path, trust: &Trust) -> Result<Component, LoadError> {
    let bytes = read(path, MAX_BYTES).map_err(|source| LoadError::Unreadable { path: path.to_owned(), source })?;
    if bytes.len() > MAX_BYTES {
        return Err(LoadError::TooLarge { bytes: bytes.len(), limit: MAX_BYTES });
    }
    let signatures = if trust.demands_signature() { signatures(path)? } else { None };
    Ok(Component::admit(bytes, signatures, trust)?)
}

/// The signatures of a component's file; none if there is none.
pub(super) fn signatures(component: &Path) -> Result<Option<String>, LoadError> {
    let path = signature_of(component);
    match read(&path, MAX_SIGNATURE_BYTES) {
        Ok(text) => Ok(Some(String::from_utf8_lossy(&text).into_owned())),
        Err(none) if none.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(LoadError::Unreadable { path, source }),
    }
}

/// Reads a file that may be what is wanted: a plain file, of which at most one byte more is read than it may have.
fn read(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    // Looked at first: to open a pipe would be to wait for its other end.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file"));
    }
    let file = File::open(path)?;
    let mut bytes = Vec::new();
    file.take(most as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// As it is written in the configuration.
impl std::fmt::Display for ComponentSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Standard(name) => f.write_str(name),
            Self::Registry(pinned) => pinned.fmt(f),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}
