//! The side file by which processes take turns at writing, and in which they leave word how far the journal goes.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::sync::OwnedMutexGuard;

use super::{JournalError, Sequence, private, store::Held};
use crate::tasks;

/// How long a process waits for its turn.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// `<database>-turn`: locked while someone writes; its 8 bytes are the position of the last event.
///
/// SQLite's own busy handler polls, and so starves one writer of several; a blocking file lock is fair.
#[derive(Debug)]
pub(super) struct TurnFile {
    path: PathBuf,
    hint: File,
    // The lock belongs to the open file, not to the task that took it. So the tasks of this process take turns at it
    // by a lock of their own; and after a wait was given up, the next one needs another open file.
    lock: Arc<tokio::sync::Mutex<Arc<File>>>,
}

/// The turn, until dropped.
struct HeldFile {
    file: Arc<File>,
    _local: Option<OwnedMutexGuard<Arc<File>>>,
}

impl Drop for HeldFile {
    fn drop(&mut self) {
        if let Err(error) = self.file.unlock() {
            tracing::error!(%error, "the writer's turn could not be given back");
        }
    }
}

impl TurnFile {
    /// Opens the file, and makes it if it is not there.
    pub(super) fn open(path: PathBuf) -> Result<Self, JournalError> {
        let hint = open(&path)?;
        let lock = Arc::new(tokio::sync::Mutex::new(Arc::new(open(&path)?)));
        Ok(Self { path, hint, lock })
    }

    /// Waits for the turn.
    pub(super) async fn lock(&self) -> Result<Held, JournalError> {
        let local = Arc::clone(&self.lock).lock_owned();
        let mut local = tokio::time::timeout(LONGEST_WAIT, local).await.map_err(|_| JournalError::Busy)?;
        let mut held = HeldFile { file: Arc::clone(&local), _local: None };
        if held.file.try_lock().is_ok() {
            held._local = Some(local);
            return Ok(Box::new(held));
        }
        let waiting = tasks::blocking(move || held.file.lock().map(|()| held));
        match tokio::time::timeout(LONGEST_WAIT, waiting).await {
            Ok(Ok(Ok(mut held))) => {
                held._local = Some(local);
                Ok(Box::new(held))
            }
            Ok(Ok(Err(source))) => Err(JournalError::File { path: self.path.clone(), source }),
            Ok(Err(_)) => Err(JournalError::Closed),
            Err(_) => {
                *local = Arc::new(open(&self.path)?);
                Err(JournalError::Busy)
            }
        }
    }

    /// Takes the turn if nobody has it.
    pub(super) fn try_lock(&self) -> Option<Held> {
        let local = Arc::clone(&self.lock).try_lock_owned().ok()?;
        let file = Arc::clone(&local);
        file.try_lock().ok()?;
        Some(Box::new(HeldFile { file, _local: Some(local) }))
    }

    /// How far the journal goes, by the word of whoever wrote last.
    pub(super) fn hint(&self) -> Result<Sequence, JournalError> {
        let mut bytes = [0; 8];
        match self.hint.read_exact_at(&mut bytes, 0) {
            Ok(()) => Ok(Sequence(u64::from_le_bytes(bytes))),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(Sequence(0)),
            Err(source) => Err(JournalError::File { path: self.path.clone(), source }),
        }
    }

    /// Leaves word; only while the turn is held.
    pub(super) fn leave_word(&self, head: Sequence) -> Result<(), JournalError> {
        self.hint
            .write_all_at(&head.0.to_le_bytes(), 0)
            .map_err(|source| JournalError::File { path: self.path.clone(), source })
    }
}

fn open(path: &Path) -> Result<File, JournalError> {
    private::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(|source| JournalError::File { path: path.to_owned(), source })
}
