//! The plugins that Interlock brings, and the reading of any component's bytes.

use std::{
    borrow::Cow,
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

use super::{ComponentSource, LoadError, Supply, shape::MAX_BYTES, signature_of};
use crate::{tasks, trust::Trust};

/// A file larger than this holds no signatures.
const MAX_SIGNATURE_BYTES: usize = 16 << 10;

include!(concat!(env!("OUT_DIR"), "/standard_plugins.rs"));

/// Names of the plugins that Interlock brings, in alphabetical order.
pub fn standard_plugins() -> Vec<&'static str> {
    STANDARD.iter().map(|(name, _)| *name).collect()
}

impl ComponentSource {
    /// The component's bytes, if they may be used: nothing of what comes from outside has been looked at but its size and
    /// its signature. What Interlock brings is a part of it, and needs none.
    ///
    /// # Errors
    /// If there is no such plugin, the file cannot be read or is too large, or nobody who is trusted has signed it.
    pub async fn read(&self, supply: &Supply) -> Result<Cow<'static, [u8]>, LoadError> {
        match self {
            Self::Standard(name) => STANDARD
                .iter()
                .find_map(|(standard, bytes)| (standard == name).then_some(Cow::Borrowed(*bytes)))
                .ok_or_else(|| LoadError::NoSuchPlugin { name: name.clone(), known: standard_plugins().join(", ") }),
            Self::File(path) => {
                let (path, trust) = (path.clone(), supply.trust.clone());
                let read = move || file(&path, &trust);
                tasks::blocking(read).await.map_err(|panicked| LoadError::Host(panicked.to_string()))?.map(Cow::Owned)
            }
        }
    }
}

/// A component's file, and if need be its signature, which lies beside it.
fn file(path: &Path, trust: &Trust) -> Result<Vec<u8>, LoadError> {
    let unreadable = |path: &Path, source| LoadError::Unreadable { path: path.to_owned(), source };
    let bytes = read(path, MAX_BYTES).map_err(|source| unreadable(path, source))?;
    if bytes.len() > MAX_BYTES {
        return Err(LoadError::TooLarge { bytes: bytes.len(), limit: MAX_BYTES });
    }
    if trust.demands_signature() {
        let beside = signature_of(path);
        let signatures = match read(&beside, MAX_SIGNATURE_BYTES) {
            Ok(text) => Some(String::from_utf8_lossy(&text).into_owned()),
            Err(none) if none.kind() == io::ErrorKind::NotFound => None,
            Err(source) => return Err(unreadable(&beside, source)),
        };
        trust.admit(&bytes, signatures.as_deref())?;
    }
    Ok(bytes)
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
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}
