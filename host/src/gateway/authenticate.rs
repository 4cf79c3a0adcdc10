//! The seam towards whoever knows the callers over HTTP.

use async_trait::async_trait;

use crate::call::Caller;

/// Knows callers by what they show.
#[async_trait]
pub trait Authenticate: Send + Sync + std::fmt::Debug {
    /// Whose credential this is.
    ///
    /// # Errors
    /// If it is nobody's any more, or that cannot be found out.
    async fn authenticate(&self, credential: &str) -> Result<Caller, Unauthenticated>;
}

/// Why nobody is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unauthenticated {
    /// It is not, or no longer, a credential of anyone.
    Denied,
    /// It cannot be told at the moment.
    Unavailable,
}
