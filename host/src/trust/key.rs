//! Ed25519 keys as one line of text each, so that one is recognised wherever it turns up.

use std::{
    fmt,
    fs::{self, File},
    io::{self, Read},
    path::Path,
    str::FromStr,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use ed25519_dalek::{SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use super::KeyError;

const PUBLIC: &str = "interlock-public-key-ed25519";
const SECRET: &str = "interlock-secret-key-ed25519";
/// A file larger than this is no key.
const MAX_BYTES: u64 = 4096;

/// What a signature can be checked with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

/// What signs. Its memory is overwritten when it is dropped.
pub struct SecretKey(SigningKey);

/// The beginning of the SHA-256 of a public key: enough to tell keys apart, not to trust one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyId([u8; 8]);

impl PublicKey {
    /// Reads the key in a file.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        read(path)?.parse()
    }

    /// Whether a text in a configuration is meant as a key, rather than as a path.
    pub fn is_meant_by(text: &str) -> bool {
        text.starts_with(PUBLIC) || text.starts_with(SECRET)
    }

    /// By what people tell it from others.
    pub fn id(&self) -> KeyId {
        let mut id = [0; 8];
        id.iter_mut().zip(Sha256::digest(self.0.as_bytes())).for_each(|(to, from)| *to = from);
        KeyId(id)
    }

    /// The key, for checking.
    pub(super) fn verifying(&self) -> &VerifyingKey {
        &self.0
    }
}

impl SecretKey {
    /// Makes a new one, from the randomness of the operating system.
    ///
    /// # Errors
    /// If that has none to give.
    pub fn generate() -> io::Result<Self> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(io::Error::other)?;
        Ok(Self(SigningKey::from_bytes(&seed)))
    }

    /// Reads the key in a file.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        read(path)?.parse()
    }

    /// What its signatures are checked with.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// The line that is kept in a file of its owner alone.
    pub fn to_line(&self) -> String {
        format!("{SECRET} {}", BASE64_STANDARD.encode(self.0.as_bytes()))
    }

    /// The key, for signing.
    pub(super) fn signing(&self) -> &SigningKey {
        &self.0
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        if text.trim_start().starts_with(SECRET) {
            return Err(KeyError::Secret);
        }
        let bytes = bytes(text, PUBLIC).ok_or(KeyError::NotAKey { wanted: "public", prefix: PUBLIC })??;
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| KeyError::Damaged)?;
        // Under a key of small order, signatures can be made that hold for anything.
        if key.is_weak() { Err(KeyError::Damaged) } else { Ok(Self(key)) }
    }
}

impl FromStr for SecretKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let bytes = bytes(text, SECRET).ok_or(KeyError::NotAKey { wanted: "secret", prefix: SECRET })??;
        Ok(Self(SigningKey::from_bytes(&bytes)))
    }
}

impl FromStr for KeyId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let number = u64::from_str_radix(text, 16).ok().filter(|_| text.len() == 16).ok_or(())?;
        Ok(Self(number.to_be_bytes()))
    }
}

/// The 32 bytes after the prefix; none if there is another, or more than one line.
fn bytes(text: &str, prefix: &str) -> Option<Result<[u8; 32], KeyError>> {
    let encoded = text.trim().strip_prefix(prefix)?.strip_prefix(' ')?;
    let decoded = BASE64_STANDARD.decode(encoded.trim_start()).ok().and_then(|bytes| bytes.try_into().ok());
    Some(decoded.ok_or(KeyError::Damaged))
}

fn read(path: &Path) -> Result<String, KeyError> {
    let mut text = String::new();
    let opened = plain(path).and_then(|()| File::open(path));
    match opened.and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text)) {
        Ok(_) => Ok(text),
        Err(source) => Err(KeyError::Unreadable { path: path.to_owned(), source }),
    }
}

/// Looked at before a file is opened: to open a pipe would be to wait for its other end.
fn plain(path: &Path) -> io::Result<()> {
    match fs::metadata(path)?.is_file() {
        true => Ok(()),
        false => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file")),
    }
}

/// The line that is handed out.
impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PUBLIC} {}", BASE64_STANDARD.encode(self.0.as_bytes()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.id())
    }
}

/// Tells the public half alone.
impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({})", self.public().id())
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_back_from_their_lines() {
        let secret = SecretKey::generate().unwrap();
        let public = secret.public();
        assert_eq!(public.to_string().parse::<PublicKey>().unwrap(), public);
        assert_eq!(format!(" {public}\r\n").parse::<PublicKey>().unwrap(), public, "space around it is none of it");
        assert_eq!(secret.to_line().parse::<SecretKey>().unwrap().public(), public);
        assert_eq!(public.id().to_string().parse::<KeyId>().unwrap(), public.id());
        assert_ne!(SecretKey::generate().unwrap().public(), public);
    }

    #[test]
    fn what_is_no_key_is_told_from_what_is() {
        let secret = SecretKey::generate().unwrap();
        let public = secret.public().to_string();
        let read = |text: &str| text.parse::<PublicKey>().unwrap_err();
        assert!(matches!(read(&secret.to_line()), KeyError::Secret));
        assert!(matches!(public.parse::<SecretKey>().unwrap_err(), KeyError::NotAKey { wanted: "secret", .. }));
        for text in ["", "ssh-ed25519 AAAA", PUBLIC, "-----BEGIN PUBLIC KEY-----"] {
            assert!(matches!(read(text), KeyError::NotAKey { .. }), "{text}");
        }
        // Cut short, two of them, and the neutral element of the curve.
        let neutral = format!("{PUBLIC} {}", BASE64_STANDARD.encode([[1].as_slice(), &[0; 31]].concat()));
        for text in [&public[..public.len() - 4], &format!("{public}\n{public}"), &neutral] {
            assert!(matches!(read(text), KeyError::Damaged), "{text}");
        }
    }

    #[test]
    fn a_secret_key_is_not_shown() {
        let secret = SecretKey::generate().unwrap();
        let shown = format!("{secret:?}");
        assert_eq!(shown, format!("SecretKey({})", secret.public().id()));
    }
}
