//! Ways to make and read the words of the interface, for plugin authors.

use serde_json::Value;

use crate::{Fault, PastCall, Problem, Refusal, Unlock, Verdict};

impl Refusal {
    /// A refusal that nothing unlocks, until [`unlock`](Self::unlock) says otherwise.
    pub fn new(code: &str, reason: impl Into<String>) -> Self {
        Self { code: code.to_owned(), reason: reason.into(), unlocks: Vec::new(), details: None }
    }

    /// Adds one thing that must happen for the call to be acceptable.
    #[must_use]
    pub fn unlock(mut self, unlock: Unlock) -> Self {
        self.unlocks.push(unlock);
        self
    }

    /// Sets all that must happen, in order.
    #[must_use]
    pub fn unlocks(mut self, unlocks: Vec<Unlock>) -> Self {
        self.unlocks = unlocks;
        self
    }

    /// Sets further facts; `details` is a JSON object.
    #[must_use]
    pub fn details(mut self, details: &Value) -> Self {
        self.details = Some(details.to_string());
        self
    }
}

impl From<Refusal> for Verdict {
    fn from(refusal: Refusal) -> Self {
        Self::Refuse(refusal)
    }
}

impl Fault {
    /// A fault; `code` in lower case and underscores, `message` for the operator's log.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into() }
    }
}

impl Problem {
    /// A problem with the settings at a JSON Pointer; the message says what is wrong and what would be right.
    pub fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), message: message.into() }
    }
}

impl PastCall {
    /// The arguments, parsed. `null` if they are no JSON.
    pub fn arguments_value(&self) -> Value {
        serde_json::from_str(&self.arguments).unwrap_or_default()
    }

    /// The `CallToolResult`, parsed; none while running, or if it was not kept.
    pub fn result_value(&self) -> Option<Value> {
        serde_json::from_str(self.result.as_deref()?).ok()
    }

    /// When it ended, or when it was admitted where that is not known. Milliseconds since the epoch.
    pub fn ended(&self) -> u64 {
        self.finished.unwrap_or(self.admitted)
    }
}
