//! The text of an API key: `ilk_`, its id, `_`, its secret and a checksum.
//!
//! The prefix and the checksum are for scanners, which look for keys in places where none should be, and for a clear error
//! where one was not copied whole.

use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::secret::Secret;

const PREFIX: &str = "ilk_";
/// Hexadecimal digits of the id: 48 random bits, which find the key and are no secret.
const ID: usize = 12;
/// Of the secret: 256 random bits.
const SECRET: usize = 64;
/// Of the checksum over all before it.
const CHECKSUM: usize = 8;

/// A whole key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    id: String,
    secret: Secret,
}

/// What is no key, or not a whole one. Does not repeat it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no API key of Interlock, or not a whole one")]
pub struct NotAKey;

impl ApiKey {
    /// A new key, from the operating system's random source.
    ///
    /// # Errors
    /// If that has none to give.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut random = [0; (ID + SECRET) / 2];
        getrandom::fill(&mut random)?;
        let digits = hex(&random);
        let (id, secret) = digits.split_at(ID);
        Ok(Self { id: id.to_owned(), secret: Secret::new(secret) })
    }

    /// Whether a text was meant to be a key, whole or not. No token is: those begin with the Base64 of `{"`.
    pub fn is_meant_by(text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    /// Its public part.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its secret part.
    pub(super) fn secret(&self) -> &str {
        self.secret.expose()
    }

    /// The whole of it, to be shown once.
    pub fn expose(&self) -> String {
        let whole = format!("{PREFIX}{}_{}", self.id, self.secret.expose());
        format!("{whole}{}", checksum(&whole))
    }
}

impl FromStr for ApiKey {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let (id, rest) = text.strip_prefix(PREFIX).and_then(|rest| rest.split_once('_')).ok_or(NotAKey)?;
        let (secret, sum) = rest.split_at_checked(SECRET).ok_or(NotAKey)?;
        let digits =
            |text: &str, count| text.len() == count && text.bytes().all(|digit| b"0123456789abcdef".contains(&digit));
        let whole = text.len().checked_sub(CHECKSUM).and_then(|end| text.get(..end)).ok_or(NotAKey)?;
        if digits(id, ID) && digits(secret, SECRET) && digits(sum, CHECKSUM) && checksum(whole) == sum {
            Ok(Self { id: id.to_owned(), secret: Secret::new(secret) })
        } else {
            Err(NotAKey)
        }
    }
}

fn checksum(text: &str) -> String {
    let mut sum = hex(&Sha256::digest(text));
    sum.truncate(CHECKSUM);
    sum
}

/// Two hexadecimal digits for each byte.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_shown_and_not_otherwise() {
        let key = ApiKey::generate().unwrap();
        let shown = key.expose();
        assert_eq!(shown.len(), PREFIX.len() + ID + 1 + SECRET + CHECKSUM);
        assert_eq!(shown.parse(), Ok(key));
        for at in 0..shown.len() {
            let mut other = shown.clone().into_bytes();
            other[at] = if other[at] == b'0' { b'1' } else { b'0' };
            assert_eq!(String::from_utf8(other).unwrap().parse::<ApiKey>(), Err(NotAKey), "at {at}");
        }
        for wrong in ["", "ilk_", &shown[..shown.len() - 1], &format!("{shown}0"), &format!(" {shown}"), "ilk_é_é"] {
            assert_eq!(wrong.parse::<ApiKey>(), Err(NotAKey), "{wrong}");
        }
    }

    #[test]
    fn no_two_are_the_same_and_none_is_shown_by_accident() {
        let (one, other) = (ApiKey::generate().unwrap(), ApiKey::generate().unwrap());
        assert_ne!(one.id(), other.id());
        assert_ne!(one.secret(), other.secret());
        assert!(!format!("{one:?}").contains(one.secret()));
    }
}
