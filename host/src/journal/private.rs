//! Files that only their owner may read: the journal holds what callers sent. What exists already keeps its mode.

use std::{
    fs::{DirBuilder, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

/// Options by which a new file is its owner's alone.
pub(super) fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

/// Makes a folder, and those above it, if it is not there.
pub(super) fn create_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Makes an empty file if there is none. SQLite gives the files beside its database the mode of the database.
pub(super) fn create(path: &Path) -> io::Result<()> {
    match options().write(true).create_new(true).open(path) {
        // SQLite would only say that it cannot open it.
        Err(_) if path.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}
