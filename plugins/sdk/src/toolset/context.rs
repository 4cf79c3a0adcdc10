//! What the host offers to a tool while it runs: a store, a delay, the log.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{CallContext, Caller, Fault, Level};

/// What a toolset may ask of the host. [`Context`] is the pleasant way to it.
pub trait ToolHost {
    /// The value of a key.
    fn get(&self, key: &str) -> Option<String>;

    /// Sets a key. Keys are at most 512 bytes, values at most 64 KiB, 10,000 keys a server.
    ///
    /// # Errors
    /// A fault if a limit is passed.
    fn set(&self, key: &str, value: &str) -> Result<(), Fault>;

    /// Keys with a prefix in byte order, at most `limit` (which the host cuts to 1,000).
    fn list(&self, prefix: &str, limit: u32) -> Vec<String>;

    /// Removes a key; whether it was there.
    fn delete(&self, key: &str) -> bool;

    /// Adds to a counter and returns the new value, atomically. An absent key counts from 0.
    ///
    /// # Errors
    /// A fault if the value is no integer, or a limit is passed.
    fn increment(&self, key: &str, by: i64) -> Result<i64, Fault>;

    /// Waits, as a slow tool would. The host cuts it to what is left of the call's time.
    fn delay(&self, milliseconds: u32);

    /// Writes one line to the operator's debug log.
    fn log(&self, level: Level, message: &str);
}

/// The circumstances of one call, and what the host offers to it.
pub struct Context<'a> {
    call: &'a CallContext,
    host: &'a dyn ToolHost,
}

impl<'a> Context<'a> {
    /// For the export macro and for tests.
    pub fn new(call: &'a CallContext, host: &'a dyn ToolHost) -> Self {
        Self { call, host }
    }

    /// Id of the call (UUIDv7).
    pub fn id(&self) -> &str {
        &self.call.id
    }

    /// Who calls.
    pub fn caller(&self) -> &Caller {
        &self.call.caller
    }

    /// The session that the call belongs to.
    pub fn session(&self) -> &str {
        &self.call.session
    }

    /// "Now": when the gateway received the call, in milliseconds since the epoch.
    pub fn received(&self) -> u64 {
        self.call.received
    }

    /// The value of a key in the set's store, parsed; none if the key is absent.
    ///
    /// # Errors
    /// A fault `store_unreadable` if what is there does not fit.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Fault> {
        let Some(text) = self.host.get(key) else { return Ok(None) };
        let value = serde_json::from_str(&text);
        value.map(Some).map_err(|error| Fault::new("store_unreadable", format!("`{key}`: {error}")))
    }

    /// Sets a key in the set's store, as JSON. Keys are at most 512 bytes, values at most 64 KiB.
    ///
    /// # Errors
    /// A fault if a limit is passed.
    pub fn set<T: Serialize>(&self, key: &str, value: &T) -> Result<(), Fault> {
        let text = serde_json::to_string(value).map_err(|error| Fault::new("not_json", error.to_string()))?;
        self.host.set(key, &text)
    }

    /// Keys with a prefix in byte order, at most `limit` (which the host cuts to 1,000).
    pub fn list(&self, prefix: &str, limit: u32) -> Vec<String> {
        self.host.list(prefix, limit)
    }

    /// Removes a key; whether it was there.
    pub fn delete(&self, key: &str) -> bool {
        self.host.delete(key)
    }

    /// Adds to a counter and returns the new value, atomically across calls and processes.
    ///
    /// # Errors
    /// A fault if the value is no integer, or a limit is passed.
    pub fn increment(&self, key: &str, by: i64) -> Result<i64, Fault> {
        self.host.increment(key, by)
    }

    /// Waits, as a slow tool would.
    pub fn delay(&self, milliseconds: u32) {
        self.host.delay(milliseconds);
    }

    /// Writes one line to the operator's debug log.
    pub fn log(&self, level: Level, message: &str) {
        self.host.log(level, message);
    }
}
