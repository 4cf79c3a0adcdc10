//! The journal in one SQLite file, shared by all processes of one machine.

mod arguments;
mod calls;
mod events;
mod files;
mod key_value;
mod schema;
mod write;

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use sqlx::{
    ConnectOptions, Connection, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::{MappedMutexGuard, MutexGuard};

use files::Files;

use super::{
    CallFilter, Config, Event, JournalError, PastCall, Query, Sequence,
    key_value::KeyValueError,
    lock::TurnFile,
    private,
    store::{Counted, Entry, Head, Held, Noted, Store},
};
use crate::{clock::Timestamp, tasks};

/// How long SQLite itself waits for a lock. Writers queue at the turn file, so this is for checkpoints and strangers.
const BUSY: Duration = Duration::from_secs(5);
/// How many questions are answered at the same time.
const READERS: u32 = 4;

/// One SQLite file, its turn file, and the connections of this process.
#[derive(Debug)]
pub(super) struct Sqlite {
    // None: it is only looked at.
    writing: Option<Writing>,
    readers: SqlitePool,
    tools: Mutex<HashSet<String>>,
    indexed: Mutex<HashSet<String>>,
}

/// What it takes to write.
#[derive(Debug)]
struct Writing {
    turn: TurnFile,
    files: Files,
    // None: closed.
    connection: tokio::sync::Mutex<Option<SqliteConnection>>,
}

impl Sqlite {
    /// Opens the file; makes it, or brings it up to date, first.
    pub(super) async fn open(config: &Config) -> Result<Self, JournalError> {
        let path = resolved(&config.path);
        let turn = TurnFile::open(beside(&path, "-turn"))?;
        let held = turn.lock().await?;
        private::create(&path).map_err(|source| JournalError::File { path: path.clone(), source })?;
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // Nothing is torn by a loss of power, and `sync` sees to it that nothing is lost.
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true)
            .busy_timeout(BUSY)
            .statement_cache_capacity(64)
            .disable_statement_logging();
        let mut connection = options.connect().await?;
        schema::bring_up_to_date(&mut connection, &path).await?;
        // The connection stays, and so do SQLite's own files, which the last one to leave removes.
        let files = Files::of(&path)?;
        private::sync_folder_of(&path).map_err(|source| JournalError::File { path: path.clone(), source })?;
        drop(held);
        // Half a MiB of pages for each: most questions are answered without them.
        let reading = options.create_if_missing(false).pragma("query_only", "on").pragma("cache_size", "-512");
        let readers = pool(READERS).connect_with(reading).await?;
        let indexed = Mutex::new(arguments::indexed(&readers).await?);
        let writing = Writing { turn, files, connection: Some(connection).into() };
        Ok(Self { writing: Some(writing), readers, tools: Mutex::default(), indexed })
    }

    /// Opens a file that must be there, to look at it. Needs no right to write, and leaves nothing behind.
    pub(super) async fn open_to_read(path: &Path) -> Result<Self, JournalError> {
        let path = resolved(path);
        let options =
            SqliteConnectOptions::new().filename(&path).read_only(true).busy_timeout(BUSY).disable_statement_logging();
        // SQLite needs its own two files beside the database, unless it is promised that nobody else will write. It may
        // be promised where no such file is: then nobody is at work, and here nobody may begin.
        let asked = async |options| -> Result<SqlitePool, sqlx::Error> {
            let readers = pool(1).connect_with(options).await?;
            sqlx::query("SELECT seq FROM head").fetch_one(&readers).await?;
            Ok(readers)
        };
        let readers = match asked(options.clone()).await {
            Err(_) if !beside(&path, "-wal").exists() => asked(options.immutable(true)).await?,
            tried => tried?,
        };
        let (tools, indexed) = (Mutex::default(), Mutex::default());
        let store = Self { writing: None, readers, tools, indexed };
        schema::known(&mut *store.readers.acquire().await?, &path).await?;
        Ok(store)
    }

    fn writing(&self) -> Result<&Writing, JournalError> {
        self.writing.as_ref().ok_or(JournalError::ReadOnly)
    }

    fn is_indexed(&self, name: &str) -> bool {
        self.indexed.lock().unwrap_or_else(PoisonError::into_inner).contains(name)
    }
}

