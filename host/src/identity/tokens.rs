//! Access tokens of an issuer: JWTs, signed, for this audience (MCP 2026-07-28, authorization; RFC 8725, RFC 9068).

use std::sync::Arc;

use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header};
use serde_json::{Map, Value};

use super::{
    claims::{self, Bearer},
    issuer::Issuer,
};
use crate::{
    clock::Clock,
    oauth::{DiscoveryError, Endpoint, Fetch, FetchError},
    tasks::Tasks,
};

/// No token is longer, in bytes.
const LONGEST: usize = 16 << 10;

/// How a token may be signed: with a key that only its issuer has.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// The kinds of JWTs that may be access tokens: other kinds of the same issuer say other things (RFC 8725, 3.11).
const TYPES: [&str; 3] = ["jwt", "at+jwt", "application/at+jwt"];

/// Whose tokens are taken, and what they have to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenConfig {
    /// Who issues them, as it calls itself.
    pub issuer: String,
    /// What they have to be issued for: this resource, by its canonical URI.
    pub audience: String,
    /// Where the issuer's keys are; none: where its metadata say.
    pub keys: Option<Endpoint>,
    /// The claim that holds roles: its name, or the JSON Pointer to it.
    pub roles_claim: String,
}

/// Why a token is not taken. Callers are not told which; operators are. Repeats nothing of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// It is no signed JWT that can be read, or lacks what each has to have.
    #[error("it is no signed token that can be read")]
    Malformed,
    /// It is signed with a shared secret, or in a way that is not known.
    #[error("it is not signed by a public-key algorithm that is known")]
    Algorithm,
    /// It is a JWT for something else, or has extensions that must be understood.
    #[error("it is no access token")]
    Kind,
    /// The issuer has no such key.
    #[error("its issuer has no such key")]
    UnknownKey,
    /// The signature is not the key's.
    #[error("its signature is wrong")]
    Signature,
    /// Another issuer's.
    #[error("it is another issuer's")]
    Issuer,
    /// For another audience.
    #[error("it is for another audience")]
    Audience,
    /// Its time is over.
    #[error("it has expired")]
    Expired,
    /// Its time has not come.
    #[error("it is not valid yet")]
    Early,
    /// It is bound to a key of its bearer's.
    #[error("it is bound to a key, and tokens are taken without one")]
    Bound,
    /// It is about nobody.
    #[error("it has no subject that can be a principal")]
    Subject,
    /// The issuer's keys cannot be had.
    #[error("its issuer's keys cannot be had")]
    Unchecked,
}

/// The tokens of one issuer. Clones share everything.
#[derive(Clone, Debug)]
pub struct Tokens(Issuer);

impl Tokens {
    /// Tokens by this configuration. The issuer's keys are fetched when the first one is shown, in `tasks`.
    ///
    /// # Errors
    /// If there is no HTTP client.
    pub fn new(config: TokenConfig, clock: Arc<dyn Clock>, tasks: Tasks) -> Result<Self, FetchError> {
        Ok(Self(Issuer::new(config, Fetch::new()?, clock, tasks)))
    }

    /// Asks the issuer for its keys, and says how many of them tokens may be signed with.
    ///
    /// # Errors
    /// If they cannot be had.
    pub async fn keys(&self) -> Result<usize, DiscoveryError> {
        self.0.fetch_keys().await.map(|keys| keys.len())
    }

    /// Whose token this is, and what for.
    ///
    /// # Errors
    /// If it is not good here and now.
    pub async fn authenticate(&self, shown: &str) -> Result<Bearer, Rejected> {
        if shown.len() > LONGEST {
            return Err(Rejected::Malformed);
        }
        let header = header(shown)?;
        let key = self.0.key(header.kid.as_deref(), header.alg).await?;
        let mut validation = Validation::new(header.alg);
        // By our own clock, and stricter, below.
        (validation.validate_exp, validation.validate_nbf, validation.validate_aud) = (false, false, false);
        validation.required_spec_claims.clear();
        let token = decode::<Map<String, Value>>(shown, &key, &validation).map_err(|_| Rejected::Signature)?;
        claims::read(&token.claims, self.0.config(), self.0.now())
    }
}

/// What a token says of how it is signed. Nothing of it is believed but the name of the key: one that the token brings
/// along, or says where to find (`jwk`, `jku`, `x5c`, `x5u`), is not looked at.
fn header(token: &str) -> Result<Header, Rejected> {
    // An algorithm of another name, such as `none`, is no header to the library.
    let header = decode_header(token).map_err(|_| Rejected::Malformed)?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err(Rejected::Algorithm);
    }
    let is_access = header.typ.as_ref().is_none_or(|typ| TYPES.contains(&typ.to_ascii_lowercase().as_str()));
    if is_access && header.crit.is_none() { Ok(header) } else { Err(Rejected::Kind) }
}
