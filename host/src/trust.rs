//! Whose components are loaded: keys, signatures, and what is demanded of a component before anything of it is read.
//!
//! Pure but for the reading of key files. A signature is detached: a line of text beside the component that it is about.

mod config;
mod error;
mod key;
mod signature;

pub use config::{Config, KeyAt};
pub use error::{KeyError, TrustError};
pub use key::{KeyId, PublicKey, SecretKey};
pub use signature::{Signature, verify};

/// Who may have made the components that are loaded from files and registries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Anybody: signatures are not looked at.
    Anyone,
    /// The holder of one of these keys, who has signed it.
    SignedBy(Vec<PublicKey>),
}

impl Trust {
    /// Whether a component without a signature is out of the question.
    pub fn demands_signature(&self) -> bool {
        match self {
            Self::Anyone => false,
            Self::SignedBy(_) => true,
        }
    }

    /// Lets a component in, or says why not. `signatures` is the text of its signatures, a line each; none: it has none.
    ///
    /// # Errors
    /// See [`TrustError`].
    pub fn admit(&self, component: &[u8], signatures: Option<&str>) -> Result<(), TrustError> {
        match (self, signatures) {
            (Self::Anyone, _) => Ok(()),
            (Self::SignedBy(_), None) => Err(TrustError::Unsigned),
            (Self::SignedBy(keys), Some(text)) => verify(component, text, keys).map(drop),
        }
    }
}
