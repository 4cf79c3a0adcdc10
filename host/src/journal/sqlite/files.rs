//! The files that a journal lies in: whether they are still those that were opened.

use std::{
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::beside;
use crate::journal::JournalError;

/// The database, what SQLite keeps beside it, and the file by which processes take turns. Each is known by device and
/// inode: one that was deleted or replaced could still be written to, and nobody would ever read it.
#[derive(Debug)]
pub(super) struct Files {
    wal: PathBuf,
    all: Vec<(PathBuf, (u64, u64))>,
}

impl Files {
    /// The files as they are now, all of which must be there.
    pub(super) fn of(database: &Path) -> Result<Self, JournalError> {
        let wal = beside(database, "-wal");
        let paths = [database.to_owned(), wal.clone(), beside(database, "-shm"), beside(database, "-turn")];
        let known = |path: PathBuf| match identity(&path) {
            Ok(identity) => Ok((path, identity)),
            Err(source) => Err(JournalError::File { path, source }),
        };
        Ok(Self { wal, all: paths.into_iter().map(known).collect::<Result<_, _>>()? })
    }

    /// What was written and is not yet in the database.
    pub(super) fn wal(&self) -> PathBuf {
        self.wal.clone()
    }

    /// Refuses to go on if one of them is no longer the one that was opened.
    pub(super) fn still_there(&self) -> Result<(), JournalError> {
        let gone = self.all.iter().find(|(path, known)| identity(path).ok() != Some(*known));
        gone.map_or(Ok(()), |(path, _)| Err(JournalError::Gone(path.clone())))
    }
}

fn identity(path: &Path) -> std::io::Result<(u64, u64)> {
    let metadata = std::fs::metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}
