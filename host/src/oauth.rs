//! OAuth as both doors need it: where an issuer has its keys and gives out tokens, what a server says that wants one, and
//! how a client proves who it is.
//!
//! Whose tokens are taken is for `identity`, which token a server is shown for `downstream`: here are no tokens.

mod challenge;
mod client_key;
mod endpoint;
mod fetch;
mod metadata;

pub use challenge::Challenge;
pub use client_key::{ClientKey, NotAClientKey};
pub use endpoint::{Endpoint, NotAnEndpoint};
pub use fetch::{Answered, Fetch, FetchError};
pub use metadata::{AuthorizationServer, DiscoveryError, ProtectedResource};
