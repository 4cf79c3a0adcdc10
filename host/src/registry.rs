//! Components from OCI registries: pushed, pulled, and kept by digest, so that what was pulled once needs no registry.
//!
//! What is pulled is believed for its digest alone: a reference in a configuration names the SHA-256 of a manifest, and
//! that names the SHA-256 of the component, which is checked whenever it is read.

mod artifact;
mod client;
mod error;
mod reference;
mod store;

pub use artifact::Artifact;
pub use client::{pull, push};
pub use error::RegistryError;
pub use reference::{Pinned, Reference, ReferenceError};
pub use store::Store;

use sha2::{Digest, Sha256};

/// As registries write it: `sha256:` and hexadecimal digits.
fn digest_of(bytes: &[u8]) -> String {
    let digits = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    format!("sha256:{digits}")
}

/// A component: from the store, or else from its registry, after which it is in the store. At most `most` bytes are taken.
///
/// # Errors
/// See [`RegistryError`].
pub async fn fetch(pinned: &Pinned, store: &Store, most: usize) -> Result<Artifact, RegistryError> {
    if let Some(artifact) = store.find(pinned, most).await? {
        return Ok(artifact);
    }
    let (_, artifact) = pull(&pinned.clone().into(), most).await?;
    store.keep(&artifact).await?;
    Ok(artifact)
}
