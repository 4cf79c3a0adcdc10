//! Signatures of components: one line of text each, kept apart from what they are about.

use std::{fmt, str::FromStr};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use ed25519_dalek::Signer as _;
use sha2::{Digest, Sha256};

use super::{KeyId, PublicKey, SecretKey, TrustError};

const PREFIX: &str = "interlock-signature-ed25519";
/// Goes before what is signed, so that no signature of such a key for anything else is one for a component.
const DOMAIN: &[u8] = b"interlock component signature, version 1\0";

/// Who has signed a component, and the proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    signer: KeyId,
    proof: ed25519_dalek::Signature,
}

impl Signature {
    /// Signs a component: its SHA-256, in the domain of components.
    pub fn of(component: &[u8], key: &SecretKey) -> Self {
        Self { signer: key.public().id(), proof: key.signing().sign(&message(component)) }
    }

    /// Whose it says that it is.
    pub fn signer(&self) -> KeyId {
        self.signer
    }
}

/// Finds, among the signatures of a component, a line each, one by a key that is known. A good one is enough, so that a
/// component can be signed with the old key and with the new one.
///
/// # Errors
/// If there is none, or what there is cannot be read.
pub fn verify(component: &[u8], signatures: &str, keys: &[PublicKey]) -> Result<PublicKey, TrustError> {
    let lines = signatures.lines().map(str::trim).filter(|line| !line.is_empty());
    let read: Vec<Signature> = lines.map(str::parse).collect::<Result<_, _>>()?;
    let message = message(component);
    let mut wrong = None;
    for signature in &read {
        for key in keys.iter().filter(|key| key.id() == signature.signer) {
            if key.verifying().verify_strict(&message, &signature.proof).is_ok() {
                return Ok(*key);
            }
            wrong = Some(signature.signer);
        }
    }
    match (wrong, read.first()) {
        (Some(signer), _) => Err(TrustError::Wrong { signer }),
        (None, Some(stranger)) => Err(TrustError::Stranger { signer: stranger.signer, known: known(keys) }),
        (None, None) => Err(TrustError::Malformed),
    }
}

fn message(component: &[u8]) -> Vec<u8> {
    [DOMAIN, &Sha256::digest(component)].concat()
}

fn known(keys: &[PublicKey]) -> String {
    let ids: Vec<String> = keys.iter().map(|key| key.id().to_string()).collect();
    match ids.as_slice() {
        [] => "none is".to_owned(),
        [one] => format!("only {one} is"),
        several => format!("{} are", several.join(", ")),
    }
}

impl FromStr for Signature {
    type Err = TrustError;

    fn from_str(line: &str) -> Result<Self, TrustError> {
        let mut words = line.split_ascii_whitespace();
        let (Some(PREFIX), Some(signer), Some(proof), None) = (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(TrustError::Malformed);
        };
        let signer = signer.parse().map_err(|()| TrustError::Malformed)?;
        let bytes = BASE64_STANDARD.decode(proof).map_err(|_| TrustError::Malformed)?;
        let proof = ed25519_dalek::Signature::from_slice(&bytes).map_err(|_| TrustError::Malformed)?;
        Ok(Self { signer, proof })
    }
}

/// The line that is kept.
impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX} {} {}", self.signer, BASE64_STANDARD.encode(self.proof.to_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPONENT: &[u8] = b"\0asm, and what makes up a component";

    #[test]
    fn a_signature_holds_for_one_component_and_one_key() {
        let (key, other) = (SecretKey::generate().unwrap(), SecretKey::generate().unwrap());
        let line = Signature::of(COMPONENT, &key).to_string();
        assert_eq!(verify(COMPONENT, &line, &[other.public(), key.public()]), Ok(key.public()));
        let mut changed = COMPONENT.to_vec();
        changed[5] ^= 1;
        let signer = key.public().id();
        assert_eq!(verify(&changed, &line, &[key.public()]), Err(TrustError::Wrong { signer }));
        let known = format!("only {} is", other.public().id());
        assert_eq!(verify(COMPONENT, &line, &[other.public()]), Err(TrustError::Stranger { signer, known }));
    }

    #[test]
    fn whoever_claims_to_be_another_has_signed_nothing() {
        let (key, other) = (SecretKey::generate().unwrap(), SecretKey::generate().unwrap());
        let forged = Signature { signer: key.public().id(), ..Signature::of(COMPONENT, &other) };
        let refused = verify(COMPONENT, &forged.to_string(), &[key.public(), other.public()]);
        assert_eq!(refused, Err(TrustError::Wrong { signer: key.public().id() }));
    }

    #[test]
    fn what_was_signed_as_something_else_is_no_signature_of_a_component() {
        let key = SecretKey::generate().unwrap();
        for bare in [Sha256::digest(COMPONENT).to_vec(), COMPONENT.to_vec()] {
            let signature = Signature { signer: key.public().id(), proof: key.signing().sign(&bare) };
            assert!(verify(COMPONENT, &signature.to_string(), &[key.public()]).is_err());
        }
    }

    #[test]
    fn one_good_signature_among_several_is_enough() {
        let (key, other) = (SecretKey::generate().unwrap(), SecretKey::generate().unwrap());
        let lines = format!("{}\n{}\n", Signature::of(COMPONENT, &other), Signature::of(COMPONENT, &key));
        assert_eq!(verify(COMPONENT, &lines, &[key.public()]), Ok(key.public()));
        assert_eq!(verify(COMPONENT, &format!("{lines}what is this\n"), &[key.public()]), Err(TrustError::Malformed));
        assert_eq!(verify(COMPONENT, "\n", &[key.public()]), Err(TrustError::Malformed));
    }
}
