//! For authors of Interlock plugins in Rust: one trait to implement, one macro to export it. The [`tour`] takes ten minutes.
//!
//! | a component that … | implements | and writes |
//! |---|---|---|
//! | allows, refuses, asks or holds calls | [`Policy`] | [`export_policy!`] |
//! | rewrites arguments | [`Transform`] | [`export_transform!`] |
//! | looks at results | [`Review`] | [`export_review!`] |
//! | offers tools | [`Toolset`] | [`export_toolset!`] |
//!
//! Settings are a struct with serde's and schemars' derives: the published JSON Schema comes from it, and so do the
//! problems that an operator sees (every one of them, each with its JSON Pointer; see [`settings`]). The configured
//! value is kept in a static, which the host snapshots; every call starts from that snapshot.
//!
//! A guest is a `cdylib` for `wasm32-unknown-unknown` and imports nothing but `interlock:plugin`: no clock, no
//! randomness, no files. The same code runs natively in tests; [`testing`] stands in for the host.
//!
//! ```
//! use interlock_plugin::prelude::*;
//!
//! /// What the operator writes.
//! #[derive(Deserialize, JsonSchema)]
//! #[serde(deny_unknown_fields)]
//! struct Settings {
//!     /// Tools that nobody may call.
//!     tools: Patterns,
//! }
//!
//! struct Never {
//!     tools: Patterns,
//! }
//!
//! impl Policy for Never {
//!     type Settings = Settings;
//!     const NAME: &'static str = "never";
//!     const VERSION: &'static str = env!("CARGO_PKG_VERSION");
//!     const SUMMARY: &'static str = "Refuses some tools altogether.";
//!     const CODES: &'static [&'static str] = &["never"];
//!
//!     fn configure(settings: Settings) -> Result<Self, Vec<Problem>> {
//!         Ok(Self { tools: settings.tools })
//!     }
//!
//!     fn judge(&self, call: &Call, _: &dyn Host) -> Result<Verdict, Fault> {
//!         if self.tools.matches(&call.tool) {
//!             return Ok(Refusal::new("never", format!("{} is not for agents.", call.tool)).into());
//!         }
//!         Ok(Verdict::Allow)
//!     }
//! }
//!
//! interlock_plugin::export_policy!(Never);
//! # fn main() {}
//! ```

#[doc(hidden)]
pub mod bindings;
mod code;
mod demand;
#[doc(hidden)]
pub mod guest;
mod host;
pub mod json;
pub mod moment;
mod outcome;
mod pattern;
mod pointer;
mod policy;
pub mod predicate;
mod preview;
mod review;
mod same;
pub mod settings;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
mod toolset;
#[doc = include_str!("../TOUR.md")]
pub mod tour {}
mod transform;
mod words;

pub use bindings::lifecycle::interlock::plugin::history::Equal;
pub use bindings::lifecycle::interlock::plugin::log::Level;
pub use bindings::lifecycle::interlock::plugin::types::{
    Approver, Call, Caller, Fault, GrantedApproval, HoldUntil, Json, Manifest, PastCall, Problem, Question, Refusal,
    Timestamp, Unlock, Verdict,
};
pub use bindings::review::exports::interlock::plugin::review::Finding;
pub use bindings::toolset::exports::interlock::plugin::toolset::{CallContext, ToolDefinition, ToolResult};
pub use code::Code;
pub use demand::{Channel, Demand};
pub use host::{Host, View};
pub use interlock_glob::Glob;
pub use outcome::Outcome;
pub use pattern::{Pattern, Patterns};
pub use pointer::Pointer;
pub use policy::Policy;
pub use preview::Preview;
pub use review::Review;
pub use same::{HereAndThere, Same};
pub use toolset::{Answer, Context, Tool, ToolError, ToolHost, Toolset};
pub use transform::Transform;
pub use {schemars, serde, serde_json};

/// What nearly every plugin needs.
pub mod prelude {
    pub use crate::{
        Answer, Call, Context, Fault, Finding, Host, Level, PastCall, Pattern, Patterns, Pointer, Policy, Problem,
        Question, Refusal, Review, Tool, ToolError, Toolset, Transform, Unlock, Verdict, View,
    };
    pub use schemars::JsonSchema;
    pub use serde::{Deserialize, Serialize};
    pub use serde_json::{Value, json};
}
