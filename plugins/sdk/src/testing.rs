//! Runs plugins natively, without Wasm: a hand-made history for policies, a store for toolsets, cases as data.
//!
//! ```
//! use interlock_plugin::testing::{Ledger, call, past};
//! use interlock_plugin::Host;
//!
//! let ledger = Ledger::from([past("ci/run_tests").outcome("failed").seconds_ago(90)]);
//! let now = call("delivery/deploy");
//! assert_eq!(ledger.facing(&now).latest("ci/*", None).unwrap().outcome, "failed");
//! ```

mod calls;
mod cases;
mod ledger;
mod shelf;

use serde_json::Value;

pub use calls::{CallBuilder, PastBuilder, call, past};
pub use cases::run_cases;
pub use interlock_cases::NOW;
pub use ledger::{Facing, Ledger};
pub use shelf::Shelf;

use crate::{Call, Fault, Policy, Problem, Unlock, Verdict, moment, settings};

/// Configures a policy as the host would.
///
/// # Errors
/// What the host would show to the operator.
pub fn configure<P: Policy>(settings: &Value) -> Result<P, Vec<Problem>> {
    P::configure(settings::read(&settings.to_string())?)
}

/// The pointer and message of each problem with settings that a policy must not accept, one per line.
///
/// # Panics
/// If the policy accepts them.
pub fn problems<P: Policy>(settings: &Value) -> String {
    let Err(problems) = configure::<P>(settings) else { panic!("accepted: {settings}") };
    problems.iter().map(|problem| format!("{} {}", problem.pointer, problem.message)).collect::<Vec<_>>().join("\n")
}

/// Configures a policy and judges one call.
///
/// # Panics
/// If the settings are wrong.
pub fn judge<P: Policy>(settings: &Value, ledger: &Ledger, call: &Call) -> Result<Verdict, Fault> {
    let policy = configure::<P>(settings).unwrap_or_else(|problems| panic!("settings refused: {problems:?}"));
    policy.judge(call, &ledger.facing(call))
}

/// An unlock as the caller sees it: `{"call": …}`, `{"wait_seconds": …}`, `{"approval": …}` or `{"after": …}`.
pub fn unlock_json(unlock: &Unlock) -> Value {
    match unlock {
        Unlock::Call(tool) => serde_json::json!({ "call": tool }),
        Unlock::Wait(milliseconds) => serde_json::json!({ "wait_seconds": milliseconds.div_ceil(1000) }),
        Unlock::Approval(id) => serde_json::json!({ "approval": id }),
        Unlock::After(moment) => serde_json::json!({ "after": moment::rfc3339(*moment) }),
    }
}

#[cfg(test)]
mod tests;
