//! Whether one prerequisite is met, and how to say that it is not.

use interlock_plugin::prelude::*;
use interlock_plugin::{Equal, Outcome, json, moment};

use crate::settings::Prerequisite;

/// How many earlier calls are looked at first; more only where these do not suffice, as each brings its result along.
const FIRST_LOOK: u32 = 16;
/// How many earlier calls the host gives at most.
const LAST_LOOK: u32 = 256;

/// A prerequisite that is not met.
pub(crate) struct Unmet {
    /// What is required, and how things stand, without a full stop.
    pub(crate) clause: String,
    /// What would meet it; none if only other arguments would.
    pub(crate) unlock: Option<Unlock>,
}

/// Values of this call that the earlier call, and those that used it up, must share.
struct Shared {
    there: Vec<Equal>,
    here: Vec<Equal>,
}

impl Prerequisite {
    /// Why a call of one of `tools` has to wait for this; none if it need not.
    pub(crate) fn unmet(&self, tools: &Patterns, call: &Call, host: &dyn Host) -> Option<Unmet> {
        let mut shared = Shared { there: Vec::new(), here: Vec::new() };
        for same in &self.same {
            let Some(value) = host.argument(same.here().as_str()) else {
                let clause = format!("the argument {}, which must be the same as in {}", same.here(), self.tool);
                return Some(Unmet { clause, unlock: None });
            };
            let equal = |at: &Pointer| Equal { pointer: at.to_string(), value: value.to_string() };
            shared.there.push(equal(same.there()));
            shared.here.push(equal(same.here()));
        }
        if self.met(tools, &shared, call.received, host) {
            return None;
        }
        let latest = if shared.there.is_empty() {
            host.latest(self.tool.as_str(), None)
        } else {
            host.matching(self.tool.as_str(), None, &shared.there, 1).into_iter().next()
        };
        let clause = format!("{} ({})", self.asked(), self.standing(latest.as_ref(), call.received));
        Some(Unmet { clause, unlock: Some(Unlock::Call(self.tool.to_string())) })
    }

    fn met(&self, tools: &Patterns, shared: &Shared, now: u64, host: &dyn Host) -> bool {
        let mut look = FIRST_LOOK;
        loop {
            let done = host.matching(self.tool.as_str(), Some(self.outcome.as_str()), &shared.there, look);
            if !self.consume {
                return done.iter().any(|done| self.is_fresh(done.ended(), now));
            }
            let used = Used::look(tools, &shared.here, look, host);
            let truncated = used.horizon > 0 || done.len() == look as usize;
            if self.left(&done, &used, now) {
                return true;
            }
            if !truncated || look == LAST_LOOK {
                return false;
            }
            look = (look * 4).min(LAST_LOOK);
        }
    }

    /// Whether one of `done` is not used up yet, told by replaying both in the order in which they happened.
    ///
    /// Never says yes wrongly where the lists are cut: unseen earlier calls would only add to what is left, and what
    /// unseen users might have used is not counted.
    fn left(&self, done: &[PastCall], used: &Used, now: u64) -> bool {
        let mut ends: Vec<u64> = done.iter().map(PastCall::ended).filter(|end| *end >= used.horizon).collect();
        ends.sort_unstable();
        for user in &used.admitted {
            // The oldest that was still fresh then, so that what is left lasts longest.
            if let Some(at) = ends.iter().position(|end| end <= user && self.is_fresh(*end, *user)) {
                ends.remove(at);
            }
        }
        ends.into_iter().any(|end| self.is_fresh(end, now))
    }

    fn is_fresh(&self, end: u64, now: u64) -> bool {
        self.within_minutes.is_none_or(|minutes| now.saturating_sub(end) <= u64::from(minutes) * moment::MINUTE_MS)
    }

    /// What is required: `a/b first, within 10 minutes`.
    pub(crate) fn asked(&self) -> String {
        let mut asked = match self.outcome {
            Outcome::Succeeded => format!("{} first", self.tool),
            other => format!("{} to have ended as {other} first", self.tool),
        };
        if let Some(minutes) = self.within_minutes {
            asked += &format!(", within {}", moment::span(u64::from(minutes) * moment::MINUTE_MS));
        }
        if !self.same.is_empty() {
            let same: Vec<_> = self.same.iter().map(|same| same.here().as_str()).collect();
            asked += &format!(", for the same {}", same.join(", "));
        }
        if self.consume {
            asked += ", once for each call";
        }
        asked
    }

    /// How things stand, given the latest earlier call.
    fn standing(&self, latest: Option<&PastCall>, now: u64) -> String {
        let Some(latest) = latest else {
            return "it has not run yet".to_owned();
        };
        let ago = || moment::span(now.saturating_sub(latest.ended()));
        match latest.outcome.as_str() {
            "running" => "it is still running".to_owned(),
            outcome if outcome == self.outcome.as_str() && !self.is_fresh(latest.ended(), now) => {
                format!("it {outcome} {} ago", ago())
            }
            outcome if outcome == self.outcome.as_str() => "it has been used up by an earlier call".to_owned(),
            "unknown" => "how it ended is unknown until an operator settles it".to_owned(),
            "cancelled" => "it was cancelled".to_owned(),
            outcome @ ("failed" | "succeeded") => format!("it ran last and {outcome}"),
            other => format!("it ended as {}", json::cut(other, 64)),
        }
    }
}

/// The calls that may have used something up.
struct Used {
    /// When each was admitted, oldest first.
    admitted: Vec<u64>,
    /// Before this moment there may be more that were not given; 0 if all were.
    horizon: u64,
}

impl Used {
    fn look(tools: &Patterns, same: &[Equal], look: u32, host: &dyn Host) -> Self {
        let (mut calls, mut horizon) = (Vec::new(), 0);
        for pattern in tools.distinct() {
            let found = host.matching(pattern.as_str(), None, same, look);
            if found.len() == look as usize {
                horizon = found.last().map_or(horizon, |oldest| horizon.max(oldest.admitted));
            }
            calls.extend(found);
        }
        calls.retain(|call| call.outcome != "cancelled");
        calls.sort_by(|left, right| (left.admitted, &left.id).cmp(&(right.admitted, &right.id)));
        calls.dedup_by(|left, right| left.id == right.id);
        Self { admitted: calls.iter().map(|call| call.admitted).collect(), horizon }
    }
}
