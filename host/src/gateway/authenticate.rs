//! The seam towards whoever knows the callers over HTTP.

use async_trait::async_trait;

use crate::call::Caller;

/// What somebody shows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Credential<'a> {
    /// In a header that is for API keys alone.
    Key(&'a str),
    /// As a bearer token (RFC 6750): an API key as well, or an access token.
    Bearer(&'a str),
}

/// That there is one, never what it is.
impl std::fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Key(_) => "Key(…)",
            Self::Bearer(_) => "Bearer(…)",
        })
    }
}

/// Somebody who was let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Who.
    pub caller: Caller,
    /// What for.
    pub granted: Granted,
}

/// What a credential was given for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Granted {
    /// Everything that policies allow its principal.
    Everything,
    /// No more than these scopes cover.
    Scopes(Vec<String>),
}

/// Knows callers by what they show.
#[async_trait]
pub trait Authenticate: Send + Sync + std::fmt::Debug {
    /// Whose credential this is.
    ///
    /// # Errors
    /// If it is nobody's any more, or that cannot be found out.
    async fn authenticate(&self, credential: Credential<'_>) -> Result<Known, Unauthenticated>;
}

/// Why nobody is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unauthenticated {
    /// It is not, or no longer, a credential of anyone.
    Denied,
    /// It cannot be told at the moment.
    Unavailable,
}
