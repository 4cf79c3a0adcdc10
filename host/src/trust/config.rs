//! What a configuration says about trust: the keys, or where they are.

use std::path::{Path, PathBuf};

use super::{KeyError, PublicKey, Trust};

/// Whose components are to be loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// The keys that are trusted.
    pub keys: Vec<KeyAt>,
    /// Whether only what one of them has signed is loaded.
    pub require_signature: bool,
}

/// A key, or the file that holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyAt {
    /// The file, as an absolute path.
    File(PathBuf),
    /// The key itself.
    Here(PublicKey),
}

impl Config {
    /// Reads all keys: blocking.
    ///
    /// # Errors
    /// What is wrong with which of them, by number.
    pub fn keys(&self) -> Result<Vec<PublicKey>, Vec<(usize, KeyError)>> {
        let (mut keys, mut wrong) = (Vec::new(), Vec::new());
        for (number, at) in self.keys.iter().enumerate() {
            let key = match at {
                KeyAt::File(path) => PublicKey::read(path),
                KeyAt::Here(key) => Ok(*key),
            };
            match key {
                Ok(key) => keys.push(key),
                Err(error) => wrong.push((number, error)),
            }
        }
        if wrong.is_empty() { Ok(keys) } else { Err(wrong) }
    }

    /// What is demanded of components: blocking, as it reads the keys.
    ///
    /// # Errors
    /// As for [`Config::keys`].
    pub fn trust(&self) -> Result<Trust, Vec<(usize, KeyError)>> {
        let keys = self.keys()?;
        Ok(if self.require_signature { Trust::SignedBy(keys) } else { Trust::Anyone })
    }

    /// The files that hold keys.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.keys.iter().filter_map(|at| match at {
            KeyAt::File(path) => Some(path.as_path()),
            KeyAt::Here(_) => None,
        })
    }
}
