//! What can go wrong with the journal. Whoever waits for an admission refuses the call (`journal_unavailable`).

use std::{io, path::PathBuf};

use super::Sequence;

/// Why the journal could not do what it was asked to. Nothing was recorded, unless the case says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// It is shut down, or shutting down.
    #[error("the journal is closed")]
    Closed,
    /// Another process held the writer's turn, or the database, for too long.
    #[error("the journal is busy: another process holds it")]
    Busy,
    /// There is no room left on the disk.
    #[error("the disk that holds the journal is full")]
    DiskFull,
    /// The file or its folder may not be written.
    #[error("the journal cannot be written: it is read-only")]
    ReadOnly,
    /// The file is there, but SQLite did not make it.
    #[error("the journal's file is not an SQLite database")]
    NotADatabase,
    /// The file was deleted or replaced while it was in use.
    #[error("the journal `{0}` was deleted or replaced while it was in use")]
    Gone(PathBuf),
    /// The file was made by a newer version of this program.
    #[error("the journal `{path}` has schema version {found}; this program knows versions up to {known}")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version that is known here.
        known: i64,
    },
    /// The turn had been held for longer than it may.
    #[error("the writer's turn was taken back: it was held for too long")]
    TurnOver,
    /// It was asked about what it does not keep.
    #[error("`{pointer}` of `{tools}` is redacted in the journal: it can be neither compared nor summed")]
    Redacted {
        /// Of which tools.
        tools: String,
        /// JSON Pointer into the arguments.
        pointer: String,
    },
    /// A draft is not what its kind says. A mistake of this program.
    #[error("a draft of kind `{kind}` is malformed: {reason}")]
    Malformed {
        /// Its kind.
        kind: String,
        /// What is wrong.
        reason: String,
    },
    /// What is stored cannot be read as an event.
    #[error("event {seq} of the journal cannot be read: {reason}")]
    Unreadable {
        /// Which event.
        seq: Sequence,
        /// What is wrong.
        reason: String,
    },
    /// A file beside the database could not be used.
    #[error("`{path}` cannot be used")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Anything else that the database says.
    #[error("the journal's database failed")]
    Database(#[source] sqlx::Error),
    /// One failure that concerns several who waited for the same commit.
    #[error(transparent)]
    Shared(std::sync::Arc<JournalError>),
}

impl From<sqlx::Error> for JournalError {
    fn from(error: sqlx::Error) -> Self {
        // Primary result codes: https://www.sqlite.org/rescode.html. sqlx gives the extended code as text.
        let primary = error.as_database_error().and_then(|e| e.code()).and_then(|c| c.parse::<u32>().ok());
        match primary.map(|code| code & 0xff) {
            Some(5 | 6) => Self::Busy,
            Some(8) => Self::ReadOnly,
            Some(13) => Self::DiskFull,
            Some(26) => Self::NotADatabase,
            Some(_) | None => Self::Database(error),
        }
    }
}
