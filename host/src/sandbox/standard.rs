//! The plugins that Interlock brings, and the reading of any component's bytes.

use std::{
    borrow::Cow,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::{ComponentSource, LoadError, shape::MAX_BYTES};
use crate::tasks;

include!(concat!(env!("OUT_DIR"), "/standard_plugins.rs"));

/// Names of the plugins that Interlock brings, in alphabetical order.
pub fn standard_plugins() -> Vec<&'static str> {
    STANDARD.iter().map(|(name, _)| *name).collect()
}

impl ComponentSource {
    /// The component's bytes.
    ///
    /// # Errors
    /// If there is no such plugin, or the file cannot be read.
    pub async fn read(&self) -> Result<Cow<'static, [u8]>, LoadError> {
        match self {
            Self::Standard(name) => STANDARD
                .iter()
                .find_map(|(standard, bytes)| (standard == name).then_some(Cow::Borrowed(*bytes)))
                .ok_or_else(|| LoadError::NoSuchPlugin { name: name.clone(), known: standard_plugins().join(", ") }),
            Self::File(path) => {
                let (at, path): (PathBuf, _) = (path.clone(), path.clone());
                let bytes = tasks::blocking(move || read(&at))
                    .await
                    .map_err(|panicked| LoadError::Host(panicked.to_string()))?;
                bytes.map(Cow::Owned).map_err(|source| LoadError::Unreadable { path, source })
            }
        }
    }
}

/// Reads a file that may be a component: a plain file, of which no more is read than a component may have.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    // Looked at first: to open a pipe would be to wait for its other end.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file"));
    }
    let file = File::open(path)?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// As it is written in the configuration.
impl std::fmt::Display for ComponentSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Standard(name) => f.write_str(name),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}
