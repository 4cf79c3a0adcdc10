//! Who calls over HTTP: API keys, as a fold of the journal.
//!
//! A key is shown once, when it is made. What the journal has of it is a keyed digest (HMAC-SHA-256), whose own key, the
//! pepper, lies in a file beside the journal: neither alone lets anyone in.

mod book;
mod desk;
mod key;
mod pepper;

pub use book::{Record, State};
pub use desk::{Denied, IdentityError, Keys};
pub use key::{ApiKey, NotAKey};
pub use pepper::{Pepper, PepperError};
