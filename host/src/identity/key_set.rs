//! The public keys of an issuer (RFC 7517), each with the algorithms that it is for.

use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse},
};
use serde_json::Value;

/// Most keys of an issuer.
const MOST: usize = 64;

const RSA: [Algorithm; 6] =
    [Algorithm::RS256, Algorithm::RS384, Algorithm::RS512, Algorithm::PS256, Algorithm::PS384, Algorithm::PS512];

/// Keys that signatures are checked by.
#[derive(Clone, Debug)]
pub(super) struct KeySet(Vec<Published>);

#[derive(Clone, Debug)]
struct Published {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

impl KeySet {
    /// Reads a JWK Set. Keys of other kinds, and those that are for something else, are left out; none if it is no set.
    pub(super) fn read(document: &Value) -> Option<Self> {
        let all = document.get("keys")?.as_array()?;
        let keys = all.iter().filter_map(|key| published(&serde_json::from_value(key.clone()).ok()?));
        Some(Self(keys.take(MOST).collect()))
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The key with this id, if it is for this algorithm; without an id, the only one that is.
    pub(super) fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<&DecodingKey> {
        let mut fitting = self.0.iter().filter(|one| one.algorithms.contains(&algorithm));
        match id {
            Some(id) => fitting.find(|one| one.id.as_deref() == Some(id)).map(|one| &one.key),
            None => match (fitting.next(), fitting.next()) {
                (Some(only), None) => Some(&only.key),
                (Some(_), Some(_)) | (None, _) => None,
            },
        }
    }
}

fn published(jwk: &Jwk) -> Option<Published> {
    let for_signatures = jwk.common.public_key_use.as_ref().is_none_or(|it| *it == PublicKeyUse::Signature)
        && jwk.common.key_operations.as_ref().is_none_or(|all| all.contains(&KeyOperations::Verify));
    let mut algorithms = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => RSA.to_vec(),
        AlgorithmParameters::EllipticCurve(key) => match key.curve {
            EllipticCurve::P256 => vec![Algorithm::ES256],
            EllipticCurve::P384 => vec![Algorithm::ES384],
            _ => Vec::new(),
        },
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => vec![Algorithm::EdDSA],
        // A secret that is published is none; other kinds are not known.
        _ => Vec::new(),
    };
    if let Some(only) = jwk.common.key_algorithm {
        algorithms.retain(|algorithm| Algorithm::try_from(only).is_ok_and(|only| only == *algorithm));
    }
    let fits = for_signatures && !algorithms.is_empty();
    let key = fits.then(|| DecodingKey::from_jwk(jwk).ok()).flatten()?;
    Some(Published { id: jwk.common.key_id.clone(), algorithms, key })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ec(id: &str, more: Value) -> Value {
        let mut key = json!({
            "kty": "EC", "crv": "P-256", "kid": id,
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        });
        key.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        key
    }

    #[test]
    fn a_key_is_found_by_its_id_for_its_own_algorithms_only() {
        let set = KeySet::read(&json!({"keys": [ec("a", json!({})), {"kty": "oct", "kid": "b", "k": "AAAA"},
            {"kty": "RSA", "kid": "c", "n": "AQAB", "e": "AQAB"}, {"kty": "new"}, 7]}))
        .unwrap();
        assert!(set.find(Some("a"), Algorithm::ES256).is_some() && set.find(Some("a"), Algorithm::ES384).is_none());
        assert!(set.find(Some("a"), Algorithm::HS256).is_none() && set.find(Some("b"), Algorithm::HS256).is_none());
        assert!(set.find(Some("c"), Algorithm::PS512).is_some() && set.find(Some("d"), Algorithm::RS256).is_none());
        assert!(set.find(None, Algorithm::ES256).is_some(), "there is one only");
        let two = KeySet::read(&json!({"keys": [ec("a", json!({})), ec("b", json!({}))]})).unwrap();
        assert!(two.find(None, Algorithm::ES256).is_none());
    }

    #[test]
    fn what_is_not_for_signatures_is_left_out() {
        for other in
            [json!({"use": "enc"}), json!({"key_ops": ["encrypt"]}), json!({"alg": "ES384"}), json!({"crv": "P-521"})]
        {
            let set = KeySet::read(&json!({"keys": [ec("a", other.clone())]})).unwrap();
            assert!(set.find(Some("a"), Algorithm::ES256).is_none(), "{other}");
        }
        let set =
            KeySet::read(&json!({"keys": [ec("a", json!({"use": "sig", "alg": "ES256", "key_ops": ["verify"]}))]}));
        assert!(set.unwrap().find(Some("a"), Algorithm::ES256).is_some());
        assert!(KeySet::read(&json!({})).is_none() && KeySet::read(&json!({"keys": {}})).is_none());
    }
}
