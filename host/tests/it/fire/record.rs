//! The journal, read by nobody's rules but SQLite's: no process of this program is needed, and none is joined.

use std::path::Path;

use serde_json::Value;
use sqlx::{ConnectOptions, Row, SqliteConnection, sqlite::SqliteConnectOptions};

/// One event.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) seq: i64,
    /// Milliseconds of Unix time.
    pub(super) at: u64,
    pub(super) kind: String,
    pub(super) subject: String,
    pub(super) body: Value,
}

impl Entry {
    pub(super) fn text(&self, pointer: &str) -> &str {
        self.body.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }
}

pub(super) struct Record(SqliteConnection);

impl Record {
    pub(super) async fn open(path: &Path) -> Self {
        let options = SqliteConnectOptions::new().filename(path).read_only(true).disable_statement_logging();
        Self(options.connect().await.unwrap())
    }

    /// Every event after a position, in order.
    pub(super) async fn after(&mut self, seq: i64) -> Vec<Entry> {
        self.some_after(seq, i64::MAX).await
    }

    /// The next events after a position, in order: so many at most.
    pub(super) async fn some_after(&mut self, seq: i64, most: i64) -> Vec<Entry> {
        let sql = "SELECT seq, at, kind, subject, body FROM events WHERE seq > ?1 ORDER BY seq LIMIT ?2";
        let rows = sqlx::query(sql).bind(seq).bind(most).fetch_all(&mut self.0).await.unwrap();
        let entry = |row: &sqlx::sqlite::SqliteRow| Entry {
            seq: row.get(0),
            at: row.get::<i64, _>(1).try_into().unwrap(),
            kind: row.get(2),
            subject: row.get(3),
            body: serde_json::from_str(row.get(4)).unwrap(),
        };
        rows.iter().map(entry).collect()
    }

    pub(super) async fn all(&mut self) -> Vec<Entry> {
        self.after(0).await
    }
}
