//! Components on their way: into registries, and out of them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{KitError, signing};
use crate::{
    registry::{self, Artifact, Credentials, Pinned, Reference, Store},
    sandbox::{ComponentSource, MAX_BYTES, Supply, exports, signature_of},
};

/// Who an author is to registries.
pub(super) fn credentials() -> Credentials {
    Credentials::of(&|name| std::env::var(name).ok())
}

/// Pushes a component, signed by the key in a file, or with the signatures beside it.
///
/// # Errors
/// If it is no component, the key cannot be read, or the registry does not take it.
pub async fn push(component: &Path, key: Option<&Path>, to: &Reference) -> Result<Pinned, KitError> {
    if to.is_pinned() {
        return Err(KitError::PushToDigest(to.to_string()));
    }
    let bytes = ComponentSource::File(component.to_owned()).read(&Supply::of_anyone()).await?.into_bytes();
    exports(&bytes)?;
    let signatures = match key {
        Some(key) => Some(signing::signature_by(&bytes, key)?.to_string()),
        None => signing::beside(component)?,
    };
    Ok(registry::push(&Artifact::new(bytes, signatures)?, to, &credentials()).await?)
}

/// Pulls a component into the store, from which a configuration takes it.
///
/// # Errors
/// If the registry does not give it, it is not what it should be, or it cannot be kept.
pub async fn pull(from: &Reference, store: &Store) -> Result<Pinned, KitError> {
    let (pinned, artifact) = registry::pull(from, &credentials(), MAX_BYTES).await?;
    exports(&artifact.component)?;
    store.keep(&artifact).await?;
    Ok(pinned)
}

/// Pulls a component into a file, with its signatures beside it. Tells the path of those, if there are any.
///
/// # Errors
/// As for [`pull`].
pub async fn pull_into(from: &Reference, out: &Path) -> Result<(Pinned, Option<PathBuf>), KitError> {
    let (pinned, artifact) = registry::pull(from, &credentials(), MAX_BYTES).await?;
    exports(&artifact.component)?;
    let write = |path: &Path, bytes: &[u8]| {
        fs::write(path, bytes).map_err(|source| KitError::File { path: path.to_owned(), source })
    };
    write(out, &artifact.component)?;
    let Some(signatures) = artifact.signatures else { return Ok((pinned, None)) };
    let beside = signature_of(out);
    write(&beside, format!("{}\n", signatures.trim_end()).as_bytes())?;
    Ok((pinned, Some(beside)))
}
