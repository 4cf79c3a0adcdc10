//! Components from OCI registries: pushed, pulled, and kept by digest, so that what was pulled once needs no registry.
//!
//! What is pulled is believed for its digest alone: a reference in a configuration names the SHA-256 of a manifest, and
//! that names the SHA-256 of the component, which is checked whenever it is read.

mod artifact;
mod client;
mod credentials;
mod download;
mod error;
mod reference;
mod store;

pub use artifact::Artifact;
pub use client::{pull, push};
pub use credentials::Credentials;
pub use error::RegistryError;
pub use reference::{Pinned, Reference, ReferenceError};
pub use store::Store;

use sha2::{Digest, Sha256};

/// As registries write it: `sha256:` and hexadecimal digits.
fn digest_of(bytes: &[u8]) -> String {
    let digits = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    format!("sha256:{digits}")
}

/// An error with all that caused it.
fn chain(error: &dyn std::error::Error) -> String {
    let all = std::iter::successors(Some(error), |error| error.source());
    all.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// A component: from the store, or else from its registry, after which it is in the store. At most `most` bytes are taken.
///
/// # Errors
/// See [`RegistryError`].
pub async fn fetch(pinned: &Pinned, store: &Store, by: &Credentials, most: usize) -> Result<Artifact, RegistryError> {
    if let Some(artifact) = store.find(pinned, most).await? {
        return Ok(artifact);
    }
    let (_, artifact) = pull(&pinned.clone().into(), by, most).await?;
    store.keep(&artifact).await?;
    Ok(artifact)
}
