//! Callers over HTTP, by their API keys and access tokens.

use async_trait::async_trait;

use super::App;
use crate::{
    config::Config,
    gateway::{Authenticate, Credential, Granted, Known, Unauthenticated},
    identity::{ApiKey, Denied, Keys, Rejected, Tokens},
    oauth::FetchError,
    tasks::Tasks,
};

/// The keys and tokens, as the gateway sees them: who they belong to, and nothing of how they are made.
#[derive(Debug)]
pub struct Keyring {
    keys: Option<Keys>,
    tokens: Option<Tokens>,
}

impl Keyring {
    /// What a configuration takes; none if it takes whoever comes. An issuer's keys are fetched in `tasks`.
    ///
    /// # Errors
    /// If there is no HTTP client.
    pub fn of(config: &Config, app: &App, tasks: &Tasks) -> Result<Option<Self>, FetchError> {
        let keys = config.http_keys.then(|| Keys::new(app.journal.clone(), config.journal.pepper()));
        let tokens = config.jwt.as_ref().map(|jwt| Tokens::new(jwt.tokens.clone(), app.clock.clone(), tasks.clone()));
        let tokens = tokens.transpose()?;
        Ok(config.asks_for_credentials().then_some(Self { keys, tokens }))
    }

    async fn by_key(&self, key: &str) -> Result<Known, Unauthenticated> {
        let Some(keys) = &self.keys else { return Err(denied(&"API keys are not taken")) };
        match keys.authenticate(key).await {
            Ok(caller) => Ok(Known { caller, granted: Granted::Everything }),
            Err(Denied::Unchecked(error)) => {
                tracing::error!(%error, "API keys cannot be checked");
                Err(Unauthenticated::Unavailable)
            }
            Err(why @ (Denied::Unknown | Denied::Revoked(_) | Denied::Expired(_))) => Err(denied(&why)),
        }
    }

    async fn by_token(&self, token: &str) -> Result<Known, Unauthenticated> {
        let Some(tokens) = &self.tokens else { return Err(denied(&"access tokens are not taken")) };
        match tokens.authenticate(token).await {
            Ok(bearer) => Ok(Known { caller: bearer.caller, granted: Granted::Scopes(bearer.scopes) }),
            // The log has why, from whoever asked the issuer.
            Err(Rejected::Unchecked) => Err(Unauthenticated::Unavailable),
            Err(why) => Err(denied(&why)),
        }
    }
}

fn denied(why: &dyn std::fmt::Display) -> Unauthenticated {
    tracing::warn!(denied = %why, "somebody was not let in");
    Unauthenticated::Denied
}

#[async_trait]
impl Authenticate for Keyring {
    async fn authenticate(&self, credential: Credential<'_>) -> Result<Known, Unauthenticated> {
        match credential {
            Credential::Key(key) => self.by_key(key).await,
            Credential::Bearer(key) if ApiKey::is_meant_by(key) => self.by_key(key).await,
            Credential::Bearer(token) => self.by_token(token).await,
        }
    }
}
