//! The policy `approval`: a human looks at a call before it goes through, for what must not happen unseen.
//!
//! Where several rules fit a call, one question satisfies them all: the roles that they have in common, the most
//! approvers, the shortest time, the caller's own yes only if each rule takes it, and the client only if each takes it.
//! Rules without a role in common cannot be satisfied together: the call is refused as `approval_unreachable`.

pub mod settings;
#[cfg(test)]
mod tests;

use interlock_plugin::prelude::*;
use interlock_plugin::{Channel, Demand, Preview};

use settings::{Rule, Settings};

/// The configured policy.
pub struct Approval {
    rules: Vec<(Rule, Option<Preview>)>,
}

impl Policy for Approval {
    type Settings = Settings;
    const NAME: &'static str = "approval";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Has a human approve calls before they go through.";
    const CODES: &'static [&'static str] =
        &["approval_pending", "approval_refused", "approval_expired", "approval_unreachable"];

    fn configure(settings: Settings) -> Result<Self, Vec<Problem>> {
        let (mut rules, mut problems) = (Vec::new(), Vec::new());
        for (index, rule) in settings.rules.into_iter().enumerate() {
            problems.extend(rule.when.iter().flat_map(|when| when.problems(&format!("/rules/{index}/when"))));
            if rule.channel == Channel::Client && !rule.self_approval {
                let told = "`client` asks the person at the caller's own app: that takes `\"self_approval\": true`";
                problems.push(Problem::new(format!("/rules/{index}/channel"), told));
            }
            let preview = rule.preview.as_deref().map(Preview::parse).transpose().unwrap_or_else(|message| {
                problems.push(Problem::new(format!("/rules/{index}/preview"), message));
                None
            });
            rules.push((rule, preview));
        }
        if problems.is_empty() { Ok(Self { rules }) } else { Err(problems) }
    }

    fn judge(&self, call: &Call, host: &dyn Host) -> Result<Verdict, Fault> {
        let fits = |rule: &Rule| {
            rule.tools.matches(&call.tool) && rule.when.as_ref().is_none_or(|when| when.holds(call, host))
        };
        let fitting: Vec<_> = self.rules.iter().filter(|(rule, _)| fits(rule)).collect();
        let Some(demand) = fitting.iter().map(|(rule, _)| Demand::from(rule)).reduce(Demand::and) else {
            return Ok(Verdict::Allow);
        };
        let previews = fitting.iter().filter_map(|(_, preview)| Some(preview.as_ref()?.fill(host))).collect();
        Ok(demand.put(call, None, previews))
    }

    fn rules(&self, tool: &str) -> Vec<String> {
        let rules = self.rules.iter().map(|(rule, _)| rule).filter(|rule| rule.tools.matches(tool));
        let told = rules.map(|rule| {
            let by = Demand::from(rule).by_whom();
            match &rule.when {
                None => format!("Needs approval {by}."),
                Some(when) => format!("Needs approval {by} where {when}."),
            }
        });
        told.collect()
    }
}

interlock_plugin::export_policy!(Approval);
