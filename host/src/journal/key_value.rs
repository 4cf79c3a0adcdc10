//! What toolsets remember between calls: a small key-value store per server. No part of the log.

use std::sync::Arc;

use super::{JournalError, store::Store};

/// Longest key, in bytes.
pub(super) const MOST_KEY_BYTES: usize = 512;
/// Longest value, in bytes.
pub(super) const MOST_VALUE_BYTES: usize = 64 * 1024;
/// Most keys of one server.
pub(super) const MOST_KEYS: usize = 10_000;
/// Most keys in one listing.
pub(super) const MOST_LISTED: usize = 1000;

/// Why nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum KeyValueError {
    /// The key is too long.
    #[error("a key is at most {MOST_KEY_BYTES} bytes")]
    KeyTooLong,
    /// The value is too long.
    #[error("a value is at most {MOST_VALUE_BYTES} bytes")]
    ValueTooLong,
    /// There are too many keys.
    #[error("a server has at most {MOST_KEYS} keys")]
    TooManyKeys,
    /// The value is no counter.
    #[error("the value of `{0}` is not a whole number of 64 bits")]
    NotACounter(String),
    /// The counter cannot go so far.
    #[error("the counter `{0}` would leave the range of 64 bits")]
    Overflow(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] JournalError),
}

/// The store of one server. What is written is durable and seen by every process at once.
#[derive(Clone, Debug)]
pub struct KeyValue {
    pub(super) store: Arc<dyn Store>,
    pub(super) server: Arc<str>,
}

impl KeyValue {
    /// The value of a key.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn get(&self, key: &str) -> Result<Option<String>, KeyValueError> {
        Ok(self.store.value(&self.server, key).await?)
    }

    /// Sets a key.
    ///
    /// # Errors
    /// If a limit is passed or the store fails.
    pub async fn set(&self, key: &str, value: &str) -> Result<(), KeyValueError> {
        fits(key)?;
        if value.len() > MOST_VALUE_BYTES {
            return Err(KeyValueError::ValueTooLong);
        }
        self.store.set_value(&self.server, key, value).await
    }

    /// Keys with a prefix in byte order, at most `limit`, at most 1,000.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn list(&self, prefix: &str, limit: usize) -> Result<Vec<String>, KeyValueError> {
        Ok(self.store.keys(&self.server, prefix, limit.min(MOST_LISTED)).await?)
    }

    /// Removes a key; whether it was there.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn delete(&self, key: &str) -> Result<bool, KeyValueError> {
        Ok(self.store.delete_value(&self.server, key).await?)
    }

    /// Adds to a counter and returns the new value, atomically. An absent key counts from 0.
    ///
    /// # Errors
    /// If the value is no counter, a limit is passed or the store fails.
    pub async fn increment(&self, key: &str, by: i64) -> Result<i64, KeyValueError> {
        fits(key)?;
        self.store.add_to_value(&self.server, key, by).await
    }
}

fn fits(key: &str) -> Result<(), KeyValueError> {
    if key.len() > MOST_KEY_BYTES { Err(KeyValueError::KeyTooLong) } else { Ok(()) }
}
