//! The folders in which compiled and configured components are kept from one start to the next.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use wasmtime::{Cache, CacheConfig};

/// What is kept in one folder.
pub(super) struct Kept {
    /// Machine code: wasmtime's own cache.
    pub(super) compiled: Cache,
    /// The folder of configured components.
    pub(super) snapshots: PathBuf,
}

/// Why nothing can be kept.
#[derive(Debug, thiserror::Error)]
pub(super) enum CacheError {
    /// It cannot be made or written.
    #[error("`{}`: {source}", folder.display())]
    Unusable { folder: PathBuf, source: io::Error },
    /// Somebody else might put machine code there.
    #[error("`{}` can be written by others than its owner, or has another owner", .0.display())]
    Shared(PathBuf),
    /// Wasmtime does not take it.
    #[error("{0}")]
    Wasmtime(String),
}

impl Kept {
    /// Makes the folders, or finds them fit for use.
    pub(super) fn in_folder(folder: &Path) -> Result<Self, CacheError> {
        let (compiled, snapshots) = (folder.join("compiled"), folder.join("configured"));
        private(&compiled)?;
        private(&snapshots)?;
        let mut at = CacheConfig::new();
        at.with_directory(compiled);
        let compiled = Cache::new(at).map_err(|error| CacheError::Wasmtime(format!("{error:#}")))?;
        Ok(Self { compiled, snapshots })
    }
}

/// Makes a folder that only its owner can enter, or checks that one which is there can be written by us and nobody else:
/// what lies in it is run.
fn private(folder: &Path) -> Result<(), CacheError> {
    let told = |source| CacheError::Unusable { folder: folder.to_owned(), source };
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(told)?;
    let written = tempfile::tempfile_in(folder).and_then(|file| file.metadata()).map_err(told)?;
    if is_ours_alone(&fs::metadata(folder).map_err(told)?, &written) {
        Ok(())
    } else {
        Err(CacheError::Shared(folder.to_owned()))
    }
}

/// Whether a folder belongs to whoever has just written a file in it, and is closed to others.
#[cfg(unix)]
fn is_ours_alone(folder: &fs::Metadata, written: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    folder.uid() == written.uid() && folder.mode() & 0o022 == 0
}

#[cfg(not(unix))]
fn is_ours_alone(_: &fs::Metadata, _: &fs::Metadata) -> bool {
    true
}
