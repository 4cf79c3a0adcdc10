//! Callers over HTTP, by their API keys.

use async_trait::async_trait;

use crate::{
    call::Caller,
    gateway::{Authenticate, Unauthenticated},
    identity::{Denied, Keys},
};

/// The keys, as the gateway sees them: who they belong to, and nothing of how they are made.
#[derive(Debug)]
pub struct Keyring(pub Keys);

#[async_trait]
impl Authenticate for Keyring {
    async fn authenticate(&self, credential: &str) -> Result<Caller, Unauthenticated> {
        self.0.authenticate(credential).await.map_err(|denied| match denied {
            Denied::Unchecked(error) => {
                tracing::error!(%error, "API keys cannot be checked");
                Unauthenticated::Unavailable
            }
            denied @ (Denied::Unknown | Denied::Revoked(_) | Denied::Expired(_)) => {
                tracing::warn!(%denied, "somebody was not let in");
                Unauthenticated::Denied
            }
        })
    }
}
