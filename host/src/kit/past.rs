//! What has happened before, as a case tells it, with the semantics of `history.wit`; and a store for toolsets.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use interlock_glob::Glob;
use serde_json::Value;

use crate::{
    call::{Outcome, PastCall},
    clock::Timestamp,
    sandbox::{FactsError, History, KeyValue},
    scope::{argument, canonical},
};

/// The most calls that one answer holds.
const MOST: u32 = 256;
/// Over how many calls `matching` looks back.
const LOOK_BACK: usize = 10_000;

/// The admitted calls of a case, oldest first.
pub(super) struct Past(pub(super) Vec<PastCall>);

impl Past {
    /// Those that fit, newest first.
    fn of(&self, tool: &str, outcome: Option<&str>) -> impl Iterator<Item = &PastCall> {
        let (glob, outcome) = (Glob::new(tool), outcome.map(str::to_owned));
        self.0.iter().rev().filter(move |call| glob.matches(call.tool.as_str()) && fits(call, outcome.as_deref()))
    }
}

fn fits(call: &PastCall, outcome: Option<&str>) -> bool {
    outcome.is_none_or(|word| call.outcome.map_or("running", Outcome::as_str) == word)
}

fn most(limit: u32) -> usize {
    usize::try_from(limit.min(MOST)).unwrap_or_default()
}

#[async_trait]
impl History for Past {
    async fn latest(&self, tool: &str, outcome: Option<&str>) -> Result<Option<PastCall>, FactsError> {
        Ok(self.of(tool, outcome).next().cloned())
    }

    async fn running(&self, tool: &str) -> Result<Vec<PastCall>, FactsError> {
        let open = |call: &&PastCall| matches!(call.outcome, None | Some(Outcome::Unknown));
        let mut running: Vec<PastCall> = self.of(tool, None).filter(open).cloned().collect();
        running.reverse();
        Ok(running)
    }

    async fn count(&self, tool: &str, outcome: Option<&str>, since: Timestamp) -> Result<u64, FactsError> {
        Ok(self.of(tool, outcome).filter(|call| call.admitted >= since).count() as u64)
    }

    async fn recent(&self, tool: &str, limit: u32) -> Result<Vec<PastCall>, FactsError> {
        Ok(self.of(tool, None).take(most(limit)).cloned().collect())
    }

    async fn matching(
        &self,
        tool: &str,
        outcome: Option<&str>,
        same: &[(String, Value)],
        limit: u32,
    ) -> Result<Vec<PastCall>, FactsError> {
        let equal = |call: &&PastCall| {
            same.iter().all(|(at, value)| {
                argument(&call.arguments, at).is_some_and(|there| canonical(there) == canonical(value))
            })
        };
        let among = self.of(tool, None).take(LOOK_BACK).filter(|call| fits(call, outcome));
        Ok(among.filter(equal).take(most(limit)).cloned().collect())
    }

    async fn sum(&self, tool: &str, pointer: &str, since: Timestamp) -> Result<f64, FactsError> {
        let calls = self.of(tool, None).filter(|call| call.admitted >= since);
        Ok(calls.filter_map(|call| argument(&call.arguments, pointer)?.as_f64()).sum())
    }
}

/// A toolset's store for the length of one case, with the limits of `store.wit`.
#[derive(Default)]
pub(super) struct Shelf(Mutex<BTreeMap<String, String>>);

impl Shelf {
    fn keys(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl KeyValue for Shelf {
    async fn get(&self, key: &str) -> Result<Option<String>, FactsError> {
        Ok(self.keys().get(key).cloned())
    }

    async fn set(&self, key: &str, value: &str) -> Result<Result<(), String>, FactsError> {
        let mut keys = self.keys();
        if key.len() > 512 || value.len() > 64 << 10 || (!keys.contains_key(key) && keys.len() >= 10_000) {
            return Ok(Err("a key, a value or the number of keys is over its limit".to_owned()));
        }
        keys.insert(key.to_owned(), value.to_owned());
        Ok(Ok(()))
    }

    async fn list(&self, prefix: &str, limit: u32) -> Result<Vec<String>, FactsError> {
        let limit = usize::try_from(limit.min(1000)).unwrap_or_default();
        Ok(self.keys().keys().filter(|key| key.starts_with(prefix)).take(limit).cloned().collect())
    }

    async fn delete(&self, key: &str) -> Result<bool, FactsError> {
        Ok(self.keys().remove(key).is_some())
    }

    async fn increment(&self, key: &str, by: i64) -> Result<Result<i64, String>, FactsError> {
        let mut keys = self.keys();
        let old = keys.get(key).map_or(Some(0), |text| text.parse::<i64>().ok());
        let Some(new) = old.and_then(|old| old.checked_add(by)) else {
            return Ok(Err(format!("`{key}` is no counter, or is at its end")));
        };
        keys.insert(key.to_owned(), new.to_string());
        Ok(Ok(new))
    }
}
