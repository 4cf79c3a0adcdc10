//! Random keys of this journal, in files beside it. By one, the pepper, the secrets of API keys are digested; another seals
//! what clients are given to come back with, and what was sent where its digest is on record.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::key::{ApiKey, hex};

/// Its length in bytes.
const LENGTH: usize = 32;

/// The pepper of one journal.
#[derive(Clone)]
pub struct Pepper([u8; LENGTH]);

/// Why there is no pepper.
#[derive(Debug, thiserror::Error)]
pub enum PepperError {
    /// Keys were made, and what they were digested with is gone.
    #[error("`{}`, without which no API key can be checked, is not there", .0.display())]
    Gone(PathBuf),
    /// The file is not as this program wrote it.
    #[error("`{}` does not hold a pepper: 64 hexadecimal digits", .0.display())]
    Malformed(PathBuf),
    /// It cannot be read or written.
    #[error("`{}`: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl Pepper {
    /// Reads the pepper.
    ///
    /// # Errors
    /// If it is not there, or not whole.
    pub fn read(path: &Path) -> Result<Self, PepperError> {
        let text = fs::read_to_string(path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => PepperError::Gone(path.to_owned()),
            _ => PepperError::File { path: path.to_owned(), source },
        })?;
        let digits = text.trim_end();
        let bytes: Option<Vec<u8>> = (digits.len() == 2 * LENGTH && digits.is_ascii())
            .then(|| (0..LENGTH).map(|at| u8::from_str_radix(digits.get(2 * at..2 * at + 2)?, 16).ok()).collect())
            .flatten();
        let pepper = bytes.and_then(|bytes| bytes.try_into().ok());
        pepper.map(Self).ok_or_else(|| PepperError::Malformed(path.to_owned()))
    }

    /// Reads the pepper, or makes one, for its owner's eyes only. Two that make one at the same instant get the same.
    ///
    /// # Errors
    /// If it cannot be written, or what is there is no pepper.
    pub fn read_or_make(path: &Path) -> Result<Self, PepperError> {
        match Self::read(path) {
            Err(PepperError::Gone(_)) => {}
            found => return found,
        }
        let failed = |source: io::Error| PepperError::File { path: path.to_owned(), source };
        let mut bytes = [0; LENGTH];
        getrandom::fill(&mut bytes).map_err(|error| failed(io::Error::other(error.to_string())))?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // Readable by its owner only from the start, and there only when it is whole.
        let made = tempfile::Builder::new().prefix(".pepper").tempfile_in(folder).map_err(failed)?;
        fs::write(made.path(), hex(&bytes)).and_then(|()| made.as_file().sync_all()).map_err(failed)?;
        match made.persist_noclobber(path) {
            Ok(_) => {}
            Err(there) if there.error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed(error.error)),
        }
        Self::read(path)
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// HMAC-SHA-256 of a text, as hexadecimal digits: without the key nobody can try what the text was.
    pub fn seal(&self, text: &str) -> String {
        let mut mac = self.keyed();
        mac.update(text.as_bytes());
        hex(&mac.finalize().into_bytes())
    }

    /// What the journal has of a key.
    pub(super) fn digest(&self, key: &ApiKey) -> String {
        hex(&self.mac(key).finalize().into_bytes())
    }

    /// Whether a key is the one that was digested so. Takes as long whatever is wrong.
    pub(super) fn is(&self, key: &ApiKey, digest: &str) -> bool {
        let wanted: Vec<u8> = (0..digest.len() / 2)
            .filter_map(|at| u8::from_str_radix(digest.get(2 * at..2 * at + 2)?, 16).ok())
            .collect();
        self.mac(key).verify_slice(&wanted).is_ok()
    }

    fn keyed(&self) -> Hmac<Sha256> {
        #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
        Hmac::<Sha256>::new_from_slice(&self.0).expect("a key of any length")
    }

    fn mac(&self, key: &ApiKey) -> Hmac<Sha256> {
        let mut mac = self.keyed();
        mac.update(key.id().as_bytes());
        mac.update(key.secret().as_bytes());
        mac
    }
}

impl std::fmt::Debug for Pepper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pepper(…)")
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_pepper_is_made_once_for_its_owner_only_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pepper");
        assert!(matches!(Pepper::read(&path), Err(PepperError::Gone(_))));
        let made = Pepper::read_or_make(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(Pepper::read_or_make(&path).unwrap().0, made.0);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
        for wrong in ["", "00", &"z".repeat(64), &"é".repeat(32)] {
            fs::write(&path, wrong).unwrap();
            assert!(matches!(Pepper::read_or_make(&path), Err(PepperError::Malformed(_))), "{wrong}");
        }
    }

    #[test]
    fn a_digest_is_of_one_key_and_one_pepper() {
        let (one, other) = (Pepper([1; LENGTH]), Pepper([2; LENGTH]));
        let (key, another) = (ApiKey::generate().unwrap(), ApiKey::generate().unwrap());
        let digest = one.digest(&key);
        assert!(one.is(&key, &digest) && !one.is(&another, &digest) && !other.is(&key, &digest));
        assert!(!one.is(&key, "") && !one.is(&key, &digest[2..]));
        assert!(!digest.contains(key.secret()));
    }
}
