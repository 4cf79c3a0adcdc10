//! The format of `cases.json`: what a plugin must do, as data, the same for a plugin in any language.
//!
//! ```jsonc
//! [ { "name": "a sentence about behaviour",
//!     "settings": { … },
//!     "history": [ { "tool": "a/b",                    // the rest may be left out
//!                    "arguments": {}, "outcome": "succeeded", "result": { … },
//!                    "seconds_ago": 60,                // admitted so long before the call; finished a second later
//!                    "caller": {"principal": "local", "roles": []}, "id": "past-1" } ],
//!     "call": { "tool": "x/y",
//!               "arguments": {}, "received": 1767603600000, "hints": [], "session": "session",
//!               "caller": {"principal": "local", "roles": []},
//!               "approved_by": [ {"principal": "ann", "roles": ["finance"]} ] },
//!     "expect": { "verdict": "allow | refuse | ask | hold",
//!                 "code": "…", "unlocks": [ … ], "reason": "a part of it", "details": { … },     // of a refusal
//!                 "question": { "roles": […], "quorum": 1, … },                // of an ask; those that are named
//!                 "calls": ["past-1"] } } ]                                    // of a hold; `code` is `otherwise`'s
//! ```
//!
//! Of a toolset, `history` is called before, in this order, and `expect` holds `text` (a part of it), `structured` and
//! `is_error`. Of what rewrites arguments, it holds the `arguments` that go on; of what looks at results, `finding`
//! (`pass`, `redact`, `withhold`) and the `result` that goes on instead, or `code`, `unlocks`, `reason` and `details`: the
//! call has the `outcome` and the `result` that it is shown. What is not named in `expect` is not looked at.

mod expect;

use serde::Deserialize;
use serde_json::{Map, Value};

pub use expect::{Expect, differences};

/// "Now" where a case does not say otherwise: Monday, 2026-01-05T09:00:00Z, in milliseconds since the epoch.
pub const NOW: u64 = 1_767_603_600_000;

/// One case, as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// A sentence about behaviour.
    pub name: String,
    /// What the plugin is configured with.
    #[serde(default)]
    pub settings: Map<String, Value>,
    /// What has happened before.
    #[serde(default)]
    pub history: Vec<Past>,
    /// The call at hand.
    pub call: Call,
    /// What is to come of it; none: that is yet to be written.
    pub expect: Option<Expect>,
}

/// A call that was made before.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Past {
    /// `server/tool`; a toolset's own may do without their server.
    pub tool: String,
    /// Its arguments.
    #[serde(default)]
    pub arguments: Map<String, Value>,
    /// How it ended.
    #[serde(default)]
    pub outcome: Outcome,
    /// What came back, the whole `CallToolResult`; none: an empty success.
    pub result: Option<Value>,
    #[serde(default = "a_minute")]
    seconds_ago: u64,
    /// Who made it.
    #[serde(default)]
    pub caller: Caller,
    /// Its id; none: `past-` and its number, the oldest being 1.
    pub id: Option<String>,
}

/// How a call ended, if it has.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words of `history.wit`")]
pub enum Outcome {
    Running,
    #[default]
    Succeeded,
    Failed,
    Cancelled,
    Unknown,
    InputRequired,
}

/// The call at hand.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// `server/tool`; a toolset's own may do without their server.
    pub tool: String,
    /// Its arguments.
    #[serde(default)]
    pub arguments: Map<String, Value>,
    /// When it came, in milliseconds since the epoch.
    #[serde(default = "now")]
    pub received: u64,
    /// What its server says of the tool.
    #[serde(default)]
    pub hints: Vec<String>,
    /// Its session.
    #[serde(default = "session")]
    pub session: String,
    /// Who makes it.
    #[serde(default)]
    pub caller: Caller,
    /// Who said yes to the policy's own question; empty: it was not asked.
    #[serde(default)]
    pub approved_by: Vec<Caller>,
    /// How it ended, for what looks at its result.
    #[serde(default)]
    pub outcome: Outcome,
    /// What came back, likewise: the whole `CallToolResult`; an empty success if left out.
    #[serde(default = "nothing")]
    pub result: Value,
}

/// Who calls, or approves.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Caller {
    /// A name.
    pub principal: String,
    /// What it is allowed to act as.
    #[serde(default)]
    pub roles: Vec<String>,
}

impl Default for Caller {
    fn default() -> Self {
        Self { principal: "local".to_owned(), roles: Vec::new() }
    }
}

impl Past {
    /// When it was admitted, given when the call at hand came; both in milliseconds since the epoch.
    pub fn admitted(&self, received: u64) -> u64 {
        received.saturating_sub(self.seconds_ago.saturating_mul(1000))
    }

    /// When it ended, likewise; none while it is running.
    pub fn finished(&self, received: u64) -> Option<u64> {
        (self.outcome != Outcome::Running).then(|| self.admitted(received).saturating_add(1000))
    }

    /// What came back; none while it is running.
    pub fn into_result(self) -> Option<Value> {
        (self.outcome != Outcome::Running).then(|| self.result.unwrap_or_else(nothing))
    }
}

impl Outcome {
    /// As `history.wit` has it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Unknown => "unknown",
            Self::InputRequired => "input_required",
        }
    }
}

fn nothing() -> Value {
    serde_json::json!({ "content": [], "isError": false })
}

fn a_minute() -> u64 {
    60
}

fn now() -> u64 {
    NOW
}

fn session() -> String {
    "session".to_owned()
}

#[cfg(test)]
mod tests;
