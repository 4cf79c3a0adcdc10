//! Numbered records in the host's store, for tools that remember what they did.

use interlock_plugin::Context;
use interlock_plugin::Fault;
use interlock_plugin::serde::Serialize;
use interlock_plugin::serde::de::DeserializeOwned;

/// How many records a listing shows.
const SHOWN: usize = 100;

/// The records of one kind. The first of kind `backup` has the id `backup-1`.
pub struct Records {
    kind: &'static str,
}

impl Records {
    /// Records of a kind: a word that no other kind in the same set begins with.
    pub const fn new(kind: &'static str) -> Self {
        Self { kind }
    }

    /// Keeps what `make` makes of the next id. Two calls at once get different ids.
    ///
    /// # Errors
    /// The store is full, or the record is over 64 KiB.
    pub fn add<T: Serialize>(&self, context: &Context<'_>, make: impl FnOnce(String) -> T) -> Result<T, Fault> {
        let id = self.id(context.increment(&self.counter(), 1)?);
        let record = make(id.clone());
        context.set(&self.key(&id), &record)?;
        Ok(record)
    }

    /// The record with an id.
    ///
    /// # Errors
    /// What the store holds there is not a `T`.
    pub fn get<T: DeserializeOwned>(&self, context: &Context<'_>, id: &str) -> Result<Option<T>, Fault> {
        context.get(&self.key(id))
    }

    /// The newest 100, newest first.
    ///
    /// # Errors
    /// What the store holds is not a `T`.
    pub fn newest<T: DeserializeOwned>(&self, context: &Context<'_>) -> Result<Vec<T>, Fault> {
        let last = self.count(context)?;
        let numbers = (1..=last).rev().take(SHOWN);
        numbers.filter_map(|number| self.get(context, &self.id(number)).transpose()).collect()
    }

    /// How many there are.
    ///
    /// # Errors
    /// The counter is no number.
    pub fn count(&self, context: &Context<'_>) -> Result<i64, Fault> {
        Ok(context.get(&self.counter())?.unwrap_or(0))
    }

    fn id(&self, number: i64) -> String {
        format!("{}-{number}", self.kind)
    }

    fn key(&self, id: &str) -> String {
        format!("{}/{id}", self.kind)
    }

    fn counter(&self) -> String {
        format!("count/{}", self.kind)
    }
}
