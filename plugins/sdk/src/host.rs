//! What a judging plugin may ask of the host, as traits, so that it runs natively in tests.

use serde_json::Value;

use crate::{Equal, Level, PastCall};

/// The call at hand and the operator's log: what every judging, transforming or reviewing plugin is given.
pub trait View {
    /// The argument at a JSON Pointer; none where there is no such value (`null` is a value).
    fn argument(&self, pointer: &str) -> Option<Value>;

    /// Writes one line to the operator's debug log. At most 64 lines of 4 KiB a call; what is over is dropped.
    fn log(&self, level: Level, message: &str);
}

/// What has happened in the policy's scope. Tools may be globs; times are milliseconds since the epoch.
///
/// The promises are those of `history.wit`: only admitted calls are history, and the host notes each query, so ask for
/// no more than the decision depends on.
pub trait Host: View {
    /// The call admitted last among those that fit; with an outcome, among those that ended so.
    fn latest(&self, tool: &str, outcome: Option<&str>) -> Option<PastCall>;

    /// All that are admitted and not finished, oldest first; a call of unknown outcome is among them.
    fn running(&self, tool: &str) -> Vec<PastCall>;

    /// How many were admitted at `since` or later; with an outcome, of those that ended so.
    fn count(&self, tool: &str, outcome: Option<&str>, since: u64) -> u64;

    /// The calls admitted last, newest first, at most `limit` (which the host cuts to 256).
    fn recent(&self, tool: &str, limit: u32) -> Vec<PastCall>;

    /// As [`recent`](Self::recent), of those that have the outcome and whose arguments equal all that `same` names.
    fn matching(&self, tool: &str, outcome: Option<&str>, same: &[Equal], limit: u32) -> Vec<PastCall>;

    /// Sum of the numbers at a JSON Pointer into the arguments, over all admitted at `since` or later.
    fn sum(&self, tool: &str, argument: &str, since: u64) -> f64;
}
