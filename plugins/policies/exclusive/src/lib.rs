//! The policy `exclusive`: only so many calls of a group of tools at once, for tools that get in each other's way.
//!
//! A call counts from its admission until it has ended; one whose outcome is unknown counts until it is settled.

pub mod settings;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use interlock_plugin::prelude::*;
use interlock_plugin::settings::TextOr;
use interlock_plugin::{HoldUntil, moment};

use settings::{Group, Settings};

/// When a refused caller may try again, in milliseconds: nobody knows how long a tool runs.
const TRY_AGAIN_MS: u64 = 1000;

/// The configured policy.
pub struct Exclusive {
    groups: Vec<Group>,
}

impl Policy for Exclusive {
    type Settings = Settings;
    const NAME: &'static str = "exclusive";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Lets only so many calls of a group of tools run at once.";
    const CODES: &'static [&'static str] = &["exclusive_busy"];

    fn configure(settings: Settings) -> Result<Self, Vec<Problem>> {
        Ok(Self { groups: settings.groups })
    }

    fn judge(&self, call: &Call, host: &dyn Host) -> Result<Verdict, Fault> {
        let groups = self.groups.iter().filter(|group| group.tools.matches(&call.tool));
        let busy: Vec<_> = groups
            .map(|group| (group, group.running(host)))
            .filter(|(group, running)| running.len() >= group.at_most as usize)
            .collect();
        if busy.is_empty() {
            return Ok(Verdict::Allow);
        }
        let refusal = refusal(&call.tool, &busy);
        // A group that refuses outweighs those that would wait; of the waits, the shortest counts.
        let waits = busy.iter().map(|(group, _)| match group.otherwise {
            TextOr::Text(_) => None,
            TextOr::Full(hold) => Some(u64::from(hold.hold_seconds) * 1000),
        });
        let Some(longest) = waits.collect::<Option<Vec<_>>>().and_then(|waits| waits.into_iter().min()) else {
            return Ok(refusal.into());
        };
        let running = busy.into_iter().flat_map(|(_, running)| running);
        let calls = running.map(|call| call.id).collect::<BTreeSet<_>>().into_iter().collect();
        Ok(Verdict::Hold(HoldUntil { calls, longest, otherwise: refusal }))
    }

    fn rules(&self, tool: &str) -> Vec<String> {
        let groups = self.groups.iter().filter(|group| group.tools.matches(tool));
        let told = groups.map(|group| {
            let wait = match group.otherwise {
                TextOr::Text(_) => String::new(),
                TextOr::Full(hold) => {
                    format!("; a call more waits up to {}", moment::span(u64::from(hold.hold_seconds) * 1000))
                }
            };
            format!("At most {} of {} may run at once{wait}.", group.at_most, group.tools)
        });
        told.collect()
    }
}

impl Group {
    /// The calls of the group that have not ended.
    fn running(&self, host: &dyn Host) -> Vec<PastCall> {
        let mut running: Vec<PastCall> = Vec::new();
        for pattern in self.tools.distinct() {
            for call in host.running(pattern.as_str()) {
                if !running.iter().any(|known| known.id == call.id) {
                    running.push(call);
                }
            }
        }
        running
    }
}

fn refusal(tool: &str, busy: &[(&Group, Vec<PastCall>)]) -> Refusal {
    let (mut sentences, mut waiting_helps) = (Vec::new(), true);
    for (group, running) in busy {
        let unsettled = running.iter().filter(|call| call.outcome == "unknown").count();
        let names: BTreeSet<_> = running.iter().map(|call| call.tool.as_str()).collect();
        let (most, names) = (group.at_most, names.into_iter().collect::<Vec<_>>().join(", "));
        let rule = format!("at most {most} of {} may run at once", group.tools);
        sentences.push(format!("{tool} has to wait: {rule}, and {names} is running."));
        if unsettled > 0 {
            sentences.push("How an earlier call ended is unknown; it counts until an operator settles it.".to_owned());
        }
        waiting_helps &= unsettled < most as usize;
    }
    let refusal = Refusal::new("exclusive_busy", sentences.join(" "));
    if waiting_helps { refusal.unlock(Unlock::Wait(TRY_AGAIN_MS)) } else { refusal }
}

interlock_plugin::export_policy!(Exclusive);