impl Writing {
    async fn writer(&self) -> Result<MappedMutexGuard<'_, SqliteConnection>, JournalError> {
        MutexGuard::try_map(self.connection.lock().await, Option::as_mut).map_err(|_| JournalError::Closed)
    }
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
}

#[async_trait]
impl Store for Sqlite {
    fn hint(&self) -> Result<Sequence, JournalError> {
        self.writing()?.turn.hint()
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

    async fn noted(
        &self,
        after: Sequence,
        upto: Sequence,
        also: &[Sequence],
    ) -> Result<(Sequence, Vec<Noted>), JournalError> {
        calls::noted(&self.readers, after, upto, also).await
    }

    async fn tools(&self) -> Result<HashSet<String>, JournalError> {
        events::noted_tools(&self.readers).await
    }

    async fn lock(&self) -> Result<Held, JournalError> {
        self.writing()?.turn.lock().await
    }

    async fn append(&self, entries: &[Entry]) -> Result<bool, JournalError> {
        let writing = self.writing()?;
        writing.files.still_there()?;
        let mut writer = writing.writer().await?;
        let Some(head) = write::append(&mut writer, entries, &self.tools).await? else { return Ok(false) };
        // What is committed is committed; who reads no word looks into the database within a second.
        if let Err(error) = writing.turn.leave_word(head) {
            tracing::warn!(%error, "other processes could not be told of new events");
        }
        Ok(true)
    }

    async fn sync(&self) -> Result<(), JournalError> {
        let path = self.writing()?.files.wal();
        let syncing = tasks::blocking(move || match std::fs::File::open(&path).and_then(|wal| wal.sync_data()) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(JournalError::File { path, source }),
            Ok(()) | Err(_) => Ok(()),
        });
        syncing.await.map_err(|_| JournalError::Closed)?
    }

    async fn close(&self) -> Result<(), JournalError> {
        self.readers.close().await;
        let Some(writing) = &self.writing else { return Ok(()) };
        // The last connection to close moves everything into the one file and removes the others, which takes two steps:
        // a process that ended between them would leave a log without its index, unreadable without a right to write.
        match writing.connection.lock().await.take() {
            Some(connection) => Ok(connection.close().await?),
            None => Ok(()),
        }
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

    async fn same(
        &self,
        principal: &str,
        tool: &str,
        idempotency: &str,
    ) -> Result<(Sequence, Option<PastCall>), JournalError> {
        calls::same(&self.readers, principal, tool, idempotency).await
    }

    async fn index(&self, pointer: &str) -> Result<(), JournalError> {
        let Some(index) = arguments::Index::of(pointer) else { return Ok(()) };
        if self.is_indexed(&index.name) {
            return Ok(());
        }
        // Whoever asks may hold the turn themselves. Without the index the answer is the same, only slower.
        let Some(writing) = &self.writing else { return Ok(()) };
        let Some(_held) = writing.turn.try_lock() else { return Ok(()) };
        let mut writer = writing.writer().await?;
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
        let writing = self.writing()?;
        let _held = writing.turn.lock().await?;
        key_value::set(&mut *writing.writer().await?, server, key, value).await?;
        Ok(self.sync().await?)
    }

    async fn delete_value(&self, server: &str, key: &str) -> Result<bool, JournalError> {
        let writing = self.writing()?;
        let _held = writing.turn.lock().await?;
        let deleted = key_value::delete(&mut *writing.writer().await?, server, key).await?;
        self.sync().await.map(|()| deleted)
    }

    async fn add_to_value(&self, server: &str, key: &str, by: i64) -> Result<i64, KeyValueError> {
        let writing = self.writing()?;
        let _held = writing.turn.lock().await?;
        let sum = key_value::add(&mut *writing.writer().await?, server, key, by).await?;
        self.sync().await?;
        Ok(sum)
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

/// A sequence as SQLite keeps it.
fn stored(seq: Sequence) -> i64 {
    i64::try_from(seq.0).unwrap_or(i64::MAX)
}

/// What SQLite keeps, as a sequence or a time.
fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or_default()
}
