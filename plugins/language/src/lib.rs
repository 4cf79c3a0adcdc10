//! What the policies that run another language have in common: the text in their settings, what a policy is given to
//! look at, and what becomes of what it says.
//!
//! # What a policy is given
//! One document, made anew for each call. CEL has its keys as variables, Rego as `input`, Cedar as `context` (without
//! `caller`, who is the `principal` there).
//!
//! ```jsonc
//! {
//!   "call": {
//!     "id": "01a1f881-…", "tool": "payments/refund", "server": "payments", "name": "refund",
//!     "arguments": { … },
//!     "hints": ["destructive"],                    // what the tool's definition says of it
//!     "session": "…",
//!     "received": 1767603600000,                   // "now": milliseconds since the epoch
//!     "approval": null                             // or {"id", "granted", "approvers": [{"principal", "roles"}]}
//!   },
//!   "caller": { "principal": "ann", "roles": ["support"] },
//!   "history": { … }                               // what the settings' `facts` name: see [`Facts`]
//! }
//! ```
//! An earlier call in it is `{"id", "tool", "arguments", "outcome", "result", "structured", "admitted", "finished",
//! "caller"}`: `result` is the MCP `CallToolResult` (null while it runs), `structured` the data in it (its
//! `structuredContent`, or its first text if that is JSON; null if neither), and times are in milliseconds. Where the
//! journal does not keep what a policy looks at there, the policy has a fault, which refuses.

mod facts;
mod input;
mod paths;
mod redacted;
mod rehearsal;
mod ruling;
mod tell;
mod text;
mod unlock;

pub use facts::Facts;
pub use input::{CALL, CALLER, Input};
pub use paths::Paths;
pub use rehearsal::rehearse;
pub use ruling::{Ask, Denial, Obligation, Ruling};
pub use tell::Tell;
pub use text::Text;
pub use unlock::UnlockBy;
