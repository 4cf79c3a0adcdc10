//! The policy `rate-limit`: how many calls, or how much of something, in a span of time, for what costs or floods.
//!
//! Every limit whose `tools` fit the call counts. What was admitted counts, however it ended. Where the patterns of a
//! limit overlap without one covering the other, a call that fits two of them counts twice.

mod limit;
pub mod settings;
#[cfg(test)]
mod tests;

use interlock_plugin::prelude::*;

use limit::Excess;
use settings::{Limit, Settings};

/// The configured policy.
pub struct RateLimit {
    limits: Vec<Limit>,
}

impl Policy for RateLimit {
    type Settings = Settings;
    const NAME: &'static str = "rate-limit";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Limits the calls, or the sum of a numeric argument, in a span of time.";
    const CODES: &'static [&'static str] = &["rate_exceeded"];

    fn configure(settings: Settings) -> Result<Self, Vec<Problem>> {
        Ok(Self { limits: settings.limits })
    }

    fn judge(&self, call: &Call, host: &dyn Host) -> Result<Verdict, Fault> {
        let limits = self.limits.iter().filter(|limit| limit.tools().matches(&call.tool));
        let exceeded: Vec<Excess> = limits.filter_map(|limit| limit.excess(call.received, host)).collect();
        if exceeded.is_empty() {
            return Ok(Verdict::Allow);
        }
        let told: Vec<_> = exceeded.iter().map(|excess| excess.why.as_str()).collect();
        let reason = format!("{} is limited: {}.", call.tool, told.join("; "));
        let refusal = Refusal::new("rate_exceeded", reason);
        // One limit that no wait satisfies makes all waiting useless.
        let waits = exceeded.iter().map(|excess| excess.wait_ms).collect::<Option<Vec<_>>>();
        Ok(match waits.and_then(|waits| waits.into_iter().max()) {
            Some(wait) => refusal
                .unlock(Unlock::Wait(wait))
                .details(&json!({ "retry_after_seconds": wait.div_ceil(1000) }))
                .into(),
            None => refusal.into(),
        })
    }

    fn rules(&self, tool: &str) -> Vec<String> {
        let limits = self.limits.iter().filter(|limit| limit.tools().matches(tool));
        limits.map(|limit| format!("Limited to {limit}.")).collect()
    }
}

interlock_plugin::export_policy!(RateLimit);
