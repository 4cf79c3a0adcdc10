//! The key-value store of toolsets in its table.

use sqlx::{Connection, Row, SqliteConnection, SqlitePool};

use crate::journal::{
    JournalError,
    key_value::{KeyValueError, MOST_KEYS},
};

impl From<sqlx::Error> for KeyValueError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// The value of a key.
pub(super) async fn get(readers: &SqlitePool, server: &str, key: &str) -> Result<Option<String>, JournalError> {
    let row = sqlx::query("SELECT value FROM toolset_store WHERE server = ?1 AND key = ?2")
        .bind(server.to_owned())
        .bind(key.to_owned())
        .fetch_optional(readers)
        .await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

/// Keys with a prefix, in byte order.
pub(super) async fn list(
    readers: &SqlitePool,
    server: &str,
    prefix: &str,
    limit: usize,
) -> Result<Vec<String>, JournalError> {
    let rows = sqlx::query(
        "SELECT key FROM toolset_store WHERE server = ?1 AND key >= ?2 AND substr(key, 1, length(?2)) = ?2
         ORDER BY key LIMIT ?3",
    )
    .bind(server.to_owned())
    .bind(prefix.to_owned())
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_all(readers)
    .await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Sets a key.
pub(super) async fn set(
    writer: &mut SqliteConnection,
    server: &str,
    key: &str,
    value: &str,
) -> Result<(), KeyValueError> {
    let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await?;
    put(&mut transaction, server, key, value).await?;
    Ok(transaction.commit().await?)
}

/// Removes a key; whether it was there.
pub(super) async fn delete(writer: &mut SqliteConnection, server: &str, key: &str) -> Result<bool, JournalError> {
    let done = sqlx::query("DELETE FROM toolset_store WHERE server = ?1 AND key = ?2")
        .bind(server.to_owned())
        .bind(key.to_owned())
        .execute(writer)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Adds to a counter.
pub(super) async fn add(writer: &mut SqliteConnection, server: &str, key: &str, by: i64) -> Result<i64, KeyValueError> {
    let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await?;
    let row = sqlx::query("SELECT value FROM toolset_store WHERE server = ?1 AND key = ?2")
        .bind(server.to_owned())
        .bind(key.to_owned())
        .fetch_optional(&mut *transaction)
        .await?;
    let before: i64 = match row {
        Some(row) => {
            let text: String = row.try_get(0)?;
            text.parse().map_err(|_| KeyValueError::NotACounter(key.to_owned()))?
        }
        None => 0,
    };
    let after = before.checked_add(by).ok_or_else(|| KeyValueError::Overflow(key.to_owned()))?;
    put(&mut transaction, server, key, &after.to_string()).await?;
    transaction.commit().await?;
    Ok(after)
}

async fn put(writer: &mut SqliteConnection, server: &str, key: &str, value: &str) -> Result<(), KeyValueError> {
    let most = i64::try_from(MOST_KEYS).unwrap_or(i64::MAX);
    let done = sqlx::query(
        "INSERT INTO toolset_store (server, key, value) SELECT ?1, ?2, ?3
         WHERE (SELECT count(*) FROM toolset_store WHERE server = ?1) < ?4
            OR EXISTS (SELECT 1 FROM toolset_store WHERE server = ?1 AND key = ?2)
         ON CONFLICT (server, key) DO UPDATE SET value = excluded.value",
    )
    .bind(server.to_owned())
    .bind(key.to_owned())
    .bind(value.to_owned())
    .bind(most)
    .execute(writer)
    .await?;
    if done.rows_affected() == 0 { Err(KeyValueError::TooManyKeys) } else { Ok(()) }
}
