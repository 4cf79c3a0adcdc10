//! What was pulled, in a folder: manifests and components, each by its digest, so that neither can be anything else.

use std::{
    fs::{self, File},
    io::{self, Read, Write as _},
    path::{Path, PathBuf},
};

use super::{Artifact, Pinned, RegistryError, artifact::describe};
use crate::tasks;

/// A folder of pulled components. Clones share it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    folder: PathBuf,
}

impl Store {
    /// In this folder, which is made when the first component is kept.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The file whose coming makes a component one that is there: it is written last.
    pub fn manifest(&self, pinned: &Pinned) -> PathBuf {
        self.file(pinned.digest(), "json")
    }

    /// A component that was pulled before; none if it was not.
    ///
    /// # Errors
    /// If it cannot be read, or is not what it was.
    pub async fn find(&self, pinned: &Pinned, most: usize) -> Result<Option<Artifact>, RegistryError> {
        let (store, pinned) = (self.clone(), pinned.clone());
        self.blocking(move || {
            let path = store.manifest(&pinned);
            let Some(manifest) = read(&path, most)? else { return Ok(None) };
            let described = describe(&manifest, &pinned, most)?;
            let path = store.file(&described.layer.digest, "wasm");
            let Some(component) = read(&path, most)? else { return Ok(None) };
            let what = format!("`{}`", path.display());
            let wanted = described.layer.digest.clone();
            let changed = |_| RegistryError::Mismatch { what, wanted };
            Artifact::of(manifest, described, component).map(Some).map_err(changed)
        })
        .await
    }

    /// Keeps a component.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn keep(&self, artifact: &Artifact) -> Result<(), RegistryError> {
        let (store, artifact) = (self.clone(), artifact.clone());
        self.blocking(move || {
            store.write(&super::digest_of(&artifact.component), "wasm", &artifact.component)?;
            store.write(&artifact.digest(), "json", &artifact.manifest)
        })
        .await
    }

    fn file(&self, digest: &str, kind: &str) -> PathBuf {
        self.folder.join(format!("{}.{kind}", digest.trim_start_matches("sha256:")))
    }

    /// In one step, so that nobody reads half of it.
    fn write(&self, digest: &str, kind: &str, bytes: &[u8]) -> Result<(), RegistryError> {
        let path = self.file(digest, kind);
        let written = fs::create_dir_all(&self.folder).and_then(|()| {
            let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
            file.write_all(bytes)?;
            file.as_file().sync_all()?;
            file.persist(&path).map_err(|failed| failed.error).map(drop)
        });
        written.map_err(|source| RegistryError::Store { path, source })
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, RegistryError> + Send + 'static,
    ) -> Result<T, RegistryError> {
        let path = self.folder.clone();
        let panicked = |panicked| RegistryError::Store { path, source: io::Error::other(panicked) };
        tasks::blocking(work).await.map_err(panicked)?
    }
}

/// At most one byte more than is taken of a component: what is longer has another digest.
fn read(path: &Path, most: usize) -> Result<Option<Vec<u8>>, RegistryError> {
    let mut bytes = Vec::new();
    match File::open(path).and_then(|file| file.take(most as u64 + 1).read_to_end(&mut bytes)) {
        Ok(_) => Ok(Some(bytes)),
        Err(none) if none.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(RegistryError::Store { path: path.to_owned(), source }),
    }
}
