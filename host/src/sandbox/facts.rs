//! What a guest may ask of the host while it runs: the seams behind the imports `history` and `store`.

use async_trait::async_trait;
use serde_json::Value;

use crate::{call::PastCall, clock::Timestamp};

/// The host could not answer a guest's question. The guest's call is a fault then.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct FactsError(pub String);

/// What has happened in one scope. The queries and their limits are those of `history.wit`.
#[async_trait]
pub trait History: Send + Sync {
    /// The call admitted last among those that fit; outcome `running`: not ended yet.
    async fn latest(&self, tool: &str, outcome: Option<&str>) -> Result<Option<PastCall>, FactsError>;
    /// All that are admitted and not finished, or finished as unknown and not settled; oldest first.
    async fn running(&self, tool: &str) -> Result<Vec<PastCall>, FactsError>;
    /// How many were admitted at `since` or later.
    async fn count(&self, tool: &str, outcome: Option<&str>, since: Timestamp) -> Result<u64, FactsError>;
    /// The calls admitted last, newest first.
    async fn recent(&self, tool: &str, limit: u32) -> Result<Vec<PastCall>, FactsError>;
    /// As `recent`, of those with the outcome and with these arguments (JSON Pointer, value).
    async fn matching(
        &self,
        tool: &str,
        outcome: Option<&str>,
        same: &[(String, Value)],
        limit: u32,
    ) -> Result<Vec<PastCall>, FactsError>;
    /// Sum of the numbers at `argument` over all admitted at `since` or later.
    async fn sum(&self, tool: &str, argument: &str, since: Timestamp) -> Result<f64, FactsError>;
}

/// A toolset's own key-value store. Limits are those of `store.wit`; going over one is the inner error, for the guest.
#[async_trait]
pub trait KeyValue: Send + Sync {
    /// The value of a key.
    async fn get(&self, key: &str) -> Result<Option<String>, FactsError>;
    /// Sets a key.
    async fn set(&self, key: &str, value: &str) -> Result<Result<(), String>, FactsError>;
    /// Keys with a prefix, in byte order.
    async fn list(&self, prefix: &str, limit: u32) -> Result<Vec<String>, FactsError>;
    /// Removes a key; whether it was there.
    async fn delete(&self, key: &str) -> Result<bool, FactsError>;
    /// Adds to a counter, atomically; returns the new value.
    async fn increment(&self, key: &str, by: i64) -> Result<Result<i64, String>, FactsError>;
}
