//! The journal in one SQLite file, shared by all processes of one machine.

mod arguments;
mod calls;
mod events;
mod key_value;
mod schema;
mod write;

use std::{
    collections::HashSet,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use sqlx::{
    ConnectOptions, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{
    CallFilter, Config, Durability, Event, JournalError, PastCall, Query, Sequence,
    key_value::KeyValueError,
    lock::TurnFile,
    private,
    store::{Counted, Entry, Head, Held, Store},
};
use crate::clock::Timestamp;

/// How long SQLite itself waits for a lock. Writers queue at the turn file, so this is for checkpoints and strangers.
const BUSY: Duration = Duration::from_secs(5);
/// How many questions are answered at the same time.
const READERS: u32 = 4;

/// One SQLite file, its turn file, and the connections of this process.
#[derive(Debug)]
pub(super) struct Sqlite {
    path: PathBuf,
    turn: TurnFile,
    // Device and inode: SQLite would go on writing to a file that was deleted.
    identity: (u64, u64),
    writer: tokio::sync::Mutex<SqliteConnection>,
    readers: SqlitePool,
    tools: Mutex<HashSet<String>>,
    indexed: Mutex<HashSet<String>>,
}

impl Sqlite {
    /// Opens the file; makes it, or brings it up to date, first.
    pub(super) async fn open(config: &Config) -> Result<Self, JournalError> {
        let path = resolved(&config.path);
        let turn = TurnFile::open(beside(&path, "-turn"))?;
        let held = turn.lock().await?;
        private::create(&path).map_err(|source| JournalError::File { path: path.clone(), source })?;
        let synchronous = match config.durability {
            Durability::BeforeCall => SqliteSynchronous::Full,
            Durability::Batched => SqliteSynchronous::Normal,
        };
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(synchronous)
            .foreign_keys(true)
            .busy_timeout(BUSY)
            .statement_cache_capacity(64)
            .disable_statement_logging();
        let mut writer = options.connect().await?;
        schema::bring_up_to_date(&mut writer, &path).await?;
        drop(held);
        let reading = options.create_if_missing(false).pragma("query_only", "on");
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(reading)
            .await?;
        let identity = identity(&path)?;
        let indexed = Mutex::new(arguments::indexed(&readers).await?);
        Ok(Self { path, turn, identity, writer: writer.into(), readers, tools: Mutex::default(), indexed })
    }

    /// Refuses to go on if the file is no longer the one that was opened.
    fn still_there(&self) -> Result<(), JournalError> {
        match identity(&self.path) {
            Ok(found) if found == self.identity => Ok(()),
            Ok(_) | Err(_) => Err(JournalError::Gone(self.path.clone())),
        }
    }

    fn is_indexed(&self, name: &str) -> bool {
        self.indexed.lock().unwrap_or_else(PoisonError::into_inner).contains(name)
    }
}

#[async_trait]
impl Store for Sqlite {
    fn hint(&self) -> Result<Sequence, JournalError> {
        self.turn.hint()
    }

    async fn opening(&self) -> Result<(Head, Vec<PastCall>), JournalError> {
        let (head, calls) = calls::open(&self.readers).await?;
        Ok((head, calls))
    }

    async fn head(&self) -> Result<Head, JournalError> {
        events::head(&mut *self.readers.acquire().await?).await
    }

    async fn tail(&self, after: Sequence) -> Result<Vec<Entry>, JournalError> {
        events::tail(&self.readers, after).await
    }

    async fn lock(&self) -> Result<Held, JournalError> {
        self.turn.lock().await
    }

    async fn append(&self, entries: &[Entry]) -> Result<bool, JournalError> {
        self.still_there()?;
        let mut writer = self.writer.lock().await;
        let Some(head) = write::append(&mut writer, entries, &self.tools).await? else { return Ok(false) };
        // What is committed is committed; who reads no word looks into the database within a second.
        if let Err(error) = self.turn.leave_word(head) {
            tracing::warn!(%error, "other processes could not be told of new events");
        }
        Ok(true)
    }

    async fn sync(&self) -> Result<(), JournalError> {
        let path = beside(&self.path, "-wal");
        let failed = |source| JournalError::File { path: path.clone(), source };
        match tokio::fs::File::open(&path).await {
            Ok(wal) => wal.sync_data().await.map_err(failed),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }

    async fn close(&self) -> Result<(), JournalError> {
        self.readers.close().await;
        // SQLite does so itself when the last connection closes, but a process that is ending may not get that far.
        sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").execute(&mut *self.writer.lock().await).await?;
        Ok(())
    }

    async fn read(&self, query: &Query) -> Result<Vec<Event>, JournalError> {
        events::read(&self.readers, query).await
    }

    async fn newest(&self, filter: &CallFilter, limit: usize) -> Result<(Sequence, Vec<Sequence>), JournalError> {
        calls::newest(self, filter, limit).await
    }

    async fn window(
        &self,
        filter: &CallFilter,
        since: Timestamp,
        number: Option<&str>,
    ) -> Result<(Sequence, Vec<Counted>), JournalError> {
        calls::window(self, filter, since, number).await
    }

    async fn past(&self, admitted: &[Sequence]) -> Result<(Sequence, Vec<PastCall>), JournalError> {
        calls::past(&self.readers, admitted).await
    }

    async fn index(&self, pointer: &str) -> Result<(), JournalError> {
        let Some(index) = arguments::Index::of(pointer) else { return Ok(()) };
        if self.is_indexed(&index.name) {
            return Ok(());
        }
        // Whoever asks may hold the turn themselves. Without the index the answer is the same, only slower.
        let Some(_held) = self.turn.try_lock() else { return Ok(()) };
        let mut writer = self.writer.lock().await;
        if arguments::create(&mut writer, &index).await? {
            self.indexed.lock().unwrap_or_else(PoisonError::into_inner).insert(index.name);
        }
        Ok(())
    }

    async fn value(&self, server: &str, key: &str) -> Result<Option<String>, JournalError> {
        key_value::get(&self.readers, server, key).await
    }

    async fn keys(&self, server: &str, prefix: &str, limit: usize) -> Result<Vec<String>, JournalError> {
        key_value::list(&self.readers, server, prefix, limit).await
    }

    async fn set_value(&self, server: &str, key: &str, value: &str) -> Result<(), KeyValueError> {
        let _held = self.turn.lock().await?;
        key_value::set(&mut *self.writer.lock().await, server, key, value).await
    }

    async fn delete_value(&self, server: &str, key: &str) -> Result<bool, JournalError> {
        let _held = self.turn.lock().await?;
        key_value::delete(&mut *self.writer.lock().await, server, key).await
    }

    async fn add_to_value(&self, server: &str, key: &str, by: i64) -> Result<i64, KeyValueError> {
        let _held = self.turn.lock().await?;
        key_value::add(&mut *self.writer.lock().await, server, key, by).await
    }
}

/// The same path for everyone who means the same file, by whatever links: the files beside it must be the same too.
pub(super) fn resolved(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let made_there = || Some(std::fs::canonicalize(folder).ok()?.join(path.file_name()?));
    std::fs::canonicalize(path).ok().or_else(made_there).unwrap_or_else(|| path.to_owned())
}

/// The path of a file beside the database.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn identity(path: &Path) -> Result<(u64, u64), JournalError> {
    let metadata = std::fs::metadata(path).map_err(|source| JournalError::File { path: path.to_owned(), source })?;
    Ok((metadata.dev(), metadata.ino()))
}

/// A sequence as SQLite keeps it.
fn stored(seq: Sequence) -> i64 {
    i64::try_from(seq.0).unwrap_or(i64::MAX)
}

/// What SQLite keeps, as a sequence or a time.
fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or_default()
}
