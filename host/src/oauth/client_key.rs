//! A client's own key, by which it proves who it is without a secret that both know (RFC 7523, `private_key_jwt`).

use std::{fmt, time::Duration};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::json;
use uuid::Uuid;

use crate::{clock::Timestamp, secret::Secret};

/// How long a proof lasts. It is used at once.
const LASTS: Duration = Duration::from_mins(1);

/// A private key, and how it signs.
#[derive(Clone)]
pub struct ClientKey {
    pem: Secret,
    key: EncodingKey,
    algorithm: Algorithm,
}

/// What is no private key. Does not repeat it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no private key in PEM (PKCS #8): of P-256, P-384, Ed25519 or RSA")]
pub struct NotAClientKey;

impl ClientKey {
    /// Reads a private key.
    ///
    /// # Errors
    /// If it is none.
    pub fn read(pem: &Secret) -> Result<Self, NotAClientKey> {
        let bytes = pem.expose().as_bytes();
        let ways = [
            (EncodingKey::from_ec_pem(bytes), &[Algorithm::ES256, Algorithm::ES384][..]),
            (EncodingKey::from_ed_pem(bytes), &[Algorithm::EdDSA]),
            (EncodingKey::from_rsa_pem(bytes), &[Algorithm::RS256]),
        ];
        for (key, algorithms) in ways {
            let Ok(key) = key else { continue };
            // Which curve it is on shows when it signs.
            let signs = |algorithm: &&Algorithm| encode(&Header::new(**algorithm), &json!({}), &key).is_ok();
            if let Some(algorithm) = algorithms.iter().find(signs) {
                return Ok(Self { pem: pem.clone(), key, algorithm: *algorithm });
            }
        }
        Err(NotAClientKey)
    }

    /// A proof, towards whoever has this name, that the bearer is this client; none if the key does not sign any more.
    pub fn proof(&self, client: &str, audience: &str, now: Timestamp) -> Option<Secret> {
        let seconds = |at: Timestamp| at.0 / 1000;
        let claims = json!({
            "iss": client, "sub": client, "aud": audience, "jti": Uuid::new_v4().to_string(),
            "iat": seconds(now), "exp": seconds(now.plus(LASTS)),
        });
        encode(&Header::new(self.algorithm), &claims, &self.key).ok().map(Secret::new)
    }
}

/// As they were written.
impl PartialEq for ClientKey {
    fn eq(&self, other: &Self) -> bool {
        self.pem == other.pem
    }
}

impl fmt::Debug for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::{encoding::AsDer as _, rand::SystemRandom, rsa, signature};
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    use jsonwebtoken::{DecodingKey, Validation, decode, jwk::Jwk};
    use serde_json::Value;

    use super::*;

    fn pem(der: &[u8]) -> Secret {
        Secret::new(format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            BASE64_STANDARD.encode(der)
        ))
    }

    #[test]
    fn a_key_of_each_kind_proves_who_the_client_is() {
        let random = SystemRandom::new();
        let ec = |curve| signature::EcdsaKeyPair::generate_pkcs8(curve, &random).unwrap().as_ref().to_vec();
        let ed = signature::Ed25519KeyPair::generate_pkcs8(&random).unwrap();
        let ed_public = signature::Ed25519KeyPair::from_pkcs8(ed.as_ref()).unwrap();
        let ed_public = signature::KeyPair::public_key(&ed_public);
        let rsa = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).unwrap().as_der().unwrap();
        for (der, algorithm) in [
            (ec(&signature::ECDSA_P256_SHA256_FIXED_SIGNING), Algorithm::ES256),
            (ec(&signature::ECDSA_P384_SHA384_FIXED_SIGNING), Algorithm::ES384),
            (ed.as_ref().to_vec(), Algorithm::EdDSA),
            (rsa.as_ref().to_vec(), Algorithm::RS256),
        ] {
            let key = ClientKey::read(&pem(&der)).unwrap();
            assert_eq!(key.algorithm, algorithm);
            let proof = key.proof("gate", "https://id.example.com", Timestamp(4_102_444_800_000)).unwrap();
            let public = match algorithm {
                Algorithm::EdDSA => DecodingKey::from_ed_der(ed_public.as_ref()),
                _ => DecodingKey::from_jwk(&Jwk::from_encoding_key(&key.key, algorithm).unwrap()).unwrap(),
            };
            let mut validation = Validation::new(algorithm);
            validation.set_audience(&["https://id.example.com"]);
            let claims = decode::<Value>(proof.expose(), &public, &validation).unwrap().claims;
            assert_eq!(
                (&claims["iss"], &claims["sub"], &claims["exp"]),
                (&json!("gate"), &json!("gate"), &json!(4_102_444_860_u64))
            );
            assert!(!format!("{key:?}").contains("BEGIN") && key == key.clone());
        }
        for wrong in ["", "x", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
            assert_eq!(ClientKey::read(&Secret::new(wrong)), Err(NotAClientKey), "{wrong}");
        }
    }
}
