//! The issuer: its metadata, its one key, and its tokens.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::anyhow;
use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use axum::{Router, routing::get};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use serde_json::{Value, json};

/// What its tokens are for. Nothing is asked for at this address.
pub(crate) const AUDIENCE: &str = "https://gateway.example.com/mcp";
/// How long they last, in seconds: each is shown once.
const LASTS: u64 = 60;

/// It. Clones share the key.
#[derive(Clone)]
pub(crate) struct Issuer {
    url: Arc<str>,
    key: EncodingKey,
    public: Value,
}

impl Issuer {
    /// One with a new key, at this URL.
    pub(crate) fn new(url: &str) -> anyhow::Result<Self> {
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        let key = EncodingKey::from_ec_der(made.map_err(|_| anyhow!("no key can be made"))?.as_ref());
        let public = serde_json::to_value(Jwk::from_encoding_key(&key, Algorithm::ES256)?)?;
        Ok(Self { url: url.into(), key, public })
    }

    /// What it tells of itself.
    pub(crate) fn router(&self) -> Router {
        let metadata = json!({"issuer": &*self.url, "jwks_uri": format!("{}/keys", self.url)}).to_string();
        let keys = json!({"keys": [self.public]}).to_string();
        Router::new()
            .route("/.well-known/oauth-authorization-server", get(async move || metadata))
            .route("/keys", get(async move || keys))
    }

    /// A token for the suite.
    pub(crate) fn token(&self) -> anyhow::Result<String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let claims = json!({
            "iss": &*self.url, "aud": AUDIENCE, "sub": "suite", "iat": now, "exp": now + LASTS, "scope": "mcp tools",
        });
        Ok(encode(&Header::new(Algorithm::ES256), &claims, &self.key)?)
    }
}
