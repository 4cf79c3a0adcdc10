//! The journal, read by nobody's rules but SQLite's: no process of this program is needed, and none is joined.

use std::path::Path;

use serde_json::Value;
use sqlx::{ConnectOptions, Row, SqliteConnection, sqlite::SqliteConnectOptions};

/// One event.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) seq: i64,
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
        let sql = "SELECT seq, kind, subject, body FROM events WHERE seq > ?1 ORDER BY seq";
        let rows = sqlx::query(sql).bind(seq).fetch_all(&mut self.0).await.unwrap();
        let entry = |row: &sqlx::sqlite::SqliteRow| Entry {
            seq: row.get(0),
            kind: row.get(1),
            subject: row.get(2),
            body: serde_json::from_str(row.get(3)).unwrap(),
        };
        rows.iter().map(entry).collect()
    }

    pub(super) async fn all(&mut self) -> Vec<Entry> {
        self.after(0).await
    }
}
