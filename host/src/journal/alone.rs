//! What only one of the processes over a journal does at a time: whoever holds the lock of its name.

use std::fs::File;

use super::{Journal, JournalError, private};

/// Nobody else does it, until this is dropped or the process has ended.
#[derive(Debug)]
pub struct Alone {
    _lock: File,
}

impl Journal {
    /// Takes upon itself what only one process is to do; none: another one does it. `what` is a name that a file can have.
    ///
    /// # Errors
    /// If the file that is locked cannot be made.
    pub fn alone(&self, what: &str) -> Result<Option<Alone>, JournalError> {
        // No process has a name that begins with a dot.
        let path = self.peers_folder().join(format!(".alone-{what}"));
        let opened = private::options().write(true).create(true).truncate(false).open(&path);
        let file = opened.map_err(|source| JournalError::File { path, source })?;
        Ok(file.try_lock().is_ok().then_some(Alone { _lock: file }))
    }
}
