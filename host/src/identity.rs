//! Who calls over HTTP: API keys, as a fold of the journal, and tokens of an OAuth issuer.
//!
//! A key is shown once, when it is made. What the journal has of it is a keyed digest (HMAC-SHA-256), whose own key, the
//! pepper, lies in a file beside the journal: neither alone lets anyone in. Of tokens nothing is kept: `tokens` checks each
//! by the issuer's public keys, which `issuer` fetches and remembers.

mod book;
mod claims;
mod desk;
mod issuer;
mod key;
mod key_set;
mod pepper;
mod tokens;

pub use book::{Record, State};
pub use claims::Bearer;
pub use desk::{Denied, IdentityError, Keys};
pub use key::{ApiKey, NotAKey};
pub use pepper::{Pepper, PepperError};
pub use tokens::{Rejected, TokenConfig, Tokens};
