//! Whether one limit has room for a call, and from when it will.

use std::fmt::{Display, Formatter, Result};

use interlock_plugin::prelude::*;
use interlock_plugin::{json, moment};

use crate::settings::{Calls, Limit, Sum};

/// A limit that has no room for a call.
pub(crate) struct Excess {
    /// A clause without a full stop.
    pub(crate) why: String,
    /// How long until there is room, in milliseconds; none if there never will be for this call.
    pub(crate) wait_ms: Option<u64>,
}

impl Limit {
    /// Why there is no room for one more call at `now`; none if there is.
    pub(crate) fn excess(&self, now: u64, host: &dyn Host) -> Option<Excess> {
        match self {
            Self::Calls(calls) => calls.excess(now, host).map(|wait| self.after(wait)),
            Self::Sum(sum) => match host.argument(sum.sum_of.as_str()) {
                None => None,
                Some(Value::Number(amount)) => {
                    let amount = amount.as_f64().unwrap_or(f64::INFINITY);
                    if amount < 0.0 {
                        // It would make room for more than the limit.
                        return Some(sum.impossible("a number below zero"));
                    }
                    if amount > sum.most() {
                        let why = format!("{self}, and {} alone is more", json::number(amount));
                        return Some(Excess { why, wait_ms: None });
                    }
                    sum.excess(amount, now, host).map(|wait| self.after(wait))
                }
                Some(other) => Some(sum.impossible(json::type_of(&other))),
            },
        }
    }

    fn after(&self, wait: u64) -> Excess {
        Excess { why: format!("{self}; there is room again in {}", moment::span(wait)), wait_ms: Some(wait) }
    }
}

impl Calls {
    fn excess(&self, now: u64, host: &dyn Host) -> Option<u64> {
        let admitted = |since: u64| -> u64 {
            self.tools.distinct().map(|pattern| host.count(pattern.as_str(), None, since)).sum()
        };
        wait(self.per_seconds, now, |since| admitted(since) < u64::from(self.max_calls))
    }
}

impl Sum {
    fn excess(&self, amount: f64, now: u64, host: &dyn Host) -> Option<u64> {
        let at = self.sum_of.as_str();
        let spent =
            |since: u64| -> f64 { self.tools.distinct().map(|pattern| host.sum(pattern.as_str(), at, since)).sum() };
        wait(self.per_seconds, now, |since| spent(since) + amount <= self.most())
    }

    /// The largest sum, with room for the error of adding up decimal fractions in binary.
    fn most(&self) -> f64 {
        self.max_sum * (1.0 + 1e-12)
    }

    fn impossible(&self, what: &str) -> Excess {
        let why =
            format!("the argument {} must be a number from zero up, as it is added up, but is {what}", self.sum_of);
        Excess { why, wait_ms: None }
    }
}

/// How many milliseconds after `now` there is room; none if there is now.
///
/// `room` tells whether there is room beside all that was admitted at a moment or later. That only becomes more as the
/// moment gets later, so the earliest one is found by halving: some thirty questions for a span of weeks.
fn wait(per_seconds: u32, now: u64, room: impl Fn(u64) -> bool) -> Option<u64> {
    let span = u64::from(per_seconds) * 1000;
    // What was admitted exactly one span ago no longer counts.
    let (mut full, mut free) = ((now + 1).saturating_sub(span), now + 1);
    if room(full) {
        return None;
    }
    while free - full > 1 {
        let middle = full + (free - full) / 2;
        if room(middle) { free = middle } else { full = middle }
    }
    // The span is to begin at `free`: it does so one span later, less the millisecond by which it is half open.
    Some(free + span - 1 - now)
}

impl Display for Limit {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let span = |per_seconds: u32| moment::span(u64::from(per_seconds) * 1000);
        match self {
            Self::Calls(Calls { tools, max_calls, per_seconds }) => {
                let calls = if *max_calls == 1 { "call" } else { "calls" };
                write!(f, "at most {max_calls} {calls} of {tools} in {}", span(*per_seconds))
            }
            Self::Sum(Sum { tools, sum_of, max_sum, per_seconds }) => {
                write!(f, "at most {} of {sum_of} over {tools} in {}", json::number(*max_sum), span(*per_seconds))
            }
        }
    }
}
