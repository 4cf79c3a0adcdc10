//! The tables, and how an older file is brought up to date.

use std::path::Path;

use sqlx::{Connection, Row, SqliteConnection};

use crate::journal::JournalError;

/// Each step leads from one version to the next; the version is SQLite's `user_version`. Steps that were released
/// never change.
const STEPS: [&str; 3] = [
    "
    CREATE TABLE events (
        seq INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        actor TEXT NOT NULL,
        kind TEXT NOT NULL,
        subject TEXT NOT NULL,
        body TEXT NOT NULL,
        prev BLOB NOT NULL,
        hash BLOB NOT NULL
    ) STRICT;
    CREATE INDEX events_subject ON events (subject);
    CREATE INDEX events_kind ON events (kind);
    CREATE INDEX events_at ON events (at);

    -- The last event: a tail that was cut off is missed.
    CREATE TABLE head (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        seq INTEGER NOT NULL,
        hash BLOB NOT NULL
    ) STRICT;
    INSERT INTO head VALUES (1, 0, zeroblob(32));

    -- A fold of the events, kept in the same transaction: where each admitted call stands.
    CREATE TABLE calls (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        tool TEXT NOT NULL,
        principal TEXT NOT NULL,
        session TEXT NOT NULL,
        at INTEGER NOT NULL,
        status TEXT NOT NULL,
        finished_at INTEGER,
        finished_seq INTEGER
    ) STRICT;
    CREATE INDEX calls_session ON calls (principal, session, tool, status, seq, at);
    CREATE INDEX calls_caller ON calls (principal, tool, status, seq, at);
    CREATE INDEX calls_global ON calls (tool, status, seq, at);
    CREATE INDEX calls_open ON calls (seq) WHERE status IN ('running', 'doubtful');

    -- Every tool that was ever called: patterns are resolved against it.
    CREATE TABLE tools (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;

    -- The salts of redactions: once erased, nobody can try which value a commitment stands for.
    CREATE TABLE redactions (
        seq INTEGER NOT NULL,
        pointer TEXT NOT NULL,
        salt BLOB NOT NULL,
        PRIMARY KEY (seq, pointer)
    ) STRICT, WITHOUT ROWID;

    -- Key-value store of toolsets; no part of the log.
    CREATE TABLE toolset_store (
        server TEXT NOT NULL,
        key TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (server, key)
    ) STRICT, WITHOUT ROWID;
",
    "
    -- The hash of the event before is in the row before.
    ALTER TABLE events DROP COLUMN prev;

    -- Calls are most of what there is: to look for them is to look through all.
    DROP INDEX events_kind;
    CREATE INDEX events_kind ON events (kind) WHERE kind NOT IN ('call.admitted', 'call.finished');
",
    "
    -- What makes a call the same as another: `Idempotency::noted`.
    ALTER TABLE calls ADD COLUMN idempotency TEXT;
    CREATE INDEX calls_idempotency ON calls (principal, tool, idempotency, seq) WHERE idempotency IS NOT NULL;
",
];

/// Which version the file has, as a number of steps done.
pub(super) async fn known(connection: &mut SqliteConnection, path: &Path) -> Result<usize, JournalError> {
    let found: i64 = sqlx::query("PRAGMA user_version").fetch_one(&mut *connection).await?.try_get(0)?;
    let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    let done = usize::try_from(found).ok().filter(|done| *done <= STEPS.len());
    done.ok_or_else(|| JournalError::Newer { path: path.to_owned(), found, known })
}

/// Makes the tables, or brings them up to date. Only while the turn is held.
pub(super) async fn bring_up_to_date(connection: &mut SqliteConnection, path: &Path) -> Result<(), JournalError> {
    let done = known(connection, path).await?;
    for (step, version) in STEPS.iter().zip(1_i64..).skip(done) {
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::raw_sql(*step).execute(&mut *transaction).await?;
        let bump = sqlx::AssertSqlSafe(format!("PRAGMA user_version = {version}"));
        sqlx::raw_sql(bump).execute(&mut *transaction).await?;
        transaction.commit().await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_older_file_keeps_its_events() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        sqlx::raw_sql(STEPS[0]).execute(&mut connection).await.unwrap();
        let filled = "INSERT INTO events VALUES (1, 2, 'a', 'test.note', 's', '{}', zeroblob(32), zeroblob(32));
            PRAGMA user_version = 1";
        sqlx::raw_sql(filled).execute(&mut connection).await.unwrap();
        bring_up_to_date(&mut connection, Path::new("j")).await.unwrap();
        let row = sqlx::query("SELECT * FROM events").fetch_one(&mut connection).await.unwrap();
        assert_eq!((row.len(), row.get::<&str, _>("kind")), (7, "test.note"));
        assert_eq!(known(&mut connection, Path::new("j")).await.unwrap(), STEPS.len());
    }
}
